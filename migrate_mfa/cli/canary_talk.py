"""Asking one person at this terminal, and telling how the steps go."""

import sys
from collections.abc import Callable
from getpass import getpass
from textwrap import fill, wrap
from typing import TYPE_CHECKING
from unicodedata import normalize

from migrate_mfa.cli.output import write
from migrate_mfa.cli.talk import tell
from migrate_mfa.engine.stop import Stop, StopCause, Stopped, at_a_question

if TYPE_CHECKING:
    from migrate_mfa.engine.canary import Walked
    from migrate_mfa.ports import Progress

_WIDTH = 79


class Terminal:
    """`engine.canary.Questions` at this terminal; nothing that is secret is echoed."""

    def __init__(self, stop: Stop, progress: "Progress") -> None:
        self._stop = stop
        self._progress = progress

    def password(self) -> str:
        """The user's password."""
        while not (typed := self._ask(lambda: getpass("Password of the user: ", sys.stderr))):
            tell("A password is needed; Ctrl-C ends.")
        return typed

    def secret(self) -> str:
        """The app client's secret, where we may not read it."""
        return self._ask(lambda: getpass("Secret of the app client (empty if it has none): ", sys.stderr))

    def code(self, destination: str) -> str:
        """The code of an SMS; what cannot be one costs no try."""
        where = f" to {destination}" if destination else ""
        while True:
            typed = self._ask(lambda: _line(f"Code of the SMS{where} (empty if none came): "))
            code = normalize("NFKC", "".join(typed.split()))  # as Japanese keyboards type digits
            if not code or (code.isascii() and code.isdecimal()):
                return code
            tell("A code is made of digits.")

    def agree(self, question: str, *, default: bool = False) -> bool:
        """Yes or no; Enter takes the default."""
        shown = "Y/n" if default else "y/N"
        while True:
            typed = self._ask(lambda: _line(f"{question} [{shown}] ")).strip().casefold()
            if typed in _ANSWERS or not typed:
                return _ANSWERS.get(typed, default)

    def say(self, text: str) -> None:
        """Something to know before the next question."""
        say(text)

    def _ask(self, question: Callable[[], str]) -> str:
        self._progress.close()
        try:
            with at_a_question(self._stop):
                return question()
        except (EOFError, Stopped):
            self._stop.request(StopCause.SIGINT)  # for the end of the input; a signal has said so already
            tell("")  # what comes next begins a new line
            raise Stopped from None


_ANSWERS = {"y": True, "yes": True, "n": False, "no": False}


def _line(prompt: str) -> str:
    sys.stderr.write(prompt)
    sys.stderr.flush()
    if not (line := sys.stdin.readline()):
        raise EOFError
    return line


def print_step(step: "Walked") -> None:
    """One step, as a result."""
    for line in _step_lines(step):
        write(line)


def say_step(step: "Walked") -> None:
    """One step, for the person at the terminal: standard output has JSON."""
    for line in _step_lines(step):
        tell(line)


def _step_lines(step: "Walked") -> list[str]:
    head = f"{step.status:<8}{step.name:<17}{step.seconds:>6.2f} s  "
    return wrap(f"{head}{step.says}", _WIDTH, subsequent_indent=" " * 8, break_on_hyphens=False)


def say(text: str) -> None:
    """A paragraph for the person at the terminal."""
    tell(fill(text, _WIDTH, break_long_words=False, break_on_hyphens=False))
