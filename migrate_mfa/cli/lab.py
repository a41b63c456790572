"""simulate and demo: the only commands that start a Cognito of our own."""

from typing import Annotated

import typer

_PASS_ON = {"ignore_unknown_options": True, "allow_extra_args": True, "help_option_names": []}


def register(app: typer.Typer) -> None:
    """Add these commands to the program."""
    app.command(context_settings=_PASS_ON)(simulate)


def simulate(
    context: typer.Context,
    arguments: Annotated[list[str] | None, typer.Argument(hidden=True)] = None,
) -> None:
    """Run a strict Cognito on loopback for trials and tests; --help lists its options."""
    from migrate_mfa.simulator import main

    raise typer.Exit(main([*(arguments or []), *context.args]))
