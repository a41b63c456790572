"""`status --watch`: the live view of a run, in another terminal."""

from typing import TYPE_CHECKING

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from migrate_mfa.cli.live_view import NEWS_S, WIDTH, live_rows
from migrate_mfa.domain.characters import printable
from migrate_mfa.domain.formatting import duration
from migrate_mfa.stop import Stop, StopCause, Stopped, on_signals

if TYPE_CHECKING:
    from collections.abc import Callable

    from migrate_mfa.ports import Clock
    from migrate_mfa.reports.from_journal import Standing

_EVERY_S = 1.0
_LEAVE = "Ctrl-C leaves this view; the run does not notice."


def watch(look: "Callable[[], Standing]", console: Console, clock: "Clock") -> StopCause | None:
    """Show the state of a run until it ends, in the alternate screen.

    Args:
        look: reads the run directory.
        console: a terminal.
        clock: sets the interval of the reads.

    Returns:
        The signal that ended the view before the run ended.

    Raises:
        RunDirectoryError: the run directory cannot be read, or has no run.
    """
    stop = Stop()
    with on_signals(stop), Live(console=console, screen=True, auto_refresh=False) as live:
        try:
            while (standing := look()).running:
                live.update(frame(standing, console, clock.now()), refresh=True)
                stop.sleep(clock, _EVERY_S)
        except Stopped:
            return stop.cause
    return None


def frame(standing: "Standing", console: Console, now: float) -> Group:
    """One screen: which run it is, its state, and how old that is.

    Args:
        standing: the state in the run directory.
        console: the terminal, for its size.
        now: seconds since 1970.
    """
    age = now - standing.noted_at
    above = [Text(printable(line), style="bold") for line in standing.title]
    below = [Text(f"As of {duration(age)} ago.", style="yellow")] if age > NEWS_S else []
    below.append(Text(_LEAVE, style="dim"))
    width, height = console.size
    room = height - len(above) - len(below)
    rows = [*above, *live_rows(standing.progress, width=width, height=room, now=now), *below]
    for row in rows:
        row.truncate(min(WIDTH, width), overflow="ellipsis")
    return Group(*rows)
