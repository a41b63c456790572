"""status: where a run stands."""

from migrate_mfa.cli.option_groups import JsonOnly, ThisRun
from migrate_mfa.domain.errors import ExitCode


def status(run: ThisRun, output: JsonOnly) -> ExitCode:
    """Say where a run stands, also while it runs."""
    from migrate_mfa.cli import tables
    from migrate_mfa.reports import from_journal

    tables.standing(from_journal.status(run.run_dir), run.run_dir, in_json=output.json)
    return ExitCode.DONE
