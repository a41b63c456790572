"""fleet: one verb over many accounts, Regions and pools."""

from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from migrate_mfa.cli import option_values
from migrate_mfa.cli.caller import Aws
from migrate_mfa.cli.option_groups import Consent, JsonOnly
from migrate_mfa.cli.option_values import Written
from migrate_mfa.cli.options import Group, Only, Option, declared
from migrate_mfa.cli.prompt import require_consent, tell
from migrate_mfa.commands.report import Showing
from migrate_mfa.domain.errors import ExitCode, UsageError
from migrate_mfa.fleet.init_command import Beginning, begin
from migrate_mfa.remote.objects import BucketUrl

if TYPE_CHECKING:
    from migrate_mfa.cli.verb_options import VerbOptions
    from migrate_mfa.fleet.command import Fleet
    from migrate_mfa.fleet.engines import Engine

_INIT = "init"
"""The action that has no fleet file yet."""
_INDEXES = ("JOB_COMPLETION_INDEX", "AWS_BATCH_JOB_ARRAY_INDEX")
"""How Kubernetes and AWS Batch tell a task which one it is."""


class EngineName(StrEnum):
    """Who places the supervisors of the lanes."""

    PROCESSES = "processes"
    DASK = "dask"


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
    """Which fleet, which of its targets, and where the work is kept."""

    words: Annotated[
        tuple[str, ...],
        Option(
            help="The fleet file, or s3://BUCKET/KEY; before it validate, status or report. Or init alone.",
            argument=True,
            metavar="[ACTION] FLEET",
        ),
    ] = ()
    only: Annotated[
        tuple[str, ...],
        Option(help="Only the targets with this name or tag. Repeatable.", metavar="NAME|TAG"),
    ] = ()
    run_dir: Annotated[
        Path | BucketUrl | None,
        Option(
            help="Directory of the fleet, or s3://BUCKET/PREFIX. Each target has DIR/NAME.",
            metavar="DIR",
            parser=option_values.run_dir,
        ),
    ] = None


@dataclass(frozen=True, kw_only=True)
class Doing(Group, heading="To do a verb over a fleet", variables=False):
    """What is done to the targets, how much of it at a time, and where."""

    verb: Annotated[
        Verb | None,
        Option(help="What to do: check, plan, run, audit, reconcile, rollback or disable.", metavar="VERB"),
    ] = None
    workers: Annotated[
        int | None,
        Option(help="Lanes at work at a time (default: 5 for each core of this machine).", least=1),
    ] = None
    engine: Annotated[
        EngineName,
        Option(
            help="Where the commands work: processes (this machine) or dask (a cluster).", metavar="ENGINE"
        ),
    ] = EngineName.PROCESSES
    scheduler: Annotated[
        str | None,
        Option(help="Address of the Dask scheduler, such as tls://HOST:8786.", metavar="ADDRESS"),
    ] = None
    insecure_engine: Annotated[bool, Option(help="Accept a scheduler without TLS on another machine.")] = (
        False
    )
    index_from_env: Annotated[
        bool,
        Option(
            help="Do one lane only: the one that JOB_COMPLETION_INDEX or AWS_BATCH_JOB_ARRAY_INDEX counts."
        ),
    ] = False
    tries: Annotated[
        int, Option(help="How often to start a target that is lost or cannot reach AWS.", least=1, most=100)
    ] = 3
    retry_pause: Annotated[
        float,
        Option(help="How long to wait before that.", metavar="DURATION", parser=option_values.duration),
    ] = Written(30, "30s")


@dataclass(frozen=True, kw_only=True)
class Regions(Group, heading="AWS"):
    """Where the bucket of a run directory is, or where to look for pools."""

    region: Annotated[
        tuple[str, ...],
        Option(
            help="AWS Region (also from AWS_REGION or AWS_DEFAULT_REGION). Repeatable for init.",
            metavar="REGION",
            variables=("AWS_REGION", "AWS_DEFAULT_REGION"),
        ),
    ] = ()


def fleet(
    chosen: Chosen,
    doing: Doing,
    aws: Annotated[Aws, Only("profile", "endpoint_url")],
    regions: Regions,
    consent: Consent,
    showing: Annotated[Showing, Only("lang")],
    output: JsonOnly,
    beginning: Beginning,
) -> ExitCode:
    """Do one verb over many accounts, Regions and pools. The same command again resumes.

    validate looks whether each target can be used, status shows where each stands, report writes the reports
    again, and init writes a first fleet file. Without one of these words, --verb is done to every target.

    Examples:
        migrate-mfa fleet fleet.toml --verb run --run-dir fleet-run --yes
        migrate-mfa fleet status fleet.toml --run-dir fleet-run
    """
    if chosen.words[:1] == (_INIT,):
        if strange := (chosen.given | doing.given | consent.given | showing.given | output.given) - {"words"}:
            raise UsageError(f"{_flags(strange)} is not for fleet init.", "Leave it out.")
        return begin(chosen.words[1:], beginning, regions.region, aws)
    aws = replace(aws, region=_only_region(regions, beginning))
    action, name = _split(chosen.words)
    from migrate_mfa.cli.located import file_here

    with file_here(name, "fleet file", vars(aws)) as path:
        return _act(action, _fleet(name, path, chosen, doing, aws, showing), doing, consent, output)


def _flags(names: Iterable[str]) -> str:
    flags = {each.name: next(iter(each.option.flags), each.flag) for each in declared(Beginning)}
    return ", ".join(sorted(flags.get(each, f"--{each.replace('_', '-')}") for each in names))


def _only_region(regions: Regions, beginning: Beginning) -> str | None:
    """The Region of a fleet's bucket; raises UsageError where options of `init` are given."""
    if beginning.given:
        raise UsageError(
            f"{_flags(beginning.given)} is for fleet init.",
            "Leave it out, or begin with: migrate-mfa fleet init",
        )
    if len(regions.region) > 1:
        raise UsageError("--region is given more than once.", "Only fleet init looks in several Regions.")
    return next(iter(regions.region), None)


def _fleet(name: str, path: Path, chosen: Chosen, doing: Doing, aws: Aws, showing: Showing) -> "Fleet":
    from migrate_mfa.fleet.command import Fleet
    from migrate_mfa.fleet.unit import Patience

    return Fleet(
        name=name,
        path=path,
        verb=doing.verb.value if doing.verb else Verb.RUN.value,
        verbs=_options(),
        only=chosen.only,
        run_dir=None if chosen.run_dir is None else str(chosen.run_dir),
        profile=aws.profile,
        region=aws.region,
        endpoint_url=aws.endpoint_url,
        patience=Patience(tries=doing.tries, pause_s=float(doing.retry_pause)),
        lang=showing.lang,
    )


def _act(action: str, made: "Fleet", doing: Doing, consent: Consent, output: JsonOnly) -> ExitCode:
    if action != "do":
        return _ACTIONS[action](made, output)
    if doing.verb is None:
        raise UsageError("--verb is missing.", f"It takes one of: {', '.join(Verb)}.")
    return _do(made, doing, consent, output)


def _split(words: tuple[str, ...]) -> tuple[str, str]:
    """The action and the file; without an action the verb is done.

    Raises:
        UsageError: there is no file, or too many words.
    """
    action, rest = ("do", words) if not words or words[0] not in _ACTIONS else (words[0], words[1:])
    if len(rest) != 1:
        raise UsageError(
            f"Give one fleet file, not {' '.join(rest)!r}." if rest else "No fleet file is given.",
            f"Such as: migrate-mfa fleet fleet.toml --verb run. Actions before it: {', '.join(_ACTIONS)}. "
            f"Without a file yet: migrate-mfa fleet init",
        )
    return action, rest[0]


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


def _do(made: "Fleet", doing: Doing, consent: Consent, output: JsonOnly) -> ExitCode:
    asks = made.asks
    if asks:
        require_consent(consent)
    index = _index() if doing.index_from_env else None
    units = made.units()
    with closing(_engine(doing)) as engine:
        made.require_run_dir(engine.needs_shared_run_dir)
        if asks and not consent.yes:
            made.ask(units)
        if index is None:
            return made.do(units, engine, in_json=output.json)
        return made.do_one(units, index, engine)


def _engine(doing: Doing) -> "Engine":
    """The engine; raises UsageError where options of the other one are given."""
    from migrate_mfa.fleet.engines import Processes

    if doing.engine is EngineName.PROCESSES:
        if doing.scheduler:
            raise UsageError("--scheduler is for --engine dask.", "Add --engine dask, or leave it out.")
        return Processes(doing.workers)
    if doing.index_from_env:
        raise UsageError(
            "--index-from-env does one lane in this process.", "Leave --engine dask out, or --index-from-env."
        )
    if doing.workers is not None:
        raise UsageError(
            "--workers is for --engine processes.",
            "The workers of Dask say how many lanes they take: dask worker --resources lanes=5.",
        )
    if doing.scheduler is None:
        raise UsageError(
            "--scheduler is missing.", "--engine dask needs its address, such as tls://HOST:8786."
        )
    from migrate_mfa.fleet.dask_engine import Dask

    return Dask(doing.scheduler, tell, insecure=doing.insecure_engine)


def _index() -> int:
    """Which lane this task has of an indexed job; raises UsageError unless one is named."""
    import os

    found = {name: text for name in _INDEXES if (text := os.environ.get(name)) is not None}
    for name, text in found.items():
        if not (text.isascii() and text.isdecimal()):
            raise UsageError(
                f"{name} is {text!r}, which is no index.",
                "It counts the lanes from 0; fleet validate says how many there are.",
            )
    indexes = {int(text) for text in found.values()}
    if not indexes:
        raise UsageError(
            "--index-from-env finds no index.",
            f"A Kubernetes Indexed Job or an array job of AWS Batch sets {' or '.join(_INDEXES)}.",
        )
    if len(indexes) > 1:
        told = ", but ".join(f"{name} is {text}" for name, text in found.items())
        raise UsageError(f"{told}.", "Unset the one that does not count the lanes of this job.")
    return indexes.pop()


def _status(made: "Fleet", output: JsonOnly) -> ExitCode:
    made.require_run_dir()
    made.place.require_there()
    lines = made.lines()
    made.show(lines, in_json=output.json)
    made.tell_if_not_begun(lines)
    return ExitCode.DONE


def _report(made: "Fleet", output: JsonOnly) -> ExitCode:
    made.require_run_dir()
    made.place.require_there()
    lines = made.lines()
    made.write({each.name: each.standing for each in lines})
    made.show(lines, in_json=output.json)
    tell(f"The reports are in {made.place.named('report')}.")
    made.tell_if_not_begun(lines)
    return ExitCode.DONE


def _validate(made: "Fleet", output: JsonOnly) -> ExitCode:
    if output.json:
        raise UsageError("fleet validate prints no JSON.", "Leave --json out.")
    return made.validate()


_ACTIONS: dict[str, Callable[["Fleet", JsonOnly], ExitCode]] = {
    "status": _status,
    "report": _report,
    "validate": _validate,
}
