"""Questions to the person at this terminal: what the screen shows with them, and the line that is typed."""

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from select import select
from shutil import get_terminal_size
from textwrap import wrap
from typing import TYPE_CHECKING

from migrate_mfa.domain.characters import printable
from migrate_mfa.domain.formatting import WIDTH
from migrate_mfa.stop import at_a_question

if TYPE_CHECKING:
    from migrate_mfa.stop import Stop

_LOOK_EVERY_S = 0.1
ROWS = 22
"""A terminal of 24 lines, minus a blank line and the question."""
_NAMES = 13
"""The width of the column of names."""
_MOST = 3
"""The most lines of one fact: names and paths can be long."""
_MORE = " …"
_NO_END = 1_000


def ask(stop: "Stop", prompt: str, *, secret: bool = False) -> str:
    """The line that is typed after `prompt`, without its line end; a secret is not echoed.

    A terminal delivers whole lines, so reading does not block once there is something to read.

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
    """Drop what was typed before the question. Input from a pipe is kept: a script may write early."""
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


def room() -> int:
    """How many lines fit: on a terminal those above the question, in a file any number."""
    if not sys.stderr.isatty():
        return _NO_END
    return max(ROWS, get_terminal_size().lines - 2)


def screen(title: str, facts: Mapping[str, str | Sequence[str]], rows: int = ROWS) -> str:
    """Lay out the facts that an operator needs before answering, in lines of `WIDTH` columns.

    Args:
        title: what would be done.
        facts: by their names, in order; an empty one is left out. If a fact is several texts, those that do
            not fit are only counted.
        rows: how many lines fit.
    """
    texts = {name: _folded(text) for name, text in facts.items() if isinstance(text, str) and text}
    left = rows - 2 - sum(map(len, texts.values()))
    lines = [title, "-" * min(len(title), WIDTH)]
    for name, fact in facts.items():
        told = texts.get(name, []) if isinstance(fact, str) else _fitting(fact, left)
        if isinstance(fact, str) and _is_long_path(fact):
            lines += [name, fact]  # in one piece, so that it can be copied
        else:
            lines += [f"{'' if number else name:<{_NAMES}}{line}" for number, line in enumerate(told)]
    return "\n".join(lines)


def _is_long_path(fact: str) -> bool:
    """Whether a fact is one word that needs a whole line of its own."""
    return WIDTH - _NAMES < len(fact) <= WIDTH and " " not in fact


def _folded(text: str) -> list[str]:
    lines = wrap(text, WIDTH - _NAMES, break_on_hyphens=False)
    if len(lines) > _MOST:
        lines[_MOST - 1 :] = [lines[_MOST - 1][: WIDTH - _NAMES - len(_MORE)] + _MORE]
    return lines


def _fitting(texts: Sequence[str], room: int) -> list[str]:
    """The texts that fit, and how many more there are."""
    shown: list[str] = []
    for number, text in enumerate(texts):
        lines, after = _folded(text), len(texts) - number - 1
        if len(shown) + len(lines) + bool(after) > room:
            return [*shown, f"and {after + 1} more, which a taller terminal shows"]
        shown += lines
    return shown
