"""A plan in numbers, as the operator sees it at the question."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from migrate_mfa.domain.forecast import Forecast
from migrate_mfa.domain.formatting import counted, minute
from migrate_mfa.domain.reasons import Outcome
from migrate_mfa.domain.rows import SharedNumbers
from migrate_mfa.journal.meta import RunMeta
from migrate_mfa.reports.summary import roster_name


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """A plan in numbers: rows by (outcome, reason), open rows by the reason of their plan, guesses."""

    meta: RunMeta
    counts: list[tuple[str, str, int]]
    planned: dict[str, int]
    guesses: Mapping[str, int]
    details: Mapping[str, list[tuple[str, int]]]
    forecast: Forecast
    shared: SharedNumbers
    rolled_back: int
    """How many rows a rollback has ended."""

    @property
    def sentence(self) -> str:
        """A sentence about the plan: its roster and policy, when it was made, and how many rows are done."""
        rows = Counter[str]()
        for outcome, _, number in self.counts:
            rows[outcome] += number
        left = rows.pop(Outcome.UNPROCESSED, 0)
        done = ", ".join(f"{outcome.value} {rows[outcome]:,}" for outcome in Outcome if rows[outcome])
        how_far = f"{counted(left + rows.total(), 'row')}, {left:,} to do{f'; {done}' if done else ''}"
        return f"{plan_name(self.meta)}: {how_far}."


def plan_name(meta: RunMeta) -> str:
    """A plan's roster and policy, and when it was made if that is known."""
    roster = "standard input" if meta.roster == "-" else roster_name(meta.roster)
    policy = f"{meta.policy.verification}" if meta.kind == "run" else ""
    made = f"planned {minute(meta.planned_at)}" if meta.planned_at is not None else ""
    return ", ".join(part for part in (roster, policy, made) if part)
