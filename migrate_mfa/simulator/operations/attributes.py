"""Changing attributes: which values are stored or verified, and which messages are sent.

Sources: API Reference, "AdminUpdateUserAttributes"; Developer Guide, "Working with user
attributes" and "Configuring email or phone verification".
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from migrate_mfa.simulator.account.delivery import check_path, send_code
from migrate_mfa.simulator.account.errors import alias_taken, constraint, invalid_parameter
from migrate_mfa.simulator.account.pool import CONTACTS
from migrate_mfa.simulator.account.users import SMS
from migrate_mfa.simulator.operations.registry import operation

if TYPE_CHECKING:
    from collections.abc import Mapping

    from migrate_mfa.simulator.account.pool import Pool
    from migrate_mfa.simulator.account.users import User
    from migrate_mfa.simulator.account.world import Params, Unsettled, World

_PHONE = re.compile(r"\+[0-9]{1,15}")
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+")
FLAGS = {f"{name}_verified" for name in CONTACTS}
"""Attributes that say whether a contact was verified."""


_LONGEST_NAME, _LONGEST_VALUE = 32, 2048


@dataclass(slots=True)
class Change:
    """The effect of a request: new values (None removes), codes to send, values that wait for a code."""

    values: dict[str, str | None] = field(default_factory=dict)
    codes: dict[str, str] = field(default_factory=dict)
    pending: dict[str, str] = field(default_factory=dict)


@operation("AdminUpdateUserAttributes", "UserUpdate")
def admin_update_user_attributes(world: World, params: Params) -> dict[str, Any]:
    """Change attributes, all or none; the empty answer does not tell whether a value waits for a code."""
    pool, user = world.user(params)
    update_attributes(world, pool, user, attribute_values(params))
    return {}


def update_attributes(world: World, pool: Pool, user: User, wanted: dict[str, str]) -> list[dict[str, str]]:
    """Change attributes for an administrator or the user. Give where codes were sent.

    Raises:
        CognitoError: A value or the pool's SMS path is wrong, or an alias is taken; nothing changed.
    """
    check_schema(pool, wanted)
    change = _planned(pool, user, wanted, world.unsettled)
    for contact in change.codes:
        check_path(world, pool, contact)
    future = {**user.attributes, **change.values}
    if pool.names_users_by_contact:
        future |= change.pending
    claim_aliases(pool, user, future, world.unsettled)
    settled = set(change.values) & set(CONTACTS)
    pending = {k: v for k, v in (user.pending or {}).items() if k not in settled}
    pool.write(user, change.values, pending={**pending, **change.pending} or None)
    return [send_code(world, pool, user, contact, value) for contact, value in change.codes.items()]


def _planned(pool: Pool, user: User, wanted: dict[str, str], unsettled: Unsettled) -> Change:
    for name in wanted:
        if not pool.schema[name]["Mutable"]:
            raise invalid_parameter(f"user.{name}: Attribute cannot be updated.\n")
    change = Change()
    for contact in CONTACTS:
        _Contact(pool, user, contact, unsettled).plan(wanted, change)
    for name, value in wanted.items():
        if name not in CONTACTS and name not in FLAGS:
            change.values[name] = value or None
    _check_removal(pool, user, change, unsettled)
    return change


def attribute_values(params: Params) -> dict[str, str]:
    """Read UserAttributes into a dictionary.

    Raises:
        CognitoError: InvalidParameterException for a list, name or value of a wrong form.
    """
    rows = params.get("UserAttributes")
    if not isinstance(rows, list):
        raise constraint(rows, "UserAttributes", "Member must not be null")
    values: dict[str, str] = {}
    for row in rows:
        name, value = row.get("Name"), row.get("Value", "")
        if not isinstance(name, str) or not 1 <= len(name) <= _LONGEST_NAME:
            rule = f"Member must have length less than or equal to {_LONGEST_NAME}"
            raise constraint(name, "UserAttributes.1.member.Name", rule)
        if not isinstance(value, str) or len(value) > _LONGEST_VALUE:
            rule = f"Member must have length less than or equal to {_LONGEST_VALUE}"
            raise constraint("...", "UserAttributes.1.member.Value", rule)
        values[name] = value
    return values


def check_schema(pool: Pool, wanted: dict[str, str]) -> None:
    """Refuse unknown attributes and values of a wrong form.

    A phone number is `+` and at most 15 digits; nothing else about it is checked.
    """
    for name, value in wanted.items():
        if name not in pool.schema:
            raise invalid_parameter(f"user.{name}: Attribute does not exist in the schema.\n")
        if not value:
            continue
        if name == "phone_number" and not _PHONE.fullmatch(value):
            raise invalid_parameter("Invalid phone number format.")
        if name == "email" and not _EMAIL.fullmatch(value):
            raise invalid_parameter("Invalid email address format.")
        if name in FLAGS and value.lower() not in ("true", "false"):
            raise invalid_parameter(f"{name}: must be true or false.")


@dataclass(frozen=True, slots=True)
class _Contact:
    """One contact attribute of one user, with its flag: stored, held back, removed, message."""

    pool: Pool
    user: User
    name: str
    unsettled: Unsettled

    @property
    def flag(self) -> str:
        return f"{self.name}_verified"

    def plan(self, wanted: Mapping[str, str], change: Change) -> None:
        """Add to `change` what the request means for this attribute."""
        value = wanted.get(self.name)
        if value is None:
            self._plan_flag(wanted, change)
        elif not value:
            change.values |= {self.name: None, self.flag: None}
        else:
            self._plan_value(value, wanted.get(self.flag, "").lower(), change)

    def _plan_flag(self, wanted: Mapping[str, str], change: Change) -> None:
        if self.flag not in wanted:
            return
        if self.name not in self.user.attributes:
            raise invalid_parameter(f"{self.name} must be set for {self.flag} to be changed.")
        change.values[self.flag] = wanted[self.flag].lower() or None

    def _plan_value(self, value: str, verified: str, change: Change) -> None:
        """Decide by the documented table, which does not cover a value that is already stored."""
        unsettled = self.unsettled
        same = value == self.user.attributes.get(self.name)
        if verified == "true":
            sends, held, flag = unsettled.verified_true_sends_sms, False, "true"
        elif same:
            kept = self.user.attributes.get(self.flag, "false")
            lost = verified == "false" or unsettled.same_value_unverifies
            sends, held, flag = unsettled.same_value_resends_code, False, "false" if lost else kept
        else:
            sends, held, flag = True, self.name in self.pool.verified_before_update, "false"
        if sends and self.name in self.pool.auto_verified:
            change.codes[self.name] = value
        if held:
            change.pending[self.name] = value
        else:
            change.values |= {self.name: value, self.flag: flag}


def _check_removal(pool: Pool, user: User, change: Change, unsettled: Unsettled) -> None:
    """Refuse to remove the number of a user with SMS MFA, if MFA is required."""
    if change.values.get("phone_number", "") is not None or SMS not in user.mfa:
        return
    if pool.mfa_mode == "ON" or unsettled.delete_phone_with_sms_mfa == "refuse":
        raise invalid_parameter("Cannot delete phone_number while SMS MFA is enabled.")


def claim_aliases(pool: Pool, user: User | None, future: dict[str, Any], unsettled: Unsettled) -> None:
    """Take the new sign-in values of `user` (None: a new one) away from other users.

    UsernameAttributes: values are unique, verified or not. AliasAttributes: a verified value
    moves to its last verifier, and the former owner becomes unverified without any error
    ("Working with user attributes"; reported for this operation too).

    Raises:
        CognitoError: AliasExistsException.
    """
    losers: list[tuple[User, str]] = []
    for name in pool.alias_names:
        holder = pool.alias_holder(name, future.get(name) or "")
        if holder is None or holder is user:
            continue
        if pool.names_users_by_contact or name not in CONTACTS:
            raise alias_taken(name)
        if future.get(f"{name}_verified") == "true":
            if unsettled.alias_takeover == "refuse":
                raise alias_taken(name)
            losers.append((holder, f"{name}_verified"))
    for holder, flag in losers:
        pool.write(holder, {flag: "false"})
