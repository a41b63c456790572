"""Structured events as JSON lines, without personal data; errors of the log cannot end a run.

There are two filters: only the keys in `KEYS` are written, and everything in their texts that looks like a
number or an address is masked. Of an exception, only its type and frames are written, never its message or
its locals.
"""

import errno
import json
import logging
import os
import stat
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import lru_cache
from itertools import islice
from pathlib import Path, PurePath
from traceback import walk_tb
from typing import TYPE_CHECKING, Final, Self

import structlog

from migrate_mfa.domain.formatting import counted
from migrate_mfa.domain.privacy import scrub

if TYPE_CHECKING:
    from structlog.typing import EventDict, WrappedLogger

KEYS: Final = frozenset(
    {
        "attempt",
        "calls",
        "category",
        "causes",
        "code",
        "columns",
        "command",
        "error_type",
        "event",
        "exit_code",
        "first_row",
        "frames",
        "last_row",
        "level",
        "operation",
        "outcome",
        "pass",
        "pool",
        "rate",
        "reason",
        "row",
        "rows",
        "run",
        "scan",
        "seconds",
        "state",
        "timestamp",
        "users",
    }
)
"""The only keys that a log line can have. Add one only for values that are never about a person."""

_AS_GIVEN = frozenset({"run", "pool"})  # scrubbing would mask identifiers with many digits
_LONGEST_TEXT = 200
_LARGEST_NUMBER = 10**8  # larger than any count, smaller than any phone number read as a number
_MOST_CAUSES = 8
_MOST_FRAMES = 40


class Log:
    """The file of the events. Closing it restores the earlier configuration of structlog."""

    def __init__(self, sink: "_Sink", before: Callable[[], None]) -> None:
        self._sink = sink
        self._before = before

    @property
    def loss(self) -> str:
        """A sentence that says how many lines could not be written and why; empty if none was lost."""
        return self._sink.loss

    def close(self) -> None:
        """Close the file. Closing twice is harmless."""
        self._before()
        self._before = _nothing
        self._sink.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def configure(
    path: "Path | None",
    *,
    level: str = "info",
    context: Mapping[str, str] | None = None,
    echo: Callable[[str], None] | None = None,
) -> Log:
    """Send the events of the whole process to a file, one JSON object per line.

    Never raises because of the file: lines that cannot be written are counted, see `Log.loss`.

    Args:
        path: the file to append to; it is created for its owner only. None: events are dropped.
        level: the lowest level to write. At `debug`, every event is also shown on the terminal.
        context: fields of every line, such as the run and the pool.
        echo: shows one line at level `debug` (default: on standard error).
    """
    before = _restorer()
    sink = _Sink(path)
    echoing = (echo or _to_stderr) if level.lower() == "debug" else None
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _Renderer(context or {}, echoing),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=lambda *_: sink,
        # Loggers live as long as their modules: a cached logger would continue to write to a closed file.
        cache_logger_on_first_use=False,
    )
    return Log(sink, before)


def _restorer() -> Callable[[], None]:
    if not structlog.is_configured():
        return structlog.reset_defaults
    config = structlog.get_config()
    return lambda: structlog.configure(**config)


def _nothing() -> None:
    pass


def _to_stderr(line: str) -> None:
    sys.stderr.write(f"{line}\n")


class _Renderer:
    """From an event to the bytes of its line."""

    def __init__(self, context: Mapping[str, str], echo: Callable[[str], None] | None) -> None:
        self._context = {
            key: value if key in _AS_GIVEN else _safe(value) for key, value in context.items() if key in KEYS
        }
        self._echo = echo

    def __call__(self, _logger: "WrappedLogger", _method: str, event: "EventDict") -> bytes:
        head = {"timestamp": event.pop("timestamp"), "level": event.pop("level")}
        fault = _fault(event.pop("exc_info", None))
        fields = {key: _safe(value) for key, value in event.items() if key in KEYS}
        told = {"event": fields.pop("event", None), **fields, **fault}
        if self._echo is not None:
            self._tell(self._echo, head, told)
        return json.dumps({**head, **told, **self._context}, separators=(",", ":")).encode() + b"\n"

    @staticmethod
    def _tell(echo: Callable[[str], None], head: Mapping[str, str], told: Mapping[str, object]) -> None:
        fields = " ".join(f"{key}={value}" for key, value in told.items() if key not in {"event", "frames"})
        # A closed terminal must not end a run: only the file matters.
        with suppress(OSError, ValueError):
            echo(f"{head['timestamp'][11:19]} {head['level']} {told['event']} {fields}".rstrip())


def _safe(value: object) -> object:
    """A value in the form in which it may be written: counts, and text without personal data."""
    match value:
        case None | bool():
            return value
        case str():
            return _scrubbed(value) if len(value) <= _LONGEST_TEXT else "[long text]"
        case int() | float():
            return round(value, 3) if -_LARGEST_NUMBER < value < _LARGEST_NUMBER else "[number]"
        case list() | tuple():
            return [_safe(each) for each in value]
        case _:
            return type(value).__name__


@lru_cache(maxsize=1024)  # nearly all texts are one of a few codes
def _scrubbed(text: str) -> str:
    rest = scrub(text)
    return "[withheld]" if "@" in rest else rest  # no code has an @: it is an unusual address


def _fault(exc_info: object) -> dict[str, object]:
    """The type and frames of an exception, without its message, which could contain personal data."""
    error = _exception(exc_info)
    if error is None:
        return {}
    chain = [error, *islice(_causes(error), _MOST_CAUSES)]
    frames = [frame for each in reversed(chain) for frame in _frames(each)]
    return {
        "error_type": _safe(type(error).__name__),
        "causes": [_safe(type(each).__name__) for each in chain[1:]],
        "frames": [_safe(frame) for frame in frames[-_MOST_FRAMES:]],
    }


def _exception(exc_info: object) -> BaseException | None:
    match exc_info:
        case BaseException():
            return exc_info
        case (_, BaseException() as error, _):
            return error
        case True:
            return sys.exception()
        case _:
            return None


def _causes(error: BaseException) -> Iterator[BaseException]:
    below = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if below is not None:
        yield below
        yield from _causes(below)


def _frames(error: BaseException) -> Iterator[str]:
    for frame, line in walk_tb(error.__traceback__):
        code = frame.f_code
        file = "/".join(PurePath(code.co_filename).parts[-2:])  # a full path can contain a person's name
        yield f"{file}:{line}:{code.co_qualname}"


class _Sink:
    """A file to which any thread appends lines, each completely or not at all."""

    def __init__(self, path: "Path | None") -> None:
        self._path = path
        self._lock = threading.RLock()
        self._descriptor: int | None = None
        self._closed = False
        self._torn = False
        self._lost = 0
        self._why = ""
        if path is not None:
            try:
                self._open(path)
            except OSError as error:
                self._why = error.strerror or ""

    def _open(self, path: "Path") -> None:
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
        descriptor = os.open(path, flags, 0o600)
        found = os.fstat(descriptor)
        if stat.S_ISFIFO(found.st_mode):
            os.close(descriptor)
            raise OSError(errno.EINVAL, "it is a pipe")
        self._descriptor, size = descriptor, found.st_size
        self._torn = size > 0 and os.pread(self._descriptor, 1, size - 1) != b"\n"

    def write(self, line: bytes) -> None:
        """Append one line, or count it as lost."""
        with self._lock:
            if self._descriptor is None:
                self._lost += self._path is not None and not self._closed
                return
            try:
                self._append(self._descriptor, b"\n" + line if self._torn else line)
            except OSError as error:
                self._lost += 1
                self._why = error.strerror or ""

    # structlog calls the method that is named like the level.
    debug = info = warning = error = critical = write

    def _append(self, descriptor: int, data: bytes) -> None:
        while rest := data[os.write(descriptor, data) :]:
            self._torn = True  # the next line then starts on a new line if the rest does not fit
            data = rest
        self._torn = False

    @property
    def loss(self) -> str:
        """See `Log.loss`."""
        if not self._lost:
            return ""
        return f"{counted(self._lost, 'log line')} could not be written to {self._path} ({self._why})."

    def close(self) -> None:
        """Close the file; later lines are dropped."""
        with self._lock:
            if self._descriptor is not None:
                os.close(self._descriptor)
            self._descriptor = None
            self._closed = True


@contextmanager
def logged(directory: Path, *, level: str, pool_id: str, say: Callable[[str], None]) -> Iterator[None]:
    """Log into `log.jsonl`; entries that cannot be written are only reported, once."""
    log = configure(directory / "log.jsonl", level=level, context={"pool": pool_id}, echo=say)
    try:
        with log:
            yield
    finally:
        if log.loss:
            say(log.loss)
