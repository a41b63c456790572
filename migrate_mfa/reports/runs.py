"""The run directories below a folder: the pool, roster and state of each."""

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from migrate_mfa.domain.errors import RunDirectoryError
from migrate_mfa.journal.database import NAME, Journal
from migrate_mfa.journal.meta import RunMeta
from migrate_mfa.journal.report_store import ReportStore
from migrate_mfa.journal.run_dir import shown
from migrate_mfa.reports.from_journal import state_now
from migrate_mfa.reports.headline import state_in_words
from migrate_mfa.reports.summary import iso, totals


@dataclass(frozen=True, slots=True, kw_only=True)
class RunEntry:
    """One run directory; a fact missing in its journal is None. `trouble` says why nothing is known."""

    run_dir: str
    """The operator's name of it."""
    trouble: str = ""
    command: str | None = None
    state: str | None = None
    standing: str | None = None
    """The state in words; also says that a run was purged."""
    pool_name: str | None = None
    user_pool_id: str | None = None
    roster: str | None = None
    verification: str | None = None
    counts: dict[str, int] | None = None
    """Rows by outcome."""
    at: float = 0.0
    """When the last command ended, or began if it has not ended; in seconds since 1970."""

    def as_dict(self) -> dict[str, object]:
        """The entry as JSON values."""
        found = asdict(self)
        del found["standing"]
        return {**found, "at": iso(self.at) if self.at else None}


def find_runs(folder: Path) -> list[RunEntry]:
    """Every run directory below a folder, the one with the newest work first.

    Args:
        folder: is searched with everything below it; if it does not exist, there are none.
    """
    return newest_first(entry_of(path.parent) for path in _journals(folder))


def newest_first(entries: Iterable[RunEntry]) -> list[RunEntry]:
    """The entries, the one with the newest work first."""
    return sorted(entries, key=lambda entry: (-entry.at, entry.run_dir))


def _journals(folder: Path) -> Iterator[Path]:
    return folder.rglob(NAME) if folder.is_dir() else iter(())


def entry_of(run_dir: Path) -> RunEntry:
    """The entry of one run directory."""
    try:
        with Journal.look_at(run_dir) as journal:
            return _read(journal)
    except RunDirectoryError as error:
        return RunEntry(run_dir=shown(run_dir), trouble=error.message)
    except (ValueError, KeyError, TypeError) as error:  # its content is not the expected JSON
        return RunEntry(run_dir=shown(run_dir), trouble=f"Its journal is damaged ({type(error).__name__}).")


def _read(journal: Journal) -> RunEntry:
    meta, store = RunMeta.read(journal), ReportStore(journal.database)
    last = store.last_pass()
    if last is None:
        return RunEntry(run_dir=shown(journal.directory), trouble="It holds no run yet.")
    state = state_now(journal, last)
    return RunEntry(
        run_dir=shown(journal.directory),
        command=last.command,
        state=state,
        standing="purged" if meta.phase == "purged" else state_in_words(state, last.extra),
        pool_name=meta.pool_name,
        user_pool_id=meta.user_pool_id,
        roster=meta.roster,
        verification=meta.verification if meta.kind == "run" else None,
        counts=None if meta.kind == "audit" else totals(store).counts,
        at=last.ended_at or last.started_at,
    )
