"""The standard streams, which may be closed, full or read by nobody: no run ends for that."""

import errno
import os
import sys
from contextlib import suppress
from typing import TextIO, cast

from migrate_mfa.domain.characters import printable

_trouble: list[OSError] = []


def prepare() -> None:
    """Make both streams fit to be written to: they may be closed, or know fewer characters than we use."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115, PTH123 - as long as we live
        if hasattr(stream := getattr(sys, name), "reconfigure"):
            stream.reconfigure(errors="replace")
    _trouble.clear()


def write(text: str) -> None:
    """Write lines to standard output; after a failure nothing more, and `trouble` says so in the end."""
    if _trouble:
        return
    try:
        sys.stdout.write(f"{printable(text)}\n")
        sys.stdout.flush()
    except OSError as error:
        _trouble.append(error)


def unseen() -> bool:
    """Whether something that was written did not arrive, so nobody can have read it."""
    return bool(_trouble)


def trouble() -> str:
    """Why not all of the output could be written; empty where it was, or its reader has gone."""
    with suppress(ValueError):  # a stream that a test has closed
        try:
            sys.stdout.flush()
        except OSError as error:
            _trouble.append(error)
    if not _trouble:
        return ""
    _to_nowhere(sys.stdout)
    return "" if _trouble[0].errno == errno.EPIPE else _trouble[0].strerror or type(_trouble[0]).__name__


def forget_unheard() -> None:
    """Let go of what standard error did not take: nobody is there, and the exit code says how it ended."""
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
    """The same stream, of which it does not matter whether anybody still reads it."""
    return cast("TextIO", _Forgiving(stream))


class _Forgiving:
    """A stream that may be gone."""

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
