"""Domain values as JSON text and back, for the journal."""

import json
from typing import Any
from zlib import crc32

from migrate_mfa.domain.model import (
    ClearPhone,
    MarkUnverified,
    MfaMode,
    MfaState,
    Phone,
    PhoneSignIn,
    PoolFacts,
    PreferFactor,
    SetSmsMfa,
    Step,
    StorePhone,
    UserState,
)


def steps_to_json(steps: tuple[Step, ...]) -> str:
    """The steps of a plan, in order."""
    return json.dumps([_step_to_dict(step) for step in steps])


def steps_from_json(text: str) -> tuple[Step, ...]:
    """The inverse of `steps_to_json`."""
    return tuple(_step_from_dict(item) for item in json.loads(text))


def _step_to_dict(step: Step) -> dict[str, Any]:
    match step:
        case StorePhone(phone, verified):
            return {"do": "store_phone", "phone": phone.e164, "verified": verified}
        case SetSmsMfa(enabled, preferred):
            return {"do": "set_sms_mfa", "enabled": enabled, "preferred": preferred}
        case MarkUnverified(phone):
            return {"do": "mark_unverified", "phone": phone.e164}
        case ClearPhone():
            return {"do": "clear_phone"}
        case PreferFactor(factor):
            return {"do": "prefer_factor", "factor": factor}


def _step_from_dict(item: dict[str, Any]) -> Step:
    match item["do"]:
        case "store_phone":
            return StorePhone(Phone(item["phone"]), verified=item["verified"])
        case "set_sms_mfa":
            return SetSmsMfa(enabled=item["enabled"], preferred=item["preferred"])
        case "mark_unverified":
            return MarkUnverified(Phone(item["phone"]))
        case "clear_phone":
            return ClearPhone()
        case "prefer_factor":
            return PreferFactor(item["factor"])
        case other:
            raise ValueError(f"the journal has a step {other!r} that this version does not know")


_FLAT = (
    "username",
    "sub",
    "status",
    "enabled",
    "email",
    "email_verified",
    "phone",
    "phone_verified",
    "modified",
)


def state_to_json(state: UserState) -> str:
    """A user's state as one read showed it, with a checksum: a rollback stores the number in it."""
    item: dict[str, Any] = {name: getattr(state, name) for name in _FLAT}
    if state.mfa is not None:
        item["mfa"] = {
            "enabled": sorted(state.mfa.enabled),
            "preferred": state.mfa.preferred,
            "legacy_sms": state.mfa.legacy_sms,
            "passkey": state.mfa.passkey,
        }
    return json.dumps(item | {"check": _checksum(item)})


def state_from_json(text: str) -> UserState:
    """The inverse of `state_to_json`.

    Raises:
        ValueError: the text is damaged.
    """
    item = json.loads(text)
    if item.pop("check", None) not in {None, _checksum(item)}:  # journals before version 3 have none
        raise ValueError("the checksum is another one")
    mfa = item.pop("mfa", None)
    if mfa is not None:
        mfa = MfaState(**{**mfa, "enabled": frozenset(mfa["enabled"])})
    return UserState(**item, mfa=mfa)


def _checksum(item: dict[str, Any]) -> int:
    return crc32(json.dumps({name: item[name] for name in item if name != "check"}).encode())


def pool_to_json(pool: PoolFacts) -> str:
    """The facts of a pool as the plan saw them."""
    return json.dumps({name: getattr(pool, name) for name in PoolFacts.__dataclass_fields__})


def pool_from_json(text: str) -> PoolFacts:
    """The inverse of `pool_to_json`.

    A fact that an older journal lacks has its default; one that a newer journal adds is left out.
    """
    known = {
        name: value for name, value in json.loads(text).items() if name in PoolFacts.__dataclass_fields__
    }
    recovery = known.get("recovery")
    known |= {"mfa": MfaMode(known["mfa"]), "recovery": None if recovery is None else tuple(recovery)}
    if "phone_sign_in" in known:
        known["phone_sign_in"] = PhoneSignIn(known["phone_sign_in"])
    return PoolFacts(**known)
