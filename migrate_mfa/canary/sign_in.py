"""Signing one user in: the tokens, the challenges, and what a refusal means. Pure.

Sources: API Reference, "AdminInitiateAuth" and "AdminRespondToAuthChallenge"; Developer Guide,
"Authentication with Amazon Cognito user pools", "Quotas in Amazon Cognito" (5 codes and 15 tries an hour,
locked out after 5 failed codes) and "Signing up and confirming user accounts" ("Computing secret hash
values").
"""

import base64
import hashlib
import hmac
import re
from dataclasses import dataclass, field
from typing import Protocol

from migrate_mfa.domain.errors import PoolNotReady
from migrate_mfa.domain.failure import ApiError, Effect
from migrate_mfa.domain.model import SMS_MFA, SOFTWARE_TOKEN_MFA, Phone
from migrate_mfa.domain.privacy import scrub
from migrate_mfa.domain.reasons import Reason

CODE_MISMATCH = "CodeMismatchException"
_EXPIRED = "ExpiredCodeException"
_NOT_AUTHORIZED = "NotAuthorizedException"


@dataclass(frozen=True, slots=True)
class Tokens:
    """The tokens of one sign-in; never shown."""

    access: str = field(repr=False)
    refresh: str | None = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Challenge:
    """A challenge that a sign-in must answer.

    `username` must be sent back in the answer (USER_ID_FOR_SRP). `destination` is where a code was sent, as
    Cognito shows it; None if none was sent.
    """

    name: str
    session: str = field(repr=False)
    username: str = field(repr=False)
    destination: str | None = field(default=None, repr=False)


def secret_hash(secret: str, username: str, client_id: str) -> str:
    """SECRET_HASH of a request, for an app client with a secret."""
    digest = hmac.digest(secret.encode(), f"{username}{client_id}".encode(), hashlib.sha256)
    return base64.b64encode(digest).decode()


def mask_destination(destination: str) -> str:
    """CODE_DELIVERY_DESTINATION with no more than the last two digits; Cognito shows four."""
    return re.sub(r"\d(?=.*\d.*\d)", "*", scrub(destination))


def goes_to(destination: str, phone: Phone) -> bool:
    """Whether a masked destination fits this number; Cognito masks all but the last digits."""
    shown = re.search(r"\d*$", destination)
    return phone.e164.endswith(shown[0] if shown else "")


def wrong_password(error: ApiError) -> bool:
    """Whether another password may help; other refusals have the same error code."""
    return error.code == _NOT_AUTHORIZED and "incorrect username or password" in error.message.lower()


def too_late(error: ApiError) -> bool:
    """Whether a code or its session has expired: a new code may help."""
    dead_session = error.code == _NOT_AUTHORIZED and "session" in error.message.lower()
    return error.code == _EXPIRED or dead_session


def require_flow(error: ApiError, pool_id: str, client_id: str) -> None:
    """Refuse an app client that does not allow a server to sign users in with their passwords.

    Raises:
        PoolNotReady: Cognito's refusal says so. The error names the setting and how to see it.
    """
    if error.code == "InvalidParameterException" and "flow" in error.message.lower():
        raise PoolNotReady(
            "This app client does not allow ALLOW_ADMIN_USER_PASSWORD_AUTH, so this command cannot sign "
            "users in with it.",
            "See its flows: aws cognito-idp describe-user-pool-client "
            f"--user-pool-id {pool_id} --client-id {client_id} "
            "--query UserPoolClient.ExplicitAuthFlows. Use a client that has it, such as one made for tests.",
        ) from error


def challenge_sentence(name: str) -> str:
    """What a challenge means that this command cannot answer, and what to do."""
    return _CHALLENGES.get(name, f"The sign-in asks for {name}, which is not answered here.")


_CHALLENGES = {
    SMS_MFA: "A code by SMS is asked for already, although SMS MFA did not show: run the command again.",
    SOFTWARE_TOKEN_MFA: "The sign-in asks for an authenticator app; choose a user without one.",
    "NEW_PASSWORD_REQUIRED": (
        "The user has a temporary password and must choose a new one first. Passwords are never set "
        "here: let the user sign in to your app once, then try again."
    ),
    "SELECT_MFA_TYPE": (
        "The user has several factors and none is preferred, so the sign-in asks which. Choose a user "
        "without other factors, or look at the user's MFA settings in Cognito."
    ),
    "MFA_SETUP": (
        "The pool requires MFA and the user has no factor, so nobody can sign in to set a number: "
        "use --attested."
    ),
    "EMAIL_OTP": "The sign-in asks for a code by e-mail; choose a user without e-mail MFA.",
    "DEVICE_SRP_AUTH": "The sign-in takes this for a remembered device, which is not answered here.",
    "CUSTOM_CHALLENGE": "The pool's Lambda triggers ask a question of their own, not answered here.",
}


def explain(error: ApiError) -> str:
    """What the refusal of a call means for this user, without personal data."""
    said = "" if "<" in error.message else scrub(error.message)  # an answer of Cognito, not a proxy's page
    if error.effect is Effect.UNKNOWN and error.code not in _SENTENCES:
        return f"{error.operation}: no usable answer ({error.code}); it may have been done. {said}".strip()
    known = _SENTENCES.get(error.code, "")
    text = f"{error.operation}: {error.code}. {said}".strip()
    return f"{known} ({text})" if known else text


_SENTENCES = {
    "PasswordResetRequiredException": "The user must reset the password first.",
    "UserNotConfirmedException": "The user has not confirmed the sign-up yet.",
    "UserNotFoundException": "Cognito does not find this user: name it by its sub or Username.",
    "LimitExceededException": (
        "Cognito gives a user five codes and fifteen tries an hour: wait for an hour, then try again."
    ),
    "CodeDeliveryFailureException": (
        "The SMS could not be sent: look at the SMS role, the SNS sandbox and the spending limit."
    ),
    "MFAMethodNotFoundException": "MFA is required and the user has no factor that works: use --attested.",
    "AliasExistsException": Reason.PHONE_TAKEN.sentence,
    "UnsupportedOperationException": (
        "The app client has token revocation disabled; the session ends when its tokens expire."
    ),
    _EXPIRED: "The code is too old.",
    CODE_MISMATCH: "The code is wrong.",
}


class SignIn(Protocol):
    """One app client, and what a signed-in user may do. Each method tries once and raises `ApiError`."""

    def begin(self, username: str, password: str) -> Tokens | Challenge:
        """AdminInitiateAuth with ADMIN_USER_PASSWORD_AUTH; sends an SMS if SMS MFA is in effect."""
        ...

    def answer(self, challenge: Challenge, code: str) -> Tokens | Challenge:
        """AdminRespondToAuthChallenge with the code of an SMS."""
        ...

    def store_phone(self, tokens: Tokens, phone: Phone) -> str | None:
        """UpdateUserAttributes with phone_number. Returns where a code was sent (masked), or None."""
        ...

    def send_code(self, tokens: Tokens) -> str:
        """GetUserAttributeVerificationCode for phone_number. Returns where the code was sent."""
        ...

    def verify_phone(self, tokens: Tokens, code: str) -> None:
        """VerifyUserAttribute for phone_number."""
        ...

    def revoke(self, tokens: Tokens) -> None:
        """RevokeToken with the refresh token: ends only this session."""
        ...
