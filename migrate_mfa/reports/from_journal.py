"""The reports of a run directory, from its journal alone; `report` and every command's end are the same."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from migrate_mfa.clock import SystemClock
from migrate_mfa.domain.errors import RunDirectoryError
from migrate_mfa.journal.database import Journal
from migrate_mfa.journal.lock import is_locked
from migrate_mfa.journal.report_store import PassRecord, ReportStore
from migrate_mfa.reports.languages import Lang
from migrate_mfa.reports.outcomes import write_outcomes
from migrate_mfa.reports.summary import summarise, summary_path, write_json, write_summary

DIRECTORY = "report"
PAGE = "report.html"


def write_reports(journal: Journal, lang: Lang = Lang.EN) -> dict[str, Any]:
    """Write the outcome CSVs, summary.json and report.html. Returns the summary.

    Raises:
        RunDirectoryError: they cannot be written.
    """
    from migrate_mfa.reports.page import write_page  # noqa: PLC0415 - slow, and status needs none of it
    from migrate_mfa.reports.page_facts import page_of  # noqa: PLC0415 - so is this

    store, meta = ReportStore(journal.database), journal.meta()
    last, summary = _last(journal, meta)
    directory = journal.directory / DIRECTORY
    with _reported(directory):
        if meta.get("kind") != "audit":
            write_outcomes(directory, meta.get("columns", ()), store)
        write_summary(directory, summary, last.id)
        write_page(directory / PAGE, page_of(journal, meta, last, summary), lang)
    return summary


def report(directory: Path, lang: Lang = Lang.EN) -> dict[str, Any]:
    """Write the reports of a run directory again."""
    with Journal.look_at(directory) as journal:
        return write_reports(journal, lang)


def markdown(directory: Path, lang: Lang = Lang.EN) -> str:
    """The page of a run directory in short, for a ticket. Writes nothing."""
    from migrate_mfa.reports.page import as_markdown  # noqa: PLC0415 - as above
    from migrate_mfa.reports.page_facts import page_of  # noqa: PLC0415 - as above

    with Journal.look_at(directory) as journal:
        meta = journal.meta()
        return as_markdown(page_of(journal, meta, *_last(journal, meta)), lang)


def tell_of_killed(journal: Journal) -> None:
    """Write the summary of each pass that was killed, before another one changes what it counts.

    Call it with the directory's lock held: then no pass is at work in it.

    Raises:
        RunDirectoryError: it cannot be written.
    """
    store, meta, directory = ReportStore(journal.database), journal.meta(), journal.directory / DIRECTORY
    for each in store.passes():
        path = summary_path(directory, each.id, each.command)
        if each.state == "running" and _state_in(path) in {None, "running"}:
            with _reported(directory):
                write_json(path, summarise(store, meta, each) | {"state": "interrupted"})


def _state_in(path: Path) -> str | None:
    """The state that a summary names; None where there is none, or none that can be read."""
    try:
        return str(json.loads(path.read_text(encoding="utf-8"))["state"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


@contextmanager
def _reported(directory: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise RunDirectoryError(
            f"The report in {directory} cannot be written ({error.strerror}).",
            "Nothing is lost; mend that, then: migrate-mfa report --run-dir DIR",
        ) from error


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
