"""Shows the progress of all lanes on one screen of at most 18 rows, or as a plain line every 30 s."""

import sys
from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from rich.console import Console, Group
from rich.text import Text

from migrate_mfa.cli.live_view import ROWS, WIDTH, started
from migrate_mfa.cli.prompt import tell
from migrate_mfa.cli.streams import forgiving
from migrate_mfa.domain.characters import printable
from migrate_mfa.domain.formatting import counted, duration
from migrate_mfa.fleet.coordinate import Speed
from migrate_mfa.fleet.standing import Standing
from migrate_mfa.fleet.unit import TROUBLED, State

if TYPE_CHECKING:
    from rich.live import Live

    from migrate_mfa.ports import Clock

_BAR: Final = 30
_FULL, _EMPTY = "█", "░"
_SLOWEST: Final = 6
_TROUBLES: Final = 5
_LINE_S: Final = 30.0
_WORK_LEFT = frozenset({State.WAITING, State.RUNNING})
_STYLES = {State.FINISHED: "green", State.LIMITED: "yellow"} | dict.fromkeys(TROUBLED, "red")


class View:
    """Shows the states of the targets; must be closed."""

    def __init__(self, clock: "Clock", *, quiet: bool = False, console: Console | None = None) -> None:
        self._clock = clock
        self._quiet = quiet
        self._console = console or Console(
            file=forgiving(sys.stderr), highlight=False, force_terminal=sys.stderr.isatty()
        )
        self._speed = Speed()
        self._live: Live | None = None
        self._told = clock.monotonic()

    def say(self, text: str) -> None:
        """Print a line that stays on the screen."""
        if self._live is not None:
            self._console.print(Text(printable(text)), soft_wrap=True)
        else:
            tell(text)

    def show(self, standings: Mapping[str, Standing]) -> None:
        """Show the current states."""
        self._speed.see(standings)
        if self._quiet:
            return
        if not self._console.is_terminal or self._console.is_dumb_terminal:
            now = self._clock.monotonic()
            if now - self._told >= _LINE_S:
                self._told = now
                tell(sentence(standings, self._speed))
            return
        if self._live is None:
            self._live = started(self._console)
        size = self._console.size
        rows = rows_of(standings, self._speed, width=size.width, height=size.height)
        self._live.update(Group(*rows), refresh=True)

    def close(self) -> None:
        """Remove the live display."""
        if self._live is not None:
            self._live.stop()
            self._live = None


def rows_of(
    standings: Mapping[str, Standing], speed: Speed, *, width: int = WIDTH, height: int = ROWS + 1
) -> list[Text]:
    """One frame: targets by state, users per second, failures, the slowest at work; the last rows are cut.

    Args:
        standings: the states by the names of the targets.
        speed: has recorded these states.
        width: columns of the terminal.
        height: rows of the terminal; one is left for the cursor.
    """
    done = sum(each.state not in _WORK_LEFT for each in standings.values())
    full = int(done / len(standings) * _BAR) if standings else _BAR
    rows = [
        Text("targets  ").append(_FULL * full, style="green").append(_EMPTY * (_BAR - full))
        .append(f"  {done:,} of {len(standings):,}"),
        _states(standings),
        *([Text(work)] if (work := _work(standings, speed)) else []),
    ]  # fmt: skip
    rows += _troubles(standings)
    rows += _slowest(standings, speed)
    rows = rows[: max(2, min(ROWS, height - 1))]
    for row in rows:
        row.truncate(min(WIDTH, width), overflow="ellipsis")
    return rows


def sentence(standings: Mapping[str, Standing], speed: Speed) -> str:
    """The states and the speed on one line."""
    return "; ".join(filter(None, [_states(standings).plain, _work(standings, speed)]))


def _states(standings: Mapping[str, Standing]) -> Text:
    counts = Counter(each.state for each in standings.values())
    told = [
        Text(f"{counts[state]:,} {state.words}", style=_STYLES.get(state, ""))
        for state in State
        if counts[state]
    ]
    return Text(", ").join(told)


def _work(standings: Mapping[str, Standing], speed: Speed) -> str:
    failed = sum(each.counts.get("failed", 0) for each in standings.values())
    rate = speed.total
    parts = [
        "" if rate is None else f"{rate:.1f} users/s over all lanes",
        counted(failed, "failed row") if failed else "",
    ]
    return "; ".join(filter(None, parts))


def _troubles(standings: Mapping[str, Standing]) -> list[Text]:
    troubled = [(name, each) for name, each in standings.items() if each.state in TROUBLED]
    rows = [
        Text(printable(f"  {name}: {each.state.words}. {each.error}".rstrip()), style="red")
        for name, each in troubled[-_TROUBLES:]
    ]
    if len(troubled) > _TROUBLES:
        rows.append(Text(f"  and {len(troubled) - _TROUBLES:,} more; see fleet status", style="red"))
    return rows


def _slowest(standings: Mapping[str, Standing], speed: Speed) -> list[Text]:
    """The targets at work with the most time left, as far as it is known."""
    at_work = [
        (each.progress.seconds_left or 0.0, name, each.progress)
        for name, each in standings.items()
        if each.progress is not None
    ]
    if not at_work:
        return []
    rows = [Text(f"{'slowest at work':<30}{'done':>12}{'of':>12}{'users/s':>10}{'left':>14}", style="dim")]
    for left, name, progress in sorted(at_work, key=lambda each: -each[0])[:_SLOWEST]:
        done = "" if progress.done is None else f"{progress.done:,}"
        of = "" if progress.total is None else f"{progress.total:,}"
        rate = speed.of(name)
        pace = "" if rate is None else f"{rate:.1f}"
        time_left = duration(left) if left else ""
        style = "yellow" if progress.slowed_by else ""
        rows.append(Text(f"{name[:29]:<30}{done:>12}{of:>12}{pace:>10}{time_left:>14}", style=style))
    return rows
