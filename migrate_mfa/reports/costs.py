"""What was foretold beside what has happened: users, calls, time, codes, billed users, money."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from migrate_mfa.domain.phone.normalise import NO_COUNTRY
from migrate_mfa.domain.prices import Prices
from migrate_mfa.journal.values import pool_from_json

if TYPE_CHECKING:
    from migrate_mfa.domain.model import PoolFacts
    from migrate_mfa.journal.report_store import PassRecord, ReportStore

_FOLLOWS_PLAN = frozenset({"run", "disable"})
"""The commands whose work a plan foretells."""


@dataclass(frozen=True, slots=True)
class Compared:
    """One quantity: `kind` is users, calls, time, sms, billed or money; None is not known.

    A pair is a range; times are seconds, money is in the currency of the prices.
    """

    kind: str
    foretold: int | tuple[float, float] | None
    happened: float | None
    category: str = ""


def pool_of(meta: Mapping[str, Any]) -> "PoolFacts | None":
    """The pool as the plan saw it."""
    return pool_from_json(meta["pool_facts"]) if "pool_facts" in meta else None


def compared(store: "ReportStore", meta: Mapping[str, Any], passes: Sequence["PassRecord"]) -> list[Compared]:
    """Compare the plan's forecast with the passes of `run` or `disable`; nothing without a plan."""
    forecast, pool = _forecast(meta, passes), pool_of(meta)
    if not forecast or pool is None:
        return []
    at_work = [each for each in passes if each.command in _FOLLOWS_PLAN]
    calls: Counter[str] = Counter()
    for each in at_work:
        calls.update({category: count["sent"] for category, count in store.calls(each.id).items()})
    codes = store.codes_caused() if pool.code_sms_on_unverified_write else {}
    users = store.users_written()
    billed = users + sum(each.reads_only for each in at_work)
    time, mau = forecast["seconds"], forecast["mau"]
    foretold_calls = forecast["calls"]
    found = [
        Compared("users", forecast["users"], users),
        *(Compared("calls", number, calls[name], name) for name, number in foretold_calls.items()),
        Compared("time", (time["low"], time["high"]), _seconds(at_work)),
        Compared("sms", forecast["sms"]["now"], sum(codes.values())),
        Compared("billed", (mau["low"], mau["high"]), billed),
    ]
    if cost := forecast.get("cost"):
        spent = _spent(codes, pool.code_sms_parts, billed, at_work)
        found.append(Compared("money", (float(cost["low"]), float(cost["high"])), spent))
    return found


def _forecast(meta: Mapping[str, Any], passes: Sequence["PassRecord"]) -> Mapping[str, Any]:
    """The plan's forecast; before the journal kept it, only a pass of `plan` had it."""
    earlier = (each.extra["forecast"] for each in passes if "forecast" in each.extra)
    found: Mapping[str, Any] = meta.get("forecast") or next(earlier, {})
    return found


def _seconds(passes: Sequence["PassRecord"]) -> float:
    return sum(each.seconds for each in passes if each.seconds is not None)


def _spent(codes: Mapping[str, int], parts: int, billed: int, passes: Sequence["PassRecord"]) -> float | None:
    """At the prices of the latest pass that had all that it needs; None where none had."""
    numbers = {country: number for country, number in codes.items() if country != NO_COUNTRY}
    for each in passes:
        options = each.context.get("options", {})
        sms = {country: Decimal(price) for country, price in options.get("sms_price", {}).items()}
        mau = options.get("mau_price")
        prices = Prices(sms=sms, mau=None if mau is None else Decimal(mau))
        if mau is not None and not prices.lacks(numbers):
            return float(prices.of_sms(numbers, parts) + billed * Decimal(mau))
    return None
