"""canary: test all steps with one real user, whose password and codes are typed at the terminal."""

import sys
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from migrate_mfa.canary.prompt import Terminal, print_step, say, say_step
from migrate_mfa.cli import option_values
from migrate_mfa.cli.caller import Aws, Pool
from migrate_mfa.cli.option_groups import Consent, KmsKey, Output, Pace, ReadingRoster
from migrate_mfa.cli.options import Group, Only, Option
from migrate_mfa.cli.prompt import place, progress_for, tell
from migrate_mfa.domain.errors import ExitCode, MigrateMfaError, UsageError
from migrate_mfa.domain.privacy import scrub
from migrate_mfa.domain.reasons import Reason
from migrate_mfa.stop import SIGNAL_EXITS, Stop, StopCause, Stopped
from migrate_mfa.workflows.consent import ask_pool_name
from migrate_mfa.workflows.ending import next_after, say_next

if TYPE_CHECKING:
    from collections.abc import Sequence

    from migrate_mfa.canary.canary import Canary, Request
    from migrate_mfa.canary.steps import Walked, Way
    from migrate_mfa.ports import Progress
    from migrate_mfa.settings import Settings

_PROVED = """\
Proved: this app client signs users in, Cognito sends SMS, one arrived at {phone}, the sign-in was \
challenged with SMS_MFA, and its code gave tokens, which were not kept."""
_NOT_PROVED = """\
Not proved: that SMS reach other users, countries and carriers; that the monthly spending limit and the SNS \
sandbox allow them all; that your app answers SMS_MFA, with the challenge's USER_ID_FOR_SRP as USERNAME; how \
managed login looks; that the other numbers are right."""


@dataclass(frozen=True, kw_only=True)
class Walking(Group):
    """The user, the way of verification, and what happens afterwards."""

    user: Annotated[
        str,
        Option(help="The user: Username, sub, or an alias for signing in.", metavar="USER", argument=True),
    ]
    phone: Annotated[
        str | None, Option(help="Number of the user (default: the pool's).", metavar="NUMBER", variable=False)
    ] = None
    attested: Annotated[
        bool,
        Option(help="Store the number as verified, without asking the user for a code.", variable=False),
    ] = False
    undo: Annotated[
        bool | None,
        Option(
            help="Restore the user's state at the end (default: ask).",
            flags=("--undo/--no-undo",),
            variable=False,
        ),
    ] = None
    run_dir: Annotated[
        Path | None,
        Option(
            help="Directory for the user's state before (default: ./migrate-mfa-runs/POOL/canary-TIME).",
            metavar="DIR",
            parser=option_values.run_dir,
        ),
    ] = None
    kms_key: KmsKey = None


@dataclass(frozen=True, kw_only=True)
class AppClient(Group, heading=Pool.heading):
    """The app client through which the user signs in."""

    client_id: Annotated[
        str | None, Option(help="Id of an app client with ALLOW_ADMIN_USER_PASSWORD_AUTH.", metavar="ID")
    ] = None


@dataclass(frozen=True, kw_only=True)
class ReadingNumber(ReadingRoster, heading="Options"):
    """Options for reading --phone."""


@dataclass(frozen=True, kw_only=True)
class ConsentToWalk(Consent):
    """Consent, for a command that asks more than the pool's name."""

    yes: Annotated[
        bool,
        Option(help="Do not ask for the pool's name. Other questions are still asked.", variable=False),
    ] = False


def canary(
    walking: Walking,
    pool: Pool,
    client: AppClient,
    aws: Aws,
    reading: Annotated[ReadingNumber, Only("phone_country")],
    consent: ConsentToWalk,
    output: Annotated[Output, Only("json", "log_level")],
) -> ExitCode:
    """Test the whole way with one real user: number, code, SMS MFA on, a sign-in that asks for a code.

    Asks for the user's password and for the codes of the SMS.

    Examples:
        migrate-mfa canary aiko --client-id 1h57kf5cpq17m0eml12EXAMPLE
        migrate-mfa canary aiko --client-id 1h57kf5cpq17m0eml12EXAMPLE --attested
    """
    from migrate_mfa.canary.canary import Request
    from migrate_mfa.settings import Settings

    if client.client_id is None:
        raise UsageError(
            "--client-id is missing.", "It names the app client through which the user signs in."
        )
    if not sys.stdin.isatty():
        raise UsageError(
            "There is no terminal to ask on.",
            "canary asks for the user's password and for the codes; it cannot run in a script.",
        )
    settings = Settings.of(
        pool,
        walking,
        aws,
        reading,
        Pace(wait_for_network=0),  # a person is waiting, and nothing is lost
        consent,
        output,
    )
    request = Request(
        user=walking.user, client_id=client.client_id, phone=walking.phone, attested=walking.attested
    )
    with closing(progress_for(output)) as progress:
        return _visit(settings, request, progress, wants_undo=walking.undo)


def _visit(
    settings: "Settings", request: "Request", progress: "Progress", *, wants_undo: bool | None
) -> ExitCode:
    """Make the steps, then undo them; in between, the run directory is not locked."""
    from migrate_mfa.canary.canary import open_canary
    from migrate_mfa.cli import tables
    from migrate_mfa.journal.run_dir import shown

    step = say_step if settings.output.json else print_step
    with open_canary(settings, request, progress) as canary:
        try:
            canary.go(Terminal(canary.session.stop, progress), _confirm, step)
        except Exception:
            if canary.wrote:
                _left(canary, settings, _Back("left"))
            raise
    _say_end(canary)
    back = _give_back(canary, settings, progress, wants_undo=wants_undo) if canary.wrote else _Back("nothing")
    if settings.output.json:
        tables.as_json(_document(canary, back))
    elif canary.walked:
        lines = next_after(settings, canary.session.pool.id)
        elsewhere = ("--run-dir", f"{shown(settings.run_dir)}-plan") if settings.run_dir else ()
        say_next("Plan your roster.", lines.plan("ROSTER", *elsewhere), settings.aws.caller)
    if canary.problem is not None:
        raise canary.problem
    return _exit_code(canary, back)


def _confirm(canary: "Canary", way: "Way") -> None:
    """Print the steps, the user, the pool and the number of SMS; ask for the pool's name.

    Raises:
        Declined: anything else was typed.
    """
    also = " A correct code marks the number as verified." if way.proves_by_signing_in else ""
    what = f"{_WAYS[way.path]}{also} This sends {_sms(way.sms)} to {way.phone.masked}."
    who = f"user {scrub(way.state.username)} (sub {way.state.sub})"
    say(f"About to test {who} in {place(canary.session.lane, canary.session.pool)}. {what}")
    if not canary.session.settings.consent.yes:
        ask_pool_name(canary.session)


_WAYS = {
    "by code": "The number and SMS MFA are set in the user's own session.",
    "attested": "The number is set as verified, and SMS MFA is switched on, by an administrator.",
    "sign-in only": "SMS MFA is already on: only the sign-in is tested.",
}


def _sms(number: int) -> str:
    return "1 real SMS" if number == 1 else f"{number} real SMS"


def _say_end(canary: "Canary") -> None:
    if canary.walked and canary.way is not None:
        say(_PROVED.format(phone=canary.way.phone.masked))
        say(_NOT_PROVED)
    elif canary.gone:
        say(_not_there(canary.steps))


def _not_there(steps: "Sequence[Walked]") -> str:
    """The step at which the test ended. It need not be the last one: the session is revoked afterwards."""
    ended = next((step for step in steps if step.status in {"failed", "stopped"}), None)
    if ended is None:
        return "The test did not reach the tokens."
    if ended.status == "stopped":
        return f"The test was stopped at {ended.name}, before the tokens."
    return f"The test did not reach the tokens. The line of {ended.name} above says why."


@dataclass(frozen=True, slots=True)
class _Back:
    """The result of the undo: `nothing` to undo, `left` as it is, `done`, `failed`, `stopped`."""

    state: str
    reason: Reason | None = None


def _give_back(
    canary: "Canary", settings: "Settings", progress: "Progress", *, wants_undo: bool | None
) -> _Back:
    """Undo if wanted, else print the command that does it."""
    from migrate_mfa.canary.canary import undo

    _say_changes(canary)
    try:
        if wants_undo is None and canary.cause is not StopCause.SIGTERM:
            question = "Restore the user's state from before?"
            wants_undo = Terminal(Stop(), progress).agree(question, default=not canary.walked)
        if not wants_undo:
            return _left(canary, settings, _Back("left"))
        tell("Undoing …")
        with closing(progress_for(replace(settings.output, quiet=True))) as silent:
            reason = undo(settings, canary.directory, silent)
    except Stopped:
        return _left(canary, settings, _Back("stopped"))
    except MigrateMfaError as error:
        say(scrub(error.message))
        return _left(canary, settings, _Back("failed"))
    if reason is None:
        return _left(canary, settings, _Back("stopped"))
    if reason in _RESTORED:
        say(f"Undone: {reason.sentence}")
        return _Back("done", reason)
    say(f"Not undone: {reason.sentence}")
    return _left(canary, settings, _Back("failed", reason))


def _say_changes(canary: "Canary") -> None:
    status = {step.name: step.status for step in canary.steps}
    sure = [words for name, words in _CHANGES.items() if status.get(name) == "ok"]
    unsure = [words for name, words in _CHANGES.items() if status.get(name, "ok") != "ok"]
    perhaps = f"perhaps {', '.join(unsure)}" if unsure else ""
    say(f"Changed for this user: {', '.join(filter(None, [*sure, perhaps]))}.")


_CHANGES = {
    "store_number": "the number",
    "verify_number": "its verified flag",
    "enable_mfa": "SMS MFA",
}
_RESTORED = frozenset({Reason.RESTORED, Reason.NOTHING_TO_RESTORE})


def _left(canary: "Canary", settings: "Settings", back: _Back) -> _Back:
    from migrate_mfa.journal.run_dir import shown
    from migrate_mfa.reports.next_command import by_caller

    lines = next_after(settings, canary.session.pool.id, shown(canary.directory))
    tell(f"To undo it later:\n  {by_caller(lines.here('rollback'), settings.aws.caller)}")
    return back


def _exit_code(canary: "Canary", back: _Back) -> ExitCode:
    if canary.cause in SIGNAL_EXITS:
        return SIGNAL_EXITS[canary.cause]
    if back.state == "stopped":
        return ExitCode.SIGINT
    return ExitCode.DONE if canary.walked and back.state != "failed" else ExitCode.SOME_FAILED


def _document(canary: "Canary", back: _Back) -> dict[str, object]:
    """The steps as JSON, without secrets and with a masked number."""
    from migrate_mfa.journal.run_dir import shown

    way = canary.way
    return {
        "version": 1,
        "command": "canary",
        "pool": canary.session.pool.id,
        "user_sub": way.state.sub if way else None,
        "phone": way.phone.masked if way else None,
        "path": way.path if way else None,
        "sms_expected": way.sms if way else 0,
        "walked": canary.walked,
        "steps": [asdict(step) for step in canary.steps],
        "undo": {"state": back.state, "reason": back.reason},
        "run_dir": shown(canary.directory) if canary.gone else None,
    }
