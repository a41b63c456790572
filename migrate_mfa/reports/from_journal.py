"""The reports of a run directory, only from its journal: for `report`, and for the end of every command."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from migrate_mfa.clock import SystemClock
from migrate_mfa.domain.errors import MigrateMfaError, RunDirectoryError
from migrate_mfa.journal.audit_store import AuditStore
from migrate_mfa.journal.database import Journal
from migrate_mfa.journal.lock import is_locked
from migrate_mfa.journal.meta import ProgressNote, RunMeta
from migrate_mfa.journal.report_store import PassRecord, ReportStore
from migrate_mfa.journal.run_dir import shown
from migrate_mfa.ports import ProgressUpdate
from migrate_mfa.reports.audit import write_lists
from migrate_mfa.reports.headline import ENDED_BY
from migrate_mfa.reports.languages import Lang
from migrate_mfa.reports.outcomes import write_outcomes
from migrate_mfa.reports.summary import Summary, summarise, summary_path, write_json, write_summary

if TYPE_CHECKING:
    from migrate_mfa.reports.headline import Headline

DIRECTORY = "report"
PAGE = "report.html"
Document = Mapping[str, Any]
"""A summary as plain JSON values."""


@dataclass(frozen=True, slots=True)
class Written:
    """The content of the reports: the summary, and the headline of the page.

    `fault` is the bug that prevented the page; everything else was written.
    """

    summary: Summary
    headline: "Headline | None" = None
    fault: Exception | None = None


def write_reports(journal: Journal, lang: Lang = Lang.EN) -> Written:
    """Write the outcome CSVs or an audit's lists, summary.json and report.html. Returns their content.

    After a purge there are no users to list: only summary.json and report.html are written.

    Raises:
        RunDirectoryError: they cannot be written.
    """
    store, meta = ReportStore(journal.database), RunMeta.read(journal)
    summary = _last(journal, meta)
    directory = journal.directory / DIRECTORY
    with _reported(directory, unfinished=ENDED_BY in summary.done.extra):
        if meta.kind == "audit":
            write_lists(directory, meta.audit_lists, AuditStore(journal.database))
        elif meta.phase != "purged":
            write_outcomes(directory, meta.columns, store)
        write_summary(directory, summary.as_dict(), summary.done.id)
        return _write_page(journal, summary, lang)


def _write_page(journal: Journal, summary: Summary, lang: Lang) -> Written:
    """Write the page. A fault in it must not hide how a command ended."""
    headline = None
    try:
        from migrate_mfa.reports.page import write_page  # noqa: PLC0415 - slow, and status needs none of it
        from migrate_mfa.reports.page_facts import page_of  # noqa: PLC0415 - so is this

        page = page_of(journal, summary)
        headline = page.headline
        write_page(journal.directory / DIRECTORY / PAGE, page, lang)
    except (OSError, MigrateMfaError):
        raise
    except Exception as fault:  # noqa: BLE001 - whatever it is, it is handed on
        return Written(summary, headline, fault)
    return Written(summary, headline)


def write_plan(journal: Journal) -> Written:
    """Write the page of a plan that the present command has just made.

    The lists are not written: they take 20 s for a million rows, and the end of the command writes them.

    Raises:
        RunDirectoryError: it cannot be written.
    """
    now = _last(journal, RunMeta.read(journal))
    planned = replace(now, done=replace(now.done, command="plan"), state="planned")
    with _reported(journal.directory / DIRECTORY):
        return _write_page(journal, planned, Lang.EN)


def report(directory: Path, lang: Lang = Lang.EN) -> Written:
    """Write the reports of a run directory again."""
    with Journal.look_at(directory) as journal:
        return write_reports(journal, lang)


def markdown(directory: Path, lang: Lang = Lang.EN) -> str:
    """A short form of the page of a run directory, for a ticket. Writes nothing."""
    from migrate_mfa.reports.page import as_markdown  # noqa: PLC0415 - as above
    from migrate_mfa.reports.page_facts import page_of  # noqa: PLC0415 - as above

    with Journal.look_at(directory) as journal:
        return as_markdown(page_of(journal, _last(journal, RunMeta.read(journal))), lang)


def verdict(directory: Path) -> "Headline":
    """The state of a run directory in one sentence, and the next command, as on its page.

    Raises:
        RunDirectoryError: it has no run yet.
    """
    from migrate_mfa.reports.audit_facts import audit_facts  # noqa: PLC0415 - as above
    from migrate_mfa.reports.headline import headline, next_of  # noqa: PLC0415 - as above

    with Journal.look_at(directory) as journal:
        store, last = ReportStore(journal.database), _last(journal, RunMeta.read(journal))
        audit = audit_facts(last.done, store.passes())
        return headline(last, sum(store.planned().values()), next_of(last), audit)


def tell_of_killed(journal: Journal) -> None:
    """Write the summary of each killed pass, before another pass changes the counts.

    Call it while holding the directory's lock: then no pass is working in it.

    Raises:
        RunDirectoryError: it cannot be written.
    """
    store, meta, directory = (
        ReportStore(journal.database),
        RunMeta.read(journal),
        journal.directory / DIRECTORY,
    )
    for each in store.passes():
        path = summary_path(directory, each.id, each.command)
        if each.state == "running" and _state_in(path) in {None, "running"}:
            with _reported(directory):
                write_json(path, replace(summarise(store, meta, each), state="interrupted").as_dict())


def _state_in(path: Path) -> str | None:
    """The state in a summary; None if there is no summary, or it cannot be read."""
    try:
        return str(json.loads(path.read_text(encoding="utf-8"))["state"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


@contextmanager
def _reported(directory: Path, *, unfinished: bool = False) -> Iterator[None]:
    """Tell what to do where a file cannot be written; `unfinished`: a problem ended the pass before."""
    try:
        yield
    except OSError as error:
        report = f"then: migrate-mfa report --run-dir {shown(directory.parent)}"
        raise RunDirectoryError(
            f"The report in {shown(directory)} cannot be written ({error.strerror}).",
            f"Nothing is lost. Correct that, {'then run the same command again.' if unfinished else report}",
        ) from error


def status(directory: Path) -> Document:
    """The state of a run; `state` is `running` only while a process holds the directory.

    If no process holds it and the last pass has not ended, that pass was killed: `interrupted`. While a pass
    runs, `progress` has its phase, its rates, the time left and the age of this note. If throttles slow it
    down, `slowed_by` names the category and the rate.
    """
    with Journal.look_at(directory) as journal:
        meta = RunMeta.read(journal)
        summary = _last(journal, meta)
    found = summary.as_dict()
    if summary.state == "running":
        found |= _word_of(meta.progress, summary.done, SystemClock().now())
    return found


@dataclass(frozen=True, slots=True)
class Standing:
    """The state of a run for the live view: which run, whether it is running, and its last note."""

    title: tuple[str, ...]
    running: bool
    progress: ProgressUpdate
    noted_at: float
    command: str
    """In seconds since the epoch."""


def standing(directory: Path) -> Standing:
    """Read the state of a run, for a view that is drawn repeatedly.

    Raises:
        RunDirectoryError: the directory cannot be read, or has no run.
    """
    with Journal.look_at(directory) as journal:
        meta = RunMeta.read(journal)
        summary = _last(journal, meta)
    note = _note_of(meta.progress, summary.done)
    command = summary.done.command
    which = f"{command} of pool {meta.pool_name} ({meta.user_pool_id})"
    return Standing((which, shown(directory)), summary.state == "running", note.update, note.at, command)


def _last(journal: Journal, meta: RunMeta) -> Summary:
    """The summary of the last pass; an unfinished pass without a process was killed.

    Raises:
        RunDirectoryError: there is no pass.
    """
    store = ReportStore(journal.database)
    last = store.last_pass()
    if last is None:
        raise RunDirectoryError(f"{shown(journal.directory)} holds no run yet.", "Plan or run one first.")
    return replace(summarise(store, meta, last), state=state_now(journal, last))


def state_now(journal: Journal, last: PassRecord) -> str:
    """How the last pass ended, or that it runs; an unfinished pass without a process was killed."""
    killed = last.state == "running" and not is_locked(journal.directory)
    return "interrupted" if killed else last.state


def _word_of(note: ProgressNote | None, last: PassRecord, now: float) -> dict[str, object]:
    """The progress that the running pass has noted, for scripts."""
    note = _note_of(note, last)
    update = note.update
    found: dict[str, object] = {
        "progress": {
            "phase": update.stage,
            "done": update.done,
            "total": update.total,
            "rates": {category: round(rate, 1) for category, rate in update.rates},
            "seconds_left": None if update.seconds_left is None else round(update.seconds_left, 1),
            "age_s": round(max(0.0, now - note.at), 1),
        }
    }
    if update.slowed_by:
        found["slowed_by"] = update.slowed_by
    return found


def _note_of(note: ProgressNote | None, last: PassRecord) -> ProgressNote:
    """The note of the running pass; a note of an earlier pass is ignored."""
    if note is None or note.pass_id != last.id:
        return ProgressNote(last.id, last.started_at, ProgressUpdate(stage="starting"))
    return note
