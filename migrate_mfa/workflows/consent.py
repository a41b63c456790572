"""What is asked before a command writes to users, or makes them billed."""

from typing import TYPE_CHECKING

from migrate_mfa.cli.ask import agree
from migrate_mfa.cli.prompt import asked, place, tell, types_name
from migrate_mfa.domain.errors import Declined
from migrate_mfa.domain.formatting import counted, duration

if TYPE_CHECKING:
    from migrate_mfa.domain.forecast import Forecast
    from migrate_mfa.session import Session


def confirm_run(session: "Session", users: int, extra: str = "", *, seconds: float = 0) -> None:
    """Name the account, Region, pool and users, and ask to type the pool's name.

    Args:
        session: where it would write to.
        users: how many users it would write to.
        extra: what else there is to know.
        seconds: how long it is forecast to take.

    Raises:
        Declined: anything else was typed.
    """
    session.progress.close()
    wave = session.settings.wave.max_users
    if wave is not None and wave < users:
        users, extra = wave, f" This is a wave of --max-users; {users:,} users are left in all.{extra}"
    tell(f"About to write to {counted(users, 'user')} in {place(session.lane, session.pool)}.{extra}")
    _warn_of_expiry(session, seconds)
    if not session.settings.consent.yes:
        ask_pool_name(session, "The plan is kept. Run the same command again to apply it.")


def ask_pool_name(session: "Session", hint: str = "") -> None:
    """Ask to type the pool's name.

    Raises:
        Declined: anything else was typed.
    """
    session.progress.pause()
    unchanged = "Nothing was written."
    if not types_name(session.pool, session.stop, unchanged):
        raise Declined(f"That is not the pool's name. {unchanged}", hint)


def _warn_of_expiry(session: "Session", seconds: float) -> None:
    if session.credentials_end is None:
        return
    left = session.credentials_end - session.clock.now()
    if left < seconds:
        tell(
            f"Your credentials expire in {duration(max(left, 0))}, but the run needs about "
            f"{duration(seconds)}. Unless they refresh automatically, it will stop with exit code 5; run the "
            "same command again to resume."
        )


def tell_limit(session: "Session") -> None:
    """Say which limit of the operator's ended a pass, if one did."""
    stop = session.stop
    if stop.cause is not None and stop.cause.value == "limit":
        tell(f"Stopped at {stop.detail}. Run the same command again to continue.")


def confirm_billing(session: "Session", ahead: "Forecast") -> None:
    """Say how many users a deep look may make billed, how long it takes, what it may cost, and ask.

    Raises:
        Declined: the answer was no.
    """
    from migrate_mfa.cli.forecast import sentences

    session.progress.close()
    counts = "makes each of them a billed monthly active user this month, unless they already are."
    tell(f"Reading {counted(ahead.users, 'user')} with AdminGetUser {counts}")
    for text in sentences(ahead, reads_only=True):
        tell(text)
    if session.settings.consent.yes:
        return
    session.progress.pause()
    unchanged = "Nothing more was read. The report has the audit without --deep."
    if not asked(lambda: agree(session.stop, "Go on?"), unchanged):
        raise Declined(unchanged)
