"""status: show the state of a run."""

from dataclasses import dataclass
from typing import Annotated

from migrate_mfa.cli.caller import AwsForS3
from migrate_mfa.cli.option_groups import JsonOnly, ThisRun
from migrate_mfa.cli.options import Group, Option
from migrate_mfa.domain.errors import ExitCode, UsageError


@dataclass(frozen=True, kw_only=True)
class Watching(Group, variables=False):
    """Once or continuously."""

    watch: Annotated[
        bool, Option(help="Show the state until the run ends. Ctrl-C ends the view, not the run.")
    ] = False


def status(run: ThisRun, watching: Watching, aws: AwsForS3, output: JsonOnly) -> ExitCode:
    """Show the state of a run, also while it runs.

    Examples:
        migrate-mfa status --run-dir migrate-mfa-runs/*/users-*
        migrate-mfa status --run-dir migrate-mfa-runs/*/users-* --watch
    """
    from migrate_mfa.cli.tables import as_json
    from migrate_mfa.journal.run_dir import copy_of
    from migrate_mfa.reports import from_journal
    from migrate_mfa.workflows.ending import tell_next, tell_verdict
    from migrate_mfa.workflows.standing import status as show

    if watching.watch and copy_of(run.run_dir):
        raise UsageError(
            "--watch needs a run directory on this machine.", "Leave it out to print once how the run stands."
        )
    if watching.watch:
        if output.json:
            raise UsageError("--watch and --json do not go together.", "Leave one of them out.")
        if (code := _watch(run)) is not None:
            return code
    summary = from_journal.status(run.run_dir)
    if output.json:
        as_json(summary)
    else:
        show(summary, run.run_dir)
        verdict = from_journal.verdict(run.run_dir)
        tell_verdict(verdict)
        tell_next(verdict, aws.caller)
    return ExitCode.DONE


def _watch(run: ThisRun) -> ExitCode | None:
    """Show it until it ends. Returns the exit code if SIGTERM ended the view."""
    from rich.console import Console

    from migrate_mfa.clock import SystemClock
    from migrate_mfa.reports import from_journal
    from migrate_mfa.stop import StopCause
    from migrate_mfa.workflows.watch import watch

    console = Console(highlight=False)
    if not console.is_terminal or console.is_dumb_terminal:
        raise UsageError("--watch needs a terminal.", "Leave it out to print once where the run stands.")
    cause = watch(lambda: from_journal.standing(run.run_dir), console, SystemClock())
    return ExitCode.SIGTERM if cause is StopCause.SIGTERM else None
