"""One command line in this process, as a child with pipes would run it: its own environment and streams.

What it leaves behind in the process is put right again: `kept`.
"""

from __future__ import annotations

import io
import logging
import os
import signal
import sqlite3
import sys
import tempfile
import threading
import warnings
from contextlib import contextmanager, suppress
from functools import cache
from typing import TYPE_CHECKING, Any, Final, TextIO

import pytest
import structlog
import typer
import typer.main

from migrate_mfa import invocation
from migrate_mfa.clock import SystemClock
from migrate_mfa.engine import apply_row
from migrate_mfa.fleet import supervise
from migrate_mfa.journal.connection import connect
from migrate_mfa.main import main
from migrate_mfa.simulator.server import background
from tests.support.quick_clients import make_clients_quickly
from tests.support.warm_process import start_warm

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from tests.support.clock import QuickClock

_HEEDED: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGPIPE)
_STREAMS: Final = ("stdin", "stdout", "stderr", "__stdout__")
_SHARE_OF_WAITS: Final = 0.02
_OF_PYTEST: Final = "PYTEST_CURRENT_TEST"
"""pytest changes it in every test, and puts it right by itself."""


def state_of_process() -> dict[str, Any]:
    """What a command may change in the process that it runs in, and must not leave changed."""
    root = logging.getLogger()
    os.umask(umask := os.umask(0o077))
    return {
        "environment": _environment(),
        "folder": os.getcwd(),  # noqa: PTH109 - as it stands, links and all
        "umask": umask,
        "signals": {each: signal.getsignal(each) for each in _HEEDED},
        "log level": root.level,
        "log handlers": root.handlers[:],
        "structlog": structlog.get_config() if structlog.is_configured() else None,
        "streams": [getattr(sys, each) for each in _STREAMS],
        "temporary folder": tempfile.tempdir,
    }


def _environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name != _OF_PYTEST}


def put_back(state: Mapping[str, Any]) -> None:
    """Make the process what it was when `state_of_process` looked."""
    if _environment() != state["environment"]:
        test = os.environ.get(_OF_PYTEST)
        os.environ.clear()
        os.environ.update(state["environment"] | ({_OF_PYTEST: test} if test else {}))
    os.chdir(state["folder"])
    os.umask(state["umask"])
    if threading.current_thread() is threading.main_thread():
        for number, handler in state["signals"].items():
            signal.signal(number, handler)
    root = logging.getLogger()
    root.setLevel(state["log level"])
    root.handlers[:] = state["log handlers"]
    if state["structlog"] is None:
        structlog.reset_defaults()
    else:
        structlog.configure(**state["structlog"])
    for name, stream in zip(_STREAMS, state["streams"], strict=True):
        setattr(sys, name, stream)
    tempfile.tempdir = state["temporary folder"]


@contextmanager
def kept() -> Iterator[None]:
    """Put the state of the process back in the end."""
    before = state_of_process()
    try:
        yield
    finally:
        put_back(before)


def run_here(
    arguments: list[str],
    *,
    folder: Path,
    environment: Mapping[str, str],
    stdin: bytes | int | None = None,
    clock: QuickClock | None = None,
    watch: Callable[[], object] = lambda: None,
    together: bool = False,
) -> tuple[int, str, str]:
    """Run one command line. Returns its exit code and what it wrote to standard output and standard error.

    Args:
        arguments: what comes after `migrate-mfa`.
        folder: where it runs.
        environment: all of its environment.
        stdin: what a pipe brings, or a terminal's descriptor; without it there is nothing to read.
        clock: the time that it goes by; without it the real one, but for the waits until a write shows: a
            simulator at real time shows it at once.
        watch: is called right before and right after the program.
        together: standard error goes where standard output goes, as `2>&1` says.
    """
    out = _pipe_out()
    err = out if together else _pipe_out()
    with kept(), warnings.catch_warnings(), _stdin(stdin) as given, pytest.MonkeyPatch.context() as patch:
        for name, stream in (("stdin", given), ("stdout", out), ("stderr", err)):
            patch.setattr(sys, name, stream)
        patch.setattr(sys, "__stdout__", out)  # no terminal's width may matter
        patch.setattr(tempfile, "tempdir", None)
        os.environ.clear()
        os.environ.update(environment)
        os.chdir(folder)
        tempfile.gettempdir()  # looked up once a process, as the environment says
        _go_by(clock, patch)
        _without_syncs(patch)
        watch()
        code = main(arguments)
        watch()
    return code, _written(out), _written(err)


def _written(stream: io.TextIOWrapper) -> str:
    stream.flush()
    content = stream.buffer
    assert isinstance(content, io.BytesIO)
    return content.getvalue().decode()


def _pipe_out() -> io.TextIOWrapper:
    return io.TextIOWrapper(io.BytesIO(), encoding="utf-8", errors="surrogateescape", write_through=True)


@contextmanager
def _stdin(given: bytes | int | None) -> Iterator[TextIO]:
    if isinstance(given, int):
        with open(given, encoding="utf-8", closefd=False) as terminal:
            yield terminal
    elif given is None:
        with open(os.devnull, encoding="utf-8") as nothing:  # noqa: PTH123
            yield nothing
    else:
        with _filled(given) as pipe:
            yield pipe


@contextmanager
def _filled(content: bytes) -> Iterator[TextIO]:
    """A pipe that brings `content`, however much that is, and then ends."""
    reading, writing = os.pipe()

    def fill() -> None:
        with open(writing, "wb") as pipe:  # noqa: PTH123
            try:
                pipe.write(content)
                pipe.flush()
            except BrokenPipeError:
                pipe.raw.close()

    writer = threading.Thread(target=fill)
    writer.start()
    try:
        with open(reading, encoding="utf-8", errors="surrogateescape") as pipe:  # noqa: PTH123
            yield pipe
    finally:
        writer.join()


def _go_by(clock: QuickClock | None, patch: pytest.MonkeyPatch) -> None:
    if clock is None:
        waits = tuple(each * _SHARE_OF_WAITS for each in apply_row.READ_BACK_WAITS_S)
        for module in (apply_row, invocation):
            patch.setattr(module, "READ_BACK_WAITS_S", waits)
        patch.setattr(apply_row, "AGAIN_AFTER_S", apply_row.AGAIN_AFTER_S * _SHARE_OF_WAITS)
        return
    patch.setattr(SystemClock, "monotonic", lambda _: clock.monotonic())
    patch.setattr(SystemClock, "now", lambda _: clock.now())
    patch.setattr(SystemClock, "sleep", lambda _, seconds: clock.sleep(seconds))


def _without_syncs(patch: pytest.MonkeyPatch) -> None:
    """Nobody pulls the plug of a machine here; a process that dies needs no sync of a disk."""

    def relaxed(path: Path, *, read_only: bool) -> sqlite3.Connection:
        connection = connect(path, read_only=read_only)
        with suppress(sqlite3.Error):  # what is wrong with a file, the program is to find
            connection.execute("PRAGMA synchronous = OFF")
        return connection

    patch.setattr("migrate_mfa.journal.database.connect", relaxed)


def start_quickly(patch: pytest.MonkeyPatch) -> None:
    """Do once a process what takes longer than most commands: import, read AWS's models, make the parsers."""
    make_clients_quickly(patch.setattr)
    for module in (supervise, background):
        start_warm(module, patch.setattr)
    command = cache(typer.main.get_command)
    for each in ("migrate_mfa.main.get_command", "typer.main.get_command"):
        patch.setattr(each, command)
