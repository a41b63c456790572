"""Progress for a person: a live view on a terminal, elsewhere a plain line at intervals."""

import threading
from dataclasses import replace
from typing import TYPE_CHECKING, Final, Self, TextIO

from rich.console import Console, Group, RenderableType
from rich.text import Text

from migrate_mfa.cli.live_view import LEAST_RATE, SHORT, WIDTH, live_rows, outcomes_of, started
from migrate_mfa.cli.streams import forgiving
from migrate_mfa.domain.characters import printable
from migrate_mfa.domain.choices import ProgressStyle
from migrate_mfa.domain.errors import UsageError
from migrate_mfa.domain.formatting import duration

if TYPE_CHECKING:
    from rich.live import Live

    from migrate_mfa.ports import Clock, ProgressUpdate

PLAIN_EVERY_S: Final = 30.0
STAGE_S: Final = 5.0
"""A shorter stage gets no line of its own."""
LIVE_EVERY_S: Final = 0.25
_BETWEEN: Final = "; "


class Display:
    """A `ports.Progress` that must be closed in the end. This one shows nothing."""

    def say(self, text: str) -> None:
        """Print one line that stays; may be called from any thread."""

    def show(self, standing: "ProgressUpdate") -> None:
        """Show the current state; always called from the same thread."""

    def close(self) -> None:
        """Remove the view. The next `show` draws it again."""

    def pause(self) -> None:
        """Remove the view, for a question."""
        self.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def make_progress(
    *,
    stream: TextIO,
    clock: "Clock",
    quiet: bool,
    color: bool,
    style: ProgressStyle = ProgressStyle.AUTO,
    every_s: float = PLAIN_EVERY_S,
) -> Display:
    """Choose how to show the progress of a command.

    Errors of `stream` do not reach the caller: a run must continue without its terminal.

    Args:
        stream: the output; a terminal gets the live view, anything else plain lines.
        clock: paces both.
        quiet: show nothing at all, not even lines that stay.
        color: False for no colours; NO_COLOR in the environment says the same.
        style: what to show, whatever `stream` is.
        every_s: seconds between two plain lines.

    Raises:
        UsageError: a live view is requested, but `stream` is no terminal that can show it.
    """
    if quiet:
        return Display()
    patient = forgiving(stream)
    if style is ProgressStyle.NONE:
        return _Said(patient)
    console = Console(file=patient, no_color=None if color else True, highlight=False, force_terminal=True)
    can_be_live = stream.isatty() and not console.is_dumb_terminal
    if style is ProgressStyle.LIVE and not can_be_live:
        raise UsageError(
            "--progress live needs a terminal on standard error.", "Leave it out, or use --progress lines."
        )
    live = can_be_live and style is not ProgressStyle.LINES
    return _Live(console, clock) if live else _Plain(patient, clock, every_s)


class _Said(Display):
    """Only the lines that stay."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def say(self, text: str) -> None:
        self._stream.write(f"{printable(text)}\n")
        self._stream.flush()


class _Plain(_Said):
    """For logs and pipes: the lines that stay, a line at intervals, and one at the end of each long stage."""

    def __init__(self, stream: TextIO, clock: "Clock", every_s: float) -> None:
        super().__init__(stream)
        self._clock = clock
        self._every_s = every_s
        self._last: ProgressUpdate | None = None
        self._told: float | None = None
        self._counted = False
        self._began = self._seen = 0.0

    def show(self, standing: "ProgressUpdate") -> None:
        now = self._clock.monotonic()
        if self._last is None or self._last.stage != standing.stage:
            self._end_stage(now)
            self._began = now
        if self._told is None:
            self._told = now
        self._last, self._seen = standing, now
        if now - self._told >= self._every_s:
            self._told = now
            self._counted = bool(standing.outcomes)
            self.say(sentence(standing))

    def close(self) -> None:
        self._end_stage(self._seen)
        self._told = None

    def _end_stage(self, now: float) -> None:
        last, self._last = self._last, None
        took = now - self._began
        # If a line with outcomes was printed, print the last one too: the log must end with the final counts.
        if last is None or (took < STAGE_S and not (self._counted and last.outcomes)):
            return
        self._told = now
        self._counted = bool(last.outcomes)
        ended = replace(last, seconds_left=None, rates=(), paces=(), slowed_by="")
        self.say(f"{sentence(ended)}{_BETWEEN}took {duration(took)}")


class _Live(Display):
    """For a terminal: the lines that stay, and below them the state, in as few rows as possible."""

    def __init__(self, console: Console, clock: "Clock") -> None:
        self._console = console
        self._clock = clock
        self._lock = threading.RLock()
        self._live: Live | None = None
        self._stage = ""
        self._due = 0.0

    def say(self, text: str) -> None:
        with self._lock:
            self._console.print(Text(printable(text)), soft_wrap=True)

    def show(self, standing: "ProgressUpdate") -> None:
        now = self._clock.monotonic()
        if self._live is not None and now < self._due and standing.stage == self._stage:
            return
        self._due, self._stage = now + LIVE_EVERY_S, standing.stage
        with self._lock:
            self._started().update(self._rows(standing), refresh=True)

    def close(self) -> None:
        with self._lock:
            if self._live is not None:
                self._live.stop()
                self._live = None

    def _started(self) -> "Live":
        if self._live is None:
            self._live = started(self._console)
        return self._live

    def _rows(self, standing: "ProgressUpdate") -> RenderableType:
        if standing.outcomes or standing.failed_by:
            size = self._console.size
            return Group(*live_rows(standing, width=size.width, height=size.height, now=self._clock.now()))
        width = min(WIDTH, self._console.width)
        rows: list[Text] = []
        for part in _parts(standing):
            if rows and len(rows[-1]) + len(_BETWEEN) + len(part) <= width:
                rows[-1].append(_BETWEEN).append_text(part)
            else:
                rows.append(part)
        for row in rows:
            row.truncate(width)
        return Group(*rows)


def sentence(standing: "ProgressUpdate") -> str:
    """The whole state on one line, without colours."""
    return _BETWEEN.join(part.plain for part in _parts(standing))


def _parts(standing: "ProgressUpdate") -> list[Text]:
    """The parts of that line: the position, the rows by outcome, the calls, and what slows them."""
    rates = [
        f"{SHORT[category]} {_rate(rate)}"
        for category, rate in standing.rates
        if category in SHORT and rate >= LEAST_RATE
    ]
    parts = (
        Text(_where(standing)),
        outcomes_of(standing),
        Text(", ".join(rates)),
        Text(standing.slowed_by, style="yellow"),
    )
    return [part for part in parts if part]


def _where(standing: "ProgressUpdate") -> str:
    if standing.done is None:
        return standing.stage
    # A pool's number of users is an estimate, so more users can be done than the total.
    known = standing.total is not None and standing.done <= standing.total
    of = f" of {standing.total:,}" if known else ""
    left = f", {duration(standing.seconds_left)} left" if standing.seconds_left is not None else ""
    return f"{standing.stage}: {standing.done:,}{of}{left}"


def _rate(rate: float) -> str:
    return f"{rate:.0f}/s" if rate >= 1 else f"{rate:.1f}/s"
