"""The state of a run, or how its last pass ended: all of it, or as much as fits on one screen."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from migrate_mfa.cli.tables import as_json, audit, coverage, paragraph, row, title
from migrate_mfa.domain.formatting import counted, duration
from migrate_mfa.domain.privacy import masked
from migrate_mfa.domain.reasons import Outcome, Reason
from migrate_mfa.reports.headline import state_in_words
from migrate_mfa.reports.next_command import as_written

if TYPE_CHECKING:
    from migrate_mfa.reports.from_journal import Document

_SESSIONS = (
    "Sessions that exist stay valid: users are asked for a code at their next sign-in with a password."
)


def standing(summary: "Document", run_dir: Path, *, in_json: bool) -> None:
    """Print how the last pass over a run directory ended, for a directory of any kind."""
    if in_json:
        as_json(summary)
    elif "coverage" in summary:
        audit(summary, run_dir / "report" / "unverified.csv")
    else:
        _end(summary, run_dir)


def status(summary: "Document", run_dir: Path) -> None:
    """Print the state of a run on one screen, and its options; `report` prints all."""
    if "coverage" in summary:
        coverage(summary, run_dir / "report")
    else:
        _begin(summary, run_dir)
        _outcomes(summary)
        _notes(summary)
    options(summary)


_UNDOES = {"rollback": Reason.RESTORED.value, "disable": Reason.MFA_DISABLED.value}
"""The reason for which these commands are made; their reports have it among the skipped rows."""


def _begin(summary: "Document", run_dir: Path) -> None:
    """Print which run it is, its state, and for how many users it did its work."""
    title(f"{summary['command']}: {state_in_words(summary['state'], summary)}")
    if "progress" in summary:
        _now(summary["progress"])
    if summary.get("pool"):
        _which(summary)
    done = _UNDOES.get(summary["command"], "")
    if undone := _undone(summary):
        is_there = (run_dir / "report" / "skipped.csv").exists()  # not after a purge
        row(done, undone, f"{Reason(done).sentence}{' See report/skipped.csv.' if is_there else ''}")


def _undone(summary: "Document") -> int:
    done = _UNDOES.get(summary["command"], "")
    return int(summary["reasons"][Outcome.SKIPPED].get(done, 0))


def _by_outcome(summary: "Document") -> Iterator[tuple[Outcome, int, dict[str, int]]]:
    """Rows and their reasons by outcome, without the successes of a rollback or disable."""
    done = _UNDOES.get(summary["command"], "")
    for outcome in Outcome:
        reasons = {reason: rows for reason, rows in summary["reasons"][outcome].items() if reason != done}
        undone = _undone(summary) if outcome is Outcome.SKIPPED else 0
        yield outcome, summary["counts"][outcome] - undone, reasons


def _outcomes(summary: "Document") -> None:
    """Print rows by outcome, with the reasons beside them, the most frequent first."""
    for outcome, rows, reasons in _by_outcome(summary):
        found = sorted(reasons.items(), key=lambda item: -item[1])
        row(outcome.value, rows, ", ".join(f"{reason} {number:,}" for reason, number in found))


def _notes(summary: "Document") -> None:
    _half_done(summary)
    _found(summary)
    if "slowed_by" in summary:
        paragraph(f"Now {summary['slowed_by']}.")


def _end(summary: "Document", run_dir: Path) -> None:
    _begin(summary, run_dir)
    for outcome, rows, reasons in _by_outcome(summary):
        row(outcome.value, rows)
        for reason, number in reasons.items():
            row(f"  {reason}", number, Reason(reason).sentence)
    _notes(summary)
    _calls(summary["calls"])
    if summary["command"] == "run" and summary["counts"][Outcome.VERIFIED.value]:
        paragraph(_SESSIONS)


def _which(summary: "Document") -> None:
    """Print which run it is: pool, roster, policy and time."""
    roster, policy = summary.get("roster"), summary.get("policy")
    facts = [f"Pool {summary['pool']}"]
    if summary.get("account") and summary.get("region"):
        facts = [f"{facts[0]}, account {summary['account']}, Region {summary['region']}"]
    if roster and roster["name"]:
        facts.append(f"roster {'standard input' if roster['name'] == '-' else roster['name']}")
    if policy:
        facts.append(policy["verification"])
    facts.append(_when(summary["started_at"], summary.get("ended_at")))
    paragraph("; ".join(facts) + ".")


def options(summary: "Document") -> None:
    """Print the options that decided the plan and those of the last pass, without unset ones."""
    policy = {name: value for name, value in (summary.get("policy") or {}).items() if name != "verification"}
    told = {**policy, **summary.get("options", {})}
    if shown := [f"{name} {_shown(name, value)}" for name, value in told.items() if value or value == 0]:
        paragraph(f"Options: {'; '.join(shown)}.")


def _shown(name: str, value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    words = as_written(name, value)
    return ", ".join(map(masked, words) if isinstance(value, str) else words)


def _when(began: str, ended: str | None) -> str:
    """From when to when, to the minute, with each date once: `2026-11-27 21:55 to 22:40 UTC`."""
    (day, start), (last_day, end) = _day_and_time(began), _day_and_time(ended or began)
    if not ended:
        return f"since {day} {start} UTC"
    until = end if day == last_day else f"{last_day} {end}"
    return f"{day} {start}{f' to {until}' if (day, start) != (last_day, end) else ''} UTC"


def _day_and_time(moment: str) -> tuple[str, str]:
    """The date and the time (to the minute) of a time in a summary, in UTC."""
    day, _, time = moment[:16].partition("T")
    return day, time


def _half_done(summary: "Document") -> None:
    """Print how many users an interrupted pass left between two writes. A running pass always has some."""
    found = {} if summary["state"] == "running" else summary.get("half_done", {})
    if number := found.get("number_stored_mfa_off"):
        paragraph(
            f"{counted(number, 'user has', 'users have')} the number stored, but SMS MFA is not known to be "
            "switched on yet; run the same command again. See report/unprocessed.csv."
        )
    if number := found.get("mfa_off_not_given_back"):
        paragraph(
            f"{counted(number, 'user has', 'users have')} SMS MFA off again, but not everything is "
            "restored yet; run rollback again. See report/unprocessed.csv."
        )


def _found(summary: "Document") -> None:
    """Print the findings of a reconcile that are not in the rows by outcome."""
    if failed := summary.get("failed_now"):
        row("failed in this pass", failed, "report/failed.csv says who and why")
    if uncounted := summary.get("uncounted_codes"):
        row("perhaps sent a code, uncounted", uncounted, _UNCOUNTED)
    if kept := summary.get("numbers_kept"):
        row("restored, except the number", kept, "verified since, so it stays; SMS MFA is as before")
    if waiting := summary.get("waiting_for_max_sms"):
        row("waiting for --max-sms", waiting, "storing their numbers would send too many codes")
    if drift := summary.get("drift"):
        from migrate_mfa.engine.reconcile import DRIFT_DETAILS, DriftKind

        title("Enrolled, but no longer protected (report/drift.csv)")
        for kind, number in drift.items():
            new = summary.get("drift_new", {}).get(kind, 0)
            row(kind, number, f"{f'{new:,} new. ' if new else ''}{DRIFT_DETAILS[DriftKind(kind)]}")


_UNCOUNTED = "their numbers were stored while the pool began to send codes; see its AutoVerifiedAttributes"


def _now(progress: "Document") -> None:
    from migrate_mfa.cli.live_view import NEWS_S
    from migrate_mfa.cli.progress import sentence
    from migrate_mfa.ports import ProgressUpdate

    now = ProgressUpdate(
        stage=progress["phase"],
        done=progress["done"],
        total=progress["total"],
        rates=tuple(progress["rates"].items()),
        seconds_left=progress["seconds_left"],
    )
    old = progress["age_s"] > NEWS_S
    paragraph(sentence(now) + (f" (as of {duration(progress['age_s'])} ago)" if old else ""))


def _calls(calls: Mapping[str, Mapping[str, int]]) -> None:
    for category, count in calls.items():
        extra = f"{count['throttled']:,} throttled, {count['retried']:,} retried"
        row(f"calls {category}", count["sent"], extra)
