"""run: plan, ask, apply; also the part that `disable` shares with it."""

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
    """Whether it only plans."""

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
    """Plan if needed, ask, apply, report: for `run` and `disable`."""
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
    """Refuse a plan that must not be applied. Show the whole plan first: it says what to correct."""
    from migrate_mfa.cli import tables

    try:
        planning.require_ready()
    except MigrateMfaError:
        if not planning.session.settings.output.json:
            tables.plan(overview, planning.session.ceilings, planning.invocation.journal.directory)
        raise


def _ask(planning: "Run", overview: "Overview", *, made_now: bool) -> None:
    """Ask whether to apply; the report has the whole plan."""
    findings = _check_first(planning) if planning.invocation.command == "run" else ()
    asks = not planning.session.settings.consent.yes
    report = _page_of_plan(planning, made_now=made_now) if asks else ""
    confirm_run(planning.session, planning.writing(overview, findings, report))


def _page_of_plan(planning: "Run", *, made_now: bool) -> str:
    """The path of the plan's page, which is written if needed; empty if it cannot be written."""
    from migrate_mfa.cli.traceback_file import tell_of_page
    from migrate_mfa.journal.run_dir import copy_of, shown
    from migrate_mfa.reports.from_journal import PAGE, write_plan

    journal, page = planning.invocation.journal, planning.invocation.report / PAGE
    if not made_now and page.exists():
        return shown(page)
    if (fault := write_plan(journal).fault) is not None:
        tell_of_page(fault, journal.directory)
        return ""
    copy = copy_of(journal.directory)
    return shown(page) if copy is None or copy.bring(page) else str(page)


def _check_first(planning: "Run") -> list[str]:
    """Do the checks for this run: print warnings, raise for a failure. Returns the codes of the warnings."""
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
