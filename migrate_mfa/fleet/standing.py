"""The state of a target, only from its run directory, its locks and the result of its supervisor."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path

from migrate_mfa.domain.errors import ExitCode, InputUnusable, MigrateMfaError
from migrate_mfa.domain.formatting import counted
from migrate_mfa.domain.reasons import Outcome, Reason
from migrate_mfa.fleet.place import REPORT, LocalPlace, Place, document, result_of
from migrate_mfa.fleet.unit import Result, State
from migrate_mfa.fleet.validate import AT_ONCE
from migrate_mfa.journal.lock import is_locked
from migrate_mfa.journal.run_files import JOURNAL
from migrate_mfa.reports.files import SUMMARY

_DONE: Mapping[str, str] = {
    "rollback": Reason.RESTORED.value,
    "disable": Reason.MFA_DISABLED.value,
}
_BY_ROWS = frozenset({"run", "rollback", "disable"})
"""The commands that are done when no row is unprocessed."""


_KINDS: Mapping[str, frozenset[str]] = {
    "plan": frozenset({"run"}),
    "run": frozenset({"run"}),
    "reconcile": frozenset({"run"}),
    "rollback": frozenset({"run", "disable"}),
    "disable": frozenset({"disable"}),
    "audit": frozenset({"audit"}),
}
"""The kinds of run directories that each verb can use; a check uses none."""
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
    renewed_s: float | None = None
    """Seconds since its lease was renewed; None for a lock of this machine, which ends with its owner."""


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
    account: str | None = None
    """The account, if the summary has it."""
    progress: Progress | None = None


def read_standing(place: Place, name: str) -> Standing:
    """The current state of a target.

    Raises:
        MigrateMfaError: the run directory of the fleet cannot be read.
    """
    progress = working(place, name)
    summary = read_summary(place, name)
    result = result_of(place, name)
    if result is not None and summary and not _is_last(result, summary):
        result = None
    return standing_of(result, summary, progress)


def _is_last(result: Result, summary: Mapping[str, object]) -> bool:
    """Whether no other command ended since; a check changes nothing, so the summary is shown again."""
    return result.verb != "check" and mark_of(summary) in {"", result.mark}


def read_summary(place: Place, name: str) -> Mapping[str, object]:
    """The `report/summary.json` of a target; empty if there is none."""
    return document(place.read(f"{name}/{REPORT}/{SUMMARY}"))


def require_kind(place: Place, names: Sequence[str], verb: str) -> None:
    """Refuse run directories of another kind, before any target begins.

    Raises:
        InputUnusable: at least one target has a run directory that the verb cannot use.
        MigrateMfaError: the run directory of the fleet cannot be read.
    """
    if (usable := _KINDS.get(verb)) is None:
        return
    with ThreadPoolExecutor(AT_ONCE) as threads:
        kinds = list(threads.map(lambda name: kind_of(read_summary(place, name)), names))
    others = [(name, kind) for name, kind in zip(names, kinds, strict=True) if kind and kind not in usable]
    if others:
        number, (name, kind) = len(others), others[0]
        raise InputUnusable(
            f"{place.named(name)} belongs to `{kind}`, not to `{verb}`"
            + (f", and so do those of {counted(number - 1, 'other target')}." if number > 1 else "."),
            f"Give this {verb} a --run-dir of its own, such as {place.named()}-{verb}. Nothing was begun.",
        )


def kind_of(summary: Mapping[str, object]) -> str:
    """The kind of a run directory: run, disable or audit; empty if it has no summary."""
    if not summary or summary.get("command") == "audit":
        return str(summary.get("command") or "")
    return "run" if summary.get("policy") else "disable"


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
        account=account,
    )
    if progress is not None:
        verb = progress.verb or known.verb
        counts = known.counts if verb == known.verb else {}
        return replace(known, state=State.RUNNING, progress=progress, verb=verb, counts=counts)
    if result is not None:
        complete = result.verb == known.verb or result.exit_code in _REFUSALS
        counts = known.counts if complete else {}
        return replace(
            known,
            state=result.state,
            exit_code=result.exit_code,
            error=result.error,
            verb=result.verb,
            counts=counts,
        )
    if not summary:
        return known
    code = end_of(summary)
    return replace(known, state=State.INTERRUPTED if code is None else State.FINISHED, exit_code=code)


def end_of(summary: Mapping[str, object]) -> ExitCode | None:
    """The exit code of a command that has done all its work, by its summary; None if work may be left.

    If a signal arrives while the last rows are written, the command ends as interrupted, but no row is left.
    """
    command, counts = summary.get("command"), _numbers(summary)
    by_rows = command in _BY_ROWS and "users_done" in summary and counts.get(Outcome.UNPROCESSED) == 0
    if not by_rows and summary.get("state") not in {"finished", "planned"}:
        return None
    return ExitCode.SOME_FAILED if command != "plan" and counts.get(Outcome.FAILED) else ExitCode.DONE


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


def _numbers(summary: Mapping[str, object]) -> dict[str, int]:
    found = summary.get("total") if summary.get("command") == "audit" else summary.get("counts")
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
        renewed_s=max(0.0, stored.at - holder.renewed_at),
    )


def _working_here(directory: Path) -> Progress | None:
    if not is_locked(directory):
        return None
    if not (directory / JOURNAL).exists():
        return Progress()
    from migrate_mfa.reports.from_journal import standing

    try:
        found = standing(directory)
    except MigrateMfaError:
        return Progress()  # its journal is not complete yet
    return Progress(
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
