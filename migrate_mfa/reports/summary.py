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
_READING = ("phone_country", "strict_e164", "id_column", "phone_column", "encoding")
"""The options that decide how a roster is read."""


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
    total, calls = totals(store), store.calls(done.id)
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
        "calls": calls,
        "sms_expected": meta.get("sms_expected", 0),
        "users_read_only": done.reads_only,
        "started_at": iso(done.started_at),
        "ended_at": iso(done.ended_at) if done.ended_at is not None else None,
        "elapsed_s": round(done.ended_at - done.started_at, 3) if done.ended_at is not None else None,
        **_evidence(meta, done),
        "rate": _rate(calls, done),
        **done.extra,
    }


def _columns(meta: Mapping[str, Any]) -> dict[str, Any]:
    """Which columns of the roster are read, by what they hold; none of the phone means the pool's numbers."""
    if (labels := meta.get("roster_column_labels")) is None:
        return {}
    phone = {} if meta.get("kind") == "disable" else {"phone": labels.get("phone")}
    return {"columns": labels | phone, "column_notes": meta["roster_column_notes"]}


def _evidence(meta: Mapping[str, Any], done: "PassRecord") -> dict[str, Any]:
    """What shows that this was what was approved: who, where, with which roster, policy, options and tool."""
    context, verification = done.context, meta.get("verification")
    policy = {name: meta.get(name) for name in ("verification", "phone_conflict", "despite")}
    roster = {"name": roster_name(meta), "sha256": meta.get("roster_sha256")}
    return {
        "policy": policy if verification else None,
        "options": {name: meta[name] for name in _READING if name in meta} | context.get("options", {}),
        "roster": roster if roster["sha256"] else None,
        "account": meta.get("account") or context.get("account"),
        "region": meta.get("region") or context.get("region"),
        "endpoint": meta.get("endpoint") or context.get("endpoint"),
        "caller_arn": context.get("caller_arn"),
        "host": context.get("host"),
        "versions": context.get("versions"),
    }


def roster_name(meta: Mapping[str, Any]) -> str | None:
    """The roster's file name without its folders; `-` is standard input."""
    return Path(source).name if (source := meta.get("roster")) else None


def _rate(calls: Mapping[str, Mapping[str, int]], done: "PassRecord") -> dict[str, Any] | None:
    """Calls, and users done, a second over the whole pass; None while it has not ended."""
    if done.ended_at is None or (seconds := done.ended_at - done.started_at) <= 0:
        return None
    users = done.extra.get("users_done")
    return {
        "users_per_s": None if users is None else round(users / seconds, 3),
        "calls_per_s": {category: round(count["sent"] / seconds, 3) for category, count in calls.items()},
    }


def summary_path(directory: Path, pass_id: int, command: str) -> Path:
    """Where the summary of one pass stays."""
    return directory / f"summary-{pass_id}-{command}.json"


def write_summary(directory: Path, summary: Mapping[str, Any], pass_id: int) -> None:
    """Write `summary.json`, and the same as `summary-N-COMMAND.json`, which stays."""
    for path in (summary_path(directory, pass_id, summary["command"]), directory / SUMMARY):
        write_json(path, summary)


def write_json(path: Path, value: Mapping[str, Any]) -> None:
    """Write one JSON document whole or not at all."""
    with whole_file(path, encoding="utf-8") as file:
        file.write(json.dumps(value, ensure_ascii=False, indent=2) + "\n")


def iso(epoch_s: float) -> str:
    """A moment in UTC, to the second."""
    return datetime.fromtimestamp(epoch_s, UTC).isoformat(timespec="seconds")


def verified_share(total: Mapping[str, int]) -> float:
    """The percentage of counted users with a verified phone; a pool without any counts as covered."""
    users = sum(total.values())
    return _FULL * total["verified"] / users if users else _FULL
