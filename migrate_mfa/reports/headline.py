"""A run in one sentence, and the next command: the beginning of its page."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from math import ceil
from typing import TYPE_CHECKING

from migrate_mfa.domain.errors import CostLimitExceeded, MigrateMfaError, SmsLimitExceeded
from migrate_mfa.domain.reasons import Outcome, Reason
from migrate_mfa.journal.run_dir import shown
from migrate_mfa.reports.command_results import AuditResult, ReconcileResult
from migrate_mfa.reports.next_command import Next, as_written, safe_path

if TYPE_CHECKING:
    from migrate_mfa.reports.audit_facts import AuditFacts
    from migrate_mfa.reports.summary import Summary

GOOD, WAIT, BAD = "good", "wait", "bad"
_ENDED_EARLY = frozenset({"stopped", "interrupted"})
_USER_GONE = "user_gone"
UNCHANGED = "ended_unchanged"
"""The key in a pass that ended before its first write: why."""
DECLINED = "declined"
ENDED_BY = "ended_by"
"""The key for the name of the error that ended a pass."""
MAY_COST = "may_cost"
"""The key for the possible cost of a pass that was refused because of it, in the operator's currency."""
AT_LIMIT = "ended_at_limit"
"""The key for the operator's option that ended a pass before all rows were done."""

_REFUSALS = frozenset({CostLimitExceeded.__name__, SmsLimitExceeded.__name__})


def ending(problem: MigrateMfaError | None, limit: str) -> Mapping[str, object]:
    """What ended a pass early, under the keys above.

    Args:
        problem: the error, if there was one.
        limit: the operator's option, if it was one.
    """
    found: dict[str, object] = {AT_LIMIT: limit} if limit else {}
    if problem is not None:
        found[ENDED_BY] = type(problem).__name__
    if isinstance(problem, CostLimitExceeded):
        found[MAY_COST] = float(problem.may_cost)
    return found


def state_in_words(state: str, extra: Mapping[str, object]) -> str:
    """How a pass ended, in words: the operator's wish, or `stopped` if it was none.

    Args:
        state: the state of the pass.
        extra: the other members of the pass.
    """
    if state == "stopped" and extra.get(UNCHANGED) == DECLINED:
        return "declined, nothing was changed"
    if state == "stopped" and extra.get(ENDED_BY) in _REFUSALS:
        return "refused"
    if state == "stopped" and AT_LIMIT in extra:
        return f"ended at {extra[AT_LIMIT]}"
    return state


@dataclass(frozen=True, slots=True)
class Headline:
    """A sentence by its key, with its numbers, its mood (good, wait or bad), and the next command if any."""

    tone: str
    key: str
    values: Mapping[str, int | str] = field(default_factory=dict)
    advice: str = ""
    command: str | None = None
    percent: tuple[float, float] | None = None
    """Part and whole of the sentence's {share}, if it has one."""


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
    """The headline of a run directory, from its last pass.

    Args:
        summary: the summary of that pass.
        planned: how many rows are planned and not done.
        lines: makes commands.
        audit: the facts of a finished audit, if it is one.
    """
    if summary.meta.phase == "purged":
        return Headline(WAIT, "audit_purged" if summary.meta.kind == "audit" else "purged")
    if summary.meta.kind == "audit":
        return _of_audit(summary, lines, audit)
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
        return _of_audit_cut_short(summary, values, lines)
    if not audit.users:
        return Headline(BAD, "audit_empty", values, "audit_again", again)
    if audit.users == audit.verified:
        return Headline(GOOD, "audit_full", values)
    plan = lines.list_as_roster("unverified")
    return Headline(WAIT, "audited", values, "audit_plan", plan, (audit.verified, audit.users))


def _of_audit_cut_short(summary: "Summary", values: Mapping[str, int], lines: Next) -> Headline:
    if allows := _allowing_cost(summary, lines):
        again = allows.here("audit", "--user-pool-id", lines.pool_id)
        return Headline(WAIT, "audit_cost", {**values, **_cost(summary)}, "allow_cost", again)
    key = "audit_shallow" if AuditResult.of(summary.done.extra).list_complete else "audit_stopped"
    again = lines.here("audit", "--user-pool-id", lines.pool_id)
    return Headline(BAD, key, values, "audit_again", again)


def _refused(summary: "Summary", values: Mapping[str, int], lines: Next) -> Headline | None:
    """The headline of a plan that must not be applied: too many of its rows have failed."""
    if summary.meta.usable is False and values["failed"] and summary.state != "running":
        return Headline(BAD, "plan_refused", values, "fix_plan", _plan_again(summary, lines))
    return None


def _of_plan(summary: "Summary", values: Mapping[str, int], lines: Next) -> Headline:
    if not values["open"]:
        return Headline(GOOD, "plan_nothing", values, "audit", lines.audit())
    if too_dear := _too_many_sms(summary, lines) or _too_dear(summary, lines):
        return too_dear
    return Headline(GOOD, "planned", values, "run", lines.here("run"))


def _too_many_sms(summary: "Summary", lines: Next) -> Headline | None:
    """The headline of a plan that is refused because of its SMS, with the command that allows them."""
    expected = summary.meta.sms_expected
    allowed = int(summary.done.context.options.get("max_sms") or 0)
    if expected <= allowed:
        return None
    allows = replace(lines, options={**lines.options, "max_sms": expected})
    told: dict[str, int | str] = {"command": summary.done.command, "sms": expected, "allowed": allowed}
    return Headline(WAIT, "refused_sms", told, "allow_sms", allows.resume())


def _too_dear(summary: "Summary", lines: Next) -> Headline | None:
    """The headline of a pass that was refused because of its cost, with the command that allows it."""
    allows = _allowing_cost(summary, lines)
    if allows is None:
        return None
    told: dict[str, int | str] = {"command": summary.done.command, **_cost(summary)}
    return Headline(WAIT, "refused_cost", told, "allow_cost", allows.resume())


def _allowing_cost(summary: "Summary", lines: Next) -> Next | None:
    """Makes commands that allow the cost because of which a pass was refused; None if it was not."""
    may_cost = summary.done.extra.get(MAY_COST)
    if may_cost is None:
        return None
    return replace(lines, options={**lines.options, "max_cost": _up_to_a_cent(may_cost)})


def _cost(summary: "Summary") -> dict[str, int | str]:
    """The possible cost of a pass that was refused because of it, and the allowed cost."""
    may_cost, allowed = summary.done.extra[MAY_COST], summary.done.context.options["max_cost"]
    return {"cost": f"{_up_to_a_cent(may_cost):,.2f}", "allowed": str(allowed)}


def _up_to_a_cent(amount: float) -> float:
    """An amount with two decimals that is not lower."""
    return ceil(round(amount * 100, 6)) / 100


def _plan_again(summary: "Summary", lines: Next) -> str:
    return lines.again(lines.starter, safe_path(summary.meta.roster or "") or "ROSTER")


def _early(summary: "Summary", values: Mapping[str, int], lines: Next) -> Headline | None:
    """The headline of a pass that has not finished."""
    command = summary.done.command
    told: Mapping[str, int | str] = {**values, "command": command}
    if summary.state == "running":
        return Headline(WAIT, "running", told, "status", lines.watch())
    if summary.state not in _ENDED_EARLY:
        return None
    if unchanged := summary.done.extra.get(UNCHANGED):
        return _of_nothing_changed(summary, told, lines, declined=unchanged == DECLINED)
    if not values["open"]:
        return None
    half = sum(summary.half_done.values())
    if not half and (at_limit := _at_limit(summary, told, lines)):
        return at_limit
    key, tone = ("half_done", BAD) if half else ("stopped", WAIT)
    return Headline(tone, key, {**told, "half": half}, "resume", _resume(summary, lines))


def _of_nothing_changed(
    summary: "Summary", told: Mapping[str, int | str], lines: Next, *, declined: bool
) -> Headline:
    """The headline of a pass that ended before its first write."""
    if declined:
        return Headline(WAIT, "declined", told, "again", _resume(summary, lines))
    too_many_sms = _too_many_sms(summary, lines) if summary.done.command == "run" else None
    unchanged = Headline(WAIT, "unchanged", told, "resume", _resume(summary, lines))
    return too_many_sms or _too_dear(summary, lines) or unchanged


def _at_limit(summary: "Summary", told: Mapping[str, int | str], lines: Next) -> Headline | None:
    """The headline of a pass that ended at a limit of the operator."""
    option = summary.done.extra.get(AT_LIMIT)
    name = str(option or "").removeprefix("--").replace("-", "_")
    limit = summary.done.context.options.get(name)
    if limit is None:
        return None
    told = {**told, "limit": " ".join(as_written(name, limit)) if name == "stop_after" else int(str(limit))}
    match name:
        case "max_users":
            command = _resume(summary, lines)
            advice = "last_wave" if int(told["open"]) <= int(told["limit"]) else "wave"
            return Headline(WAIT, "wave", told, advice if command else "resume", command)
        case "stop_after":
            return Headline(WAIT, "time_is_up", told, "resume", _resume(summary, lines))
        case _:
            return Headline(WAIT, "no_sms_left", told, "more_sms")


def _resume(summary: "Summary", lines: Next) -> str | None:
    """The same command once more; None if that would need names of users, which are not shown."""
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
            if summary.state in _ENDED_EARLY:
                return Headline(WAIT, "disabled", told, "resume", _resume(summary, lines))
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
    if summary.state in _ENDED_EARLY:  # it may have chosen nobody yet: the way back must not be deleted
        return Headline(WAIT, "rolled_back", told, "resume", _resume(summary, lines))
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
    if values["open"]:
        key, advice = ("left", "last_wave") if values["done"] else ("planned", "run")
        return Headline(WAIT, key, values, advice, lines.here("run"))
    if values["pending"]:
        return Headline(WAIT, "pending", values, "reconcile", lines.here("reconcile"))
    if values["failed"]:
        return Headline(WAIT, "failed", values, "failed", lines.list_as_roster("failed"))
    return Headline(GOOD, "done", values, "audit", lines.audit())
