"""audit, status and report: commands that write nothing to AWS."""

from typing import Annotated, Any

import typer

from migrate_mfa.cli import options as o
from migrate_mfa.cli.jobs import Job, ShowConfig, begin
from migrate_mfa.cli.passes import leave, shown_at_end
from migrate_mfa.cli.talk import confirm_billing, require_consent, tell
from migrate_mfa.domain.errors import ExitCode


def register(app: typer.Typer) -> None:
    """Add these commands to the program."""
    app.command()(audit)
    app.command()(status)
    app.command()(report)


def audit(
    context: typer.Context,
    user_pool_id: o.UserPoolId = None,
    run_dir: o.AuditRunDir = None,
    deep: Annotated[
        bool,
        typer.Option("--deep", help="Also read the MFA setting of users with a verified phone (billed)."),
    ] = False,
    fail_under: Annotated[
        str | None,
        typer.Option(help="Exit 9 when less than this share has a verified phone.", metavar="PERCENT"),
    ] = None,
    quota_share: o.QuotaShare = 0.5,
    max_rps: o.MaxRps = None,
    mau_price: o.MauPrice = None,
    max_cost: o.MaxCost = None,
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
    """Say who in the whole pool lacks a verified phone; report/unverified.csv is a roster to fill in."""
    _audit(begin(context))


def _audit(params: dict[str, Any]) -> None:
    from migrate_mfa.settings import from_params
    from migrate_mfa.wiring.audit import open_audit

    settings = from_params(params)
    if settings.deep:
        require_consent(settings)
    with shown_at_end(settings, lambda progress: open_audit(settings, progress)) as look:
        look.look(confirm_billing)
    code = look.exit_code()
    if code is ExitCode.NOT_MET:
        counted = any(look.one.summary["total"].values())
        tell(
            "That is less than --fail-under asks for."
            if counted
            else "The pool has no enabled local user, so nobody meets --fail-under. Is it the right pool?"
        )
    leave(look.one, code)


def status(run_dir: o.ThisRunDir, json: o.Json = False) -> None:
    """Say where a run stands, also while it runs."""
    from migrate_mfa.cli import show
    from migrate_mfa.wiring.reporting import status as do_status

    show.standing(do_status(run_dir), run_dir, in_json=json)


def report(run_dir: o.ThisRunDir, json: o.Json = False) -> None:
    """Write the reports of a run again, from its journal."""
    from migrate_mfa.cli import show
    from migrate_mfa.wiring.reporting import report as do_report

    show.standing(do_report(run_dir), run_dir, in_json=json)
