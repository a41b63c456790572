"""Asking and telling: what is shown before a plan is applied, and how a yes is taken."""

import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeVar

import typer

from migrate_mfa.cli.ask import agree, ask
from migrate_mfa.domain.characters import printable
from migrate_mfa.domain.errors import Declined, UsageError
from migrate_mfa.domain.words import counted, duration, folded
from migrate_mfa.stop import SIGNAL_EXITS, Stop, StopCause, Stopped

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from migrate_mfa.aws.session import Lane
    from migrate_mfa.domain.model import PoolFacts
    from migrate_mfa.domain.forecast import Forecast
    from migrate_mfa.cli.option_groups import Consent, Output
    from migrate_mfa.ports import Progress
    from migrate_mfa.session import Connection

T = TypeVar("T")


def progress_for(output: "Output") -> "Progress":
    """Progress as this terminal can show it."""
    from migrate_mfa.clock import SystemClock
    from migrate_mfa.cli.progress import make_progress

    return make_progress(
        stream=sys.stderr, clock=SystemClock(), quiet=output.quiet, color=not output.no_color
    )


def require_consent(consent: "Consent") -> None:
    """Refuse early what could never be confirmed: no terminal, and no --yes."""
    if not consent.yes and not sys.stdin.isatty():
        raise UsageError("There is no terminal to ask on.", "Give --yes if you are sure.")


def confirm_run(connection: "Connection", users: int, extra: str = "", *, seconds: float = 0) -> None:
    """Name the account, Region, pool and users, and ask to type the pool's name.

    Args:
        connection: where it would write to.
        users: how many users it would write to.
        extra: what else there is to know.
        seconds: how long it is forecast to take.

    Raises:
        Declined: anything else was typed.
    """
    connection.progress.close()
    wave = connection.settings.wave.max_users
    if wave is not None and wave < users:
        users, extra = wave, f" It is a wave: {users:,} are still to do in all.{extra}"
    tell(f"About to write to {counted(users, 'user')} in {place(connection.lane, connection.pool)}.{extra}")
    _warn_of_expiry(connection, seconds)
    if not connection.settings.consent.yes:
        ask_pool_name(connection, "The plan is kept: the same command goes on from it.")


def place(lane: "Lane", pool: "PoolFacts") -> str:
    """Account, Region and pool, and the endpoint where it is not AWS's own."""
    endpoint = f", endpoint {lane.endpoint}" if lane.endpoint != "aws" else ""
    return f"account {lane.account}, Region {lane.region}, pool {pool.name} ({pool.id}){endpoint}"


def ask_pool_name(connection: "Connection", hint: str = "") -> None:
    """Ask to type the pool's name.

    Raises:
        Declined: anything else was typed.
    """
    connection.progress.make_way()
    unchanged = "Nothing was written."
    if not _types_name(connection.pool, connection.stop, unchanged):
        raise Declined(f"That is not the pool's name. {unchanged}", hint)


def confirm_setup(lane: "Lane", pool: "PoolFacts", stop: "Stop", *, yes: bool) -> None:
    """Name the account, Region and pool whose MFA configuration changes, and ask to type the pool's name.

    Raises:
        Declined: anything else was typed.
    """
    tell(f"About to change the MFA configuration of {place(lane, pool)}.")
    unchanged = "Nothing was written, and no role was created."
    if not yes and not _types_name(pool, stop, unchanged):
        raise Declined(unchanged)


def _types_name(pool: "PoolFacts", stop: "Stop", unchanged: str) -> bool:
    return _typed_name(stop, unchanged) == pool.name


def _typed_name(stop: "Stop", unchanged: str) -> str:
    return _asked(lambda: ask(stop, "Type the pool's name to go on: "), unchanged)


def _warn_of_expiry(connection: "Connection", seconds: float) -> None:
    if connection.credentials_end is None:
        return
    left = connection.credentials_end - connection.clock.now()
    if left < seconds:
        tell(
            f"The credentials end in {duration(max(left, 0))}, the work takes about {duration(seconds)}: "
            "unless they renew themselves, it stops then (exit code 5), and the same command goes on."
        )


def tell_limit(connection: "Connection") -> None:
    """Say which limit of the operator's ended a pass, if one did."""
    stop = connection.stop
    if stop.cause is not None and stop.cause.value == "limit":
        tell(f"Stopped by {stop.detail}; the same command goes on.")


def tell(text: str, *, fold: bool = True) -> None:
    """Something for the person at the terminal, folded to its width; a script gets one line.

    Nobody may be there any more: no run ends for that, and its exit code says how it ended.
    """
    with suppress(OSError):
        text = printable(text)
        typer.echo(folded(text) if fold and sys.stderr.isatty() else text, err=True)


def _asked(question: "Callable[[], T]", unchanged: str) -> "T":
    """The answer to a question; where there is none, the line that it was asked on ends.

    Raises:
        Declined: the end of the input (Ctrl-D).
        Stopped: a signal came; that leaves quietly, so it is said here that all is `unchanged`.
    """
    try:
        return question()
    except EOFError:
        typer.echo(err=True)
        raise Declined(unchanged) from None
    except Stopped:
        tell(f"\n{unchanged}")
        raise


def confirm_billing(connection: "Connection", ahead: "Forecast") -> None:
    """Say how many users a deep look may make billed, how long it takes, what it may cost, and ask.

    Raises:
        Declined: the answer was no.
    """
    from migrate_mfa.cli.forecast import sentences

    connection.progress.close()
    counts = "counts each of them as a monthly active user this month, if they were not already."
    tell(f"Reading {counted(ahead.users, 'user')} with AdminGetUser {counts}")
    for text in sentences(ahead, reads_only=True):
        tell(text)
    if connection.settings.consent.yes:
        return
    connection.progress.make_way()
    unchanged = "Nothing more was read; the audit without --deep is in the report."
    if not _asked(lambda: agree(connection.stop, "Go on?"), unchanged):
        raise Declined(unchanged)


def confirm_purge(meta: "Mapping[str, Any]", rows: int, *, yes: bool) -> None:
    """Say what a purge ends, and ask to type the pool's name.

    Raises:
        Declined: anything else was typed.
        typer.Exit: a signal came.
    """
    tell(
        f"Removing the personal data of {counted(rows, 'row')} of pool {meta.get('pool_name')}: this run can "
        "then neither be rolled back nor reconciled."
        if rows
        else f"Removing the lists of an audit of pool {meta.get('pool_name')}."
    )
    unchanged, stop = "Nothing was removed.", Stop()
    try:
        if not yes and _typed_name(stop, unchanged) != meta.get("pool_name"):
            raise Declined(f"That is not the pool's name. {unchanged}")
    except Stopped:
        raise typer.Exit(SIGNAL_EXITS[stop.cause or StopCause.SIGINT]) from None
