"""Creating, deleting, enabling and disabling users, and setting passwords."""

from __future__ import annotations

import secrets
import uuid
from typing import TYPE_CHECKING, Any

from migrate_mfa.simulator.account.delivery import check_path, send
from migrate_mfa.simulator.account.errors import CognitoError, constraint, invalid_parameter
from migrate_mfa.simulator.account.outbox import TEXT, Letter
from migrate_mfa.simulator.account.users import User, as_user_type
from migrate_mfa.simulator.account.world import text, username_of
from migrate_mfa.simulator.operations.attributes import (
    attribute_values,
    check_schema,
    claim_aliases,
)
from migrate_mfa.simulator.operations.registry import operation

if TYPE_CHECKING:
    from migrate_mfa.simulator.account.pool import Pool
    from migrate_mfa.simulator.account.world import Params, World


@operation("AdminCreateUser", "UserCreation")
def admin_create_user(world: World, params: Params) -> dict[str, Any]:
    """Create a user in FORCE_CHANGE_PASSWORD, or send an invitation again ("AdminCreateUser")."""
    pool = world.pool(params)
    name = username_of(params)
    password = params.get("TemporaryPassword")
    if password is not None:
        check_password(pool, password)
    password = password or "Aa1!" + secrets.token_urlsafe(12)
    if params.get("MessageAction") == "RESEND":
        user = pool.find(name)
        if user.status != "FORCE_CHANGE_PASSWORD":
            raise CognitoError("UnsupportedUserStateException", "Resend not possible.")
        _check_invitation(world, pool, user, params)
        pool.write(user, password=password)
    else:
        user = _new_user(world, pool, name, params)
        user.password = password
        _check_invitation(world, pool, user, params)
        pool.add(user)
    _invite(world, pool, user, params)
    return {"User": as_user_type(user)}


def _new_user(world: World, pool: Pool, name: str, params: Params) -> User:
    """Build the record, its aliases checked and, when the request forces it, taken over."""
    values = {k: v for k, v in attribute_values({"UserAttributes": [], **params}).items() if v}
    sub = str(uuid.uuid4())
    _check_name_shape(pool, name)
    if pool.names_users_by_contact:
        values["email" if "@" in name else "phone_number"] = name
    check_schema(pool, values)
    if "sub" in values:
        raise invalid_parameter("Cannot modify the non-mutable attribute sub")
    if params.get("ForceAliasCreation") and not pool.names_users_by_contact:
        claim_aliases(pool, None, values, world.unsettled)
    now = world.clock()
    username = sub if pool.names_users_by_contact else name
    return User(username, sub, "FORCE_CHANGE_PASSWORD", True, values, now, now)


def _check_name_shape(pool: Pool, name: str) -> None:
    """Refuse names that the pool's sign-in options exclude.

    Source: Developer Guide, "Working with user attributes": a username must not look like an
    alias, and in a pool without usernames it must be the e-mail address or number.
    """
    is_email, is_phone = "@" in name, name.startswith("+") and name[1:].isdigit()
    if pool.names_users_by_contact:
        wanted = pool.alias_names
        if not ((is_email and "email" in wanted) or (is_phone and "phone_number" in wanted)):
            kinds = {"email": "an email", "phone_number": "a phone number"}
            allowed = " or ".join(text for kind, text in kinds.items() if kind in wanted)
            either = "either " if len(wanted) > 1 else ""
            raise invalid_parameter(f"Username should be {either}{allowed}.")
    elif is_email and "email" in pool.alias_names:
        raise invalid_parameter(
            "Username cannot be of email format, since user pool is configured for email alias."
        )
    elif is_phone and "phone_number" in pool.alias_names:
        raise invalid_parameter(
            "Username cannot be of phone number format, since user pool is configured for phone number alias."
        )


def _invited_number(user: User, params: Params) -> str | None:
    """Give the number that an invitation goes to; SMS is the default medium ("AdminCreateUser")."""
    media = params.get("DesiredDeliveryMediums") or ["SMS"]
    suppressed = params.get("MessageAction") == "SUPPRESS"
    return None if suppressed or "SMS" not in media else user.attributes.get("phone_number")


def _check_invitation(world: World, pool: Pool, user: User, params: Params) -> None:
    if _invited_number(user, params) is not None:
        check_path(world, pool, "phone_number")


def _invite(world: World, pool: Pool, user: User, params: Params) -> None:
    number = _invited_number(user, params)
    if number is not None:
        send(world, pool, user, Letter(TEXT, "invitation", number, user.password))


@operation("AdminSetUserPassword", "UserAccountRecovery")
def admin_set_user_password(world: World, params: Params) -> dict[str, Any]:
    """Set a password: permanent confirms the user, temporary asks for a change at sign-in."""
    pool, user = world.user(params)
    password = text(params, "Password", 256)
    check_password(pool, password)
    status = "CONFIRMED" if params.get("Permanent") else "FORCE_CHANGE_PASSWORD"
    pool.write(user, password=password, status=status)
    return {}


def check_password(pool: Pool, password: str) -> None:
    """Refuse a password that the pool's policy forbids.

    Raises:
        CognitoError: InvalidPasswordException.
    """
    if not isinstance(password, str):
        raise constraint(password, "Password", "Member must not be null")
    policy = pool.config["Policies"]["PasswordPolicy"]
    checks = (
        (len(password) < policy.get("MinimumLength", 8), "Password not long enough"),
        (policy.get("RequireUppercase") and password.lower() == password, "uppercase"),
        (policy.get("RequireLowercase") and password.upper() == password, "lowercase"),
        (policy.get("RequireNumbers") and not any(map(str.isdigit, password)), "numeric"),
        (policy.get("RequireSymbols") and password.isalnum(), "symbol"),
    )
    for failed, what in checks:
        if failed:
            reason = what if " " in what else f"Password must have {what} characters"
            message = f"Password did not conform with policy: {reason}"
            raise CognitoError("InvalidPasswordException", message)


@operation("AdminDeleteUser", "UserUpdate")
def admin_delete_user(world: World, params: Params) -> dict[str, Any]:
    """Delete a user."""
    pool, user = world.user(params)
    pool.remove(user)
    return {}


@operation("AdminEnableUser", "UserUpdate")
def admin_enable_user(world: World, params: Params) -> dict[str, Any]:
    """Let a user sign in."""
    pool, user = world.user(params)
    pool.write(user, enabled=True)
    return {}


@operation("AdminDisableUser", "UserUpdate")
def admin_disable_user(world: World, params: Params) -> dict[str, Any]:
    """Keep a user from signing in; the status stays as it is."""
    pool, user = world.user(params)
    pool.write(user, enabled=False)
    return {}
