"""report: the reports of a run, written again."""

from migrate_mfa.cli.option_groups import JsonOnly, ThisRun
from migrate_mfa.domain.errors import ExitCode


def report(run: ThisRun, output: JsonOnly) -> ExitCode:
    """Write the reports of a run again, from its journal."""
    from migrate_mfa.cli import tables
    from migrate_mfa.reports import from_journal

    tables.standing(from_journal.report(run.run_dir), run.run_dir, in_json=output.json)
    return ExitCode.DONE
