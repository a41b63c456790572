"""The forecast beside the actual figures: users, calls, time, codes, billed users, cost."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from migrate_mfa.domain.forecast import Foretold
from migrate_mfa.domain.phone.normalise import NO_COUNTRY
from migrate_mfa.domain.prices import Prices
from migrate_mfa.journal.values import pool_from_json
from migrate_mfa.reports.command_results import PlanResult

if TYPE_CHECKING:
    from migrate_mfa.domain.model import PoolFacts
    from migrate_mfa.journal.meta import RunMeta
    from migrate_mfa.journal.report_store import PassRecord, ReportStore

_FOLLOWS_PLAN = frozenset({"run", "disable"})
"""The commands whose work a plan forecasts."""


@dataclass(frozen=True, slots=True)
class Compared:
    """One quantity: `kind` is users, calls, time, sms, billed or money; None is not known.

    A pair is a range; times are seconds, money is in the currency of the prices.
    """

    kind: str
    foretold: int | tuple[float, float] | None
    happened: float | None
    category: str = ""


def pool_of(meta: "RunMeta") -> "PoolFacts | None":
    """The pool at planning."""
    return None if meta.pool_facts is None else pool_from_json(meta.pool_facts)


def compared(store: "ReportStore", meta: "RunMeta", passes: Sequence["PassRecord"]) -> list[Compared]:
    """Compare the plan's forecast with the passes of `run` or `disable`; nothing without a plan."""
    forecast, pool = meta.forecast or _foretold_by(passes), pool_of(meta)
    if forecast is None or pool is None:
        return []
    at_work = [each for each in passes if each.command in _FOLLOWS_PLAN]
    calls: Counter[str] = Counter()
    for each in at_work:
        calls.update({category: count["sent"] for category, count in store.calls(each.id).items()})
    codes = store.codes_caused() if pool.code_sms_on_unverified_write else {}
    users = store.users_written()
    billed = users + sum(each.reads_only for each in at_work)
    found = [
        Compared("users", forecast.users, users),
        *(Compared("calls", number, calls[name], name) for name, number in forecast.calls.items()),
        Compared("time", forecast.seconds, _seconds(at_work)),
        Compared("sms", forecast.sms, sum(codes.values())),
        Compared("billed", forecast.billed, billed),
    ]
    if forecast.cost is not None:
        spent = _spent(codes, pool.code_sms_parts, billed, at_work)
        found.append(Compared("money", forecast.cost, spent))
    return found


def _foretold_by(passes: Sequence["PassRecord"]) -> Foretold | None:
    """The forecast from a pass of `plan`, for journals of older versions."""
    found = (PlanResult.of(each.extra).forecast for each in passes)
    return next((Foretold.of(each) for each in found if each), None)


def _seconds(passes: Sequence["PassRecord"]) -> float:
    return sum(each.seconds for each in passes if each.seconds is not None)


def _spent(codes: Mapping[str, int], parts: int, billed: int, passes: Sequence["PassRecord"]) -> float | None:
    """The cost at the prices of the latest pass that had all prices needed; None if none had."""
    numbers = {country: number for country, number in codes.items() if country != NO_COUNTRY}
    for each in passes:
        options = each.context.options
        sms = {country: Decimal(price) for country, price in options.get("sms_price", {}).items()}
        mau = options.get("mau_price")
        prices = Prices(sms=sms, mau=None if mau is None else Decimal(mau))
        if mau is not None and not prices.lacks(numbers):
            return float(prices.of_sms(numbers, parts) + billed * Decimal(mau))
    return None
