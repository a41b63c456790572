"""A run in one sentence, and what to do next: the first thing on its page."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from migrate_mfa.domain.reasons import Outcome, Reason
from migrate_mfa.reports.command_results import ReconcileResult
from migrate_mfa.reports.next_command import safe_path

if TYPE_CHECKING:
    from migrate_mfa.journal.meta import RunMeta
    from migrate_mfa.reports.audit_facts import AuditFacts
    from migrate_mfa.reports.next_command import Next
    from migrate_mfa.reports.summary import Summary

GOOD, WAIT, BAD = "good", "wait", "bad"
_ENDED_EARLY = frozenset({"stopped", "interrupted"})
_USER_GONE = "user_gone"


@dataclass(frozen=True, slots=True)
class Headline:
    """A sentence by its key, with its numbers; how it bodes; and the next command, where there is one."""

    tone: str
    key: str
    values: Mapping[str, int | str] = field(default_factory=dict)
    advice: str = ""
    command: str | None = None
    percent: tuple[float, float] | None = None
    """Part and whole of the sentence's {share}, where it has one."""


def headline(summary: "Summary", planned: int, lines: "Next", audit: "AuditFacts | None") -> Headline:
    """Judge a run directory by its last pass.

    Args:
        summary: of that pass.
        planned: rows that are planned and not done.
        lines: makes commands.
        audit: what an audit found, where it was one that has come to an end.
    """
    if summary.meta.kind == "audit":
        return _of_audit(summary, lines, audit)
    if summary.meta.phase == "purged":
        return Headline(WAIT, "purged")
    if summary.meta.phase != "planned":
        return Headline(BAD, "unplanned", {}, "plan", _plan_again(summary.meta, lines))
    total = summary.total
    done = total.rows - total.counts[Outcome.UNPROCESSED]
    values = {**total.counts, "rows": total.rows, "open": planned, "done": done}
    if summary.done.command == "plan" and summary.state != "running":
        return _of_plan(summary.meta, values, lines)
    return _early(summary, values, lines) or _of_command(summary, values, lines)


def _of_audit(summary: "Summary", lines: "Next", audit: "AuditFacts | None") -> Headline:
    again = lines.here("audit", "--user-pool-id", lines.pool_id)
    if summary.state == "running":
        return Headline(WAIT, "audit_running", {}, "status", lines.here("status"))
    if audit is None:
        return Headline(BAD, "audit_killed", {}, "audit_again", again)
    values = {"users": audit.users, "lacking": audit.users - audit.verified}
    if summary.state != "finished":
        return Headline(BAD, "audit_stopped", values, "audit_again", again)
    if not audit.users:
        return Headline(BAD, "audit_empty", values, "audit_again", again)
    if audit.users == audit.verified:
        return Headline(GOOD, "audit_full", values)
    plan = lines.report("plan", "unverified")
    return Headline(WAIT, "audited", values, "audit_plan", plan, (audit.verified, audit.users))


def _of_plan(meta: "RunMeta", values: Mapping[str, int], lines: "Next") -> Headline:
    if meta.usable is False and values["failed"]:
        return Headline(BAD, "plan_refused", values, "fix_plan", _plan_again(meta, lines))
    if not values["open"]:
        return Headline(GOOD, "plan_nothing", values, "audit", lines.pool("audit"))
    return Headline(GOOD, "planned", values, "run", lines.here("run"))


def _plan_again(meta: "RunMeta", lines: "Next") -> str:
    roster = safe_path(meta.roster or "") or "ROSTER"
    return lines.roster("plan", roster, "--run-dir", lines.run_dir)


def _early(summary: "Summary", values: Mapping[str, int], lines: "Next") -> Headline | None:
    """The headline of a pass that has not come to its end."""
    command = summary.done.command
    if summary.state == "running":
        return Headline(WAIT, "running", {**values, "command": command}, "status", lines.here("status"))
    if summary.state not in _ENDED_EARLY or not values["open"]:
        return None
    half = sum(summary.half_done.values())
    key, tone = ("half_done", BAD) if half else ("stopped", WAIT)
    told: Mapping[str, int | str] = {**values, "half": half, "command": command}
    return Headline(tone, key, told, "resume", lines.here(resumed_by(command)))


def resumed_by(command: str) -> str:
    """The command that does the open rows: a plan's are done by a run."""
    return {"plan": "run", "canary": "rollback"}.get(command, command)


def _of_command(summary: "Summary", values: Mapping[str, int], lines: "Next") -> Headline:
    skipped = summary.total.reasons[Outcome.SKIPPED]
    match summary.done.command:
        case "rollback":
            restored = skipped.get(Reason.RESTORED, 0)
            left = values["failed"] + skipped.get(Reason.CHANGED_BY_OTHERS, 0)
            tone = WAIT if left else GOOD
            return Headline(tone, "rolled_back", {"restored": restored, "left": left})
        case "disable":
            off = skipped.get(Reason.MFA_DISABLED, 0)
            return Headline(WAIT if values["failed"] else GOOD, "disabled", {**values, "off": off})
        case "canary":
            good = summary.state == "finished" and not values["failed"]
            key = "canary" if good else "canary_failed"
            return Headline(GOOD if good else BAD, key, {}, "rollback", lines.here("rollback"))
        case _:
            return _of_users(summary, values, lines)


def _of_users(summary: "Summary", values: Mapping[str, int], lines: "Next") -> Headline:
    found = ReconcileResult.of(summary.done.extra).drift or {}
    drift = {kind: rows for kind, rows in found.items() if kind != _USER_GONE}
    if drift:
        repair = lines.here("reconcile", "--repair")
        return Headline(BAD, "drift", {"drift": sum(drift.values())}, "repair", repair)
    if values["pending"]:
        return Headline(WAIT, "pending", values, "reconcile", lines.here("reconcile"))
    if values["failed"]:
        return Headline(WAIT, "failed", values, "failed", lines.report("plan", "failed"))
    return Headline(GOOD, "done", values, "audit", lines.pool("audit"))
