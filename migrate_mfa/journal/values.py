"""Domain values as texts and back, for the journal: short, because a journal can have a million users."""

import json
from collections.abc import Mapping
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


def steps_to_text(steps: tuple[Step, ...]) -> str:
    """The steps of a plan, in order, as codes separated by blanks: `V+819012345678 S11`."""
    return " ".join(map(_code, steps))


def steps_from_text(text: str) -> tuple[Step, ...]:
    """The inverse of `steps_to_text`; it also reads the JSON of journals before version 4."""
    return tuple(map(_step, codes(text).split()))


def codes(text: str) -> str:
    """Steps as codes, from a journal of any version."""
    return " ".join(_code(_step_from_dict(item)) for item in json.loads(text)) if text[:1] == "[" else text


def _code(step: Step) -> str:
    match step:
        case StorePhone(phone, verified):
            return f"{'V' if verified else 'P'}{phone.e164}"
        case SetSmsMfa(enabled, preferred):
            return f"S{enabled:d}{preferred:d}"
        case MarkUnverified(phone):
            return f"U{phone.e164}"
        case ClearPhone():
            return "C"
        case PreferFactor(factor):
            return f"F{factor}"


def _step(code: str) -> Step:
    kind, rest = code[:1], code[1:]
    match kind:
        case "V" | "P":
            return StorePhone(Phone(rest), verified=kind == "V")
        case "S":
            return SetSmsMfa(enabled=rest[0] == "1", preferred=rest[1] == "1")
        case "U":
            return MarkUnverified(Phone(rest))
        case "C":
            return ClearPhone()
        case "F":
            return PreferFactor(rest)
        case _:
            raise ValueError(f"the journal has a step {kind!r} that this version does not know")


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


_SHORT = {
    "username": "u",
    "sub": "i",
    "status": "s",
    "enabled": "d",
    "email": "e",
    "email_verified": "ev",
    "phone": "p",
    "phone_verified": "pv",
    "modified": "t",
}
_SHORT_MFA = {"enabled": "f", "preferred": "p", "legacy_sms": "l", "passkey": "k"}
_USUAL = {
    "status": "CONFIRMED",
    "enabled": True,
    "email": None,
    "email_verified": True,
    "phone": None,
    "phone_verified": False,
}
_USUAL_MFA: dict[str, object] = {"enabled": [], "preferred": None, "legacy_sms": False, "passkey": False}
"""Values that are not written. Never change them: that would change the meaning of existing journals."""


def state_to_json(state: UserState) -> str:
    """A user's state as one read showed it, with a checksum: a rollback stores the number in it."""
    item = _shortened({name: getattr(state, name) for name in _SHORT}, _SHORT, _USUAL)
    if state.mfa is not None:
        mfa = {name: getattr(state.mfa, name) for name in _SHORT_MFA}
        item["m"] = _shortened({**mfa, "enabled": sorted(state.mfa.enabled)}, _SHORT_MFA, _USUAL_MFA)
    return json.dumps({**item, "c": _checksum(item)}, separators=(",", ":"))


def state_from_json(text: str) -> UserState:
    """The inverse of `state_to_json`; it also reads the long form of journals before version 4.

    Raises:
        ValueError: the text is damaged.
        TypeError: the text is damaged.
    """
    item = json.loads(text)
    if not isinstance(item, dict):
        raise TypeError("it is no state")
    long = "username" in item
    check = item.pop("check" if long else "c", None)
    if check != _checksum(item) and not (long and check is None):  # journals before version 3 have none
        raise ValueError("the checksum is another one")
    if not long:
        mfa = item.get("m")
        item = _lengthened(item, _SHORT, _USUAL)
        item["mfa"] = mfa if mfa is None else _lengthened(mfa, _SHORT_MFA, _USUAL_MFA)
    mfa = item.pop("mfa", None)
    if mfa is not None:
        mfa = MfaState(**{**mfa, "enabled": frozenset(mfa["enabled"])})
    return UserState(**item, mfa=mfa)


def _shortened(
    item: Mapping[str, object], short: Mapping[str, str], usual: Mapping[str, object]
) -> dict[str, Any]:
    return {short[name]: value for name, value in item.items() if name not in usual or value != usual[name]}


def _lengthened(
    item: Mapping[str, object], short: Mapping[str, str], usual: Mapping[str, object]
) -> dict[str, Any]:
    return {name: item[key] if key in item else usual[name] for name, key in short.items()}


def _checksum(item: Mapping[str, object]) -> int:
    return crc32(json.dumps(item).encode())


def pool_to_json(pool: PoolFacts) -> str:
    """The facts of a pool at planning, as JSON."""
    return json.dumps({name: getattr(pool, name) for name in PoolFacts.__dataclass_fields__})


def pool_from_json(text: str) -> PoolFacts:
    """The inverse of `pool_to_json`.

    A fact missing in an older journal gets its default; one added by a newer version is left out.
    """
    known = {
        name: value for name, value in json.loads(text).items() if name in PoolFacts.__dataclass_fields__
    }
    recovery = known.get("recovery")
    known |= {"mfa": MfaMode(known["mfa"]), "recovery": None if recovery is None else tuple(recovery)}
    if "phone_sign_in" in known:
        known["phone_sign_in"] = PhoneSignIn(known["phone_sign_in"])
    return PoolFacts(**known)
