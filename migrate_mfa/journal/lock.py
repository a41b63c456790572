"""Locks that end with their process, and their content: the holder and the last writer."""

import errno
import fcntl
import json
import os
import stat
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from migrate_mfa.clock import SystemClock
from migrate_mfa.domain.errors import Busy
from migrate_mfa.journal.run_files import LOCK, QUICKLY

_CLOCK = SystemClock()
_LONGEST_NAME = 8192
_GLANCE_S = 0.1
"""`is_locked` shares a lock for a moment; a process that finds it taken tries again after this time."""


def is_locked(directory: Path) -> bool:
    """Whether a process works on this directory now."""
    try:
        descriptor = os.open(directory / LOCK, os.O_RDWR | QUICKLY)
    except OSError:
        return False
    try:
        return not _try_flock(descriptor, fcntl.LOCK_SH)
    finally:
        os.close(descriptor)


def take_lock(path: Path, message: str, hint: str, sleep: Callable[[float], None] = _CLOCK.sleep) -> int:
    """Take an OS lock that ends with this process; keep the descriptor open to keep the lock.

    Raises:
        Busy: another process has it; the message names the process if it is known.
    """
    descriptor = _open_lock(path)
    for pause in (0.0, _GLANCE_S):
        sleep(pause)
        if _try_flock(descriptor, fcntl.LOCK_EX):
            name_holder(path)
            return descriptor
    holder = _holder(descriptor)
    os.close(descriptor)
    raise Busy(f"{message} It is {holder}." if holder else message, hint)


def name_holder(path: Path, run_dir: str | None = None, writer: "Writer | None" = None) -> None:
    """Write our process and directory into a lock that we hold, for commands that find it taken.

    The content is only information: another user's file, which we may lock but not write, stays unchanged.

    Args:
        path: the lock.
        run_dir: our run directory, once that is known.
        writer: the present or last writer under this lock (default: the one noted before).
    """
    wrote = writer or last_writer(path)
    named = {"pid": os.getpid(), "run_dir": run_dir, "wrote": wrote}
    with suppress(OSError):
        descriptor = os.open(path, os.O_WRONLY | QUICKLY)
        try:
            os.ftruncate(descriptor, 0)
            os.write(descriptor, json.dumps(named).encode())
        finally:
            os.close(descriptor)


class Writer(NamedTuple):
    """A run directory whose command wrote to users, and when the command ended (None: it was killed)."""

    run_dir: str
    ended: float | None


def last_writer(path: Path) -> Writer | None:
    """The last writer to users under a lock, if it is noted there."""
    with suppress(OSError, RecursionError, ValueError, KeyError, TypeError):
        descriptor = os.open(path, os.O_RDONLY | QUICKLY)
        try:
            directory, ended = json.loads(os.pread(descriptor, _LONGEST_NAME, 0))["wrote"]
        finally:
            os.close(descriptor)
        return Writer(str(directory), None if ended is None else float(ended))
    return None


def holder_of(directory: Path) -> str:
    """The process that works on this directory; empty if it is not known."""
    try:
        descriptor = os.open(directory / LOCK, os.O_RDONLY | QUICKLY)
    except OSError:
        return ""
    try:
        return _holder(descriptor)
    finally:
        os.close(descriptor)


def _holder(descriptor: int) -> str:
    """Names the holder of a lock; empty if it is not known.

    Anybody may have written the file, perhaps not the present holder. So the note of a process that has ended
    is ignored, and only printable text is passed on.
    """
    try:
        named = json.loads(os.pread(descriptor, _LONGEST_NAME, 0))
        pid, directory = int(named["pid"]), str(named["run_dir"] or "")
    except (OSError, OverflowError, RecursionError, ValueError, KeyError, TypeError):
        return ""
    on = f", on {directory}" if directory and directory.isprintable() else ""
    return f"process {pid}{on}" if _lives(pid) else ""


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except PermissionError:
        return True  # another user's file
    except (OSError, OverflowError):
        return False
    return pid > 0


def _open_lock(path: Path) -> int:
    """Open a lock file, which may be another user's: to lock it, write permission is not needed."""
    flags = os.O_RDONLY | QUICKLY
    try:
        descriptor = os.open(path, flags)
    except FileNotFoundError:
        # Not exclusive: two processes that start together must open the same file.
        descriptor = os.open(path, flags | os.O_CREAT, 0o600)
    if stat.S_ISREG(os.fstat(descriptor).st_mode):
        return descriptor
    os.close(descriptor)
    raise OSError(errno.EINVAL, f"{path.name} is not a file", str(path))


def _try_flock(descriptor: int, kind: int) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in {errno.EAGAIN, errno.EACCES}:
            return False
        raise
    return True
