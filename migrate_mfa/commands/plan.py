"""plan: report what would happen to each row of a roster."""

from typing import TYPE_CHECKING

from migrate_mfa.cli import option_groups as o
from migrate_mfa.cli.caller import Aws, Pool
from migrate_mfa.domain.errors import ExitCode
from migrate_mfa.workflows.ending import leave, shown_at_end

if TYPE_CHECKING:
    from migrate_mfa.settings import Settings


def plan(
    run: o.RosterRun,
    pool: Pool,
    aws: Aws,
    deciding: o.Deciding,
    reading: o.ReadingRoster,
    pace: o.Pace,
    wave: o.MaxFailures,
    cost: o.Cost,
    telling: o.Telling,
    output: o.Output,
) -> ExitCode:
    """Report what would happen to each row of a roster. Writes nothing to AWS, and bills no user.

    Examples:
        migrate-mfa plan users.csv --verification attested
        migrate-mfa plan users.csv --verification by-code --phone-country JP
    """
    from migrate_mfa.settings import Settings

    return make_plan(Settings.of(run, pool, aws, deciding, reading, pace, wave, cost, telling, output))


def make_plan(settings: "Settings") -> ExitCode:
    """Plan, show the plan, and refuse one that cannot be applied."""
    from migrate_mfa.cli import tables
    from migrate_mfa.workflows.plan import open_planning

    with shown_at_end("plan", settings, lambda progress: open_planning(settings, progress)) as planning:
        planning.make_plan()
        if not settings.output.json:
            tables.plan(planning.overview(), planning.session.ceilings, planning.invocation.journal.directory)
        planning.require_ready()
    return leave(planning.invocation, planning.invocation.exit_code(ExitCode.DONE))
