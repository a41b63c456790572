"""summary.json: one pass in numbers, for scripts; the schema is versioned.

Version history:
    1: the first.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from migrate_mfa.domain.reasons import Outcome
from migrate_mfa.reports.files import SUMMARY, whole_file

if TYPE_CHECKING:
    from migrate_mfa.journal.report_store import PassRecord, ReportStore

VERSION = 1
_FULL = 100.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """Rows by outcome, and by reason within each outcome."""

    rows: int
    counts: dict[str, int]
    reasons: dict[str, dict[str, int]]


def totals(store: "ReportStore") -> Totals:
    """Count the journal's rows."""
    counts = {outcome.value: 0 for outcome in Outcome}
    reasons: dict[str, dict[str, int]] = {outcome.value: {} for outcome in Outcome}
    for outcome, reason, number in store.counts():
        counts[outcome] += number
        if reason:
            reasons[outcome][reason] = number
    return Totals(rows=sum(counts.values()), counts=counts, reasons=reasons)


def summarise(store: "ReportStore", meta: Mapping[str, Any], done: "PassRecord") -> dict[str, Any]:
    """The summary of one pass, as plain values."""
    total = totals(store)
    return {
        "version": VERSION,
        "run_id": meta.get("run_id"),
        "command": done.command,
        "state": done.state,
        "pool": meta.get("user_pool_id"),
        **_columns(meta),
        "rows": total.rows,
        "counts": total.counts,
        "reasons": total.reasons,
        "half_done": store.half_done(),
        "calls": store.calls(done.id),
        "sms_expected": meta.get("sms_expected", 0),
        "users_read_only": done.reads_only,
        "started_at": iso(done.started_at),
        "ended_at": iso(done.ended_at) if done.ended_at is not None else None,
        "elapsed_s": round(done.ended_at - done.started_at, 3) if done.ended_at is not None else None,
        **done.extra,
    }


def _columns(meta: Mapping[str, Any]) -> dict[str, Any]:
    """Which columns of the roster are read, by what they hold; none of the phone means the pool's numbers."""
    if (labels := meta.get("roster_column_labels")) is None:
        return {}
    phone = {} if meta.get("kind") == "disable" else {"phone": labels.get("phone")}
    return {"columns": labels | phone, "column_notes": meta["roster_column_notes"]}


def write_summary(directory: Path, summary: Mapping[str, Any], pass_id: int) -> None:
    """Write `summary.json`, and the same as `summary-N-COMMAND.json`, which stays."""
    text = json.dumps(summary, ensure_ascii=False, indent=2) + "\n"
    for name in (f"summary-{pass_id}-{summary['command']}.json", SUMMARY):
        with whole_file(directory / name, encoding="utf-8") as file:
            file.write(text)


def iso(epoch_s: float) -> str:
    """A moment in UTC, to the second."""
    return datetime.fromtimestamp(epoch_s, UTC).isoformat(timespec="seconds")


def verified_share(total: Mapping[str, int]) -> float:
    """The percentage of counted users with a verified phone; a pool without any counts as covered."""
    users = sum(total.values())
    return _FULL * total["verified"] / users if users else _FULL
