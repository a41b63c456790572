"""The journal's SQLite file: creates it, opens it, and explains its errors."""

import os
import re
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from migrate_mfa.domain.errors import RunDirectoryError
from migrate_mfa.journal.run_dir import WorkingCopy, copy_of
from migrate_mfa.journal.run_files import DRAFTS
from migrate_mfa.journal.schema import SCHEMA, VERSION
from migrate_mfa.journal.values import codes

_BUSY_MS = 5000
MOUNTS = Path("/proc/self/mountinfo")
_NETWORK = re.compile(r"nfs4?|cifs|smb3|smbfs|9p|lustre|ceph|afs|fuse(\..+)?")
"""File systems on which SQLite's WAL is not safe; `fuseblk` is a local disk."""
_OCTAL = re.compile(r"\\([0-7]{3})")


def require_local(directory: Path) -> None:
    """Refuse a directory on a network file system, if the kernel tells its type.

    Raises:
        RunDirectoryError: names the file system, and where it is mounted.
    """
    try:
        lines = MOUNTS.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return
    mounted, kind = file_system_of(str(directory.resolve()), lines)
    if _NETWORK.fullmatch(kind):
        if (copy := copy_of(directory)) is not None:
            raise copy.unusable(f"it is on a network file system, {kind}, mounted at {mounted}")
        raise RunDirectoryError(
            f"The run directory {directory} is on a network file system ({kind}, mounted at {mounted}). "
            "The journal is not safe there: SQLite needs locks and memory that all processes share.",
            "With --run-dir, name a directory on a local disk, or s3://BUCKET/PREFIX. If it holds a run "
            "already, copy it whole to a local disk while no command works on it, and name the copy.",
        )


def file_system_of(path: str, mountinfo: list[str]) -> tuple[str, str]:
    """Where the file system of an absolute path is mounted, and its type; empty if it is not listed.

    Args:
        path: a path without links.
        mountinfo: the lines of /proc/self/mountinfo, see proc(5).
    """
    found = "", ""
    for line in mountinfo:
        before, _, after = line.partition(" - ")
        fields, kind = before.split(" "), after.partition(" ")[0]
        point = _OCTAL.sub(lambda octal: chr(int(octal[1], 8)), fields[4]) if len(fields) > 4 else ""  # noqa: PLR2004
        inside = bool(point) and f"{path}/".startswith(point.rstrip("/") + "/")
        if inside and len(point) >= len(found[0]):  # the last mount at a place hides the earlier ones
            found = point, kind
    return found


_READING = ("SELECT", "PRAGMA", "EXPLAIN", "BEGIN", "COMMIT", "ROLLBACK")


class Statement(NamedTuple):
    """A statement that changed the journal, for replay: its text and its parameters.

    `parameters` are those of one execution, or a list with those of several.
    """

    sql: str
    parameters: Any
    several: bool


class RecordingConnection(sqlite3.Connection):
    """A connection that records the changes of the journal, so that they can be replayed in another place."""

    record: list[Statement] | None = None
    """The changes of this transaction; None if they are not recorded."""

    def execute(self, sql: str, parameters: Any = ()) -> sqlite3.Cursor:  # noqa: ANN401 - as SQLite takes them
        """See `sqlite3.Connection.execute`."""
        if self.record is not None and not sql.lstrip().upper().startswith(_READING):
            self.record.append(Statement(sql, parameters, several=False))
        return super().execute(sql, parameters)

    def executemany(self, sql: str, parameters: Iterable[Any]) -> sqlite3.Cursor:
        """See `sqlite3.Connection.executemany`."""
        if self.record is None:
            return super().executemany(sql, parameters)
        each = list(parameters)
        self.record.append(Statement(sql, each, several=True))
        return super().executemany(sql, each)


class Replica(Protocol):
    """The authoritative copy of the journal in another place."""

    @property
    def records(self) -> bool:
        """Whether changes must be recorded now."""
        ...

    def committed(self, statements: list[Statement], changes: int) -> None:
        """Take a transaction that was committed here; `changes` is the number of rows that it changed."""
        ...

    def wait(self) -> None:
        """Wait until everything that was committed is in the replica too.

        Raises:
            RunDirectoryError: it can no longer be written there.
        """
        ...

    def require_ours(self) -> None:
        """Check that this process still owns the replica.

        Raises:
            RunDirectoryError: it does not.
        """
        ...

    def end(self) -> None:
        """Write everything to the replica and stop.

        Raises:
            RunDirectoryError: it can no longer be written there.
        """
        ...


def create(path: Path) -> None:
    """Create the file completely or not at all: an incomplete journal must never look like one."""
    for name in DRAFTS:
        path.with_name(name).unlink(missing_ok=True)
    draft = path.with_name(DRAFTS[0])
    with as_run_problem(path):
        connection = sqlite3.connect(draft, isolation_level=None)
        try:
            connection.executescript(f"BEGIN; {SCHEMA} PRAGMA user_version = {VERSION}; COMMIT;")
        finally:
            connection.close()
        draft.replace(path)


def connect(path: Path, *, read_only: bool) -> RecordingConnection:
    """Open the file, to write durably or only to read; raises like `as_run_problem`."""
    with as_run_problem(path):
        target = f"{path.absolute().as_uri()}?mode={'ro' if read_only else 'rw'}"
        if read_only and _cannot_change(path):
            target += "&immutable=1"
        connection = sqlite3.connect(
            target, uri=True, isolation_level=None, check_same_thread=False, factory=RecordingConnection
        )
        try:
            connection.row_factory = sqlite3.Row
            connection.create_function("step_codes", 1, codes, deterministic=True)
            connection.execute(f"PRAGMA busy_timeout = {_BUSY_MS}")
            if not read_only:
                connection.execute("PRAGMA journal_mode = WAL")
                connection.execute("PRAGMA synchronous = FULL")
        except sqlite3.Error:
            connection.close()
            raise
        return connection


def _cannot_change(path: Path) -> bool:
    """Whether the disk is read-only and the file is complete without its log, which SQLite could not open."""
    log = path.with_name(f"{path.name}-wal")
    return bool(os.statvfs(path).f_flag & os.ST_RDONLY) and not (log.exists() and log.stat().st_size)


@contextmanager
def as_run_problem(path: Path, copy: WorkingCopy | None = None) -> Iterator[None]:
    """Turn SQLite's exceptions into errors of the run directory.

    Args:
        path: the journal.
        copy: the working copy that it belongs to (default: that of this context).

    Raises:
        RunDirectoryError: says what is wrong with the file, and what to do.
    """
    try:
        yield
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorname", type(error).__name__)
        if copy := copy or copy_of(path.parent):
            raise copy.unusable(code) from error
        raise RunDirectoryError(f"The journal {path} cannot be used ({code}).", _hint(code)) from error


def _hint(code: str) -> str:
    if code.startswith(("SQLITE_FULL", "SQLITE_IOERR")):
        return (
            "Check the disk (is it full?), then run the same command again. Nothing that was written is lost."
        )
    if code.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB")):
        return "The file is damaged. Keep it, and start with a new --run-dir. Enrolled users are recognised."
    if code.startswith("SQLITE_BUSY"):
        return "Another program has it open. Close that program and run the same command again."
    return "With --run-dir, name a directory of your own on a local disk."
