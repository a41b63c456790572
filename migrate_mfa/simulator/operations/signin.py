"""Signing in: (Admin)InitiateAuth and (Admin)RespondToAuthChallenge.

Sources: API Reference, "AdminInitiateAuth", "InitiateAuth", "AdminRespondToAuthChallenge" and
"RespondToAuthChallenge"; Developer Guide, "Authentication with Amazon Cognito user pools", "SMS and email
message MFA" and "Managing user existence error responses". SRP, custom and choice-based flows are
not simulated. Text messages go out when the challenge is made: a broken SMS role shows up there.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from migrate_mfa.simulator.account.appclients import Client, allows, check_secret
from migrate_mfa.simulator.account.challenges import Challenge
from migrate_mfa.simulator.account.codes import mismatch, new_code
from migrate_mfa.simulator.account.delivery import MEDIA, check_path, send
from migrate_mfa.simulator.account.errors import CognitoError, invalid_parameter, no_such_user
from migrate_mfa.simulator.account.factors import ADDRESS, asked
from migrate_mfa.simulator.account.outbox import APP, Letter, masked
from migrate_mfa.simulator.account.users import EMAIL, SMS, TOTP
from migrate_mfa.simulator.account.world import no_such_client, text
from migrate_mfa.simulator.operations.accounts import check_password
from migrate_mfa.simulator.operations.attributes import claim_aliases
from migrate_mfa.simulator.operations.registry import operation

if TYPE_CHECKING:
    from collections.abc import Mapping

    from migrate_mfa.simulator.account.pool import Pool
    from migrate_mfa.simulator.account.users import User
    from migrate_mfa.simulator.account.world import Params, World

_PASSWORD_ADMIN = ("ALLOW_ADMIN_USER_PASSWORD_AUTH", "ADMIN_NO_SRP_AUTH")
_REFRESH = ("ALLOW_REFRESH_TOKEN_AUTH",)
_ADMIN_FLOWS: Mapping[str, tuple[str, ...]] = {
    "ADMIN_USER_PASSWORD_AUTH": _PASSWORD_ADMIN,
    "ADMIN_NO_SRP_AUTH": _PASSWORD_ADMIN,
    "REFRESH_TOKEN_AUTH": _REFRESH,
    "REFRESH_TOKEN": _REFRESH,
}
_PUBLIC_FLOWS: Mapping[str, tuple[str, ...]] = {
    "USER_PASSWORD_AUTH": ("ALLOW_USER_PASSWORD_AUTH", "USER_PASSWORD_AUTH"),
    "REFRESH_TOKEN_AUTH": _REFRESH,
    "REFRESH_TOKEN": _REFRESH,
}
_NEW_PASSWORD, _SELECT = "NEW_PASSWORD_REQUIRED", "SELECT_MFA_TYPE"
_ANSWERS = {SMS: "SMS_MFA_CODE", EMAIL: "EMAIL_OTP_CODE", TOTP: "SOFTWARE_TOKEN_MFA_CODE"}
_PURPOSE = "authentication"


@operation("AdminInitiateAuth", "UserAuthentication")
def admin_initiate_auth(world: World, params: Params) -> dict[str, Any]:
    """Begin a sign-in from a server."""
    pool, client_id = world.pool(params), text(params, "ClientId", 128)
    if client_id not in pool.clients:
        raise no_such_client(client_id)
    return _begin(world, pool, pool.clients[client_id], params, _ADMIN_FLOWS)


@operation("InitiateAuth", "UserAuthentication")
def initiate_auth(world: World, params: Params) -> dict[str, Any]:
    """Begin a sign-in from an application."""
    client_id = text(params, "ClientId", 128)
    pool = world.client_pool(client_id)
    return _begin(world, pool, pool.clients[client_id], params, _PUBLIC_FLOWS)


@operation("AdminRespondToAuthChallenge", "UserAuthentication")
def admin_respond_to_auth_challenge(world: World, params: Params) -> dict[str, Any]:
    """Answer a challenge from a server."""
    pool, client_id = world.pool(params), text(params, "ClientId", 128)
    if client_id not in pool.clients:
        raise no_such_client(client_id)
    return _respond(world, pool, pool.clients[client_id], params)


@operation("RespondToAuthChallenge", "UserAuthentication")
def respond_to_auth_challenge(world: World, params: Params) -> dict[str, Any]:
    """Answer a challenge from an application."""
    client_id = text(params, "ClientId", 128)
    pool = world.client_pool(client_id)
    return _respond(world, pool, pool.clients[client_id], params)


def _begin(
    world: World, pool: Pool, client: Client, params: Params, flows: Mapping[str, tuple[str, ...]]
) -> dict[str, Any]:
    flow, given = text(params, "AuthFlow"), params.get("AuthParameters") or {}
    if flow not in flows:
        raise invalid_parameter("Initiate Auth method not supported.")
    if not allows(client, *flows[flow]):
        raise invalid_parameter("Auth flow not enabled for this client")
    if flows[flow] == _REFRESH:
        return _refreshed(world, pool, client, given)
    name, password = _required(given, "USERNAME"), _required(given, "PASSWORD")
    check_secret(client, name, given.get("SECRET_HASH"))
    user = _checked_user(world, pool, client, name, password)
    return SignIn(world, pool, client, user).proceed()


def _refreshed(world: World, pool: Pool, client: Client, given: Mapping[str, str]) -> dict[str, Any]:
    token = _required(given, "REFRESH_TOKEN")
    grant = world.grants.find(token, "refresh")
    if (grant.pool_id, grant.client_id) != (pool.id, client["ClientId"]) or grant.sub not in pool.by_sub:
        raise CognitoError("NotAuthorizedException", "Invalid Refresh Token")
    user = pool.by_sub[grant.sub]
    check_secret(client, user.username, given.get("SECRET_HASH"))
    if not user.enabled:
        raise CognitoError("NotAuthorizedException", "User is disabled.")
    return {"AuthenticationResult": world.grants.refresh(token, client, user), "ChallengeParameters": {}}


def _checked_user(world: World, pool: Pool, client: Client, name: str, password: str) -> User:
    """Give the user who signs in, after all checks except second factors.

    Raises:
        CognitoError: UserNotFoundException (NotAuthorizedException if the client hides who exists),
            NotAuthorizedException, PasswordResetRequiredException, UserNotConfirmedException.
    """
    wrong = CognitoError("NotAuthorizedException", "Incorrect username or password.")
    try:
        user = pool.find(name)
    except CognitoError:
        raise (wrong if client.get("PreventUserExistenceErrors") == "ENABLED" else no_such_user()) from None
    key = (pool.id, user.sub, "password")
    world.lockout.check(key, "Password attempts exceeded")
    if user.status == "RESET_REQUIRED":
        raise CognitoError("PasswordResetRequiredException", "Password reset required for the user")
    if user.password is None or user.federated or user.password != password:
        world.lockout.fail(key)
        raise wrong
    world.lockout.succeed(key)
    _check_state(user)
    return user


def _check_state(user: User) -> None:
    if not user.enabled:
        raise CognitoError("NotAuthorizedException", "User is disabled.")
    if user.status == "UNCONFIRMED":
        raise CognitoError("UserNotConfirmedException", "User is not confirmed.")


@dataclass(frozen=True, slots=True)
class SignIn:
    """One user's sign-in through one client, from the password to the tokens."""

    world: World
    pool: Pool
    client: Client
    user: User

    def proceed(self) -> dict[str, Any]:
        """Give the next challenge after the right password, or the tokens."""
        if self.user.status == "FORCE_CHANGE_PASSWORD":
            contacts = {k: v for k, v in self.user.attributes.items() if k != "identities"}
            shown = {"requiredAttributes": "[]", "userAttributes": json.dumps(contacts)}
            return self._challenge(_NEW_PASSWORD, shown)
        return self.second_factor()

    def second_factor(self) -> dict[str, Any]:
        """Ask for the second factor, or for the choice of one, or give the tokens."""
        factors = asked(self.pool, self.user)
        if not factors:
            return self.finish()
        if len(factors) > 1:
            return self._challenge(_SELECT, {"MFAS_CAN_CHOOSE": json.dumps(factors)}, choices=factors)
        return self.ask(factors[0])

    def ask(self, factor: str) -> dict[str, Any]:
        """Ask for a factor's code, and send it unless it comes from an app."""
        code = new_code()
        if factor == TOTP:
            letter = Letter(APP, _PURPOSE, "authenticator", code)
            self.world.outbox.post(self.pool.id, self.user, letter)
            return self._challenge(factor, {}, code=code)
        attribute = ADDRESS[factor]
        address = self.user.attributes[attribute]
        check_path(self.world, self.pool, attribute)
        letter = Letter(MEDIA[attribute], _PURPOSE, address, code)
        send(self.world, self.pool, self.user, letter)
        where = {"CODE_DELIVERY_DELIVERY_MEDIUM": letter.medium, "CODE_DELIVERY_DESTINATION": masked(address)}
        return self._challenge(factor, where, code=code, address=address)

    def finish(self) -> dict[str, Any]:
        """Give the tokens."""
        result = self.world.grants.sign_in(self.pool.id, self.client, self.user)
        return {"AuthenticationResult": result, "ChallengeParameters": {}}

    def prove_number(self, number: str | None) -> None:
        """Mark the number verified that has just received a code."""
        if number is None or self.user.attributes.get("phone_number") != number:
            return
        if self.user.attributes.get("phone_number_verified") != "true":
            proven = {"phone_number_verified": "true"}
            claim_aliases(self.pool, self.user, {**self.user.attributes, **proven}, self.world.unsettled)
            self.pool.write(self.user, proven)

    def _challenge(
        self,
        name: str,
        shown: Mapping[str, str],
        *,
        code: str | None = None,
        address: str | None = None,
        choices: tuple[str, ...] = (),
    ) -> dict[str, Any]:
        until = self.world.clock() + 60 * self.client["AuthSessionValidity"]
        client_id = self.client["ClientId"]
        challenge = Challenge(name, self.pool.id, client_id, self.user.sub, until, code, address, choices)
        session = self.world.challenges.issue(challenge)
        parameters = {**shown, "USER_ID_FOR_SRP": self.user.username}
        return {"ChallengeName": name, "Session": session, "ChallengeParameters": parameters}


def _respond(world: World, pool: Pool, client: Client, params: Params) -> dict[str, Any]:
    name, given = text(params, "ChallengeName"), params.get("ChallengeResponses") or {}
    session = params.get("Session")
    if not session:
        raise invalid_parameter("Missing required parameter Session")
    username = _required(given, "USERNAME")
    user = pool.find(username)
    if world.unsettled.challenge_needs_user_id and username != user.username:
        raise no_such_user()
    check_secret(client, user.username, given.get("SECRET_HASH"))
    late = world.unsettled.late_answer_error
    challenge = world.challenges.find(session, name, client["ClientId"], expired_code=late)
    if (challenge.pool_id, challenge.sub) != (pool.id, user.sub):
        raise CognitoError("NotAuthorizedException", "Invalid session for the user.")
    _check_state(user)
    signing = SignIn(world, pool, client, user)
    if name == _NEW_PASSWORD:
        answer = _new_password(signing, given)
    elif name == _SELECT:
        answer = _select(signing, challenge, given)
    else:
        answer = _code(signing, challenge, given)
    world.challenges.close(session)
    return answer


def _new_password(signing: SignIn, given: Mapping[str, str]) -> dict[str, Any]:
    password = _required(given, "NEW_PASSWORD")
    check_password(signing.pool, password)
    signing.pool.write(signing.user, password=password, status="CONFIRMED")
    return signing.second_factor()


def _select(signing: SignIn, challenge: Challenge, given: Mapping[str, str]) -> dict[str, Any]:
    choice = _required(given, "ANSWER")
    if choice not in challenge.choices:
        raise invalid_parameter("Invalid MFA type was selected.")
    return signing.ask(choice)


def _code(signing: SignIn, challenge: Challenge, given: Mapping[str, str]) -> dict[str, Any]:
    """Check a code; after a wrong code, the right one is still accepted in the same session."""
    code = _required(given, _ANSWERS[challenge.name])
    lockout, key = signing.world.lockout, (signing.pool.id, signing.user.sub, "code")
    lockout.check(key, "MFA attempts exceeded")
    if code != challenge.code:
        lockout.fail(key)
        raise mismatch("Invalid code or auth state for the user.")
    if challenge.name == SMS:
        signing.prove_number(challenge.address)
    lockout.succeed(key)
    return signing.finish()


def _required(given: Mapping[str, str], member: str) -> str:
    if not given.get(member):
        raise invalid_parameter(f"Missing required parameter {member}")
    return given[member]
