"""The program: its commands, and the one place where an error becomes a message and an exit code."""

import contextlib
import os
import sys
from typing import Annotated

import typer

from migrate_mfa import __version__
from migrate_mfa.cli import aftermath, lab, look, migrate
from migrate_mfa.cli.plainly import Program
from migrate_mfa.domain.errors import ExitCode, MigrateMfaError
from migrate_mfa.domain.privacy import scrub

app = Program(
    name="migrate-mfa",
    help="Enrol existing Amazon Cognito users in SMS multi-factor authentication.",
    epilog="Start with: migrate-mfa demo",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)
migrate.register(app)
look.register(app)
aftermath.register(app)
lab.register(app)


def _version(value: bool) -> None:
    if value:
        typer.echo(f"migrate-mfa {__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Enrol existing Amazon Cognito users in SMS multi-factor authentication."""


def main(argv: list[str] | None = None) -> int:
    """Run one command line. Returns its exit code; prints errors on standard error, never a traceback."""
    try:
        app(argv, prog_name="migrate-mfa")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except MigrateMfaError as error:
        return _explain(error)
    except BrokenPipeError:
        # Whoever read our output has gone; Python would complain again when it flushes at the end.
        with contextlib.suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ExitCode.DONE
    except Exception as error:  # noqa: BLE001 - the boundary: a bug, kept for whoever mends it
        return _bug(error)
    return ExitCode.DONE


def entry() -> None:
    """The console script."""
    sys.exit(main())


def _explain(error: MigrateMfaError) -> int:
    typer.echo(f"migrate-mfa: {scrub(error.message)}", err=True)
    if error.hint:
        typer.echo(error.hint, err=True)
    return error.exit_code


def _bug(error: Exception) -> int:
    from migrate_mfa.adapters.bugs import keep_traceback

    kept = keep_traceback(error)
    typer.echo(f"migrate-mfa: a bug ({type(error).__name__}); the traceback is in {kept}.", err=True)
    typer.echo(
        "Nothing that was written is lost: the same command goes on. Please report the file.", err=True
    )
    return ExitCode.BUG
