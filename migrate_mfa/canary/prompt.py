"""The questions to the person at this terminal, and the results of the steps."""

from collections.abc import Callable
from textwrap import fill, wrap
from typing import TYPE_CHECKING, TypeVar
from unicodedata import normalize

from migrate_mfa.cli.ask import agree, ask
from migrate_mfa.cli.prompt import tell
from migrate_mfa.cli.streams import write
from migrate_mfa.stop import Stop, StopCause, Stopped

if TYPE_CHECKING:
    from migrate_mfa.canary.steps import Walked
    from migrate_mfa.ports import Progress

T = TypeVar("T")
_WIDTH = 79


class Terminal:
    """`canary.Questions` at this terminal; secrets are not echoed."""

    def __init__(self, stop: Stop, progress: "Progress") -> None:
        self._stop = stop
        self._progress = progress

    def password(self) -> str:
        """The user's password."""
        while not (typed := self._asked(lambda: ask(self._stop, "Password of the user: ", secret=True))):
            tell("A password is needed; Ctrl-C ends.")
        return typed

    def secret(self) -> str:
        """The app client's secret, if the caller may not read it."""
        prompt = "Secret of the app client (empty if it has none): "
        return self._asked(lambda: ask(self._stop, prompt, secret=True))

    def code(self, destination: str) -> str:
        """The code of an SMS; input that is not digits does not count as a try."""
        where = f" to {destination}" if destination else ""
        while True:
            typed = self._asked(lambda: ask(self._stop, f"Code of the SMS{where} (empty if none came): "))
            code = normalize("NFKC", "".join(typed.split()))  # Japanese keyboards can type full-width digits
            if not code or (code.isascii() and code.isdecimal()):
                return code
            tell("A code is made of digits.")

    def agree(self, question: str, *, default: bool = False) -> bool:
        """Yes or no; Enter takes the default."""
        return self._asked(lambda: agree(self._stop, question, default=default))

    def say(self, text: str) -> None:
        """Print information before the next question."""
        say(text)

    def _asked(self, question: Callable[[], T]) -> T:
        self._progress.close()
        try:
            return question()
        except (EOFError, Stopped):
            self._stop.request(StopCause.SIGINT)  # a signal has printed its own message
            tell("")  # the next output begins on a new line
            raise Stopped from None


def print_step(step: "Walked") -> None:
    """One step, as a result."""
    for line in _step_lines(step):
        write(line)


def say_step(step: "Walked") -> None:
    """Print one step for the person at the terminal, on standard error: standard output has JSON."""
    for line in _step_lines(step):
        tell(line)


def _step_lines(step: "Walked") -> list[str]:
    head = f"{step.status:<8}{step.name:<17}{step.seconds:>6.2f} s  "
    return wrap(f"{head}{step.says}", _WIDTH, subsequent_indent=" " * 8, break_on_hyphens=False)


def say(text: str) -> None:
    """A paragraph for the person at the terminal."""
    tell(fill(text, _WIDTH, break_long_words=False, break_on_hyphens=False))
