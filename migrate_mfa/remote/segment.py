"""A segment: transactions of the journal as JSON lines, and their replay in a copy of the journal."""

import errno
import gzip
import json
import os
import sqlite3
from pathlib import Path

from migrate_mfa.journal.connection import Statement, connect

_FAST = 1
"""The gzip level: every level finds the repetitions, and the rest is small."""
_MAY = {
    sqlite3.SQLITE_CREATE_INDEX, sqlite3.SQLITE_CREATE_TABLE, sqlite3.SQLITE_CREATE_TEMP_INDEX,
    sqlite3.SQLITE_CREATE_TEMP_TABLE, sqlite3.SQLITE_DELETE, sqlite3.SQLITE_DROP_INDEX,
    sqlite3.SQLITE_DROP_TABLE, sqlite3.SQLITE_DROP_TEMP_TABLE, sqlite3.SQLITE_FUNCTION,
    sqlite3.SQLITE_INSERT, sqlite3.SQLITE_READ, sqlite3.SQLITE_RECURSIVE, sqlite3.SQLITE_REINDEX,
    sqlite3.SQLITE_SELECT, sqlite3.SQLITE_TRANSACTION, sqlite3.SQLITE_UPDATE,
}  # fmt: skip


_NO_SPACE = {sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR}
_PRIMARY = 0xFF
"""The primary part of a result code ("Result and Error Codes", sqlite.org)."""


class DamagedError(Exception):
    """A damaged segment; says what is wrong with it."""


def line_of(statements: list[Statement], changes: int) -> bytes:
    """One transaction; `changes` is the number of rows that it changed."""
    return json.dumps([changes, statements], separators=(",", ":"), ensure_ascii=False).encode() + b"\n"


def packed(lines: list[bytes]) -> bytes:
    """The body of a segment: the same lines always give the same bytes."""
    return gzip.compress(b"".join(lines), _FAST, mtime=0)


def apply(body: bytes, journal: Path) -> None:
    """Replay the transactions of a segment in a journal.

    Raises:
        DamagedError: it is not complete, or does not fit this journal.
        OSError: there is no space for it.
    """
    connection = connect(journal, read_only=False)
    connection.execute("PRAGMA synchronous = OFF")  # only a copy: the bucket has everything
    connection.set_authorizer(_only_the_journal)
    try:
        lines = gzip.decompress(body).splitlines()
        if not lines:
            raise DamagedError("it is empty")
        for line in lines:
            changes, statements = json.loads(line)
            before = connection.total_changes
            connection.execute("BEGIN")
            for sql, parameters, several in statements:
                (connection.executemany if several else connection.execute)(sql, parameters)
            if connection.total_changes - before != changes:
                raise DamagedError("it does not fit what came before it")
            connection.execute("COMMIT")
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode & _PRIMARY in _NO_SPACE:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)) from error
        raise DamagedError(type(error).__name__) from error
    except (OSError, EOFError, ValueError, TypeError, sqlite3.Error) as error:
        raise DamagedError(type(error).__name__) from error
    finally:
        connection.close()


def _only_the_journal(action: int, *_: object) -> int:
    """Forbid statements that reach other files: a segment comes from a bucket that others may write."""
    return sqlite3.SQLITE_OK if action in _MAY else sqlite3.SQLITE_DENY
