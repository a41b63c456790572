"""The files of a run directory: their owner, whether they are complete, and still the ones that we opened."""

import os
import sqlite3
import stat
from collections.abc import Collection, Iterable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from migrate_mfa.domain.errors import RunDirectoryError

if TYPE_CHECKING:
    from migrate_mfa.journal.run_dir import WorkingCopy

JOURNAL = "journal.sqlite"
LOCK = "lock"
MARK = "journal.mark"
DRAFTS = ("journal.draft", "journal.draft-journal")
_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH
_FILES = (JOURNAL, f"{JOURNAL}-wal", f"{JOURNAL}-shm", f"{JOURNAL}-journal", *DRAFTS, LOCK, MARK, "log.jsonl")
QUICKLY = os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
"""Flags for opening files of a run directory: never follow a link, never wait for another program."""


def require_own(directory: Path) -> None:
    """Refuse a directory, or a file in it, that another user owns or can write to.

    Raises:
        RunDirectoryError: names the file, and what is wrong with it.
    """
    _require_ours(directory, directory.stat())
    for path, found in _there(directory, (*_FILES, "report")):
        _require_kind(path, found)
        _require_ours(path, found)


def require_kinds(directory: Path) -> None:
    """Refuse links, pipes and the like instead of files; this is enough for a command that only reads.

    Raises:
        RunDirectoryError: names the file.
    """
    for path, found in _there(directory, (*_FILES, "report")):
        _require_kind(path, found)


def is_begun(directory: Path) -> bool:
    """Whether a directory without a journal has other files of a run, so that the journal may be lost."""
    try:
        names = {each.name for each in directory.iterdir()}
    except FileNotFoundError:
        return False
    except OSError:
        return True
    return bool(names - {LOCK, "log.jsonl", *DRAFTS})


def _there(directory: Path, names: Iterable[str]) -> Iterable[tuple[Path, os.stat_result]]:
    for path in map(directory.joinpath, names):
        with suppress(FileNotFoundError):
            yield path, path.lstat()


def _require_kind(path: Path, found: os.stat_result) -> None:
    link = stat.S_ISLNK(found.st_mode)
    # If the report cannot be written, nothing is lost: the command says so at its end.
    if link or not (path.name == "report" or stat.S_ISREG(found.st_mode)):
        what = "a link" if link else "not a file of this tool"
        raise RunDirectoryError(
            f"{path} is {what}, so this run directory cannot be used.",
            "Find out who created it, then remove it or use another --run-dir.",
        )


def _require_ours(path: Path, found: os.stat_result) -> None:
    if found.st_uid != os.geteuid():
        raise RunDirectoryError(
            f"{path} belongs to another user of this machine, who could read and change its content.",
            "Use a --run-dir that does not exist yet, or one of your own.",
        )
    if found.st_mode & _OTHERS_WRITE:
        raise RunDirectoryError(
            f"Other users of this machine can write to {path}.",
            f"If all its content is yours: chmod go-w {path}. If that does not help, use a --run-dir in your "
            "home directory.",
        )


class Identity:
    """The files that we have opened; later, other files may have their names."""

    def __init__(self, directory: Path) -> None:
        names = ("", LOCK, JOURNAL, f"{JOURNAL}-wal")
        self._paths = tuple((name, str(directory / name)) for name in names)
        self._known = dict(self._now())

    def _now(self) -> Iterable[tuple[str, tuple[int, int] | None]]:
        for name, path in self._paths:
            try:
                found = os.stat(path)  # noqa: PTH116 - before each write to a user; a Path costs thrice as much
            except OSError:
                yield name, None
            else:
                yield name, (found.st_dev, found.st_ino)

    def changed(self) -> list[str]:
        """The names whose file is now missing or another one; "" is the directory itself."""
        return [name for name, found in self._now() if found != self._known[name]]


class Keeper:
    """Stops a command whose run directory disappears, and saves the journal that only it still has open."""

    def __init__(self, directory: Path, copy: "WorkingCopy | None" = None) -> None:
        self._directory = directory
        self._copy = copy
        self._identity = Identity(directory)
        self._saved: Path | None = None

    def require_same(self, connection: sqlite3.Connection) -> None:
        """Stop before a write that could no longer be undone.

        Raises:
            RunDirectoryError: a file was removed or replaced; says where the journal is now.
        """
        changed = self._identity.changed()
        if not changed:
            return
        if self._copy is not None:  # its journal is in another place too
            raise self._copy.unusable(f"{changed[0] or 'it'} was removed or replaced")
        if self._saved is None and {JOURNAL, f"{JOURNAL}-wal"} & set(changed):
            self._saved = save_journal(connection, self._directory)
        what = self._directory / changed[0] if changed[0] else self._directory
        raise RunDirectoryError(
            f"{what} was removed or replaced while this command worked on it, so it stops.",
            f"The journal was saved. Continue or roll back with --run-dir {self._saved}"
            if self._saved
            else "Find out what removed it, then run the same command again.",
        )


def save_journal(connection: sqlite3.Connection, directory: Path) -> Path | None:
    """Write the content of an open journal into a new run directory next to the lost one."""
    for number in range(1, _COPIES):
        copy = directory.with_name(f"{directory.name}-saved-{number}")
        try:
            copy.mkdir(parents=True, mode=0o700)
            connection.execute("VACUUM INTO ?", (str(copy / JOURNAL),))
            (copy / JOURNAL).chmod(0o600)
        except FileExistsError:
            continue
        except (OSError, sqlite3.Error):
            return None
        return copy
    return None


_COPIES = 100


def write_mark(directory: Path, pass_id: int, write_id: int) -> None:
    """Note the last pass and write beside the journal: a journal without them has lost something."""
    with suppress(OSError):  # the mark only helps to detect a loss
        descriptor = os.open(directory / MARK, os.O_WRONLY | os.O_CREAT | QUICKLY, 0o600)
        try:
            os.pwrite(descriptor, f"{pass_id:>12} {write_id:>16}\n".encode(), 0)
        finally:
            os.close(descriptor)


def require_complete(directory: Path, pass_id: int, write_id: int) -> None:
    """Refuse a journal that is older than the mark beside it.

    Args:
        directory: the run directory.
        pass_id: the last pass in the journal.
        write_id: the last write in the journal.

    Raises:
        RunDirectoryError: the journal lacks something that was noted.
    """
    passes, writes = _read_mark(directory)
    if pass_id >= passes and write_id >= writes:
        return
    raise RunDirectoryError(
        f"{directory / JOURNAL} lacks the last writes: {JOURNAL}-wal is missing, or it is an older copy.",
        f"Restore what is missing. If it is lost for good, remove {directory / MARK}. The journal is then "
        "used as it is, and a rollback leaves alone the users whose last state it does not know.",
    )


def _read_mark(directory: Path) -> tuple[int, int]:
    try:
        descriptor = os.open(directory / MARK, os.O_RDONLY | QUICKLY)
    except OSError:
        return (0, 0)
    try:
        passes, writes = os.pread(descriptor, 64, 0).split()
        return (int(passes), int(writes))
    except (OSError, ValueError):
        return (0, 0)
    finally:
        os.close(descriptor)


_CHUNK = 2**20


def holds_text(path: Path, texts: Collection[str]) -> bool:
    """Whether a file of any size contains one of some texts."""
    needles = [text.encode() for text in texts if text]
    overlap = max(map(len, needles), default=1) - 1
    with path.open("rb") as file:
        before = b""
        while chunk := file.read(_CHUNK):
            held = before + chunk
            if any(needle in held for needle in needles):
                return True
            before = held[-overlap:] if overlap else b""
    return False
