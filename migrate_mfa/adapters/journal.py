"""The journal: one SQLite file that is the only truth about a run, and the lock on its directory.

WAL with synchronous=FULL: what was committed survives a power cut. One connection, one writer at a time;
the engine's threads take turns. `status` and `report` open it read-only beside a running command.
"""

import errno
import fcntl
import json
import os
import sqlite3
import stat
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Self

from migrate_mfa.adapters.clock import SystemClock
from migrate_mfa.adapters.journal_schema import SCHEMA, UPGRADES, VERSION
from migrate_mfa.domain.errors import RunDirectoryError
from migrate_mfa.domain.phone import country_of

NAME = "journal.sqlite"
_CLOCK = SystemClock()
_DRAFTS = ("journal.draft", "journal.draft-journal")
_BUSY_MS = 5000
_LONGEST_NAME = 8192
_GLANCE_S = 0.1
"""`is_locked` shares a lock for a moment: who comes just then tries once more after this."""


class Database:
    """A SQLite connection that several threads share by taking turns."""

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        self.path = path
        self._lock = threading.RLock()
        self._connection = _connect(path, read_only=read_only)

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """All or nothing, on disk when it returns.

        Raises:
            RunDirectoryError: the disk is full, or the file cannot be written or read.
        """
        with self._lock, _as_run_problem(self.path):
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:  # SQLite ends it itself when the disk is full
                    self._connection.execute("ROLLBACK")
                raise

    def query(self, sql: str, *arguments: object) -> list[sqlite3.Row]:
        """The rows of one query, all of them: ask for a bounded number."""
        with self._lock, _as_run_problem(self.path):
            return self._connection.execute(sql, arguments).fetchall()

    def value(self, sql: str, *arguments: object) -> Any:  # noqa: ANN401 - whatever the column holds
        """The first column of the first row, or None."""
        found = self.query(sql, *arguments)
        return found[0][0] if found else None

    def compact(self) -> None:
        """Rewrite the file without what was deleted, so that nothing of it stays on disk."""
        with self._lock, _as_run_problem(self.path):
            self._connection.execute("PRAGMA secure_delete = ON")
            self._connection.execute("VACUUM")
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def close(self) -> None:
        """Close the connection; nothing uncommitted is kept."""
        with self._lock:
            self._connection.close()


class Journal:
    """An open run directory."""

    def __init__(self, directory: Path, database: Database, lock: int | None) -> None:
        self.directory = directory
        self.database = database
        self._lock = lock

    @classmethod
    def create_or_open(cls, directory: Path) -> Self:
        """Open the directory for work, making it if it is not there; this process alone owns it then.

        Raises:
            RunDirectoryError: locked by another process, not writable, not ours, or from a newer version.
        """
        old = os.umask(0o077)  # SQLite makes its files while we are not looking
        try:
            _make_directory(directory)
            lock = _lock(directory)
            try:
                path = directory / NAME
                if not path.exists():
                    _create(path)
                database = Database(path)
                _check_version(database, directory)
                _upgrade(database)
            except BaseException:
                os.close(lock)
                raise
        finally:
            os.umask(old)
        return cls(directory, database, lock)

    @classmethod
    def look_at(cls, directory: Path) -> Self:
        """Open it for reading only, also beside a running command.

        Raises:
            RunDirectoryError: there is no journal, or it is from a newer version.
        """
        path = directory / NAME
        if not path.is_file():
            raise RunDirectoryError(
                f"{directory} is not a run directory: it has no {NAME}.", "See --run-dir."
            )
        database = Database(path, read_only=True)
        _check_version(database, directory)
        return cls(directory, database, None)

    def meta(self) -> dict[str, Any]:
        """What the run knows about itself."""
        return {key: json.loads(value) for key, value in self.database.query("SELECT key, value FROM meta")}

    def set_meta(self, values: Mapping[str, object]) -> None:
        """Write some facts about the run."""
        with self.database.transaction() as db:
            db.executemany(
                "INSERT OR REPLACE INTO meta VALUES (?, ?)",
                [(key, json.dumps(value)) for key, value in values.items()],
            )

    def close(self) -> None:
        """Close the journal and let go of the directory."""
        self.database.close()
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def is_locked(directory: Path) -> bool:
    """Whether some process works on this directory now."""
    try:
        descriptor = os.open(directory / "lock", os.O_RDWR)
    except OSError:
        return False
    try:
        return not _try_flock(descriptor, fcntl.LOCK_SH)
    finally:
        os.close(descriptor)


def take_lock(path: Path, message: str, hint: str, sleep: Callable[[float], None] = _CLOCK.sleep) -> int:
    """Take an OS lock that dies with this process; keep the descriptor open to keep it.

    Raises:
        RunDirectoryError: another process has it; it is named where it has named itself.
    """
    descriptor = _open_lock(path)
    for pause in (0.0, _GLANCE_S):
        sleep(pause)
        if _try_flock(descriptor, fcntl.LOCK_EX):
            name_holder(path)
            return descriptor
    holder = _holder(descriptor)
    os.close(descriptor)
    raise RunDirectoryError(f"{message}{holder}", hint)


def name_holder(path: Path, directory: Path | None = None) -> None:
    """Write into a lock that we hold which process we are, and what we work on, for who comes in vain.

    It is news, no more: another user's file, which we may lock but not write, stays as it is.
    """
    named = {"pid": os.getpid(), "run_dir": str(directory.absolute()) if directory else None}
    with suppress(OSError):
        descriptor = os.open(path, os.O_WRONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
        try:
            os.ftruncate(descriptor, 0)
            os.write(descriptor, json.dumps(named).encode())
        finally:
            os.close(descriptor)


def _holder(descriptor: int) -> str:
    """A sentence that names who holds a lock; empty where that is not known.

    Anybody may have written the file, and whoever holds it now may not: what it says is not believed of a
    process that has ended, and nothing but printable text is passed on.
    """
    try:
        named = json.loads(os.pread(descriptor, _LONGEST_NAME, 0))
        pid, directory = int(named["pid"]), str(named["run_dir"] or "")
    except (OSError, OverflowError, RecursionError, ValueError, KeyError, TypeError):
        return ""
    on = f", on {directory}" if directory and directory.isprintable() else ""
    return f" It is process {pid}{on}." if _lives(pid) else ""


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except PermissionError:
        return True  # another user's
    except (OSError, OverflowError):
        return False
    return pid > 0


def _open_lock(path: Path) -> int:
    """Open a lock file, which may be another user's: owning the lock needs no right to write."""
    flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK  # opening a FIFO would wait
    try:
        descriptor = os.open(path, flags)
    except FileNotFoundError:
        # Not exclusive: two that start at once must end with the same file.
        descriptor = os.open(path, flags | os.O_CREAT, 0o600)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, f"{path.name} is not a file", str(path))
    return descriptor


def _try_flock(descriptor: int, kind: int) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in {errno.EAGAIN, errno.EACCES}:
            return False
        raise
    return True


def _lock(directory: Path) -> int:
    try:
        return take_lock(
            directory / "lock",
            f"Another process works on {directory}.",
            "Wait for it, or look with: migrate-mfa status --run-dir DIR",
        )
    except OSError as error:
        raise _not_writable(directory, error) from error


def _make_directory(directory: Path) -> None:
    try:
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise _not_writable(directory, error) from error
    foreign = [entry.name for entry in directory.iterdir()] if not (directory / NAME).exists() else []
    if set(foreign) - {"lock", "log.jsonl", "report", *_DRAFTS}:
        raise RunDirectoryError(
            f"{directory} is not empty and has no {NAME}: it is not a run directory.",
            "Give an empty or a new directory with --run-dir.",
        )


def _not_writable(directory: Path, error: OSError) -> RunDirectoryError:
    return RunDirectoryError(
        f"The run directory {directory} cannot be written ({error.strerror}).",
        "Give a directory of your own with --run-dir.",
    )


def _create(path: Path) -> None:
    """Make the file whole or not at all: a half-made journal must never look like one."""
    for name in _DRAFTS:
        path.with_name(name).unlink(missing_ok=True)
    draft = path.with_name(_DRAFTS[0])
    with _as_run_problem(path):
        connection = sqlite3.connect(draft, isolation_level=None)
        try:
            connection.executescript(f"BEGIN; {SCHEMA} PRAGMA user_version = {VERSION}; COMMIT;")
        finally:
            connection.close()
        draft.replace(path)


def _connect(path: Path, *, read_only: bool) -> sqlite3.Connection:
    with _as_run_problem(path):
        target = f"{path.absolute().as_uri()}?mode={'ro' if read_only else 'rw'}"
        connection = sqlite3.connect(target, uri=True, isolation_level=None, check_same_thread=False)
        try:
            connection.row_factory = sqlite3.Row
            connection.execute(f"PRAGMA busy_timeout = {_BUSY_MS}")
            if not read_only:
                connection.execute("PRAGMA journal_mode = WAL")
                connection.execute("PRAGMA synchronous = FULL")
        except sqlite3.Error:
            connection.close()
            raise
        return connection


def _check_version(database: Database, directory: Path) -> None:
    try:
        version = database.value("PRAGMA user_version")
    except RunDirectoryError:
        database.close()
        raise
    if version == VERSION or version in UPGRADES:
        return
    database.close()
    if version > VERSION:
        raise RunDirectoryError(
            f"{directory} was made by a newer version of migrate-mfa (journal {version}, we know {VERSION}).",
            "Update migrate-mfa, or give another --run-dir.",
        )
    raise RunDirectoryError(f"{directory / NAME} is not a journal of migrate-mfa.", "Give another --run-dir.")


def _upgrade(database: Database) -> None:
    """Make an older journal one of this version; all or nothing. A mere look reads it as it is."""
    with database.transaction() as db:
        db.create_function("country_of", 1, country_of, deterministic=True)
        for version in range(database.value("PRAGMA user_version"), VERSION):
            for statement in UPGRADES[version]:
                db.execute(statement)
        db.execute(f"PRAGMA user_version = {VERSION}")


@contextmanager
def _as_run_problem(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorname", type(error).__name__)
        raise RunDirectoryError(f"The journal {path} cannot be used ({code}).", _hint(code)) from error


def _hint(code: str) -> str:
    if code.startswith(("SQLITE_FULL", "SQLITE_IOERR")):
        return "Look at the disk (is it full?); nothing that was written is lost: run the same command again."
    if code.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB")):
        return "The file is damaged. Keep it, and start with a new --run-dir: who is done is seen as such."
    if code.startswith("SQLITE_BUSY"):
        return "Another program has it open; close that and run the same command again."
    return "Give a directory of your own, on a local disk, with --run-dir."
