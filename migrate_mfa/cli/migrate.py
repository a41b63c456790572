"""plan and run."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from migrate_mfa.cli import options as o
from migrate_mfa.cli.jobs import Job, ShowConfig, begin
from migrate_mfa.cli.passes import leave, shown_at_end
from migrate_mfa.cli.talk import confirm_run, require_consent
from migrate_mfa.domain.errors import ExitCode
from migrate_mfa.domain.model import PhoneConflict

if TYPE_CHECKING:
    from migrate_mfa.wiring.migration import Migration


def register(app: typer.Typer) -> None:
    """Add these commands to the program."""
    app.command()(plan)
    app.command()(run)


def plan(
    context: typer.Context,
    roster: o.Roster = None,
    user_pool_id: o.UserPoolId = None,
    verification: o.Verification = None,
    run_dir: o.RunDir = None,
    phone_conflict: o.OnPhoneConflict = PhoneConflict.FAIL,
    despite: o.Despite = None,
    phone_country: o.PhoneCountry = None,
    strict_e164: o.StrictE164 = False,
    id_column: o.IdColumn = None,
    phone_column: o.PhoneColumn = None,
    encoding: o.Encoding = None,
    quota_share: o.QuotaShare = 0.5,
    max_rps: o.MaxRps = None,
    max_sms: o.MaxSms = 0,
    sms_price: o.SmsPrice = None,
    mau_price: o.MauPrice = None,
    max_cost: o.MaxCost = None,
    max_failures: o.MaxFailures = "1%",
    wait_for_network: o.WaitForNetwork = "15m",
    profile: o.Profile = None,
    region: o.Region = None,
    endpoint_url: o.EndpointUrl = None,
    json: o.Json = False,
    quiet: o.Quiet = False,
    no_color: o.NoColor = False,
    log_level: o.LogLevel = "info",
    job: Job = None,
    show_config: ShowConfig = False,
) -> None:
    """Say what would happen to every row. Writes nothing to AWS, and makes nobody a billed user."""
    _plan(begin(context))


def run(
    context: typer.Context,
    roster: o.Roster = None,
    user_pool_id: o.UserPoolId = None,
    verification: o.Verification = None,
    run_dir: o.RunDir = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="The same as plan.")] = False,
    phone_conflict: o.OnPhoneConflict = PhoneConflict.FAIL,
    despite: o.Despite = None,
    phone_country: o.PhoneCountry = None,
    strict_e164: o.StrictE164 = False,
    id_column: o.IdColumn = None,
    phone_column: o.PhoneColumn = None,
    encoding: o.Encoding = None,
    quota_share: o.QuotaShare = 0.5,
    max_rps: o.MaxRps = None,
    batch_size: o.BatchSize = 100,
    max_sms: o.MaxSms = 0,
    sms_price: o.SmsPrice = None,
    mau_price: o.MauPrice = None,
    max_cost: o.MaxCost = None,
    max_failures: o.MaxFailures = "1%",
    max_users: o.MaxUsers = None,
    stop_after: o.StopAfter = None,
    wait_for_network: o.WaitForNetwork = "15m",
    profile: o.Profile = None,
    region: o.Region = None,
    endpoint_url: o.EndpointUrl = None,
    yes: o.Yes = False,
    json: o.Json = False,
    quiet: o.Quiet = False,
    no_color: o.NoColor = False,
    log_level: o.LogLevel = "info",
    job: Job = None,
    show_config: ShowConfig = False,
) -> None:
    """Plan, ask, apply. The same command again goes on where it stopped; --run-dir alone applies a plan."""
    params = begin(context)
    if dry_run:
        _plan(params)
    apply(params, "run")


def _plan(params: dict[str, Any]) -> None:
    from migrate_mfa.cli import show
    from migrate_mfa.settings import from_params
    from migrate_mfa.wiring.migration import open_migration

    settings = from_params(params)
    with shown_at_end(settings, lambda progress: open_migration(settings, "plan", progress)) as migration:
        migration.make_plan()
        if not settings.as_json:
            show.plan(migration)
        migration.require_ready()
    leave(migration.one, migration.one.exit_code(ExitCode.DONE))


def _check_first(migration: "Migration") -> None:
    """What `check` has to say about this run: warnings are told, a failure ends it."""
    from migrate_mfa.cli.check import tell_findings
    from migrate_mfa.engine.check import refusal
    from migrate_mfa.wiring.check import check_before

    findings = check_before(migration.connection, migration.wishes())
    tell_findings(findings)
    if problem := refusal(migration.connection.pool, findings):
        raise problem


def apply(params: dict[str, Any], command: str) -> None:
    """Plan if needed, show, ask, do, report: `run` and `disable`."""
    from migrate_mfa.cli import show
    from migrate_mfa.settings import from_params
    from migrate_mfa.wiring.migration import open_migration

    settings = from_params(params)
    require_consent(settings)
    with shown_at_end(settings, lambda progress: open_migration(settings, command, progress)) as migration:
        migration.prepare()
        if not settings.as_json:
            show.plan(migration)
        migration.require_ready()
        ahead = migration.forecast()
        if ahead.users:
            if command == "run":
                _check_first(migration)
            extra = "".join(f"\n  {danger}" for danger in migration.dangers())
            confirm_run(migration.connection, ahead.users, extra, seconds=ahead.seconds)
            migration.apply()
    leave(migration.one, migration.exit_code())
