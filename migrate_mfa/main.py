"""The program: its commands, and the one place where an error becomes a message and an exit code."""

import os
import re
import sys
from collections.abc import Callable, Sequence
from functools import cache
from typing import Annotated

import typer
from typer.main import get_command

from migrate_mfa import __version__
from migrate_mfa.cli import streams
from migrate_mfa.cli.expand import expanded, mentioned
from migrate_mfa.cli.options import PREFIX, Group
from migrate_mfa.cli.plain_help import Program
from migrate_mfa.cli.prompt import tell
from migrate_mfa.cli.variables import unread
from migrate_mfa.commands.audit import audit
from migrate_mfa.commands.canary import canary
from migrate_mfa.commands.check import check
from migrate_mfa.commands.demo import demo_of
from migrate_mfa.commands.disable import disable
from migrate_mfa.commands.fleet import fleet
from migrate_mfa.commands.guide import guide
from migrate_mfa.commands.iam_policy import iam_policy
from migrate_mfa.commands.plan import plan
from migrate_mfa.commands.purge import purge
from migrate_mfa.commands.reconcile import reconcile
from migrate_mfa.commands.report import report
from migrate_mfa.commands.rollback import rollback
from migrate_mfa.commands.run import run
from migrate_mfa.commands.runs import runs
from migrate_mfa.commands.setup_pool import setup_pool
from migrate_mfa.commands.simulate import simulate
from migrate_mfa.commands.status import status
from migrate_mfa.commands.unlock import unlock
from migrate_mfa.domain.errors import ExitCode, MigrateMfaError
from migrate_mfa.domain.privacy import scrub
from migrate_mfa.fleet import last_word

_TAKE_JOBS = {check, plan, run, audit, reconcile, rollback, disable, setup_pool}
_VERBS = {
    "Look (writes nothing to AWS)": (check, audit, plan, status, runs, iam_policy),
    "Change": (setup_pool, canary, run, fleet),
    "Afterwards": (report, reconcile, rollback, disable, unlock, purge),
    "Try and read": (demo_of(lambda argv: main(argv)), simulate, guide),  # noqa: PLW0108 - main is defined below
}
"""The commands by what an operator wants to do."""


def _tell_failure(command: str, groups: Sequence[Group], error: MigrateMfaError) -> None:
    """Report a failure to the metrics file and the topic, unless the command has done so itself."""
    if not error.told:
        from migrate_mfa.settings import Settings
        from migrate_mfa.workflows.telling import tell_failure

        tell_failure(command, Settings.of(*groups), None, error)


def _name(verb: Callable[..., ExitCode]) -> str:
    return verb.__name__.replace("_", "-")


ALL = frozenset(_name(verb) for verbs in _VERBS.values() for verb in verbs)
"""The names of all commands."""


def _version(value: bool) -> None:
    if value:
        import platform
        from importlib.metadata import version

        streams.write(f"migrate-mfa {__version__}")
        streams.write(f"Python {platform.python_version()}, botocore {version('botocore')}")
        raise typer.Exit


def _job_schema(value: bool) -> None:
    if value:
        from migrate_mfa.cli.job_schema import job_schema
        from migrate_mfa.cli.tables import as_json

        as_json(job_schema(verb for verbs in _VERBS.values() for verb in verbs if verb in _TAKE_JOBS))
        raise typer.Exit


def _exit_with_parent(value: bool) -> None:
    if value:
        from migrate_mfa.stop import drain_with_parent

        drain_with_parent()


def _last_word_to(pipe: int | None) -> None:
    if pipe is not None:
        last_word.promise(pipe)


def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
    job_schema: Annotated[
        bool,
        typer.Option(
            "--job-schema",
            callback=_job_schema,
            is_eager=True,
            help="Print the JSON Schema of job files.",
        ),
    ] = False,
    exit_with_parent: Annotated[
        bool, typer.Option("--exit-with-parent", callback=_exit_with_parent, is_eager=True, hidden=True)
    ] = False,
    last_word_to: Annotated[
        int | None, typer.Option("--last-word-to", callback=_last_word_to, is_eager=True, hidden=True)
    ] = None,
) -> None:
    """Enrol existing Amazon Cognito users in SMS multi-factor authentication."""


def _expanded(verb: Callable[..., ExitCode]) -> Callable[..., None]:
    return expanded(verb, takes_jobs=verb in _TAKE_JOBS, failed=_tell_failure)


@cache
def app(asked: frozenset[str] = ALL) -> Program:
    """The program. Only the `asked` commands get options, because it takes long to make all of them."""
    made = Program(
        name="migrate-mfa",
        help="Enrol existing Amazon Cognito users in SMS multi-factor authentication.",
        epilog="Each command has --help. Start with: migrate-mfa demo",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        add_completion=True,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    made.callback()(_root)
    for purpose, verbs in _VERBS.items():
        for name, verb in ((_name(each), each) for each in verbs):
            made.command(rich_help_panel=purpose)(_expanded(verb) if name in asked else mentioned(verb))
    return made


def _asked(words: Sequence[str]) -> frozenset[str]:
    """The commands whose options a command line needs: all of them to check variables and for completion."""
    if any(name.upper().replace("-", "_").startswith((PREFIX, f"_{PREFIX}")) for name in os.environ):
        return ALL
    return ALL.intersection(words)


def main(argv: list[str] | None = None) -> int:
    """Run one command line. Returns its exit code; prints errors on standard error, never a traceback."""
    streams.prepare()
    code = _run(argv)
    if trouble := streams.trouble():
        done = "the command is done, but " if code == ExitCode.DONE else ""
        tell(f"migrate-mfa: {done}standard output cannot be written ({trouble}).")
        code = code or ExitCode.BUG
    streams.forget_unheard()
    return code


def _run(argv: list[str] | None) -> int:
    given = sys.argv[1:] if argv is None else argv
    program = get_command(app(_asked(given)))
    for warning in unread(program):
        tell(warning)
    try:
        program(args=argv, prog_name="migrate-mfa")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except MigrateMfaError as error:
        return _explain(error)
    except BrokenPipeError:
        return ExitCode.DONE  # the reader has closed our output
    except OSError as error:
        streams.write("")  # Typer writes help itself and fails if the output is full: check that
        return ExitCode.DONE if streams.trouble() else _bug(error)
    except Exception as error:  # noqa: BLE001 - the boundary: a bug, kept for whoever mends it
        return _bug(error)
    return ExitCode.DONE


def _explain(error: MigrateMfaError) -> int:
    message = _scrubbed(error.message)
    tell(f"migrate-mfa: {message}")
    last_word.leave(type(error), message)
    if error.hint:
        tell(error.hint)
    return error.exit_code


_PATH = re.compile(r"(?<!\S)[^\s@]*/[^\s@]*")


def _scrubbed(text: str) -> str:
    """A message without numbers and addresses; paths stay unchanged, even if they contain digits."""
    paths = iter(_PATH.findall(text))
    return re.sub("\0", lambda _: next(paths), scrub(_PATH.sub("\0", text)))


def _bug(error: Exception) -> int:
    from migrate_mfa.cli.traceback_file import keep_traceback

    kept = keep_traceback(error)
    message = f"a bug ({type(error).__name__}); the traceback is in {kept}."
    tell(f"migrate-mfa: {message}")
    last_word.leave(type(error), message)
    tell(
        "Nothing that was written is lost. Run the same command again to resume, and please report the file."
    )
    return ExitCode.BUG
