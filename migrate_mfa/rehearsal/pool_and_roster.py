"""A pool and a roster like those of a plan, with invented users.

Both are made together, because the roster must find its users; no real address or number leaves the journal.
Everything that decisions depend on stays: the identities in a row, numbers shared by users, a user's state.
The names come from a random key that is not kept, so each rehearsal has another roster, and a run with it is
a new run.
"""

import json
import os
import secrets
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import blake2s
from pathlib import Path
from typing import TypeVar
from uuid import UUID

from migrate_mfa.checks.iam_policy import partition_of
from migrate_mfa.domain.model import (
    EMAIL_OTP,
    SMS_MFA,
    SOFTWARE_TOKEN_MFA,
    MfaState,
    PhoneSignIn,
    PoolFacts,
    UserState,
)
from migrate_mfa.domain.phone.in_pool import pool_number_problem
from migrate_mfa.domain.reasons import Reason
from migrate_mfa.journal.database import Journal
from migrate_mfa.journal.meta import RunMeta
from migrate_mfa.rehearsal.plan_reader import PlanReader, RosterRow
from migrate_mfa.reports.outcomes import write_csv
from migrate_mfa.simulator.account.users import LEGACY_SMS, STATUSES

FOLDER = "rehearsal"
_COLUMNS = ("sub", "username", "email", "phone_number", "phone_number_verified")
_ROLE, _EXTERNAL_ID = "iam::123456789012:role/rehearsal", "rehearsal"
_FIRST_NUMBER = 10_000_000  # +81 90 1…: a Japanese mobile number, like the many millions after it
_FIXED_LINE = "+81312345678"
_UNUSABLE = {Reason.NOT_SMS_CAPABLE: "+8150", Reason.INVALID_PHONE: "+81090"}
"""The beginning of numbers that replace the pool's numbers without SMS, or invalid ones."""
T = TypeVar("T")
_NAMED, _STATUS_UNKNOWN = 16, "UNKNOWN"


@dataclass(frozen=True, slots=True)
class PoolAndRoster:
    """What was written: rows, users of the roster, and other users of the pool."""

    pool_id: str
    pool_file: Path
    roster: Path
    rows: int
    users: int
    other_users: int


def write_pool_and_roster(journal: Journal, facts: PoolFacts) -> PoolAndRoster:
    """Write pool.json, users.jsonl and roster.csv into the run directory, below `rehearsal`.

    Raises:
        OSError: they cannot be written.
    """
    store, maker = PlanReader(journal.database), _Maker(facts, secrets.token_bytes(16))
    meta, count = RunMeta.read(journal), Counter[str]()
    folder = journal.directory / FOLDER
    folder.mkdir(mode=0o700, exist_ok=True)
    roster, users, pool_file = folder / "roster.csv", folder / "users.jsonl", folder / "pool.json"
    write_csv(roster, _COLUMNS, _counted(map(maker.row, store.rows()), count, "rows"))
    _write_lines(users, _counted(maker.everybody(store), count, "users"))
    other_users = max(0, facts.estimated_users - count["users"])
    # The settings that are not the pool's: the Region, and its quotas at planning.
    region = meta.region or ""
    lane = {"region": region, "enforce_quotas": True, "quotas": meta.enforced_limits}
    pool = {
        "id": f"{region}_Rehearsal",
        "name": f"rehearsal-of-{facts.name}",
        "config": pool_config(facts, partition_of(region)),
        "users_jsonl": users.name,
        "generate": {"count": other_users, "prefix": "stranger"},
    }
    _write_lines(pool_file, [{**lane, "pools": [pool]}])
    return PoolAndRoster(str(pool["id"]), pool_file, roster, count["rows"], count["users"], other_users)


def pool_config(facts: PoolFacts, partition: str = "aws") -> dict[str, object]:
    """The settings of a pool with these facts, for a pool file."""
    signs_in = ["email"] if facts.email_sign_in else []
    signs_in += ["phone_number"] if facts.phone_sign_in is not PhoneSignIn.NO else []
    first_factors = ["PASSWORD", "WEB_AUTHN"] if facts.passkeys_at_risk else ["PASSWORD"]
    held = ["phone_number"] if facts.phone_needs_proof else []
    config: dict[str, object] = {
        "MfaConfiguration": facts.mfa,
        "SmsConfiguration": {"SnsCallerArn": f"arn:{partition}:{_ROLE}", "ExternalId": _EXTERNAL_ID},
        "EstimatedNumberOfUsers": facts.estimated_users,
        "UsernameConfiguration": {"CaseSensitive": facts.case_sensitive},
        "UsernameAttributes" if _named_by_contact(facts) else "AliasAttributes": signs_in,
        "AutoVerifiedAttributes": ["phone_number"] if facts.phone_auto_verified else [],
        "UserAttributeUpdateSettings": {"AttributesRequireVerificationBeforeUpdate": held},
        "Policies": {"SignInPolicy": {"AllowedFirstAuthFactors": first_factors}},
    }
    if facts.sms_failure:
        config["SmsConfigurationFailure"] = facts.sms_failure
    if facts.recovery is not None:
        ordered = [{"Priority": place, "Name": name} for place, name in enumerate(facts.recovery, 1)]
        config["AccountRecoverySetting"] = {"RecoveryMechanisms": ordered}
    return config


def _named_by_contact(facts: PoolFacts) -> bool:
    return facts.email_is_username or facts.phone_sign_in is PhoneSignIn.USERNAME


class _Maker:
    """Gives every user in the journal another name, always the same one."""

    def __init__(self, facts: PoolFacts, key: bytes) -> None:
        self._key = key
        self._sub_is_username = _named_by_contact(facts)
        self._numbers: dict[str, str] = {}
        self._ambiguous: list[str] = []
        # If the address is the username, two local users cannot share one: such a row finds nobody.
        self._has_twins = not facts.email_is_username

    def everybody(self, store: PlanReader) -> Iterator[dict[str, object]]:
        """The users of a pool file; call `row` with all rows first."""
        yield from (self._user(state, reason) for state, reason in store.users())
        for address in self._ambiguous:
            yield from (self._twin(address, which) for which in ("one", "two"))
        for place, phone in enumerate(store.numbers_held_by_strangers()):
            name = self._name(f"holder {place}")
            attributes = {"phone_number": self._number(phone), "phone_number_verified": "false"}
            yield {"Username": name, "sub": self._sub(name), "Attributes": attributes}

    def row(self, planned: RosterRow) -> list[str]:
        """The cells of a new row that is decided like this one."""
        row, user = planned.candidate, planned.user
        if user is None:
            return self._hopeless(planned)
        address = "@" in (row.username or "")
        return [
            self._sub(user.sub) if row.sub else "",
            (self._address(user.sub) if address else self._username(user)) if row.username else "",
            self._address(user.sub) if row.email else "",
            self._number(row.phone.e164) if row.phone else "",
            "" if row.claims_verified is None else str(row.claims_verified).lower(),
        ]

    def _hopeless(self, planned: RosterRow) -> list[str]:
        """A row that finds no user, for the same reason."""
        at = f"row {planned.candidate.at.row}"
        address = self._address(at)
        match planned.reason:
            case Reason.BAD_ROW:
                return ["", "", "", self._number(at), ""]
            case Reason.INVALID_PHONE:
                return ["", "", address, "no number", ""]
            case Reason.NOT_SMS_CAPABLE:
                return ["", "", address, _FIXED_LINE, ""]
            case Reason.AMBIGUOUS_USER if self._has_twins:
                self._ambiguous.append(address)
        return ["", "", address, self._number(at), ""]

    def _user(self, state: UserState, reason: Reason | None) -> dict[str, object]:
        attributes: dict[str, str] = {}
        if state.email:
            attributes |= {"email": self._address(state.sub), "email_verified": _said(state.email_verified)}
        if state.phone:
            trouble = pool_number_problem(state.phone)
            phone = (
                self._number(state.phone, _UNUSABLE[trouble.reason]) if trouble else self._number(state.phone)
            )
            attributes |= {"phone_number": phone, "phone_number_verified": _said(state.phone_verified)}
        return {
            "Username": self._username(state),
            "sub": self._sub(state.sub),
            "UserStatus": state.status if state.status in STATUSES else _STATUS_UNKNOWN,
            "Enabled": state.enabled,
            "Attributes": attributes,
        } | _factors(state.mfa or _mfa_seen(state, reason))

    def _twin(self, address: str, which: str) -> dict[str, object]:
        name = self._name(f"{address} {which}")
        attributes = {"email": address, "email_verified": "false"}
        return {"Username": name, "sub": self._sub(name), "Attributes": attributes}

    def _username(self, user: UserState) -> str:
        if user.federated:
            return f"Google_{self._name(user.sub)}"
        if self._sub_is_username:
            return self._sub(user.sub)
        return self._address(user.sub) if "@" in user.username else self._name(user.sub)

    def _name(self, who: str) -> str:
        return f"user{self._digest(who)[:_NAMED]}"

    def _address(self, who: str) -> str:
        return f"{self._name(who)}@example.com"

    def _sub(self, who: str) -> str:
        return str(UUID(self._digest(who)))

    def _digest(self, who: str) -> str:
        return blake2s(who.encode(), key=self._key, digest_size=16).hexdigest()

    def _number(self, phone: str, prefix: str = "+8190") -> str:
        """The same new number for the same old one, so that users who share a number still do."""
        return self._numbers.setdefault(phone, f"{prefix}{_FIRST_NUMBER + len(self._numbers)}")


def _said(value: bool) -> str:  # noqa: FBT001 - a value, not a switch
    return str(value).lower()


_WITH_SMS = MfaState(enabled=frozenset({SMS_MFA}), preferred=SMS_MFA)
_SEEN = {
    Reason.ALREADY_ENROLLED: _WITH_SMS,
    Reason.HAS_TOTP: MfaState(enabled=frozenset({SOFTWARE_TOKEN_MFA}), preferred=SOFTWARE_TOKEN_MFA),
    Reason.HAS_EMAIL_MFA: MfaState(enabled=frozenset({EMAIL_OTP}), preferred=EMAIL_OTP),
    Reason.HAS_PASSKEY: MfaState(passkey=True),
}


def _mfa_seen(state: UserState, reason: Reason | None) -> MfaState | None:
    """The MFA settings that lead to this reason; None if the reason does not depend on them."""
    if reason is Reason.PHONE_DIFFERS and not state.phone_verified:
        return _WITH_SMS
    return None if reason is None else _SEEN.get(reason)


def _factors(mfa: MfaState | None) -> dict[str, object]:
    """The MFA settings of a user, as far as they are known."""
    if mfa is None:
        return {}
    factors: dict[str, object] = {
        "UserMFASettingList": sorted(mfa.enabled),
        "PreferredMfaSetting": mfa.preferred,
    }
    if mfa.legacy_sms:
        factors["MFAOptions"] = list(LEGACY_SMS)
    if mfa.passkey:
        factors["ConfiguredUserAuthFactors"] = ["PASSWORD", "WEB_AUTHN"]
    return factors


def _counted(rows: Iterable[T], count: Counter[str], what: str) -> Iterator[T]:
    for row in rows:
        count[what] += 1
        yield row


def _write_lines(path: Path, documents: Iterable[Mapping[str, object]]) -> None:
    """Write one JSON document per line, readable only by its owner."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with open(descriptor, "w", encoding="utf-8") as file:  # noqa: PTH123 - a descriptor
        file.writelines(json.dumps(document) + "\n" for document in documents)
