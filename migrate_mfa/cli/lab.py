"""simulate and demo: the only commands that start a Cognito of our own."""

from pathlib import Path
from typing import Annotated

import typer

from migrate_mfa.cli import options as o

_PASS_ON = {"ignore_unknown_options": True, "allow_extra_args": True, "help_option_names": []}


def register(app: typer.Typer) -> None:
    """Add these commands to the program."""
    app.command()(demo)
    app.command(context_settings=_PASS_ON)(simulate)


def demo(
    run_dir: o.DemoRunDir = None,
    users: Annotated[int, typer.Option(help="Generated users beside those of the samples.", min=1)] = 200,
    on: Annotated[
        str, typer.Option(help="Which embedded Cognito: simulator or moto.", metavar="simulator|moto")
    ] = "simulator",
) -> None:
    """The whole job on sample rosters against an embedded Cognito; nothing to configure."""
    from migrate_mfa.cli.demo import Target, demonstrate
    from migrate_mfa.cli.main import main
    from migrate_mfa.domain.errors import UsageError

    if on not in list(Target):
        raise UsageError(f"--on {on!r} is not known.", "It takes simulator or moto.")
    demonstrate(main, on=Target(on), users=users, run_dir=Path(run_dir) if run_dir else None)


def simulate(
    context: typer.Context,
    arguments: Annotated[list[str] | None, typer.Argument(hidden=True)] = None,
) -> None:
    """Run a strict Cognito on loopback for trials and rehearsals (--like); --help lists its options."""
    from migrate_mfa.cli.rehearsal import simulate

    raise typer.Exit(simulate([*(arguments or []), *context.args]))
