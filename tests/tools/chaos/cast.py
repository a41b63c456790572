"""A pool, a roster, and what must become of every row and every user, by how they were made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from tests.commands.support import a_member, phone_of, pool_document, write_roster

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from random import Random

    from tests.commands.support import Ending

UPDATE: Final = "AdminUpdateUserAttributes"
PREFER: Final = "AdminSetUserMFAPreference"
ATTESTED: Final = "attested"
BY_CODE: Final = "by-code"
POLICIES: Final = (ATTESTED, BY_CODE)
STRANGERS: Final = 3
"""For each user of the roster there are so many whom it does not name."""
_LOOK_UPS_ARE_CHEAPER: Final = 10_000_000

_VERIFIED: Final = ("verified", "enrolled")
_CODE: Final = ("pending", "awaiting_code")
_TOTP_STAYS: Final = ("skipped", "has_totp")
_KINDS: Final[Mapping[str, tuple[int, Ending, Ending]]] = {
    # kind: how many of twenty, how it ends attested, how by-code
    "bare": (9, _VERIFIED, _CODE),
    "unproven_other": (2, _VERIFIED, _CODE),
    "unproven_same": (2, _VERIFIED, _CODE),
    "proven_same": (2, _VERIFIED, _VERIFIED),
    "enrolled": (1, ("verified", "already_enrolled"), ("verified", "already_enrolled")),
    "totp": (1, _TOTP_STAYS, _TOTP_STAYS),
    "disabled": (1, ("skipped", "disabled_user"), ("skipped", "disabled_user")),
    "unconfirmed": (1, ("pending", "awaiting_confirmation"), ("pending", "awaiting_confirmation")),
    "federated": (1, ("skipped", "federated_user"), ("skipped", "federated_user")),
}
_OTHER_NUMBERS: Final = 1_000_000
_WORST: Final = {"same_value_resends_code": True}
"""Whether storing an equal number again sends a code again is not documented; here it does."""


@dataclass(frozen=True, kw_only=True)
class Member:
    """A user of the roster. `writes`: the operations that it takes, each of them once."""

    name: str
    phone: str
    ending: Ending
    writes: tuple[str, ...]
    sends_code: bool

    @property
    def email(self) -> str:
        return f"{self.name}@example.com"


@dataclass(frozen=True, kw_only=True)
class Cast:
    """Everybody. `endings` by the row's number."""

    policy: str
    document: dict[str, Any]
    members: tuple[Member, ...]
    rows: tuple[tuple[str, str], ...]
    endings: dict[int, Ending]

    @property
    def max_sms(self) -> int:
        """What has to be allowed: a plan cannot know who has another factor and will get no code."""
        unknown = self.policy == BY_CODE and sum(member.ending == _TOTP_STAYS for member in self.members)
        return sum(member.sends_code for member in self.members) + unknown

    @property
    def exit_code(self) -> int:
        """How the command ends that ends by itself: some of the rows fail."""
        return 7

    def write_roster(self, path: Path) -> Path:
        return write_roster(path, self.rows)


def make_cast(random: Random, policy: str, users: int, quota: float) -> Cast:
    """Make `users` users of the roster, thrice as many others, and four rows that mean none of them anew."""
    kinds = [kind for kind, (share, _, _) in _KINDS.items() for _ in range(share * users // 20)]
    kinds += ["bare"] * (users - len(kinds))
    random.shuffle(kinds)
    members = [_member(f"user{at:04d}", kind, policy, phone_of(at)) for at, kind in enumerate(kinds)]
    people = [_in_pool(member, kind) for member, kind in zip(members, kinds, strict=True)]
    people += [_stranger(at) for at in range(STRANGERS * users)]
    people.append(a_member("other", phone=phone_of(_OTHER_NUMBERS - 1), verified=True))
    random.shuffle(people)
    rows: list[tuple[str, str, Ending]] = [(m.email, m.phone, m.ending) for m in members]
    rows.append(("nobody@example.com", phone_of(0), ("failed", "user_not_found")))
    rows.append(("user0000@example.com", "not a number", ("failed", "invalid_phone")))
    rows.append(("other@example.com", phone_of(_OTHER_NUMBERS), ("failed", "phone_differs")))
    random.shuffle(rows)
    twice = next(row for row in rows if row[2] in {_VERIFIED, _CODE})
    rows.append((twice[0], twice[1], ("skipped", "duplicate_row")))
    return Cast(
        policy=policy,
        document=pool_document(
            people, config=_config(random, policy), quotas=_quotas(quota), unsettled=_WORST
        ),
        members=tuple(members),
        rows=tuple((email, phone) for email, phone, _ in rows),
        endings={at: ending for at, (_, _, ending) in enumerate(rows, 1)},
    )


def shown(user: Mapping[str, Any]) -> tuple[object, ...]:
    """What the tool may change of a user, as the simulator's control endpoint has it."""
    attributes = user["Attributes"]
    verified = attributes.get("phone_number_verified") == "true"
    return (
        attributes.get("phone_number"),
        verified,
        tuple(user["UserMFASettingList"]),
        user["PreferredMfaSetting"],
    )


def wished(member: Member) -> tuple[object, ...]:
    """What `shown` must give of a user who was written to."""
    if member.ending == _VERIFIED:
        return (member.phone, True, ("SMS_MFA",), "SMS_MFA")
    return (member.phone, False, (), None)


def _member(name: str, kind: str, policy: str, phone: str) -> Member:
    _, attested, by_code = _KINDS[kind]
    numberless = kind in {"bare", "unproven_other"}
    if policy == ATTESTED:
        update, prefer = numberless or kind == "unproven_same", attested == _VERIFIED
    else:
        update, prefer = numberless, by_code == _VERIFIED
    return Member(
        name=name,
        phone=phone,
        ending=attested if policy == ATTESTED else by_code,
        writes=(*[UPDATE] * update, *[PREFER] * prefer),
        sends_code=update and policy == BY_CODE,
    )


def _in_pool(member: Member, kind: str) -> dict[str, Any]:
    made: Mapping[str, Mapping[str, Any]] = {
        "bare": {},
        "unproven_other": {"phone": phone_of(_OTHER_NUMBERS + int(member.name[4:]) + 1)},
        "unproven_same": {"phone": member.phone},
        "proven_same": {"phone": member.phone, "verified": True},
        "enrolled": {"phone": member.phone, "verified": True, **_prefers("SMS_MFA")},
        "totp": _prefers("SOFTWARE_TOKEN_MFA"),
        "disabled": {"Enabled": False},
        "unconfirmed": {"UserStatus": "UNCONFIRMED"},
        "federated": {"UserStatus": "EXTERNAL_PROVIDER"},
    }
    return a_member(member.name, **made[kind])


def _prefers(factor: str) -> dict[str, Any]:
    return {"UserMFASettingList": [factor], "PreferredMfaSetting": factor}


def _stranger(at: int) -> dict[str, Any]:
    phone = phone_of(2 * _OTHER_NUMBERS + at) if at % 2 else None
    return a_member(f"stranger{at:04d}", phone=phone, verified=at % 4 == 1)


def _config(random: Random, policy: str) -> dict[str, Any]:
    verifies = ["email", "phone_number"] if policy == BY_CODE else ["email"]
    config: dict[str, Any] = {"AutoVerifiedAttributes": verifies}
    if random.random() < 0.5:
        config["EstimatedNumberOfUsers"] = _LOOK_UPS_ARE_CHEAPER
    return config


def _quotas(writes: float) -> dict[str, float]:
    return {"UserRead": 2000, "UserUpdate": writes, "UserResourceUpdate": writes, "UserList": 500}
