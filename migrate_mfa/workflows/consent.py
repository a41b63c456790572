"""The questions before a command writes to users or makes them billed."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from migrate_mfa.cli.ask import agree, room, screen
from migrate_mfa.cli.prompt import asked, place, tell, types_name
from migrate_mfa.domain.errors import Declined
from migrate_mfa.domain.formatting import counted, duration
from migrate_mfa.domain.privacy import mask_caller

if TYPE_CHECKING:
    from migrate_mfa.domain.forecast import Forecast
    from migrate_mfa.invocation import Invocation
    from migrate_mfa.session import Session


@dataclass(frozen=True, slots=True, kw_only=True)
class Writing:
    """What a command would do after consent.

    `risks` say what can go wrong for which users, the worst first. `findings` are the warnings of `check`.
    `report` is the page with the whole plan, if it is written yet.
    """

    what: str
    users: int
    ahead: "Forecast"
    plan: str
    risks: Sequence[str] = ()
    findings: Sequence[str] = ()
    report: str = ""
    hint: str = ""


def confirm_run(session: "Session", writing: Writing) -> None:
    """Show the caller, the work, the risks, cost and time on one screen, and ask for the pool's name.

    Raises:
        Declined: anything else was typed.
    """
    from migrate_mfa.cli.forecast import cost_in_short, messages_in_short, time_in_short

    session.progress.close()
    users, lane = writing.users, session.lane
    wave = min(users, session.settings.wave.max_users or users)
    ahead, seconds = writing.ahead, writing.ahead.time.low
    facts: dict[str, str | Sequence[str]] = {
        "Caller": mask_caller(lane.caller),
        "Where": place(lane, session.pool),
        "What": writing.what,
        "Wave": f"{wave:,} of {users:,} users left; the figures below are for all of them."
        if wave < users
        else "",
        "Plan": writing.plan,
        "Risks": writing.risks,
        "SMS": messages_in_short(ahead),
        "Cost": cost_in_short(ahead),
        "Time": time_in_short(ahead, session.clock.now()),
        "Credentials": _expiry(session, seconds),
        "Warnings": f"{', '.join(writing.findings)} (from check)" if writing.findings else "",
        "Whole plan": writing.report,
    }
    title = f"About to write to {counted(wave, 'user')}"
    tell(f"\n{screen(title, facts, room())}", fold=False)
    if not session.settings.consent.yes:
        tell("")
        ask_pool_name(session, writing.hint)


def ask_pool_name(session: "Session", hint: str = "") -> None:
    """Ask to type the pool's name.

    Raises:
        Declined: anything else was typed.
    """
    session.progress.pause()
    unchanged = "Nothing was written."
    if not types_name(session.pool, session.stop, unchanged):
        raise Declined(f"That is not the pool's name. {unchanged}", hint)


def _expiry(session: "Session", seconds: float) -> str:
    """A warning if the credentials expire before the work ends, else an empty text."""
    if session.credentials_end is None:
        return ""
    left = session.credentials_end - session.clock.now()
    if left >= seconds:
        return ""
    return (
        f"They expire in {duration(max(left, 0))}, but the work needs about {duration(seconds)}. Unless they "
        "refresh automatically, it stops then with exit code 5; the same command resumes."
    )


def tell_limit(session: "Session") -> None:
    """Say which limit of the operator ended a pass, if one did."""
    stop = session.stop
    if stop.cause is not None and stop.cause.value == "limit":
        tell(f"Ended at {stop.detail}, as you asked. Run the same command again to continue.")


def confirm_billing(session: "Session", ahead: "Forecast") -> None:
    """Say how many users a deep read may make billed, its time and possible cost, and ask.

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


Agree = Callable[["Session", "Forecast"], None]
"""Asks the operator whether this many users may become billed; raises if not."""


def agree_to_read(invocation: "Invocation", users: int, agree: Agree) -> None:
    """Get a deep read of this many users allowed: by `--max-cost`, then by the operator.

    Raises:
        CostLimitExceeded: it may cost more than `--max-cost`.
        UsageError: a price is missing.
    """
    from migrate_mfa.checks.preflight import require_affordable  # slow, and --help imports this file

    ahead = invocation.forecast_reading(users)
    require_affordable(ahead, invocation.session.settings.cost.max_cost)
    agree(invocation.session, ahead)
