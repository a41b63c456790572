"""fleet: one verb over many accounts, Regions and pools."""

from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from migrate_mfa.cli.caller import Aws
from migrate_mfa.cli.option_groups import Consent, JsonOnly
from migrate_mfa.cli.options import Only
from migrate_mfa.cli.prompt import require_consent, tell
from migrate_mfa.commands.report import Showing
from migrate_mfa.domain.errors import ExitCode, UsageError
from migrate_mfa.fleet.fleet_options import (
    DO,
    INIT,
    TAKES,
    Beginning,
    Chosen,
    EngineName,
    Placing,
    Regions,
    Verb,
    carried,
    require_taken,
)
from migrate_mfa.fleet.init_command import begin

if TYPE_CHECKING:
    from migrate_mfa.cli.verb_options import VerbOptions
    from migrate_mfa.fleet.command import Fleet
    from migrate_mfa.fleet.engines import Engine

_INDEXES = ("JOB_COMPLETION_INDEX", "AWS_BATCH_JOB_ARRAY_INDEX")
"""How Kubernetes and AWS Batch tell a task which one it is."""


def fleet(
    chosen: Chosen,
    placing: Placing,
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
    first = next(iter(chosen.words), "")
    groups = (chosen, placing, consent, showing, output, beginning)
    require_taken(first if first in TAKES else DO, frozenset().union(*(each.given for each in groups)))
    if first == INIT:
        return begin(chosen.words[1:], beginning, regions.region, aws)
    aws = replace(aws, region=_only_region(regions))
    action, name = _split(chosen.words)
    from migrate_mfa.cli.located import file_here

    with file_here(name, "fleet file", vars(aws)) as path:
        made = _fleet(name, path, chosen, placing, aws, showing)
        if action != DO:
            return _ACTIONS[action](made, output)
        if chosen.verb is None:
            raise UsageError("--verb is missing.", f"It takes one of: {', '.join(Verb)}.")
        return _do(made, placing, consent, output)


fleet.actions = TAKES  # type: ignore[attr-defined] # each has a help of its own


def _only_region(regions: Regions) -> str | None:
    """The Region of a fleet's bucket."""
    if len(regions.region) > 1:
        raise UsageError("--region is given more than once.", "Only fleet init looks in several Regions.")
    return next(iter(regions.region), None)


def _fleet(name: str, path: Path, chosen: Chosen, placing: Placing, aws: Aws, showing: Showing) -> "Fleet":
    from migrate_mfa.fleet.command import Fleet
    from migrate_mfa.fleet.unit import Patience

    return Fleet(
        name=name,
        path=path,
        verb=chosen.verb.value if chosen.verb else Verb.RUN.value,
        verbs=_options(),
        only=chosen.only,
        run_dir=None if chosen.run_dir is None else str(chosen.run_dir),
        profile=aws.profile,
        region=aws.region,
        endpoint_url=aws.endpoint_url,
        patience=Patience(tries=placing.tries, pause_s=float(placing.retry_pause)),
        placing=tuple(carried(placing)),
        is_task=placing.index_from_env,
        lang=showing.lang,
    )


def _split(words: tuple[str, ...]) -> tuple[str, str]:
    """The action and the file; without an action the verb is done.

    Raises:
        UsageError: there is no file, or too many words.
    """
    action, rest = (DO, words) if not words or words[0] not in _ACTIONS else (words[0], words[1:])
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


def _do(made: "Fleet", placing: Placing, consent: Consent, output: JsonOnly) -> ExitCode:
    from migrate_mfa.fleet.kinds import require_kind

    asks = made.asks
    if asks:
        require_consent(consent)
    index = _index() if placing.index_from_env else None
    units = made.units()
    with closing(_engine(placing)) as engine:
        made.require_run_dir(engine.needs_shared_run_dir)
        require_kind(made.place, [each.name for each in made.targets], made.verb)
        if asks and not consent.yes:
            made.ask(units)
        if index is None:
            return made.do(units, engine, in_json=output.json)
        return made.do_one(units, index, engine)


def _engine(placing: Placing) -> "Engine":
    """The engine; raises UsageError where options of the other one are given."""
    from migrate_mfa.fleet.engines import Processes

    if placing.engine is EngineName.PROCESSES:
        if placing.scheduler:
            raise UsageError("--scheduler is for --engine dask.", "Add --engine dask, or leave it out.")
        return Processes(placing.workers)
    if placing.index_from_env:
        raise UsageError(
            "--index-from-env does one lane in this process.", "Leave --engine dask out, or --index-from-env."
        )
    if placing.workers is not None:
        raise UsageError(
            "--workers is for --engine processes.",
            "The workers of Dask say how many lanes they take: dask worker --resources lanes=5.",
        )
    if placing.scheduler is None:
        raise UsageError(
            "--scheduler is missing.", "--engine dask needs its address, such as tls://HOST:8786."
        )
    from migrate_mfa.fleet.dask_engine import Dask

    return Dask(placing.scheduler, tell, insecure=placing.insecure_engine)


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
    from migrate_mfa.fleet.kinds import require_of_fleet
    from migrate_mfa.fleet.printed import show

    made.require_run_dir()
    made.place.require_there()
    require_of_fleet(made.place)
    lines = made.lines()
    show(lines, in_json=output.json)
    made.tell_next(lines)
    return ExitCode.DONE


def _report(made: "Fleet", output: JsonOnly) -> ExitCode:
    from migrate_mfa.fleet.kinds import require_of_fleet
    from migrate_mfa.fleet.printed import show

    made.require_run_dir()
    made.place.require_there()
    require_of_fleet(made.place)
    lines = made.lines()
    show(lines, in_json=output.json)
    made.write({each.name: each.standing for each in lines})
    tell(f"The reports are in {made.place.named('report')}.")
    made.tell_next(lines)
    return ExitCode.DONE


def _validate(made: "Fleet", output: JsonOnly) -> ExitCode:
    del output  # it has no JSON
    return made.validate()


_ACTIONS: dict[str, Callable[["Fleet", JsonOnly], ExitCode]] = {
    "status": _status,
    "report": _report,
    "validate": _validate,
}
