"""The reports of a run directory, from its journal alone; `report` and every command's end are the same."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from migrate_mfa.clock import SystemClock
from migrate_mfa.domain.errors import RunDirectoryError
from migrate_mfa.journal.database import Journal
from migrate_mfa.journal.lock import is_locked
from migrate_mfa.journal.progress_note import progress_of
from migrate_mfa.journal.report_store import PassRecord, ReportStore
from migrate_mfa.ports import ProgressUpdate
from migrate_mfa.reports.outcomes import write_outcomes
from migrate_mfa.reports.summary import summarise, write_summary

DIRECTORY = "report"


def write_reports(journal: Journal) -> dict[str, Any]:
    """Write the outcome CSVs and summary.json. Returns the summary.

    Raises:
        RunDirectoryError: they cannot be written.
    """
    store, meta = ReportStore(journal.database), journal.meta()
    last, summary = _last(journal, meta)
    directory = journal.directory / DIRECTORY
    try:
        if meta.get("kind") != "audit":
            write_outcomes(directory, meta.get("columns", ()), store)
        write_summary(directory, summary, last.id)
    except OSError as error:
        raise RunDirectoryError(
            f"The report in {directory} cannot be written ({error.strerror}).",
            "Nothing is lost; mend that, then: migrate-mfa report --run-dir DIR",
        ) from error
    return summary


def report(directory: Path) -> dict[str, Any]:
    """Write the reports of a run directory again."""
    with Journal.look_at(directory) as journal:
        return write_reports(journal)


def status(directory: Path) -> dict[str, Any]:
    """Where a run stands; `state` is `running` only while a process holds the directory.

    A pass that never ended, in a directory that nobody holds, was killed: `interrupted`. While it runs,
    `progress` says in which phase it is, how fast it goes, how long that will take, and how old this word
    is; where throttles hold it back, `slowed_by` says by which category, and to what rate.
    """
    with Journal.look_at(directory) as journal:
        meta = journal.meta()
        last, summary = _last(journal, meta)
    if summary["state"] == "running":
        summary |= _word_of(meta.get("standing", {}), last, SystemClock().now())
    return summary


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a run stands for one who watches: which run it is, whether it works, what it noted and when."""

    title: tuple[str, ...]
    running: bool
    progress: ProgressUpdate
    noted_at: float
    """In seconds since the epoch."""


def standing(directory: Path) -> Standing:
    """Read where a run stands, for a view that is drawn again and again.

    Raises:
        RunDirectoryError: the directory cannot be read, or holds no run.
    """
    with Journal.look_at(directory) as journal:
        meta = journal.meta()
        last, summary = _last(journal, meta)
    noted = meta.get("standing", {})
    if noted.get("pass") != last.id:
        noted = {"at": last.started_at, "stage": "starting"}
    which = f"{summary['command']} of pool {meta.get('pool_name')} ({meta.get('user_pool_id')})"
    return Standing((which, str(directory)), summary["state"] == "running", progress_of(noted), noted["at"])


def _last(journal: Journal, meta: Mapping[str, Any]) -> tuple[PassRecord, dict[str, Any]]:
    """The last pass, and its summary; one that nobody works on any more was killed.

    Raises:
        RunDirectoryError: there is none.
    """
    store = ReportStore(journal.database)
    last = store.last_pass()
    if last is None:
        raise RunDirectoryError(f"{journal.directory} holds no run yet.", "Plan or run one first.")
    summary = summarise(store, meta, last)
    if summary["state"] == "running" and not is_locked(journal.directory):
        summary["state"] = "interrupted"
    return last, summary


def _word_of(noted: Mapping[str, Any], last: PassRecord, now: float) -> dict[str, Any]:
    """What the pass that runs has noted of itself; a pass before it has left nothing to believe."""
    if noted.get("pass") != last.id:
        noted = {"at": last.started_at, "stage": "starting"}
    left = noted.get("seconds_left")
    found: dict[str, Any] = {
        "progress": {
            "phase": noted["stage"],
            "done": noted.get("done"),
            "total": noted.get("total"),
            "rates": {category: round(rate, 1) for category, rate in noted.get("rates", ())},
            "seconds_left": None if left is None else round(left, 1),
            "age_s": round(max(0.0, now - noted["at"]), 1),
        }
    }
    if noted.get("slowed_by"):
        found["slowed_by"] = noted["slowed_by"]
    return found
