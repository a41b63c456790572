"""summary.json: one pass in numbers, for scripts; the schema is versioned.

Version history:
    1: the first.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from migrate_mfa.domain.privacy import mask_caller
from migrate_mfa.domain.reasons import Outcome
from migrate_mfa.reports.files import SUMMARY, whole_file

if TYPE_CHECKING:
    from migrate_mfa.journal.meta import RunMeta
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """One invocation in numbers: the counts of the whole run directory, and the work of this invocation."""

    meta: "RunMeta"
    done: "PassRecord"
    state: str
    total: Totals
    half_done: Mapping[str, int]
    calls: Mapping[str, Mapping[str, int]]

    @property
    def users_per_s(self) -> float | None:
        """Users done per second over the whole pass; None until it has ended, or if it does no users."""
        users, seconds = self.done.extra.get("users_done"), self.done.seconds
        return users / seconds if isinstance(users, int) and seconds is not None and seconds > 0 else None

    def as_dict(self) -> dict[str, object]:
        """The values of `summary.json`."""
        meta, done = self.meta, self.done
        return {
            "version": VERSION,
            "run_id": meta.run_id,
            "command": done.command,
            "state": self.state,
            "pool": meta.user_pool_id,
            **_columns(meta),
            "rows": self.total.rows,
            "counts": self.total.counts,
            "reasons": self.total.reasons,
            "half_done": self.half_done,
            "calls": self.calls,
            "sms_expected": meta.sms_expected,
            "users_read_only": done.reads_only,
            "started_at": iso(done.started_at),
            "ended_at": iso(done.ended_at) if done.ended_at is not None else None,
            "elapsed_s": None if done.seconds is None else round(done.seconds, 3),
            **self._evidence(),
            "rate": self._rate(),
            **done.extra,
        }

    @property
    def account(self) -> str | None:
        """The AWS account that it worked in."""
        return self.meta.account or self.done.context.account

    @property
    def region(self) -> str | None:
        """The Region, from an option or the caller's profile."""
        return self.meta.region or self.done.context.region

    @property
    def endpoint(self) -> str | None:
        """Where it sent its calls: `aws` or a URL."""
        return self.meta.endpoint or self.done.context.endpoint

    @property
    def options(self) -> Mapping[str, object]:
        """The options that decide how a roster is read, and those of the pass."""
        options = self.meta.options
        return {name: options[name] for name in _READING if name in options} | dict(self.done.context.options)

    def _evidence(self) -> dict[str, object]:
        """The evidence of what was run: caller, place, roster, policy, options and versions."""
        meta, context = self.meta, self.done.context
        policy = {
            "verification": meta.verification,
            "phone_conflict": meta.phone_conflict,
            "despite": list(meta.despite),
        }
        roster = {"name": roster_name(meta.roster), "sha256": meta.roster_sha256}
        return {
            "policy": policy if policy["verification"] else None,
            "options": self.options,
            "roster": roster if roster["sha256"] else None,
            "account": self.account,
            "region": self.region,
            "endpoint": self.endpoint,
            "caller_arn": mask_caller(context.caller_arn) if context.caller_arn else None,
            "host": context.host,
            "versions": context.versions,
        }

    def _rate(self) -> dict[str, object] | None:
        """Calls and finished users per second over the whole pass; None until it has ended."""
        seconds, users = self.done.seconds, self.users_per_s
        if seconds is None or seconds <= 0:
            return None
        return {
            "users_per_s": None if users is None else round(users, 3),
            "calls_per_s": {name: round(count["sent"] / seconds, 3) for name, count in self.calls.items()},
        }


def summarise(store: "ReportStore", meta: "RunMeta", done: "PassRecord") -> Summary:
    """The summary of one invocation, from the journal."""
    return Summary(
        meta=meta,
        done=done,
        state=done.state,
        total=totals(store),
        half_done=store.half_done(),
        calls=store.calls(done.id),
    )


def _columns(meta: "RunMeta") -> dict[str, object]:
    """The columns of the roster that are read, by content; no phone column means the pool's numbers."""
    if (labels := meta.roster_read.labels) is None:
        return {}
    phone = {} if meta.kind == "disable" else {"phone": labels.get("phone")}
    return {"columns": {**labels, **phone}, "column_notes": list(meta.roster_read.notes)}


def roster_name(roster: str | None) -> str | None:
    """The roster's file name without its folders; `-` is standard input."""
    return Path(roster).name if roster else None


def summary_path(directory: Path, pass_id: int, command: str) -> Path:
    """The file for the summary of one pass, which is kept."""
    return directory / f"summary-{pass_id}-{command}.json"


def write_summary(directory: Path, summary: Mapping[str, object], pass_id: int) -> None:
    """Write `summary.json`, and the same as `summary-N-COMMAND.json`, which is kept."""
    for path in (summary_path(directory, pass_id, str(summary["command"])), directory / SUMMARY):
        write_json(path, summary)


def write_json(path: Path, value: Mapping[str, object]) -> None:
    """Write one JSON document completely or not at all."""
    with whole_file(path, encoding="utf-8") as file:
        file.write(json.dumps(value, ensure_ascii=False, indent=2) + "\n")


def iso(epoch_s: float) -> str:
    """A moment in UTC, to the second."""
    return datetime.fromtimestamp(epoch_s, UTC).isoformat(timespec="seconds")


def verified_share(total: Mapping[str, int]) -> float:
    """The percentage of counted users with a verified phone; 100 if there are none."""
    users = sum(total.values())
    return _FULL * total["verified"] / users if users else _FULL
