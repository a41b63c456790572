"""run: plan, ask, apply; and what `disable` shares with it."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from migrate_mfa.cli import option_groups as o
from migrate_mfa.cli.caller import Aws, Pool
from migrate_mfa.cli.options import Group, Option
from migrate_mfa.cli.prompt import require_consent, tell
from migrate_mfa.commands.plan import make_plan
from migrate_mfa.domain.errors import ExitCode, MigrateMfaError
from migrate_mfa.workflows.consent import confirm_run
from migrate_mfa.workflows.ending import leave, shown_at_end

if TYPE_CHECKING:
    from migrate_mfa.reports.overview import Overview
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
    """Plan if needed, ask, do, report: `run` and `disable`."""
    from migrate_mfa.cli import tables
    from migrate_mfa.workflows.run import open_run

    require_consent(settings.consent)
    with shown_at_end(command, settings, lambda progress: open_run(settings, command, progress)) as planning:
        made_now = planning.prepare()
        overview = planning.overview()
        _require_ready(planning, overview)
        if overview.forecast.users:
            _ask(planning, overview, made_now=made_now)
            planning.apply()
        elif not settings.output.json:
            tables.nothing_left(overview, planning.invocation.journal.directory)
    return leave(planning.invocation, planning.exit_code())


def _require_ready(planning: "Run", overview: "Overview") -> None:
    """Refuse a plan that must not be applied, and show all of it: it says what to correct."""
    from migrate_mfa.cli import tables

    try:
        planning.require_ready()
    except MigrateMfaError:
        if not planning.session.settings.output.json:
            tables.plan(overview, planning.session.ceilings, planning.invocation.journal.directory)
        raise


def _ask(planning: "Run", overview: "Overview", *, made_now: bool) -> None:
    """Ask for a yes; a plan that was made just now can be read in its report meanwhile."""
    from migrate_mfa.cli.traceback_file import tell_of_page
    from migrate_mfa.journal.run_dir import shown
    from migrate_mfa.reports.from_journal import PAGE, write_plan

    findings = _check_first(planning) if planning.invocation.command == "run" else ()
    asks = not planning.session.settings.consent.yes
    page = planning.invocation.report / PAGE
    # Until this command ends, a page that it has just written is on this machine alone.
    report = "" if not asks else str(page) if made_now else shown(page)
    if asks and made_now and (fault := write_plan(planning.invocation.journal).fault) is not None:
        tell_of_page(fault, planning.invocation.journal.directory)
        report = ""
    confirm_run(planning.session, planning.writing(overview, findings, report))


def _check_first(planning: "Run") -> list[str]:
    """What `check` has to say about this run: warnings are told, a failure ends it. Returns their codes."""
    from migrate_mfa.checks.findings import Level
    from migrate_mfa.checks.findings_report import short
    from migrate_mfa.checks.rules import refusal
    from migrate_mfa.workflows.check import check_before

    findings = check_before(planning.session, planning.scope())
    for line in short(findings):
        tell(line)
    if problem := refusal(planning.session.pool, findings):
        raise problem
    return [each.code for each in findings if each.level is Level.WARNING]
