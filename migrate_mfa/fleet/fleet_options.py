"""The options of `fleet`, and which of them each of its actions takes."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated

from migrate_mfa.cli import option_values
from migrate_mfa.cli.option_values import Written
from migrate_mfa.cli.options import Group, Option, declared
from migrate_mfa.domain.errors import UsageError
from migrate_mfa.remote.objects import BucketUrl


class EngineName(StrEnum):
    """The engine that places the supervisors of the lanes."""

    PROCESSES = "processes"
    DASK = "dask"


class Verb(StrEnum):
    """The verb for every target."""

    CHECK = "check"
    PLAN = "plan"
    RUN = "run"
    AUDIT = "audit"
    RECONCILE = "reconcile"
    ROLLBACK = "rollback"
    DISABLE = "disable"


@dataclass(frozen=True, kw_only=True)
class Chosen(Group, variables=False):
    """The fleet, the chosen targets, the verb, and the run directory."""

    words: Annotated[
        tuple[str, ...],
        Option(
            help="The fleet file, or s3://BUCKET/KEY; before it validate, status or report. Or init alone.",
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
    run_dir: Annotated[
        Path | BucketUrl | None,
        Option(
            help="Directory of the fleet, or s3://BUCKET/PREFIX. Each target has DIR/NAME.",
            metavar="DIR",
            parser=option_values.run_dir,
        ),
    ] = None


@dataclass(frozen=True, kw_only=True)
class Placing(Group, heading="To do a verb over a fleet", variables=False):
    """How many lanes run at a time, and where."""

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
    """The Region of the run directory's bucket, or the Regions to look for pools in."""

    region: Annotated[
        tuple[str, ...],
        Option(
            help="AWS Region (also from AWS_REGION or AWS_DEFAULT_REGION). Repeatable for init.",
            metavar="REGION",
            variables=("AWS_REGION", "AWS_DEFAULT_REGION"),
        ),
    ] = ()


@dataclass(frozen=True, kw_only=True)
class Beginning(Group, heading="For fleet init", variables=False):
    """The source and the output of `fleet init`."""

    from_organizations: Annotated[
        bool, Option(help="Look for user pools in the accounts of your AWS organization.")
    ] = False
    role_name: Annotated[
        str | None,
        Option(
            help="The role to assume in each account.",
            metavar="NAME",
            parser=option_values.role_name,
        ),
    ] = None
    external_id: Annotated[
        str | None,
        Option(
            help="External id that the trust policies of these roles require; it is written into the file.",
            metavar="ID",
            parser=option_values.external_id,
            flags=("--role-external-id",),
        ),
    ] = None
    output: Annotated[
        Path | None,
        Option(help="The file to write (default: standard output).", flags=("--output", "-o")),
    ] = None


INIT = "init"
"""The action without a fleet file."""
DO = "--verb"
"""Stands for the case without an action."""
_AWS = frozenset({"profile", "endpoint_url", "region"})
_OF_INIT = frozenset(each.name for each in declared(Beginning))
_OF_ALL = frozenset({"words", "verb", "only", "run_dir"}) | _AWS
TAKES: Mapping[str, frozenset[str]] = {
    "validate": _OF_ALL,
    "status": _OF_ALL | {"json"},
    "report": _OF_ALL | {"json", "lang"},
    INIT: _AWS | _OF_INIT,
}
"""The options of each action. With --verb, an action that only reads checks the file for this verb."""


def require_taken(action: str, given: Iterable[str]) -> None:
    """Refuse options that an action does not use.

    Raises:
        UsageError: names them.
    """
    taken = TAKES.get(action)
    strange = {each for each in given if (each in _OF_INIT if taken is None else each not in taken)}
    strange.discard("words")
    if strange:
        page = f"fleet {action}" if taken else "fleet"
        raise UsageError(
            f"{_flags(strange)} is not for fleet {action}.", f"Leave it out; see migrate-mfa {page} --help"
        )


def carried(placing: Placing) -> Iterator[str]:
    """The given options with which another command places its targets in the same way."""
    for each in declared(Placing):
        value = getattr(placing, each.name)
        if each.name in placing.given and each.name != "index_from_env":
            yield from (each.flag,) if value is True else (each.flag, str(value))


def _flags(names: Iterable[str]) -> str:
    flags = {each.name: next(iter(each.option.flags), each.flag) for each in declared(Beginning)}
    return ", ".join(sorted(flags.get(each, f"--{each.replace('_', '-')}") for each in names))
