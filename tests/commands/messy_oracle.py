"""What must become of each row, straight from the decision table; nothing of the tool is used.

The state of a user is that of the simulator's control endpoint.
"""

from __future__ import annotations

import copy
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any, Final

User = dict[str, Any]
Pool = dict[str, User]
"""Users by sub."""

OUTCOME_OF: Final = {
    reason: outcome
    for outcome, reasons in {
        "verified": "enrolled already_enrolled",
        "pending": "awaiting_code awaiting_first_sign_in awaiting_confirmation awaiting_password_reset",
        "failed": (
            "bad_row phone_missing invalid_phone not_sms_capable user_not_found ambiguous_user "
            "conflicting_rows unsupported_status phone_differs phone_taken"
        ),
        "skipped": (
            "duplicate_row federated_user disabled_user has_totp has_passkey has_email_mfa no_recovery_left"
        ),
    }.items()
    for reason in reasons.split()
}


UNLISTED: Final[User] = {
    "UserMFASettingList": [],
    "PreferredMfaSetting": None,
    "MFAOptions": [],
    "ConfiguredUserAuthFactors": [],
}
"""What ListUsers does not show of a user; a row that needs no write is judged without it."""


@dataclass(frozen=True, kw_only=True)
class Setting:
    """A policy in a pool. `recovers`: None for a pool without the setting."""

    policy: str
    conflict: str = "fail"
    despite: frozenset[str] = frozenset()
    case_sensitive: bool = False
    phone_signs_in: bool = False
    auto_verified: bool = False
    recovers: tuple[str, ...] | None = ("verified_email",)
    passkeys: bool = True


@dataclass(frozen=True, kw_only=True)
class Row:
    """A row as its author meant it. `trouble`: the reason that the roster alone gives for its end."""

    tag: str
    sub: str = ""
    username: str = ""
    email: str = ""
    phone: str | None = None
    claims_verified: bool | None = None
    trouble: str | None = None


@dataclass
class Verdicts:
    """Reasons by tag, the pool afterwards, messages by sub, the number of writes, and the rows that wrote."""

    reasons: dict[str, str]
    pool: Pool
    sms: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    writes: int = 0
    wrote: list[str] = field(default_factory=list)


def judge(rows: list[Row], pool: Pool, setting: Setting) -> Verdicts:
    """Apply the table to the whole roster."""
    return _Judge(rows, pool, setting).judge()


class _Judge:
    def __init__(self, rows: list[Row], pool: Pool, setting: Setting) -> None:
        self.rows = rows
        self.pool = pool
        self.setting = setting
        self.by: dict[str, dict[str, set[str]]] = {k: defaultdict(set) for k in ("sub", "username", "email")}
        self.holders: dict[str, set[str]] = defaultdict(set)
        for sub, user in pool.items():
            self.by["sub"][sub].add(sub)
            self.by["username"][self.fold(user["Username"])].add(sub)
            self.by["email"][self.fold(user["Attributes"].get("email", ""))].add(sub)
            self.holders[user["Attributes"].get("phone_number", "")].add(sub)

    def judge(self) -> Verdicts:
        found = {row.tag: self.who(row) for row in self.rows}
        reasons = {tag: who for tag, (who, _) in found.items() if who}
        named = {tag: sub for tag, (_, sub) in found.items() if sub}
        self.compare(named, reasons)
        scope = defaultdict(set)
        for row in self.rows:
            if row.tag in named and (target_phone := self.target_phone(row, self.pool[named[row.tag]])):
                scope[target_phone].add(named[row.tag])
        verdicts = Verdicts(reasons, copy.deepcopy(self.pool))
        for row in self.rows:
            if row.tag not in reasons:
                reasons[row.tag] = self.decide(row, named[row.tag], scope, verdicts)
        return verdicts

    def fold(self, text: str) -> str:
        return text if self.setting.case_sensitive else text.casefold()

    def trust(self, row: Row) -> str:
        if self.setting.policy == "by-column":
            return "attested" if row.claims_verified else "by-code"
        return "by-code" if row.claims_verified is False else self.setting.policy

    def target_phone(self, row: Row, user: User) -> str | None:
        own = proven(user)
        return (own or row.phone) if self.setting.conflict == "keep" else (row.phone or own)

    def who(self, row: Row) -> tuple[str, str]:  # noqa: PLR0911 - one for each row of the table
        """Rows 1 to 3: the reason, or the sub of the one user."""
        if row.trouble == "bad_row":
            return "bad_row", ""
        identities = [self.by["sub"][row.sub]] if row.sub else []
        if row.username:
            as_email = self.by["email"][self.fold(row.username)] if "@" in row.username else set()
            identities.append(self.by["username"][self.fold(row.username)] | as_email)
        if row.email:
            identities.append(self.by["email"][self.fold(row.email)])
        if not identities:
            return "bad_row", ""
        agreed = set.intersection(identities[0], *(each for each in identities[1:] if each))
        if identities[0] and not agreed:
            return "bad_row", ""
        if row.trouble:
            return row.trouble, ""
        if not agreed:
            return "user_not_found", ""
        local = {sub for sub in agreed if self.pool[sub]["UserStatus"] != "EXTERNAL_PROVIDER"}
        if len(local) > 1:
            return "ambiguous_user", ""
        return "", min(local or agreed)

    def compare(self, named: dict[str, str], reasons: dict[str, str]) -> None:
        """Row 4."""
        together = defaultdict(list)
        for row in self.rows:
            if row.tag in named:
                together[named[row.tag]].append(row)
        for sub, rows in together.items():
            same = len({(self.target_phone(row, self.pool[sub]), self.trust(row)) for row in rows}) == 1
            for row in rows[1:] if same else rows:
                if len(rows) > 1:
                    reasons[row.tag] = "duplicate_row" if same else "conflicting_rows"

    def decide(self, row: Row, sub: str, scope: dict[str, set[str]], verdicts: Verdicts) -> str:
        """Rows 5 to 12 for what ListUsers shows; only a write is worth a look at the whole user."""
        reason, phone, mfa = "", dict[str, str](), False
        for user in (self.pool[sub] | UNLISTED, self.pool[sub]):
            target_phone, trust = self.target_phone(row, user), self.trust(row)
            taken = self.setting.phone_signs_in and (
                scope[target_phone or ""] | self.holders[target_phone or ""]
            ) - {sub}
            if refused := self.refusal(user, target_phone, trust, taken=bool(taken)):
                return refused
            reason, phone, mfa = self.plan(user, target_phone or "", trust)
            if not phone and not mfa:
                return reason
        self.write(verdicts, sub, phone, mfa=mfa)
        verdicts.wrote.append(row.tag)
        return reason

    def refusal(  # noqa: PLR0911 - one for each row of the table
        self, user: User, target_phone: str | None, trust: str, *, taken: bool
    ) -> str | None:
        """Rows 5 to 11."""
        setting, phone = self.setting, user["Attributes"].get("phone_number")
        if reason := by_status(user, setting):
            return reason
        if target_phone is None:
            return "phone_missing"
        if proven(user) == target_phone and sms_in_effect(user):
            return "already_enrolled"
        if reason := by_factor(user, setting):
            return reason
        replace = setting.conflict == "replace" and trust == "attested"
        if phone and phone != target_phone and not replace and (proven(user) or sms_on(user)):
            return "phone_differs"
        if taken:
            return "phone_taken"
        return None if self.recoverable(user) else "no_recovery_left"

    def recoverable(self, user: User) -> bool:
        """Row 11."""
        setting, attributes = self.setting, user["Attributes"]
        if setting.recovers == ("admin_only",) or "no_recovery_left" in setting.despite:
            return True
        by_email = setting.recovers is None or "verified_email" in setting.recovers
        return by_email and attributes.get("email_verified") == "true" and "email" in attributes

    def plan(self, user: User, target_phone: str, trust: str) -> tuple[str, dict[str, str], bool]:
        """Row 12: the reason, the attributes to write, and whether to switch SMS MFA on."""
        phone: dict[str, str] = {}
        known = proven(user) == target_phone
        if trust == "attested" and not known:
            phone = {"phone_number": target_phone, "phone_number_verified": "true"}
        elif user["Attributes"].get("phone_number") != target_phone:
            phone = {"phone_number": target_phone, "phone_number_verified": "false"}
        if trust == "by-code" and not known:
            return "awaiting_code", phone, False
        reason = "awaiting_first_sign_in" if trust == "at-sign-in" and not known else "enrolled"
        return reason, phone, not sms_in_effect(user)

    def write(self, verdicts: Verdicts, sub: str, phone: dict[str, str], *, mfa: bool) -> None:
        """What the writes leave behind, and the message that an unverified number causes."""
        user = verdicts.pool[sub]
        user["Attributes"] |= phone
        verdicts.writes += bool(phone) + mfa
        if self.setting.auto_verified and phone.get("phone_number_verified") == "false":
            verdicts.sms[sub] += 1
        if mfa:
            others = [factor for factor in user["UserMFASettingList"] if factor != "SMS_MFA"]
            user["UserMFASettingList"] = ["SMS_MFA", *others]
            user["PreferredMfaSetting"] = user["PreferredMfaSetting"] if others else "SMS_MFA"


def proven(user: User) -> str | None:
    """The number that the pool has verified."""
    attributes = user["Attributes"]
    verified = attributes.get("phone_number_verified") == "true"
    return attributes.get("phone_number") if verified else None


def sms_on(user: User) -> bool:
    """By the list, or by the legacy setting where there is no list."""
    factors = user["UserMFASettingList"]
    return "SMS_MFA" in factors or (not factors and bool(user["MFAOptions"]))


def sms_in_effect(user: User) -> bool:
    """Preferred, or beside a stronger factor, or legacy."""
    factors = user["UserMFASettingList"]
    return sms_on(user) and (not factors or len(factors) > 1 or user["PreferredMfaSetting"] == "SMS_MFA")


def by_status(user: User, setting: Setting) -> str | None:
    """Row 5."""
    if user["UserStatus"] == "EXTERNAL_PROVIDER":
        return "federated_user"
    if not user["Enabled"] and "disabled_user" not in setting.despite:
        return "disabled_user"
    return {
        "CONFIRMED": None,
        "FORCE_CHANGE_PASSWORD": None,
        "UNCONFIRMED": "awaiting_confirmation",
        "RESET_REQUIRED": "awaiting_password_reset",
    }.get(user["UserStatus"], "unsupported_status")


def by_factor(user: User, setting: Setting) -> str | None:
    """Row 8."""
    factors = user["UserMFASettingList"]
    passkey = setting.passkeys and "WEB_AUTHN" in user["ConfiguredUserAuthFactors"]
    found = {
        "has_totp": "SOFTWARE_TOKEN_MFA" in factors,
        "has_email_mfa": "EMAIL_OTP" in factors,
        "has_passkey": passkey,
    }
    return next((name for name, there in found.items() if there and name not in setting.despite), None)
