"""Asking the person at this terminal for a line, which a signal may end at any moment."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from select import select
from typing import TYPE_CHECKING

from migrate_mfa.domain.characters import printable
from migrate_mfa.stop import at_a_question

if TYPE_CHECKING:
    from migrate_mfa.stop import Stop

_LOOK_EVERY_S = 0.1


def ask(stop: "Stop", prompt: str, *, secret: bool = False) -> str:
    """The line that is typed after `prompt`, without its end; what is secret is not echoed.

    A terminal gives whole lines, so once there is something to read, reading it does not wait.

    Raises:
        EOFError: the end of the input (Ctrl-D) instead of a line.
        Stopped: a signal came.
    """
    with at_a_question(stop) as check, _echo(on=not secret):
        _forget_what_was_typed_ahead()
        sys.stderr.write(printable(prompt))
        sys.stderr.flush()
        while not select([sys.stdin], [], [], _LOOK_EVERY_S)[0]:
            check()
        check()
        line = sys.stdin.readline()
    if secret:
        sys.stderr.write("\n")
    if not line:
        raise EOFError
    return line.rstrip("\n")


def agree(stop: "Stop", question: str, *, default: bool = False) -> bool:
    """Yes or no; Enter takes the default.

    Raises:
        EOFError: the end of the input (Ctrl-D).
        Stopped: a signal came.
    """
    prompt = f"{question} [{'Y/n' if default else 'y/N'}] "
    while True:
        typed = ask(stop, prompt).strip().casefold()
        if typed in _ANSWERS or not typed:
            return _ANSWERS.get(typed, default)


_ANSWERS = {"y": True, "yes": True, "n": False, "no": False}


def _forget_what_was_typed_ahead() -> None:
    """What was typed before the question is no answer to it; what a script writes into a pipe is."""
    if sys.stdin.isatty():
        import termios

        termios.tcflush(sys.stdin.fileno(), termios.TCIFLUSH)


@contextmanager
def _echo(*, on: bool) -> Iterator[None]:
    if on:
        yield
        return
    import termios

    terminal = sys.stdin.fileno()
    before = termios.tcgetattr(terminal)
    flags = 3
    silent = [*before[:flags], before[flags] & ~termios.ECHO, *before[flags + 1 :]]
    termios.tcsetattr(terminal, termios.TCSAFLUSH, silent)
    try:
        yield
    finally:
        termios.tcsetattr(terminal, termios.TCSAFLUSH, before)
