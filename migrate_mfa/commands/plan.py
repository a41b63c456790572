"""plan: what would happen to every row of a roster."""

from typing import TYPE_CHECKING

from migrate_mfa.cli import option_groups as o
from migrate_mfa.domain.errors import ExitCode
from migrate_mfa.workflows.ending import leave, shown_at_end

if TYPE_CHECKING:
    from migrate_mfa.settings import Settings


def plan(
    run: o.RosterRun,
    pool: o.Pool,
    aws: o.Aws,
    deciding: o.Deciding,
    reading: o.ReadingRoster,
    pace: o.Pace,
    wave: o.MaxFailures,
    cost: o.Cost,
    output: o.Output,
) -> ExitCode:
    """Say what would happen to every row. Writes nothing to AWS, and makes nobody a billed user."""
    from migrate_mfa.settings import Settings

    return make_plan(Settings.of(run, pool, aws, deciding, reading, pace, wave, cost, output))


def make_plan(settings: "Settings") -> ExitCode:
    """Plan, show, and refuse what could not be applied."""
    from migrate_mfa.cli import tables
    from migrate_mfa.workflows.plan import open_planning

    with shown_at_end(settings, lambda progress: open_planning(settings, progress)) as planning:
        planning.make_plan()
        if not settings.output.json:
            tables.plan(planning.overview(), planning.session.ceilings, planning.invocation.journal.directory)
        planning.require_ready()
    return leave(planning.invocation, planning.invocation.exit_code(ExitCode.DONE))
