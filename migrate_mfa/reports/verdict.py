"""A run in one sentence, and what to do next: the first thing on its page."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from migrate_mfa.domain.reasons import Outcome, Reason
from migrate_mfa.reports.next_command import safe_path

if TYPE_CHECKING:
    from migrate_mfa.reports.audit_facts import AuditFacts
    from migrate_mfa.reports.next_command import Next

GOOD, WAIT, BAD = "good", "wait", "bad"
_ENDED_EARLY = frozenset({"stopped", "interrupted"})
_USER_GONE = "user_gone"


@dataclass(frozen=True, slots=True)
class Verdict:
    """A sentence by its key, with its numbers; how it bodes; and the next command, where there is one."""

    tone: str
    key: str
    values: Mapping[str, Any] = field(default_factory=dict)
    advice: str = ""
    command: str | None = None
    percent: tuple[float, float] | None = None
    """Part and whole of the sentence's {share}, where it has one."""


def verdict(
    summary: Mapping[str, Any],
    meta: Mapping[str, Any],
    planned: int,
    lines: "Next",
    audit: "AuditFacts | None",
) -> Verdict:
    """Judge a run directory by its last pass.

    Args:
        summary: of that pass.
        meta: what the directory says about itself.
        planned: rows that are planned and not done.
        lines: makes commands.
        audit: what an audit found, where it was one.
    """
    if audit is not None:
        return _of_audit(summary, lines, audit)
    if meta.get("phase") == "purged":
        return Verdict(WAIT, "purged")
    if meta.get("phase") != "planned":
        return Verdict(BAD, "unplanned", {}, "plan", _plan_again(meta, lines))
    counts, command = summary["counts"], summary["command"]
    values = {**counts, "rows": summary["rows"], "open": planned, "command": command}
    values |= {"done": summary["rows"] - counts[Outcome.UNPROCESSED]}
    if command == "plan" and summary["state"] != "running":
        return _of_plan(meta, values, lines)
    return _early(summary, values, lines) or _of_command(summary, values, lines)


def _of_audit(summary: Mapping[str, Any], lines: "Next", audit: "AuditFacts") -> Verdict:
    values = {"users": audit.users, "lacking": audit.users - audit.verified}
    again = lines.here("audit", "--user-pool-id", lines.pool_id)
    if summary["state"] != "finished":
        return Verdict(BAD, "audit_stopped", values, "audit_again", again)
    if not audit.users:
        return Verdict(BAD, "audit_empty", values, "audit_again", again)
    if audit.users == audit.verified:
        return Verdict(GOOD, "audit_full", values)
    plan = lines.report("plan", "unverified")
    return Verdict(WAIT, "audited", values, "audit_plan", plan, (audit.verified, audit.users))


def _of_plan(meta: Mapping[str, Any], values: Mapping[str, Any], lines: "Next") -> Verdict:
    if meta.get("usable") is False and values["failed"]:
        return Verdict(BAD, "plan_refused", values, "fix_plan", _plan_again(meta, lines))
    if not values["open"]:
        return Verdict(GOOD, "plan_nothing", values, "audit", lines.pool("audit"))
    return Verdict(GOOD, "planned", values, "run", lines.here("run"))


def _plan_again(meta: Mapping[str, Any], lines: "Next") -> str:
    roster = safe_path(meta.get("roster") or "") or "ROSTER"
    return lines.roster("plan", roster, "--run-dir", lines.run_dir)


def _early(summary: Mapping[str, Any], values: Mapping[str, Any], lines: "Next") -> Verdict | None:
    """The verdict of a pass that has not come to its end."""
    if summary["state"] == "running":
        return Verdict(WAIT, "running", values, "status", lines.here("status"))
    if summary["state"] not in _ENDED_EARLY or not values["open"]:
        return None
    half = sum(summary.get("half_done", {}).values())
    key, tone = ("half_done", BAD) if half else ("stopped", WAIT)
    return Verdict(tone, key, {**values, "half": half}, "resume", lines.here(resumed_by(summary["command"])))


def resumed_by(command: str) -> str:
    """The command that does the open rows: a plan's are done by a run."""
    return {"plan": "run", "canary": "rollback"}.get(command, command)


def _of_command(summary: Mapping[str, Any], values: Mapping[str, Any], lines: "Next") -> Verdict:
    match summary["command"]:
        case "rollback":
            skipped = summary["reasons"][Outcome.SKIPPED]
            restored = skipped.get(Reason.RESTORED, 0)
            left = values["failed"] + skipped.get(Reason.CHANGED_BY_OTHERS, 0)
            tone = WAIT if left else GOOD
            return Verdict(tone, "rolled_back", {"restored": restored, "left": left})
        case "disable":
            off = summary["reasons"][Outcome.SKIPPED].get(Reason.MFA_DISABLED, 0)
            return Verdict(WAIT if values["failed"] else GOOD, "disabled", {**values, "off": off})
        case "canary":
            good = summary["state"] == "finished" and not values["failed"]
            key = "canary" if good else "canary_failed"
            return Verdict(GOOD if good else BAD, key, {}, "rollback", lines.here("rollback"))
        case _:
            return _of_users(summary, values, lines)


def _of_users(summary: Mapping[str, Any], values: Mapping[str, Any], lines: "Next") -> Verdict:
    drift = {kind: rows for kind, rows in summary.get("drift", {}).items() if kind != _USER_GONE}
    if drift:
        repair = lines.here("reconcile", "--repair")
        return Verdict(BAD, "drift", {"drift": sum(drift.values())}, "repair", repair)
    if values["pending"]:
        return Verdict(WAIT, "pending", values, "reconcile", lines.here("reconcile"))
    if values["failed"]:
        return Verdict(WAIT, "failed", values, "failed", lines.report("plan", "failed"))
    return Verdict(GOOD, "done", values, "audit", lines.pool("audit"))
