"""purge: remove the personal data of a finished run."""

from collections.abc import Callable
from pathlib import Path

from migrate_mfa.domain.errors import RunDirectoryError
from migrate_mfa.domain.reasons import Outcome
from migrate_mfa.journal.database import Journal
from migrate_mfa.journal.meta import RunMeta
from migrate_mfa.journal.purge import purge_journal
from migrate_mfa.journal.report_store import ReportStore
from migrate_mfa.journal.run_dir import shown
from migrate_mfa.journal.write_store import WorkStore
from migrate_mfa.reports.files import DRAFT
from migrate_mfa.reports.from_journal import DIRECTORY, tell_of_killed
from migrate_mfa.workflows.planned_run import was_applied


def purge(
    directory: Path, confirm: Callable[[RunMeta, int], None], *, despite_pending: bool = False
) -> tuple[int, list[Path]]:
    """Remove the personal data of a run; outcomes and counts stay.

    Args:
        directory: the run directory.
        confirm: called with the run and its number of rows; raises if the operator declines.
        despite_pending: purge although users are pending, who can then never be promoted.

    Returns:
        How many rows it has, and the files in the directory that are not the tool's and stay.

    Raises:
        RunDirectoryError: rows of a run are still open or pending, or the directory cannot be used.
    """
    if not directory.is_dir():
        raise RunDirectoryError(
            f"{shown(directory)} is not there.", "List the run directories with: migrate-mfa runs"
        )
    with Journal.look_at(directory) as journal:
        meta = RunMeta.read(journal)
    with Journal.create_or_open(directory) as journal:
        tell_of_killed(journal)
        work = WorkStore(journal.database, 0)
        if work.counts().get(Outcome.UNPROCESSED) and was_applied(journal):
            raise RunDirectoryError(
                f"{shown(directory)} has rows that are not done yet.",
                "Finish the run first, or roll it back; after a purge neither is possible.",
            )
        if not despite_pending:
            _require_none_pending(directory, meta, ReportStore(journal.database))
        rows = sum(work.counts().values())
        confirm(meta, rows)
        for pattern in ("*.csv", f"*{DRAFT}"):
            for path in (directory / DIRECTORY).glob(pattern):
                path.unlink()
        purge_journal(journal.database)
    ours = {path for pattern in _OURS for path in directory.glob(pattern)}
    return rows, sorted(path for path in directory.rglob("*") if path.is_file() and path not in ours)


def _require_none_pending(directory: Path, meta: RunMeta, store: ReportStore) -> None:
    """Refuse a purge while a reconcile could still promote users; a canary has no reconcile.

    Raises:
        RunDirectoryError: says how many users are pending, and for what.
    """
    waiting = {reason: rows for outcome, reason, rows in store.counts() if outcome == Outcome.PENDING}
    if waiting and meta.kind == "run" and meta.phase != "purged":
        reasons = ", ".join(f"{rows:,} {reason}" for reason, rows in waiting.items())
        raise RunDirectoryError(
            f"{shown(directory)} has pending rows: {reasons}. After a purge they can never be promoted.",
            "Run reconcile until none is pending, or roll them back: migrate-mfa rollback --run-dir "
            f"{shown(directory)} --outcome pending. To give them up, add --despite-pending.",
        )


_OURS = (
    *("journal.sqlite*", "journal.mark", "log.jsonl", "lock", "migrate-mfa-bug-*.txt", "rehearsal/*"),
    *(f"{DIRECTORY}/*.json", f"{DIRECTORY}/report.html"),
)
"""The files without personal data, which stay in a run directory after a purge."""
