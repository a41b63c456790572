"""Questions and messages: what is shown before a plan is applied, and how the answer is read."""

import sys
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, TypeVar

import typer

from migrate_mfa.cli.ask import ask
from migrate_mfa.domain.characters import printable
from migrate_mfa.domain.errors import Declined, UsageError
from migrate_mfa.domain.formatting import counted, folded
from migrate_mfa.stop import SIGNAL_EXITS, Stop, StopCause, Stopped

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from migrate_mfa.cli.option_groups import Consent, Output
    from migrate_mfa.domain.model import PoolFacts
    from migrate_mfa.domain.quotas import Lane
    from migrate_mfa.ports import Progress

T = TypeVar("T")
_POOL_NAME = "the pool's name"
_SLOW_S = 2.0


def progress_for(output: "Output") -> "Progress":
    """The progress display that fits this terminal."""
    from migrate_mfa.cli.progress import make_progress
    from migrate_mfa.clock import SystemClock

    return make_progress(
        stream=sys.stderr,
        clock=SystemClock(),
        quiet=output.quiet,
        color=not output.no_color,
        style=output.progress,
        every_s=output.progress_interval,
    )


def require_consent(consent: "Consent") -> None:
    """Refuse early if nothing could be confirmed: there is no terminal, and no --yes."""
    if not consent.yes and not sys.stdin.isatty():
        raise UsageError("There is no terminal to ask on.", "Use --yes if you are sure.")


def place(lane: "Lane", pool: "PoolFacts") -> str:
    """Account, Region and pool, and the endpoint if it is not AWS's own."""
    endpoint = f", endpoint {lane.endpoint}" if lane.endpoint != "aws" else ""
    return f"account {lane.account}, Region {lane.region}, pool {pool.name} ({pool.id}){endpoint}"


def confirm_setup(lane: "Lane", pool: "PoolFacts", stop: "Stop", *, yes: bool) -> None:
    """Name the account, Region and pool whose MFA configuration changes, and ask to type the pool's name.

    Raises:
        Declined: anything else was typed.
    """
    tell(f"About to change the MFA configuration of {place(lane, pool)}.")
    unchanged = "Nothing was written, and no role was created."
    if not yes and not types_name(pool, stop, unchanged):
        raise Declined(unchanged)


def types_name(pool: "PoolFacts", stop: "Stop", unchanged: str) -> bool:
    """Ask to type the pool's name. Returns whether it was typed."""
    return _typed(stop, _POOL_NAME, unchanged) == pool.name


def _typed(stop: "Stop", what: str, unchanged: str) -> str:
    return asked(lambda: ask(stop, f"Type {what} to go on: "), unchanged)


def tell(text: str, *, fold: bool = True) -> None:
    """Print a message for the person at the terminal, folded to its width; a script gets one line.

    A closed standard error is ignored: no run ends because of it, and the exit code tells how it ended.
    """
    with suppress(OSError):
        text = printable(text)
        typer.echo(folded(text) if fold and sys.stderr.isatty() else text, err=True)


@contextmanager
def telling_if_slow(text: str) -> "Iterator[None]":
    """Say what is waited for if that takes so long that a person would ask."""
    timer = threading.Timer(_SLOW_S, tell, [text])
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def asked(question: "Callable[[], T]", unchanged: str) -> "T":
    """The answer to a question; without an answer, end the line of the question.

    Raises:
        Declined: the end of the input (Ctrl-D).
        Stopped: a signal came. `unchanged` is printed first, because nothing else reports this error.
    """
    try:
        return question()
    except EOFError:
        typer.echo(err=True)
        raise Declined(unchanged) from None
    except Stopped:
        tell(f"\n{unchanged}")
        raise


def confirm_unlock(holder: str | None, pool_name: str | None, run_dir: str, *, yes: bool) -> None:
    """Say whose lease is taken away, and ask to type the pool's name, or else the run directory's.

    `holder` is None if the lease is gone or cannot be read.

    Raises:
        Declined: anything else was typed.
        typer.Exit: a signal came.
    """
    tell(
        f"Taking {run_dir} away from {holder}. Do that only if that process has ended for good."
        if holder
        else f"The lease of {run_dir} is gone or cannot be read. After this, the objects that are there are "
        "taken for the whole run. Do that only if no command works there and nothing else was removed: what "
        "a lost object held cannot be rolled back."
    )
    name = pool_name or run_dir
    unchanged = "The lease stays."
    what = _POOL_NAME if pool_name else "the run directory"
    _require_typed(name, what, unchanged, yes=yes)


def _require_typed(name: str | None, what: str, unchanged: str, *, yes: bool) -> None:
    stop = Stop()
    try:
        if not yes and _typed(stop, what, unchanged) != name:
            raise Declined(f"That is not {what}. {unchanged}")
    except Stopped:
        raise typer.Exit(SIGNAL_EXITS[stop.cause or StopCause.SIGINT]) from None


def confirm_purge(pool_name: str | None, rows: int, *, yes: bool) -> None:
    """Say what is impossible after a purge, and ask to type the pool's name.

    Raises:
        Declined: anything else was typed.
        typer.Exit: a signal came.
    """
    tell(
        f"Removing the personal data of {counted(rows, 'row')} of pool {pool_name}. After that, this run "
        "can no longer be rolled back or reconciled."
        if rows
        else f"Removing the lists of an audit of pool {pool_name}."
    )
    _require_typed(pool_name, _POOL_NAME, "Nothing was removed.", yes=yes)
