"""What a terminal shows while a command works: up to 18 rows, fewer on a small terminal."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from rich.text import Text

from migrate_mfa.clock import time_of_day
from migrate_mfa.domain.characters import printable
from migrate_mfa.domain.formatting import counted, duration
from migrate_mfa.domain.quotas import Category
from migrate_mfa.domain.reasons import Outcome

if TYPE_CHECKING:
    from rich.console import Console
    from rich.live import Live

    from migrate_mfa.ports import CategoryPace, ProgressUpdate

WIDTH: Final = 80
ROWS: Final = 18
_LEAST_ROWS: Final = 2
LEAST_RATE: Final = 0.05
"""A lower rate counts as none."""
NEWS_S: Final = 10
"""A running command notes its progress every few seconds; the view shows the age of an older note."""
_BAR: Final = 30
_FULL, _EMPTY = "█", "░"

SHORT: Final = {
    Category.USER_READ.value: "read",
    Category.USER_UPDATE.value: "update",
    Category.USER_RESOURCE_UPDATE.value: "mfa",
    Category.USER_LIST.value: "list",
}
_OF_THE_POOL: Final = {
    Category.USER_POOL_READ.value: "pool",
    Category.USER_POOL_RESOURCE_READ.value: "pool mfa",
}
STYLES: Final = {
    Outcome.VERIFIED.value: "green",
    Outcome.PENDING.value: "yellow",
    Outcome.FAILED.value: "red",
}


@dataclass(frozen=True, slots=True)
class _Row:
    """One row; if there is no room, rows with the lowest `keep` are dropped first."""

    keep: int
    text: Text


def started(console: "Console") -> "Live":
    """Begin to draw frames in place, only on the terminal of standard error."""
    from rich.live import Live

    live = Live(
        console=console,
        auto_refresh=False,
        transient=True,
        redirect_stdout=False,  # standard output is for the result and stays as it is
        redirect_stderr=False,
    )
    live.start()
    console.show_cursor(show=True)  # a killed process could not show the cursor again
    return live


def live_rows(update: "ProgressUpdate", *, width: int, height: int, now: float) -> list[Text]:
    """The rows of one frame, the most general first.

    Args:
        update: the state of the command.
        width: columns of the terminal; no row is longer.
        height: rows of the terminal; one is left for the cursor, and the least important rows are dropped.
        now: seconds since 1970, for times of day in this machine's time zone.
    """
    rows = list(_all_rows(update, now))
    room = max(_LEAST_ROWS, min(ROWS, height - 1))
    while len(rows) > room:
        rows.remove(min(rows, key=lambda row: row.keep))
    for row in rows:
        row.text.truncate(min(WIDTH, width), overflow="ellipsis")
    return [row.text for row in rows]


def _all_rows(update: "ProgressUpdate", now: float) -> Iterable[_Row]:
    yield _Row(100, _bar(update))
    yield _Row(90, _time(update, now))
    if outcomes := outcomes_of(update):
        yield _Row(80, outcomes)
    if update.slowed_by:
        yield _Row(70, Text(_capital(_line(update.slowed_by)), style="yellow"))
    busy = [pace for pace in update.paces if pace.now >= LEAST_RATE or pace.throttled]
    if busy:
        yield _Row(39, Text(f"{'calls/s':>16}{'share':>10}{'quota':>10}{'throttled':>13}", style="dim"))
        yield from (_Row(40, _pace(pace)) for pace in busy)
    if update.failed_by:
        yield _Row(60, _failed(update))
        yield from (
            _Row(20 + place, Text(f"  row {each.row:,} {each.reason}: {_line(each.detail)}".rstrip(": ")))
            for place, each in enumerate(update.failures)
        )
    if update.sms is not None:
        sent, most = update.sms
        yield _Row(50, Text(f"SMS with codes: {sent:,} of --max-sms {most:,}"))
    if update.credentials_end is not None:
        yield _Row(30, _credentials(update.credentials_end, update.seconds_left, now))


def _bar(update: "ProgressUpdate") -> Text:
    done, total = update.done, update.total
    if done is None:
        return Text(update.stage)
    if total is None or done > total:  # the size of a pool is an estimate
        return Text(f"{update.stage}: {done:,}")
    part = done / total if total else 1.0
    full = int(part * _BAR)
    bar = Text(f"{update.stage}  ").append(_FULL * full, style="green").append(_EMPTY * (_BAR - full))
    return bar.append(f"  {int(part * 100)} %  {done:,} of {total:,}")


def _time(update: "ProgressUpdate", now: float) -> Text:
    parts = []
    if update.seconds_left is not None:
        parts.append(
            f"{duration(update.seconds_left)} left, until about {time_of_day(now + update.seconds_left, now)}"
        )
    if update.seconds_running is not None:
        parts.append(f"running for {duration(update.seconds_running)}")
    return Text("; ".join(parts))


def _line(text: str) -> str:
    return " ".join(printable(text).split())


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def outcomes_of(update: "ProgressUpdate") -> Text:
    """The rows by outcome, each in its colour; empty if there are none."""
    told = [
        Text(f"{outcome} {count:,}", style=STYLES.get(outcome, ""))
        for outcome, count in update.outcomes
        if count
    ]
    return Text(", ").join(told)


def _pace(pace: "CategoryPace") -> Text:
    name = (SHORT | _OF_THE_POOL).get(pace.category, pace.category)
    row = Text(f"{name:<8}{pace.now:>8.1f}{pace.share:>10g}{pace.quota:>10g}")
    return row.append(f"{pace.throttled:>13,}", style="yellow" if pace.throttled else "")


def _failed(update: "ProgressUpdate") -> Text:
    reasons = ", ".join(f"{reason} {count:,}" for reason, count in update.failed_by)
    number = sum(count for _, count in update.failed_by)
    most = update.most_failures
    limit = f" (--max-failures {most * 100:g}%)" if most is not None else ""
    return Text(f"{counted(number, 'failure')}{limit}: {reasons}", style="red")


def _credentials(end: float, seconds_left: float | None, now: float) -> Text:
    left = end - now
    short = seconds_left is not None and left < seconds_left
    text = f"Credentials end at {time_of_day(end, now)}, in {duration(max(0.0, left))}"
    return Text(text, style="yellow" if short else "")
