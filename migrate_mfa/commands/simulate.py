"""simulate: a strict Cognito of our own on loopback; it has a command line of its own."""

from dataclasses import dataclass
from typing import Annotated

from migrate_mfa.cli.options import Group, Option
from migrate_mfa.domain.errors import ExitCode


@dataclass(frozen=True, kw_only=True)
class PassedOn(Group, variables=False):
    """What the simulator is told, --help included."""

    arguments: Annotated[tuple[str, ...], Option(help="Its options.", argument=True)] = ()


def simulate(passed_on: PassedOn) -> ExitCode:
    """Run a strict Cognito on loopback for trials and rehearsals (--like); --help lists its options."""
    from migrate_mfa.rehearsal.rehearsal import simulate as rehearse

    return ExitCode(rehearse(passed_on.arguments))
