"""The user record, and its form in the two reading operations.

A record is about one kilobyte, so that a pool of a million fits in memory.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

STATUSES = frozenset(
    {
        "UNCONFIRMED",
        "CONFIRMED",
        "ARCHIVED",
        "COMPROMISED",
        "UNKNOWN",
        "RESET_REQUIRED",
        "FORCE_CHANGE_PASSWORD",
        "EXTERNAL_PROVIDER",
    }
)
"""UserStatusType of the API Reference."""

SMS, EMAIL, TOTP = "SMS_MFA", "EMAIL_OTP", "SOFTWARE_TOKEN_MFA"
FACTORS = (SMS, EMAIL, TOTP)
"""Members of UserMFASettingList ("AdminGetUser"), in the order in which they are listed."""

LEGACY_SMS: tuple[Mapping[str, str], ...] = ({"DeliveryMedium": "SMS", "AttributeName": "phone_number"},)
"""MFAOptions of a user whom the deprecated operations enrolled in SMS MFA."""


@dataclass(slots=True, eq=False)
class User:
    """One user profile. Only `Pool.write` may change it, because it updates the indexes."""

    username: str
    sub: str
    status: str
    enabled: bool
    attributes: dict[str, str]
    created: float
    modified: float
    #: Position in the pool's order of creation; -1 until the pool has taken the user in.
    seq: int = -1
    mfa: tuple[str, ...] = ()
    preferred: str | None = None
    #: A verified TOTP registration, enabled as a factor or not.
    totp_registered: bool = False
    mfa_options: tuple[Mapping[str, str], ...] = ()
    auth_factors: tuple[str, ...] = ()
    password: str | None = None
    #: Values that wait for the user's verification code, by attribute.
    pending: Mapping[str, str] | None = None

    @property
    def federated(self) -> bool:
        """Whether an identity provider signs this user in."""
        return self.status == "EXTERNAL_PROVIDER"


def derived_sub(seed: int, username: str) -> str:
    """Make the `sub` of a user without one: like a UUID, the same on every start."""
    h = hashlib.blake2s(f"{seed}:{username}".encode(), digest_size=16).hexdigest()
    return f"{h[:8]}-{h[8:12]}-4{h[13:16]}-a{h[17:20]}-{h[20:]}"


def attribute_list(user: User) -> list[dict[str, str]]:
    """Give the attributes as AttributeType objects, `sub` included."""
    rows = [{"Name": "sub", "Value": user.sub}]
    rows += [{"Name": name, "Value": value} for name, value in user.attributes.items()]
    return rows


def as_user_type(user: User, attributes_to_get: list[str] | None = None) -> dict[str, Any]:
    """Show a user as ListUsers does: never with MFA preferences ("UserType")."""
    rows = attribute_list(user)
    if attributes_to_get:
        rows = [row for row in rows if row["Name"] in attributes_to_get]
    return {"Attributes": rows, **_common(user)}


def as_admin_get_user(user: User, *, hide_mfa: bool) -> dict[str, Any]:
    """Show a user as AdminGetUser does; the MFA keys are absent while nothing is set."""
    return {"UserAttributes": attribute_list(user), **_common(user), **mfa_view(user, hide=hide_mfa)}


def mfa_view(user: User, *, hide: bool) -> dict[str, Any]:
    """Give UserMFASettingList and PreferredMfaSetting, as far as they are set."""
    view: dict[str, Any] = {}
    if user.mfa:
        view["UserMFASettingList"] = [] if hide else list(user.mfa)
    if user.preferred and not hide:
        view["PreferredMfaSetting"] = user.preferred
    return view


def _common(user: User) -> dict[str, Any]:
    common: dict[str, Any] = {
        "Username": user.username,
        "UserCreateDate": round(user.created, 3),
        "UserLastModifiedDate": round(user.modified, 3),
        "Enabled": user.enabled,
        "UserStatus": user.status,
    }
    if user.mfa_options:
        common["MFAOptions"] = list(user.mfa_options)
    return common
