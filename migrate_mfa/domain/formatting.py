"""Texts for people: durations, counts, and lines that fit a terminal."""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from textwrap import wrap

WIDTH = 80
"""Columns of a terminal."""
_COMMAND = "  migrate-mfa "

_MINUTE = 60
_HOUR = 60 * _MINUTE
_DAY_IN_MINUTES = 24 * 60


def duration(seconds: float) -> str:
    """A length of time in its two largest units: `45 s`, `3 min 20 s`, `2 h 05 min`, `4 d 14 h`.

    Rounded to the smaller unit shown; a negative time is `0 s`.
    """
    whole = max(0, round(seconds))
    if whole < _MINUTE:
        return f"{whole} s"
    if whole < _HOUR:
        return f"{whole // 60} min {whole % 60:02} s"
    minutes = round(whole / 60)
    if minutes < _DAY_IN_MINUTES:
        return f"{minutes // 60} h {minutes % 60:02} min"
    hours = round(minutes / 60)
    return f"{hours // 24} d {hours % 24:02} h"


def at_least_a_second(seconds: float) -> str:
    """A length of time; less than a second is `under a second`."""
    return "under a second" if seconds < 1 else duration(seconds)


def minute(epoch_s: float) -> str:
    """A time in UTC, to the minute: `2026-11-27 21:55 UTC`."""
    return f"{datetime.fromtimestamp(epoch_s, UTC):%Y-%m-%d %H:%M} UTC"


def counted(number: int, one: str, several: str = "") -> str:
    """A number and its noun: `1 user`, `2,000 users`; `several` is the plural if it is irregular."""
    return f"{number:,} {one if number == 1 else several or f'{one}s'}"


def folded(text: str, *, indent: str = "") -> str:
    """A text in lines that fit a terminal; words and commands stay in one piece."""
    lines: list[str] = []
    for line in text.splitlines():
        lead = indent + line[: len(line) - len(line.lstrip())]
        fits = len(indent + line) <= WIDTH or line.startswith(_COMMAND)
        lines += (
            [indent + line]
            if fits
            else wrap(
                line.lstrip(),
                WIDTH,
                initial_indent=lead,
                subsequent_indent=lead,
                break_long_words=False,
                break_on_hyphens=False,
            )
        )
    return "\n".join(lines)


def nearest(text: str, known: Iterable[str]) -> str:
    """The known text that a given one was probably meant for; empty if none is similar enough."""
    from difflib import get_close_matches  # noqa: PLC0415 - only what was mistyped pays for it

    return next(iter(get_close_matches(text, list(known), n=1)), "")


def the_nearest(text: str, known: Iterable[str], *, shown: Callable[[str], str] = repr) -> str:
    """A sentence that names the nearest known text; empty if there is none."""
    near = nearest(text, known)
    return f"The nearest is {shown(near)}." if near else ""
