"""simulate: a strict simulated Cognito on the loopback interface, for trials and rehearsals."""

import sys
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from migrate_mfa.cli.options import Group, Option
from migrate_mfa.cli.prompt import tell
from migrate_mfa.domain.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from migrate_mfa.simulator.server.service import Service


@dataclass(frozen=True, kw_only=True)
class Simulating(Group, variables=False):
    """Which pool is simulated, how strict and how fast."""

    like: Annotated[
        Path | None,
        Option(
            help="Rehearse the plan of this run directory: make a similar pool with its quotas, and a roster "
            "for it.",
            metavar="DIR",
        ),
    ] = None
    pool_file: Annotated[
        Path | None, Option(help="A JSON file with an account, pools and users.", metavar="FILE")
    ] = None
    port: Annotated[int, Option(help="The port on 127.0.0.1; 0 takes a free one.", least=0, most=65535)] = 0
    speed: Annotated[
        float | None, Option(help="Simulated seconds in a real second (default: 1).", metavar="N")
    ] = None
    enforce_quotas: Annotated[
        bool, Option(help="Refuse calls over the rate quotas; always on with --like.")
    ] = False
    burst_seconds: Annotated[
        float | None,
        Option(help="Largest burst to allow, in seconds at the full rate.", metavar="SECONDS"),
    ] = None
    faults: Annotated[
        Path | None,
        Option(help="A JSON file with faults: throttles, errors, lost answers, latency.", metavar="FILE"),
    ] = None
    show_codes: Annotated[bool, Option(help="Print every message and its code on standard error.")] = False
    control: Annotated[bool, Option(help="Serve /_control/, which shows and changes the users.")] = False
    exit_with_parent: Annotated[bool, Option(help="Stop when standard input ends.")] = False


def simulate(simulating: Simulating) -> ExitCode:
    """Run a simulated Cognito on this machine, to try commands or to rehearse a plan.

    Examples:
        migrate-mfa simulate --pool-file samples/pool.json --port 8451
        migrate-mfa simulate --like migrate-mfa-runs/*/users-* --speed 60
    """
    from migrate_mfa.simulator.server.serving import Serving, serve

    serving = Serving(**{each.name: getattr(simulating, each.name) for each in fields(Serving)})
    if simulating.like is None:
        return ExitCode(serve(serving, _begin))
    if simulating.pool_file is not None:
        raise UsageError(
            "--like makes the pool file itself.", "Use --like or --pool-file, give one of the two."
        )
    from migrate_mfa.rehearsal.rehearsal import rehearse

    return ExitCode(rehearse(simulating.like, serving))


def _begin(service: "Service", ready: "Mapping[str, Any]") -> None:
    """Print the ready line: JSON for a script, plain words on a terminal."""
    from migrate_mfa.simulator.server.serving import announce

    if not sys.stdout.isatty():
        announce(service, ready)
    pools = [f" --user-pool-id {pool['id']}" for pool in ready["pools"]]
    tell(f"The simulator listens at {ready['endpoint']}. Press Ctrl-C to stop it.")
    tell(f"In a second terminal, use: --endpoint-url {ready['endpoint']}{pools[0] if pools else ''}")
