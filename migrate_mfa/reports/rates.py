"""Calls per second over time, by quota category, beside the share and the quota."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

from migrate_mfa.domain.quotas import PACED
from migrate_mfa.journal.call_rates import Span, spans_of

if TYPE_CHECKING:
    from migrate_mfa.journal.database import Database
    from migrate_mfa.journal.report_store import PassRecord
    from migrate_mfa.reports.charts import Point

_LEAST_SPANS = 3
"""Fewer points do not make a useful line."""


@dataclass(frozen=True, slots=True)
class CategoryRate:
    """One category: points and throttles are (seconds since the pass began, calls per second)."""

    category: str
    points: "Sequence[Point]"
    throttles: Sequence[tuple[float, float]]
    sent: int
    throttled: int
    mean: float
    peak: float
    share: float | None
    quota: float | None


@dataclass(frozen=True, slots=True)
class Rates:
    """One pass over time; `seconds` is its duration, `width` the length of each point's span."""

    command: str
    began: float
    seconds: float
    width: int
    categories: Sequence[CategoryRate]


def rates_of(database: "Database", passes: "Sequence[PassRecord]") -> Rates | None:
    """The rates of the latest pass (`passes` has the latest first) that was long enough for a line."""
    for each in passes:
        spans = spans_of(database, each.id)
        if not spans:
            continue
        end = max(span.at + span.width for span in spans)
        if end - min(span.at for span in spans) >= _LEAST_SPANS * spans[0].width:
            return _rates(each, spans, end)
    return None


def _rates(each: "PassRecord", spans: Sequence[Span], end: float) -> Rates:
    ended = each.ended_at or end
    limits = each.context.rates
    paced = {category.value for category in PACED}
    found = [
        _category(name, list(group), limits.get(name, {}), each.started_at, ended)
        for name, group in groupby(spans, key=lambda span: span.category)
        if name in paced
    ]
    found.sort(key=lambda rate: -rate.sent)
    return Rates(each.command, each.started_at, ended - each.started_at, spans[0].width, found)


def _category(
    name: str, spans: Sequence[Span], limits: Mapping[str, float], began: float, ended: float
) -> CategoryRate:
    """The length of a span; the first and last one count only for their part within the pass."""
    by_start = {span.at: span for span in spans}
    width = spans[0].width
    points, throttles = [], []
    for start in range(min(by_start), max(by_start) + width, width):
        lasted = min(start + width, ended) - max(start, began)
        span = by_start.get(start)
        if lasted < width / 4:  # too short for a rate
            continue
        rate = span.sent / lasted if span else 0.0
        middle = max(0.0, (max(start, began) + min(start + width, ended)) / 2 - began)
        points.append((middle, rate))
        if span and span.throttled:
            throttles.append((middle, rate))
    sent, seconds = sum(span.sent for span in spans), max(1.0, ended - began)
    return CategoryRate(
        category=name,
        points=points,
        throttles=throttles,
        sent=sent,
        throttled=sum(span.throttled for span in spans),
        mean=sent / seconds,
        peak=max((rate for _, rate in points), default=0.0),
        share=limits.get("ceiling"),
        quota=limits.get("quota"),
    )
