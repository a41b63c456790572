"""fleet: one verb over many accounts, Regions and pools."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from migrate_mfa.cli import option_values
from migrate_mfa.cli.caller import Aws
from migrate_mfa.cli.option_groups import Consent, JsonOnly
from migrate_mfa.cli.option_values import Written
from migrate_mfa.cli.options import Group, Only, Option
from migrate_mfa.cli.prompt import require_consent, tell
from migrate_mfa.domain.errors import ExitCode, UsageError
from migrate_mfa.remote.objects import BucketUrl

if TYPE_CHECKING:
    from migrate_mfa.cli.verb_options import VerbOptions
    from migrate_mfa.fleet.command import Fleet


class Verb(StrEnum):
    """What is done to every target."""

    CHECK = "check"
    PLAN = "plan"
    RUN = "run"
    AUDIT = "audit"
    RECONCILE = "reconcile"
    ROLLBACK = "rollback"
    DISABLE = "disable"


@dataclass(frozen=True, kw_only=True)
class Chosen(Group, variables=False):
    """Which fleet, which of its targets, and what is done to them."""

    words: Annotated[
        tuple[str, ...],
        Option(
            help="The fleet file; before it status, report or validate.",
            argument=True,
            metavar="[ACTION] FLEET",
        ),
    ] = ()
    verb: Annotated[
        Verb | None,
        Option(help="What to do: check, plan, run, audit, reconcile, rollback or disable.", metavar="VERB"),
    ] = None
    only: Annotated[
        tuple[str, ...],
        Option(help="Only the targets with this name or tag. Repeatable.", metavar="NAME|TAG"),
    ] = ()


@dataclass(frozen=True, kw_only=True)
class Placing(Group, variables=False):
    """Where the work is kept, and how much of it is done at a time."""

    run_dir: Annotated[
        Path | BucketUrl | None,
        Option(
            help="Directory of the fleet, or s3://BUCKET/PREFIX. Each target has DIR/NAME.",
            metavar="DIR",
            parser=option_values.run_dir,
        ),
    ] = None
    workers: Annotated[
        int | None,
        Option(help="Lanes at work at a time (default: 5 for each core of this machine).", least=1),
    ] = None
    tries: Annotated[
        int, Option(help="How often to start a target that is lost or cannot reach AWS.", least=1, most=100)
    ] = 3
    retry_pause: Annotated[
        float,
        Option(help="How long to wait before that.", metavar="DURATION", parser=option_values.duration),
    ] = Written(30, "30s")


def fleet(
    chosen: Chosen,
    placing: Placing,
    aws: Annotated[Aws, Only("profile", "region", "endpoint_url")],
    consent: Consent,
    output: JsonOnly,
) -> ExitCode:
    """Do one verb over many accounts, Regions and pools. The same command again resumes.

    Examples:
        migrate-mfa fleet fleet.toml --verb run --run-dir fleet-run --yes
        migrate-mfa fleet status fleet.toml --run-dir fleet-run
    """
    action, path = _split(chosen.words)
    from migrate_mfa.fleet.command import Fleet
    from migrate_mfa.fleet.unit import Patience

    made = Fleet(
        path=path,
        verb=chosen.verb.value if chosen.verb else Verb.RUN.value,
        verbs=_options(),
        only=chosen.only,
        run_dir=None if placing.run_dir is None else str(placing.run_dir),
        profile=aws.profile,
        region=aws.region,
        endpoint_url=aws.endpoint_url,
        patience=Patience(tries=placing.tries, pause_s=placing.retry_pause),
    )
    if action == "do":
        if chosen.verb is None:
            raise UsageError("--verb is missing.", f"It takes one of: {', '.join(Verb)}.")
        return _do(made, placing, consent, output)
    return _ACTIONS[action](made, output)


def _split(words: tuple[str, ...]) -> tuple[str, Path]:
    """The action and the file; without an action the verb is done.

    Raises:
        UsageError: there is no file, or too many words.
    """
    action, rest = ("do", words) if not words or words[0] not in _ACTIONS else (words[0], words[1:])
    if len(rest) != 1:
        told = " ".join(words) or "nothing"
        raise UsageError(
            f"There is no single fleet file in {told!r}.",
            f"Such as: migrate-mfa fleet fleet.toml --verb run. Actions before it: {', '.join(_ACTIONS)}.",
        )
    return action, Path(rest[0])


def _options() -> "dict[str, VerbOptions]":
    from migrate_mfa.cli.verb_options import VerbOptions
    from migrate_mfa.commands.audit import audit
    from migrate_mfa.commands.check import check
    from migrate_mfa.commands.disable import disable
    from migrate_mfa.commands.plan import plan
    from migrate_mfa.commands.reconcile import reconcile
    from migrate_mfa.commands.rollback import rollback
    from migrate_mfa.commands.run import run

    return {
        each.__name__: VerbOptions(each) for each in (check, plan, run, audit, reconcile, rollback, disable)
    }


def _do(made: "Fleet", placing: Placing, consent: Consent, output: JsonOnly) -> ExitCode:
    from migrate_mfa.fleet.engines import Processes

    if made.asks:
        require_consent(consent)
    units = made.units()
    made.require_run_dir(Processes.needs_shared_run_dir)
    if made.asks and not consent.yes:
        made.ask(units)
    return made.do(units, Processes(placing.workers), in_json=output.json)


def _status(made: "Fleet", output: JsonOnly) -> ExitCode:
    made.require_run_dir()
    made.show(made.lines(), in_json=output.json)
    return ExitCode.DONE


def _report(made: "Fleet", output: JsonOnly) -> ExitCode:
    made.require_run_dir()
    lines = made.lines()
    made.write(lines)
    made.show(lines, in_json=output.json)
    tell(f"The reports are in {made.place.named('report')}.")
    return ExitCode.DONE


_ACTIONS: dict[str, Callable[["Fleet", JsonOnly], ExitCode]] = {"status": _status, "report": _report}
