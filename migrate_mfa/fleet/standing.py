"""The state of a target, only from its run directory, its locks and the result of its supervisor."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from migrate_mfa.domain.errors import ExitCode, MigrateMfaError
from migrate_mfa.domain.reasons import Outcome, Reason
from migrate_mfa.engine.reconcile import DriftKind
from migrate_mfa.fleet.place import REPORT, LocalPlace, Place, document, result_of
from migrate_mfa.fleet.unit import Result, State
from migrate_mfa.journal.lock import holder_of, is_locked
from migrate_mfa.journal.run_files import JOURNAL
from migrate_mfa.reports.files import SUMMARY

_DONE: Mapping[str, str] = {
    "rollback": Reason.RESTORED.value,
    "disable": Reason.MFA_DISABLED.value,
}
_BY_ROWS = frozenset({"run", "rollback", "disable"})
"""The commands that are done when no row is unprocessed."""
_ATTENTION = ("users_not_read", "waiting_for_max_sms")
"""The counts of a reconcile of users with whom it is not done."""


_REFUSALS = frozenset(
    {ExitCode.USAGE, ExitCode.INPUT, ExitCode.POOL_NOT_READY, ExitCode.NOT_ALLOWED, ExitCode.RUN_DIRECTORY}
)
"""The exit codes of commands that reported their error: their summary is complete."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """The progress that a command at work has noted."""

    done: int | None = None
    total: int | None = None
    seconds_left: float | None = None
    slowed_by: str = ""
    at: float = 0.0
    """The time of the note, in seconds since the epoch."""
    verb: str = ""
    """The command at work, if it is known."""
    who: str = ""
    """The process of this command, if it is known."""
    renewed_s: float | None = None
    """Seconds since its lease was renewed; None for a lock of this machine, which ends with its owner."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What the last command of a target found that a person has to look at; empty if nothing."""

    drift: Mapping[str, int] = field(default_factory=dict)
    """Users who are no longer protected, by kind."""
    failed: Mapping[str, int] = field(default_factory=dict)
    """Failed rows by reason."""
    not_met: float | None = None
    """The share that `--fail-under` requires, if an audit found a lower one."""
    attention: Mapping[str, int] = field(default_factory=dict)
    """Users who need attention for another reason, by its name in the summary."""
    recovered_to: str = ""
    """The time to which a point-in-time recovery has restored the pool, if a reconcile found one."""
    repairable: bool = False
    """Whether `--repair` may restore some of the drift."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """The state of a target."""

    state: State
    exit_code: int | None = None
    error: str = ""
    verb: str = ""
    """The last command, if there was one."""
    counts: Mapping[str, int] = field(default_factory=dict)
    """Rows by outcome; after an audit, users by the state of their phone number."""
    found: Found = field(default_factory=Found)
    account: str | None = None
    """The account, if the summary has it."""
    progress: Progress | None = None
    first: str = ""
    """The verb that must come before the last one, which was refused for that."""


def read_standing(place: Place, name: str) -> Standing:
    """The current state of a target.

    Raises:
        MigrateMfaError: the run directory of the fleet cannot be read.
    """
    progress = working(place, name)
    result = result_of(place, name)
    if progress is None and result is not None and result.begins and result.verb != "check":
        return _lost(place, name, result)
    summary = read_summary(place, name)
    if result is not None and summary and not _is_last(result, summary):
        result = None
    return standing_of(result, summary, progress)


def _lost(place: Place, name: str, result: Result) -> Standing:
    """The state of a target whose supervisor ended before its command: on this machine from the journal."""
    found = _journaled(place, name)
    if not found:
        summary = read_summary(place, name)
        found = {} if _is_last(result, summary) else summary  # its command was not killed
    if found.get("command") == result.verb:
        return standing_of(None, found, None)
    told = f"How far it came: migrate-mfa status --run-dir {place.named(name)}"
    return Standing(state=State.INTERRUPTED, verb=result.verb, error=told)


def latest_summary(place: Place, name: str) -> Mapping[str, object]:
    """The summary of a target; if its command was killed, from the journal where that is on this machine."""
    result = result_of(place, name)
    lost = result is not None and result.begins
    return (_journaled(place, name) if lost else {}) or read_summary(place, name)


def _journaled(place: Place, name: str) -> Mapping[str, object]:
    """The summary that the journal of a target shows; empty in a bucket, or if there is no usable journal."""
    if isinstance(place, LocalPlace):
        from migrate_mfa.reports.from_journal import status

        with suppress(MigrateMfaError):
            return status(place.path / name)
    return {}


def _is_last(result: Result, summary: Mapping[str, object]) -> bool:
    """Whether no other command ended since; a check changes nothing, so the summary is shown again."""
    return result.verb != "check" and mark_of(summary) in {"", result.mark}


def read_summary(place: Place, name: str) -> Mapping[str, object]:
    """The `report/summary.json` of a target; empty if there is none."""
    return document(place.read(f"{name}/{REPORT}/{SUMMARY}"))


def mark_of(summary: Mapping[str, object]) -> str:
    """Identifies the command of a summary; empty if it has not ended."""
    facts = [str(summary.get(name)) for name in ("command", "started_at", "elapsed_s")]
    return " ".join(facts) if summary.get("ended_at") else ""


def standing_of(result: Result | None, summary: Mapping[str, object], progress: Progress | None) -> Standing:
    """Combine what is known about a target.

    Args:
        result: the end of its last command; None if no supervisor has noted it.
        summary: its `report/summary.json`; empty if there is none.
        progress: of the command at work; None if none is at work.
    """
    account = str(summary["account"]) if summary.get("account") else None
    known = Standing(
        state=State.WAITING,
        verb=str(summary.get("command") or ""),
        counts=counts_of(summary),
        found=found_in(summary),
        account=account,
    )
    if progress is not None:
        known = _of_verb(known, progress.verb or known.verb)
        return replace(known, state=State.RUNNING, progress=progress)
    if result is not None:
        refused = result.exit_code in _REFUSALS
        known = replace(known, verb=result.verb) if refused else _of_verb(known, result.verb)
        return replace(
            known, state=result.state, exit_code=result.exit_code, error=result.error, first=result.first
        )
    if not summary:
        return known
    code = end_of(summary)
    return replace(known, state=State.INTERRUPTED if code is None else State.FINISHED, exit_code=code)


def _of_verb(known: Standing, verb: str) -> Standing:
    """The facts of a summary for a command; of another command, its counts tell nothing."""
    return known if verb == known.verb else replace(known, verb=verb, counts={}, found=Found())


def end_of(summary: Mapping[str, object]) -> ExitCode | None:
    """The exit code of a command that has done all its work, by its summary; None if work may be left.

    If a signal arrives while the last rows are written, the command ends as interrupted, but no row is left.
    """
    command, counts = summary.get("command"), _numbers(summary)
    by_rows = command in _BY_ROWS and "users_done" in summary and counts.get(Outcome.UNPROCESSED) == 0
    if not by_rows and summary.get("state") not in {"finished", "planned"}:
        return None
    found = found_in(summary)
    if found.not_met is not None or found.drift.keys() - {DriftKind.USER_GONE} or summary.get("drift_new"):
        return ExitCode.NOT_MET
    failed = summary.get("failed_now", counts.get(Outcome.FAILED))
    return ExitCode.SOME_FAILED if command != "plan" and failed else ExitCode.DONE


def counts_of(summary: Mapping[str, object]) -> dict[str, int]:
    """The counts of a summary; an audit counts users.

    A rollback and a disable record `skipped` for every changed user: they are counted by reason instead.
    """
    counts = _numbers(summary)
    done = _DONE.get(str(summary.get("command")), "")
    reasons = summary.get("reasons")
    skipped = reasons.get(Outcome.SKIPPED) if isinstance(reasons, dict) else None
    if done and isinstance(skipped, dict) and (number := int(skipped.get(done, 0))):
        counts = {done: number, **counts, Outcome.SKIPPED.value: counts.get(Outcome.SKIPPED, 0) - number}
    return counts


def found_in(summary: Mapping[str, object]) -> Found:
    """What a summary has that a person has to look at."""
    reasons, options = summary.get("reasons"), summary.get("options")
    wanted = options.get("fail_under") if isinstance(options, dict) else None
    half_done = summary.get("half_done")
    others = _integers(half_done) | _integers({name: summary.get(name) or 0 for name in _ATTENTION})
    required = wanted if isinstance(wanted, float) and summary.get("state") == "finished" else 0.0
    return Found(
        drift=(drift := _integers(summary.get("drift"))),
        repairable=bool(
            drift.get(DriftKind.MFA_OFF) and not (isinstance(options, dict) and options.get("repair"))
        ),
        failed=_integers(reasons.get(Outcome.FAILED)) if isinstance(reasons, dict) else {},
        attention={name: number for name, number in others.items() if number},
        recovered_to=str(summary.get("recovered_to") or ""),
        not_met=required if share_of(_numbers(summary)) < required else None,
    )


def share_of(counts: Mapping[str, int]) -> float:
    """The part of the users of an audit with a verified phone; 0 if there are none."""
    return counts.get("verified", 0) / max(1, sum(counts.values()))


def _numbers(summary: Mapping[str, object]) -> dict[str, int]:
    return _integers(summary.get("total" if summary.get("command") == "audit" else "counts"))


def _integers(found: object) -> dict[str, int]:
    return {str(name): int(number) for name, number in found.items()} if isinstance(found, dict) else {}


def working(place: Place, name: str) -> Progress | None:
    """The progress of the command at work on a target; None if none is at work."""
    if isinstance(place, LocalPlace):
        return _working_here(place.path / name)
    from migrate_mfa.remote.holder import readable
    from migrate_mfa.remote.names import LOCK

    stored = place.get(f"{name}/{LOCK}")
    holder = readable(stored) if stored else None
    if stored is None or holder is None or not holder.holds(stored.at):
        return None
    return replace(
        progress_of(holder.progress or {}),
        verb=holder.command,
        who=holder.who,
        renewed_s=max(0.0, stored.at - holder.renewed_at),
    )


def _working_here(directory: Path) -> Progress | None:
    if not is_locked(directory):
        return None
    nothing_yet = Progress(who=holder_of(directory))
    if not (directory / JOURNAL).exists():
        return nothing_yet
    from migrate_mfa.reports.from_journal import standing

    try:
        found = standing(directory)
    except MigrateMfaError:
        return nothing_yet  # its journal is not complete yet
    return replace(
        nothing_yet,
        done=found.progress.done,
        total=found.progress.total,
        seconds_left=found.progress.seconds_left,
        slowed_by=found.progress.slowed_by,
        at=found.noted_at,
        verb=found.command,
    )


def progress_of(noted: Mapping[str, object]) -> Progress:
    """The progress in a lease; the lease of an older version has none."""
    done, total, left = (noted.get(name) for name in ("done", "total", "seconds_left"))
    at = noted.get("at")
    return Progress(
        done=done if isinstance(done, int) else None,
        total=total if isinstance(total, int) else None,
        seconds_left=float(left) if isinstance(left, int | float) else None,
        slowed_by=str(noted.get("slowed_by") or ""),
        at=float(at) if isinstance(at, int | float) else 0.0,
    )
