"""run: plan, ask, apply; and what `disable` shares with it."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from migrate_mfa.cli import option_groups as o
from migrate_mfa.cli.caller import Aws, Pool
from migrate_mfa.cli.options import Group, Option
from migrate_mfa.cli.prompt import require_consent, tell
from migrate_mfa.commands.plan import make_plan
from migrate_mfa.domain.errors import ExitCode
from migrate_mfa.workflows.consent import confirm_run
from migrate_mfa.workflows.ending import leave, shown_at_end

if TYPE_CHECKING:
    from migrate_mfa.settings import Settings
    from migrate_mfa.workflows.run import Run


@dataclass(frozen=True, kw_only=True)
class DryRun(Group, variables=False):
    """Whether it is only a plan."""

    dry_run: Annotated[bool, Option(help="Only plan, as the command plan does.")] = False


def run(
    run: o.RosterRun,
    dry: DryRun,
    pool: Pool,
    aws: Aws,
    deciding: o.Deciding,
    reading: o.ReadingRoster,
    pace: o.Pace,
    wave: o.Wave,
    cost: o.Cost,
    telling: o.Telling,
    consent: o.Consent,
    output: o.Output,
) -> ExitCode:
    """Plan, ask, then enrol the users of a roster. The same command again resumes a stopped run.

    --run-dir without a roster applies the plan of that run directory.

    Examples:
        migrate-mfa run users.csv --verification attested --max-users 10
        migrate-mfa run users.csv --verification attested --stop-after 8h --yes
    """
    from migrate_mfa.settings import Settings

    settings = Settings.of(run, pool, aws, deciding, reading, pace, wave, cost, telling, consent, output)
    return make_plan(settings) if dry.dry_run else carry_out(settings, "run")


def carry_out(settings: "Settings", command: str) -> ExitCode:
    """Plan if needed, show, ask, do, report: `run` and `disable`."""
    from migrate_mfa.cli import tables
    from migrate_mfa.workflows.run import open_run

    require_consent(settings.consent)
    with shown_at_end(command, settings, lambda progress: open_run(settings, command, progress)) as planning:
        planning.prepare()
        if not settings.output.json:
            tables.plan(planning.overview(), planning.session.ceilings, planning.invocation.journal.directory)
        planning.require_ready()
        ahead = planning.forecast()
        if ahead.users:
            if command == "run":
                _check_first(planning)
            extra = "".join(f"\n  {danger}" for danger in planning.dangers())
            confirm_run(planning.session, ahead.users, extra, seconds=ahead.seconds)
            planning.apply()
    return leave(planning.invocation, planning.exit_code())


def _check_first(planning: "Run") -> None:
    """The findings of `check` for this run: warnings are shown, a failure ends it."""
    from migrate_mfa.checks.findings_report import short
    from migrate_mfa.checks.rules import refusal
    from migrate_mfa.workflows.check import check_before

    findings = check_before(planning.session, planning.scope())
    for line in short(findings):
        tell(line)
    if problem := refusal(planning.session.pool, findings):
        raise problem
