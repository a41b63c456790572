"""The operations of signed-in users with their access token.

Sources: API Reference, "GetUser", "UpdateUserAttributes", "GetUserAttributeVerificationCode",
"VerifyUserAttribute", "SetUserMFAPreference", "GlobalSignOut", "RevokeToken" and
"AdminUserGlobalSignOut"; Developer Guide, "Configuring email or phone verification".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from migrate_mfa.simulator.account.delivery import MEDIA, check_path, send_code
from migrate_mfa.simulator.account.errors import CognitoError, invalid_parameter, no_such_pool, no_such_user
from migrate_mfa.simulator.account.outbox import TEXT
from migrate_mfa.simulator.account.pool import CONTACTS, Pool
from migrate_mfa.simulator.account.users import User, attribute_list, mfa_view
from migrate_mfa.simulator.account.world import text
from migrate_mfa.simulator.operations.attributes import (
    FLAGS,
    attribute_values,
    claim_aliases,
    update_attributes,
)
from migrate_mfa.simulator.operations.mfa import set_preference
from migrate_mfa.simulator.operations.reading import mfa_hidden
from migrate_mfa.simulator.operations.registry import operation

if TYPE_CHECKING:
    from migrate_mfa.simulator.account.appclients import Client
    from migrate_mfa.simulator.account.world import Params, World


def signed_in(world: World, params: Params) -> tuple[Pool, User, Client]:
    """Give the user of an access token.

    Raises:
        CognitoError: NotAuthorizedException for a token that does not count or a disabled user,
            UserNotFoundException, PasswordResetRequiredException.
    """
    grant = world.grants.find(text(params, "AccessToken"), "access")
    pool = world.pools.get(grant.pool_id)
    if pool is None:
        raise no_such_pool(grant.pool_id)
    user = pool.by_sub.get(grant.sub)
    if user is None:
        raise no_such_user()
    if not user.enabled:
        raise CognitoError("NotAuthorizedException", "User is disabled.")
    if user.status == "RESET_REQUIRED":
        raise CognitoError("PasswordResetRequiredException", "Password reset required for the user")
    return pool, user, pool.clients.get(grant.client_id, {})


@operation("GetUser", "UserRead")
def get_user(world: World, params: Params) -> dict[str, Any]:
    """Show the user what the client may read."""
    pool, user, client = signed_in(world, params)
    readable = client.get("ReadAttributes")
    rows = [row for row in attribute_list(user) if not readable or row["Name"] in {"sub", *readable}]
    legacy = {"MFAOptions": list(user.mfa_options)} if user.mfa_options else {}
    mfa = mfa_view(user, hide=mfa_hidden(world, pool))
    return {"Username": user.username, "UserAttributes": rows, **legacy, **mfa}


@operation("UpdateUserAttributes", "UserUpdate")
def update_user_attributes(world: World, params: Params) -> dict[str, Any]:
    """Change the user's own attributes; users cannot mark them as verified, unlike administrators."""
    pool, user, client = signed_in(world, params)
    wanted = attribute_values(params)
    writable = client.get("WriteAttributes")
    if FLAGS.intersection(wanted) or (writable and set(wanted) - set(writable)):
        raise CognitoError("NotAuthorizedException", "A client attempted to write unauthorized attribute")
    return {"CodeDeliveryDetailsList": update_attributes(world, pool, user, wanted)}


@operation("GetUserAttributeVerificationCode", "UserResourceRead")
def get_user_attribute_verification_code(world: World, params: Params) -> dict[str, Any]:
    """Send a code to a contact attribute, at most five an hour."""
    pool, user, _ = signed_in(world, params)
    name = _contact(params)
    value = _to_prove(world, user, name)
    if MEDIA[name] == TEXT and not pool.sms_config:
        raise CognitoError("CodeDeliveryFailureException", "The pool has no SMS configuration.")
    check_path(world, pool, name)
    world.codes.requests.count((pool.id, user.sub))
    return {"CodeDeliveryDetails": send_code(world, pool, user, name, value)}


def _contact(params: Params) -> str:
    name = text(params, "AttributeName", 32)
    if name not in CONTACTS:
        raise invalid_parameter(f"The attribute {name} cannot be verified.")
    return name


def _to_prove(world: World, user: User, name: str) -> str:
    """Choose between the stored and the pending value; by reports it is the stored one."""
    stored, pending = user.attributes.get(name), (user.pending or {}).get(name)
    first, second = (stored, pending) if world.unsettled.resend_goes_to_stored_value else (pending, stored)
    value = first or second
    if value is None:
        raise invalid_parameter(f"The user has no {name}.")
    return value


@operation("VerifyUserAttribute", "UserUpdate")
def verify_user_attribute(world: World, params: Params) -> dict[str, Any]:
    """Check a code: the value that it was sent to is stored, and verified."""
    pool, user, _ = signed_in(world, params)
    name, code = _contact(params), text(params, "Code", 2048)
    world.codes.tries.count((pool.id, user.sub))
    pending = dict(user.pending or {})
    provable = {value for value in (user.attributes.get(name), pending.get(name)) if value is not None}
    value = world.codes.check((pool.id, user.sub, name), code, provable)
    proven = {name: value, f"{name}_verified": "true"}
    claim_aliases(pool, user, {**user.attributes, **proven}, world.unsettled)
    world.codes.void((pool.id, user.sub, name))
    if pending.get(name) == value:
        del pending[name]
    pool.write(user, proven, pending=pending or None)
    return {}


@operation("SetUserMFAPreference", "UserResourceUpdate")
def set_user_mfa_preference(world: World, params: Params) -> dict[str, Any]:
    """Switch the user's own factors."""
    pool, user, _ = signed_in(world, params)
    set_preference(world, pool, user, params)
    return {}


@operation("GlobalSignOut", "UserUpdate")
def global_sign_out(world: World, params: Params) -> dict[str, Any]:
    """End all of the user's own sessions."""
    pool, user, _ = signed_in(world, params)
    world.grants.sign_out(pool.id, user.sub)
    return {}


@operation("AdminUserGlobalSignOut", "UserUpdate")
def admin_user_global_sign_out(world: World, params: Params) -> dict[str, Any]:
    """End all sessions of a user."""
    pool, user = world.user(params)
    world.grants.sign_out(pool.id, user.sub)
    return {}


@operation("RevokeToken", "UserToken")
def revoke_token(world: World, params: Params) -> dict[str, Any]:
    """End the session of a refresh token; a token that is no longer valid is not an error."""
    token, client_id = text(params, "Token"), text(params, "ClientId", 128)
    client = world.client_pool(client_id).clients[client_id]
    if client.get("ClientSecret") != params.get("ClientSecret"):
        raise CognitoError("UnauthorizedException", "The client secret is missing or wrong.")
    if not client["EnableTokenRevocation"]:
        raise CognitoError("UnsupportedOperationException", "Token revocation is not enabled.")
    use, owner = world.grants.kind(token)
    if use != "refresh":
        raise CognitoError("UnsupportedTokenTypeException", "Only refresh tokens can be revoked.")
    if owner != client_id:
        raise CognitoError("UnauthorizedException", "The token belongs to another client.")
    world.grants.revoke(token)
    return {}
