"""The journal: one SQLite file, the only truth about a run, and the lock on its directory.

WAL with synchronous=FULL: a commit survives a power cut. The engine's threads share one connection.
"""

import json
import os
import sqlite3
import threading
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Self
from uuid import uuid4

from migrate_mfa.domain.errors import Busy, RunDirectoryError
from migrate_mfa.domain.phone.normalise import country_of
from migrate_mfa.journal.connection import Replica, as_run_problem, connect, create, require_local
from migrate_mfa.journal.lock import take_lock
from migrate_mfa.journal.run_dir import copy_of, shown, without_journal
from migrate_mfa.journal.run_files import (
    DRAFTS,
    JOURNAL,
    LOCK,
    MARK,
    Keeper,
    holds_text,
    require_complete,
    require_kinds,
    require_own,
)
from migrate_mfa.journal.schema import UPGRADES, VERSION

NAME = JOURNAL
_OWNER = "owner"
"""A key in the journal that only this module writes: the token of the process that works on it."""


class Database:
    """A SQLite connection that several threads share by taking turns."""

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        self.path = path
        self._lock = threading.RLock()
        self._connection = connect(path, read_only=read_only)
        self._keeper: Keeper | None = None
        self._token = ""
        self._replica: Replica | None = None
        self._as_problem = partial(as_run_problem, path, copy_of(path.parent))

    def own(self) -> None:
        """Take over the journal with a new token: a process with another token may no longer write."""
        token = uuid4().hex
        with self.transaction() as db:
            db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (_OWNER, json.dumps(token)))
        self._token, self._keeper = token, Keeper(self.path.parent, copy_of(self.path.parent))

    def require_ours(self) -> None:
        """Check that this process may still write here, and to users.

        Raises:
            RunDirectoryError: a file of the directory is gone or replaced, or another process has taken over.
        """
        with self._lock, self._as_problem():
            if self._keeper is not None:
                self._keeper.require_same(self._connection)
            self._require_token()
        if self._replica is not None:
            self._replica.require_ours()

    def replicate(self, replica_of: Callable[["Database"], Replica]) -> None:
        """From now on, write every change to another place too."""
        self._replica = replica_of(self)

    def wait_for_replica(self) -> None:
        """Wait until everything that was committed is in the authoritative copy.

        Raises:
            RunDirectoryError: it can no longer be written there.
        """
        if self._replica is not None:
            self._replica.wait()

    @contextmanager
    def held(self) -> Iterator[sqlite3.Connection]:
        """The connection, exclusively for this thread."""
        with self._lock, self._as_problem():
            yield self._connection

    def _require_token(self) -> None:
        if self._keeper is None:
            return
        found = self._connection.execute("SELECT value FROM meta WHERE key = ?", (_OWNER,)).fetchone()
        if found is None or json.loads(found[0]) != self._token:
            raise Busy(
                f"Another process has taken over {shown(self.path.parent)}; this one stops.",
                f"To see which, run: migrate-mfa status --run-dir {shown(self.path.parent)}",
            )

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """All or nothing, on disk when it returns.

        Raises:
            RunDirectoryError: the disk is full, or the file cannot be written or read.
        """
        with self._lock, self._as_problem():
            if self._keeper is not None:
                self._keeper.require_same(self._connection)
            connection, replica = self._connection, self._replica
            connection.execute("BEGIN IMMEDIATE")
            before = connection.total_changes
            connection.record = [] if replica is not None and replica.records else None
            try:
                self._require_token()
                yield connection
                connection.execute("COMMIT")
                if replica is not None and connection.record is not None:
                    replica.committed(connection.record, connection.total_changes - before)
            except BaseException:
                if connection.in_transaction:  # SQLite itself ends the transaction if the disk is full
                    connection.execute("ROLLBACK")
                raise
            finally:
                connection.record = None

    def query(self, sql: str, *arguments: object) -> list[sqlite3.Row]:
        """All rows of one query; the query must limit their number."""
        with self._lock, self._as_problem():
            return self._connection.execute(sql, arguments).fetchall()

    def value(self, sql: str, *arguments: object) -> Any:  # noqa: ANN401 - whatever the column holds
        """The first column of the first row, or None."""
        found = self.query(sql, *arguments)
        return found[0][0] if found else None

    def compact(self, gone: Collection[str]) -> None:
        """Rewrite the file, so that nothing of the deleted rows stays on disk.

        Args:
            gone: some of the texts that must no longer be in the files.

        Raises:
            RunDirectoryError: some are left, because another program has the journal open.
        """
        with self._lock, self._as_problem():
            self._connection.execute("PRAGMA secure_delete = ON")
            self._connection.execute("VACUUM")
            busy, *_ = self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        files = [path for path in (self.path, self.path.with_name(f"{JOURNAL}-wal")) if path.exists()]
        if busy or any(holds_text(path, gone) for path in files):
            raise RunDirectoryError(
                f"Copies of the personal data are still in {self.path}, because another program reads it.",
                "Close that program (a database browser, a backup, status), then run purge again.",
            )

    def close(self) -> None:
        """Close the connection. Uncommitted changes are lost.

        Raises:
            RunDirectoryError: not everything could be written to the authoritative copy.
        """
        replica, self._replica = self._replica, None
        try:
            if replica is not None:
                replica.end()
        finally:
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
        """Open the directory for work and create it if it does not exist. Only this process then owns it.

        Raises:
            RunDirectoryError: it is locked by another process, not writable, not a run directory of this
            user, on
                    a network file system, or from a newer version.
        """
        old = os.umask(0o077)  # SQLite creates its files itself
        try:
            require_local(directory)
            _make_directory(directory)
            require_own(directory)
            lock = _lock(directory)
            try:
                path = directory / JOURNAL
                if not path.exists():
                    require_complete(directory, 0, 0)
                    create(path)
                database = Database(path)
                _check_version(database, directory)
                _require_complete(database, directory)
                _upgrade(database)
                database.own()
                if (copy := copy_of(directory)) is not None and copy.replica_of is not None:
                    database.replicate(copy.replica_of)
            except BaseException:
                os.close(lock)
                raise
        finally:
            os.umask(old)
        return cls(directory, database, lock)

    @classmethod
    def look_at(cls, directory: Path) -> Self:
        """Open it for reading only, also while a command is running.

        Raises:
            NoRun: no command has begun there.
            RunDirectoryError: its journal is missing or from a newer version.
        """
        path = directory / JOURNAL
        if not path.is_file():
            if (copy := copy_of(directory)) is not None:
                raise copy.without_run()
            raise without_journal(directory)
        require_kinds(directory)
        database = Database(path, read_only=True)
        _check_version(database, directory)
        _require_complete(database, directory)
        return cls(directory, database, None)

    def meta(self) -> dict[str, Any]:
        """The facts that the run has recorded about itself."""
        found = self.database.query("SELECT key, value FROM meta WHERE key <> ?", _OWNER)
        return {key: json.loads(value) for key, value in found}

    def set_meta(self, values: Mapping[str, object]) -> None:
        """Record facts about the run."""
        with self.database.transaction() as db:
            db.executemany(
                "INSERT OR REPLACE INTO meta VALUES (?, ?)",
                [(key, json.dumps(value)) for key, value in values.items()],
            )

    def close(self) -> None:
        """Close the journal and release the directory."""
        self.database.close()
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _lock(directory: Path) -> int:
    try:
        return take_lock(
            directory / LOCK,
            f"Another process works on {shown(directory)}.",
            f"Wait for it, or watch it: migrate-mfa status --run-dir {shown(directory)}",
        )
    except OSError as error:
        raise _not_writable(directory, error) from error


def _make_directory(directory: Path) -> None:
    try:
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise _not_writable(directory, error) from error
    foreign = [entry.name for entry in directory.iterdir()] if not (directory / JOURNAL).exists() else []
    if set(foreign) - {LOCK, MARK, "log.jsonl", "report", *DRAFTS}:
        raise RunDirectoryError(
            f"{shown(directory)} is not empty and has no {JOURNAL}: it is not a run directory.",
            "With --run-dir, name a new or empty directory.",
        )


def _not_writable(directory: Path, error: OSError) -> RunDirectoryError:
    what = f"The run directory {directory} cannot be written ({error.strerror})."
    return RunDirectoryError(what, "With --run-dir, name a directory of your own.")


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
            f"{shown(directory)} was made by a newer version of migrate-mfa (journal {version}, we know "
            f"{VERSION}).",
            "Update migrate-mfa, or give another --run-dir.",
        )
    raise RunDirectoryError(
        f"{shown(directory / JOURNAL)} is not a journal of migrate-mfa.", "Use another --run-dir."
    )


def _require_complete(database: Database, directory: Path) -> None:
    try:
        passes, writes = database.query(
            "SELECT (SELECT COALESCE(MAX(id), 0) FROM passes), (SELECT COALESCE(MAX(id), 0) FROM writes)"
        )[0]
        require_complete(directory, passes, writes)
    except RunDirectoryError:
        database.close()
        raise


def _upgrade(database: Database) -> None:
    """Upgrade an older journal to this version, completely or not at all. Read-only commands do not."""
    with database.transaction() as db:
        db.create_function("country_of", 1, country_of, deterministic=True)
        for version in range(database.value("PRAGMA user_version"), VERSION):
            for statement in UPGRADES[version]:
                db.execute(statement)
        db.execute(f"PRAGMA user_version = {VERSION}")
