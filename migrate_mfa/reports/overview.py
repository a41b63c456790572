"""A plan in numbers, as the operator sees it before saying yes."""

from collections.abc import Mapping
from dataclasses import dataclass

from migrate_mfa.domain.forecast import Forecast
from migrate_mfa.domain.rows import SharedNumbers
from migrate_mfa.journal.meta import RunMeta


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """A plan in numbers: rows by (outcome, reason), open rows by the reason they would end with, guesses."""

    meta: RunMeta
    counts: list[tuple[str, str, int]]
    planned: dict[str, int]
    guesses: Mapping[str, int]
    details: Mapping[str, list[tuple[str, int]]]
    forecast: Forecast
    shared: SharedNumbers
    rolled_back: int
    """Rows that a rollback has ended."""
