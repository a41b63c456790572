"""A run in one sentence, and what to do next: the first thing on its page."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from migrate_mfa.domain.reasons import Outcome, Reason
from migrate_mfa.journal.run_dir import shown
from migrate_mfa.reports.command_results import AuditResult, ReconcileResult
from migrate_mfa.reports.next_command import Next, safe_path

if TYPE_CHECKING:
    from migrate_mfa.reports.audit_facts import AuditFacts
    from migrate_mfa.reports.summary import Summary

GOOD, WAIT, BAD = "good", "wait", "bad"
_ENDED_EARLY = frozenset({"stopped", "interrupted"})
_USER_GONE = "user_gone"
UNCHANGED = "ended_unchanged"
"""What a pass that was to write says of itself if it ended before it began to write: why."""
DECLINED = "declined"


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


def next_of(done: "Summary") -> Next:
    """Makes the command lines that follow the last pass of a run directory."""
    meta, last = done.meta, done.done
    return Next(
        run_dir=shown(meta.directory),
        pool_id=str(meta.user_pool_id),
        endpoint=done.endpoint,
        command=last.command,
        number=last.id,
        disables=meta.kind == "disable",
        deciding=meta.options,
        options=last.context.options,
    )


def headline(summary: "Summary", planned: int, lines: Next, audit: "AuditFacts | None") -> Headline:
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
        return Headline(BAD, "unplanned", {}, "plan", _plan_again(summary, lines))
    total = summary.total
    done = total.rows - total.counts[Outcome.UNPROCESSED]
    values = {**total.counts, "rows": total.rows, "open": planned, "done": done}
    if refused := _refused(summary, values, lines):
        return refused
    if summary.done.command == "plan" and summary.state != "running":
        return _of_plan(summary, values, lines)
    return _early(summary, values, lines) or _of_command(summary, values, lines)


def _of_audit(summary: "Summary", lines: Next, audit: "AuditFacts | None") -> Headline:
    again = lines.here("audit", "--user-pool-id", lines.pool_id)
    if summary.state == "running":
        return Headline(WAIT, "audit_running", {}, "status", lines.watch())
    if audit is None:
        return Headline(BAD, "audit_killed", {}, "audit_again", again)
    values = {"users": audit.users, "lacking": audit.users - audit.verified}
    if summary.state != "finished":
        whole = AuditResult.of(summary.done.extra).list_complete
        return Headline(BAD, "audit_shallow" if whole else "audit_stopped", values, "audit_again", again)
    if not audit.users:
        return Headline(BAD, "audit_empty", values, "audit_again", again)
    if audit.users == audit.verified:
        return Headline(GOOD, "audit_full", values)
    plan = lines.list_as_roster("unverified")
    return Headline(WAIT, "audited", values, "audit_plan", plan, (audit.verified, audit.users))


def _refused(summary: "Summary", values: Mapping[str, int], lines: Next) -> Headline | None:
    """A plan that must not be carried out: too many of its rows have failed."""
    if summary.meta.usable is False and values["failed"] and summary.state != "running":
        return Headline(BAD, "plan_refused", values, "fix_plan", _plan_again(summary, lines))
    return None


def _of_plan(summary: "Summary", values: Mapping[str, int], lines: Next) -> Headline:
    if not values["open"]:
        return Headline(GOOD, "plan_nothing", values, "audit", lines.audit())
    if too_dear := _too_many_sms(summary, lines):
        return too_dear
    return Headline(GOOD, "planned", values, "run", lines.here("run"))


def _too_many_sms(summary: "Summary", lines: Next) -> Headline | None:
    """A plan that is refused for its SMS, with the command that allows them."""
    expected = summary.meta.sms_expected
    allowed = int(summary.done.context.options.get("max_sms") or 0)
    if expected <= allowed:
        return None
    allows = replace(lines, options={**lines.options, "max_sms": expected})
    return Headline(WAIT, "plan_sms", {"sms": expected, "allowed": allowed}, "allow_sms", allows.resume())


def _plan_again(summary: "Summary", lines: Next) -> str:
    return lines.again(lines.starter, safe_path(summary.meta.roster or "") or "ROSTER")


def _early(summary: "Summary", values: Mapping[str, int], lines: Next) -> Headline | None:
    """The headline of a pass that has not come to its end."""
    command = summary.done.command
    told: Mapping[str, int | str] = {**values, "command": command}
    if summary.state == "running":
        return Headline(WAIT, "running", told, "status", lines.watch())
    if summary.state not in _ENDED_EARLY:
        return None
    if unchanged := summary.done.extra.get(UNCHANGED):
        if command == "run" and unchanged != DECLINED and (too_dear := _too_many_sms(summary, lines)):
            return too_dear
        key, advice = ("declined", "again") if unchanged == DECLINED else ("unchanged", "resume")
        return Headline(WAIT, key, told, advice, _resume(summary, lines))
    if not values["open"]:
        return None
    half = sum(summary.half_done.values())
    key, tone = ("half_done", BAD) if half else ("stopped", WAIT)
    return Headline(tone, key, {**told, "half": half}, "resume", _resume(summary, lines))


def _resume(summary: "Summary", lines: Next) -> str | None:
    """The same command once more; None where that would need names of users, which are not shown."""
    if summary.done.context.options.get("only_chosen"):
        return None
    return lines.resume()


def _of_command(summary: "Summary", values: Mapping[str, int], lines: Next) -> Headline:
    match summary.done.command:
        case "rollback":
            return _of_rollback(summary, values, lines)
        case "disable":
            off = summary.total.reasons[Outcome.SKIPPED].get(Reason.MFA_DISABLED, 0)
            told = {**values, "off": off}
            if values["failed"]:
                return Headline(WAIT, "disabled", told, "failed", lines.list_as_roster("failed"))
            return Headline(GOOD, "disabled", told, "undo", lines.here("rollback"))
        case "canary":
            good = summary.state == "finished" and not values["failed"]
            key = "canary" if good else "canary_failed"
            return Headline(GOOD if good else BAD, key, {}, "rollback", lines.here("rollback"))
        case _:
            return _of_users(summary, values, lines)


def _of_rollback(summary: "Summary", values: Mapping[str, int], lines: Next) -> Headline:
    skipped = summary.total.reasons[Outcome.SKIPPED]
    left = values["failed"] + skipped.get(Reason.CHANGED_BY_OTHERS, 0)
    told = {"restored": skipped.get(Reason.RESTORED, 0), "left": left}
    tone = WAIT if left else GOOD
    if summary.done.context.options.get("only_chosen"):
        if values["failed"]:
            return Headline(tone, "rolled_back", told, "restore_again")
        rest = _of_users(summary, values, lines)
        return Headline(tone, "rolled_back", told, rest.advice, rest.command)
    if values["failed"]:
        return Headline(tone, "rolled_back", told, "restore_again", lines.here("rollback"))
    return Headline(tone, "rolled_back", told, "purge", lines.here("purge"))


def _of_users(summary: "Summary", values: Mapping[str, int], lines: Next) -> Headline:
    found = ReconcileResult.of(summary.done.extra).drift or {}
    drift = {kind: rows for kind, rows in found.items() if kind != _USER_GONE}
    if drift:
        told = {"drift": sum(drift.values())}
        if summary.done.context.options.get("repair"):
            return Headline(BAD, "drift", told, "drift_left")
        return Headline(BAD, "drift", told, "repair", lines.here("reconcile", "--repair"))
    if values["pending"]:
        return Headline(WAIT, "pending", values, "reconcile", lines.here("reconcile"))
    if values["failed"]:
        return Headline(WAIT, "failed", values, "failed", lines.list_as_roster("failed"))
    return Headline(GOOD, "done", values, "audit", lines.audit())
