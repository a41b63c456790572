"""status: where a run stands."""

from migrate_mfa.domain.errors import ExitCode
from migrate_mfa.options.groups import JsonOnly, ThisRun


def status(run: ThisRun, output: JsonOnly) -> ExitCode:
    """Say where a run stands, also while it runs."""
    from migrate_mfa.cli import show
    from migrate_mfa.wiring import reporting

    show.standing(reporting.status(run.run_dir), run.run_dir, in_json=output.json)
    return ExitCode.DONE
