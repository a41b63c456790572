"""The standard streams. They may be closed, full or without a reader: no run ends because of that."""

import errno
import os
import sys
from contextlib import suppress
from typing import TextIO, cast

from migrate_mfa.domain.characters import printable

_trouble: list[OSError] = []


def prepare() -> None:
    """Make both streams writable: they may be closed, or lack characters that we print."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115, PTH123 - as long as we live
        if hasattr(stream := getattr(sys, name), "reconfigure"):
            stream.reconfigure(errors="replace")
    _trouble.clear()


def write(text: str) -> None:
    """Write lines to standard output. After a failure write nothing more; `trouble` reports it in the end."""
    if _trouble:
        return
    try:
        sys.stdout.write(f"{printable(text)}\n")
        sys.stdout.flush()
    except OSError as error:
        _trouble.append(error)


def unseen() -> bool:
    """Whether some output could not be written, so nobody can have read it."""
    return bool(_trouble)


def trouble() -> str:
    """Why the output could not be written; empty if all was written, or if its reader has closed it."""
    with suppress(ValueError):  # a test has closed the stream
        try:
            sys.stdout.flush()
        except OSError as error:
            _trouble.append(error)
    if not _trouble:
        return ""
    _to_nowhere(sys.stdout)
    return "" if _trouble[0].errno == errno.EPIPE else _trouble[0].strerror or type(_trouble[0]).__name__


def forget_unheard() -> None:
    """Drop what could not be written to standard error: nobody reads it, and the exit code tells the end."""
    with suppress(ValueError):
        try:
            sys.stderr.flush()
        except OSError:
            _to_nowhere(sys.stderr)


def _to_nowhere(stream: TextIO) -> None:
    # What is left in the buffer would fail again when Python ends, and make the exit code 120.
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def forgiving(stream: TextIO) -> TextIO:
    """The same stream, with write errors ignored."""
    return cast("TextIO", _Forgiving(stream))


class _Forgiving:
    """A stream that may be closed."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self.encoding = stream.encoding

    def write(self, text: str) -> int:
        with suppress(OSError, ValueError):
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        with suppress(OSError, ValueError):
            self._stream.flush()
