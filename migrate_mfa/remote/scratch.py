"""The private directory of a working copy: made and locked by its process, and removed, also after a kill."""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from migrate_mfa.domain.errors import RunDirectoryError

_PREFIX = "migrate-mfa-copy-"
_OWNER = "owner"


@contextmanager
def scratch(what: object) -> Iterator[Path]:
    """A private directory, removed afterwards; first those of killed commands are removed.

    Args:
        what: what is copied there, for messages.

    Raises:
        RunDirectoryError: it cannot be made.
    """
    with writable(what):
        place = _place()
        _sweep(place)
        root, owned = _made(place)
    with owned:
        try:
            path = root / "run"
            with writable(what):
                path.mkdir(mode=0o700)
            yield path
        finally:
            shutil.rmtree(root, ignore_errors=True)


@contextmanager
def writable(what: object) -> Iterator[None]:
    """Turn errors of the disk into an error about the working copy.

    Raises:
        RunDirectoryError: names the place and what to do.
    """
    try:
        yield
    except OSError as error:
        raise unwritable(what, error.strerror or type(error).__name__) from error


def unwritable(what: object, why: str) -> RunDirectoryError:
    """The error for a working copy of `what` that cannot be written, for example on a full disk."""
    place = os.environ.get("TMPDIR") or tempfile.tempdir or "the directory for temporary files"
    return RunDirectoryError(
        f"The working copy of {what} in {place} cannot be written ({why}).",
        "Free some space there, or set TMPDIR to another directory of this machine. Then run the same "
        "command again; nothing that was written is lost.",
    )


def _place() -> Path:
    """The directory for temporary files; an unusable TMPDIR is an error, not silently ignored."""
    named = os.environ.get("TMPDIR")
    if named and not (Path(named).is_dir() and os.access(named, os.W_OK | os.X_OK)):
        raise RunDirectoryError(
            f"TMPDIR names {named}, which is not a directory that can be written.",
            "Create it, or set TMPDIR to another directory of this machine: the working copy of what is in a "
            "bucket is made there.",
        )
    return Path(named or tempfile.gettempdir())


def _made(place: Path) -> tuple[Path, ExitStack]:
    """A new directory, and the locks that show that its command is running."""
    while True:
        root = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=place))
        with suppress(FileNotFoundError), _owned(root, fcntl.LOCK_EX) as locks:
            if (root / _OWNER).exists():
                return root, locks.pop_all()
        # Another command took it for an abandoned one before it was locked.


def _sweep(place: Path) -> None:
    """Remove working copies of killed commands, also those half removed: they hold personal data."""
    for root in place.glob(f"{_PREFIX}*"):
        with suppress(OSError):
            if root.stat().st_uid == os.geteuid():
                with _owned(root, fcntl.LOCK_EX | fcntl.LOCK_NB):
                    shutil.rmtree(root, ignore_errors=True)


@contextmanager
def _owned(root: Path, how: int) -> Iterator[ExitStack]:
    """Lock a directory, and a file in it that may have to be made; raises OSError if its command is running.

    The file alone is not enough: a program that removes old files may remove it while the command is running.
    Nor is the directory: on a network file system, its lock is only for this machine.
    """
    with ExitStack() as locks:
        for path, flags in ((root, os.O_DIRECTORY), (root / _OWNER, os.O_RDWR | os.O_CREAT)):
            lock = os.open(path, flags | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
            locks.callback(os.close, lock)
            fcntl.flock(lock, how)
        yield locks
