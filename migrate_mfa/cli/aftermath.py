"""reconcile, rollback, disable and purge: what comes after a run."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from migrate_mfa.cli import options as o
from migrate_mfa.cli.jobs import Job, ShowConfig, begin
from migrate_mfa.cli.output import write
from migrate_mfa.cli.passes import leave, shown_at_end
from migrate_mfa.cli.talk import confirm_billing, confirm_purge, confirm_run, require_consent, tell
from migrate_mfa.domain.reasons import Outcome
from migrate_mfa.domain.words import counted

if TYPE_CHECKING:
    from migrate_mfa.wiring.aftermath import Aftermath


def register(app: typer.Typer) -> None:
    """Add these commands to the program."""
    app.command()(reconcile)
    app.command()(rollback)
    app.command()(disable)
    app.command()(purge)


def reconcile(
    context: typer.Context,
    run_dir: o.ThisRunDir,
    repair: Annotated[
        bool,
        typer.Option("--repair", help="Switch SMS MFA on again where it was switched off; never a number."),
    ] = False,
    deep: Annotated[
        bool, typer.Option("--deep", help="Read every enrolled user, not only the changed ones (billed).")
    ] = False,
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
    """Promote who has proved the number since, and report who is not protected any more; fit for cron."""
    _reconcile(begin(context))


def _reconcile(params: dict[str, Any]) -> None:
    from migrate_mfa.settings import from_params
    from migrate_mfa.wiring.aftermath import open_aftermath

    settings = from_params(params)
    require_consent(settings)
    with shown_at_end(settings, lambda progress: open_aftermath(settings, "reconcile", progress)) as after:
        _promote(after, repair=params["repair"])
    leave(after.one, after.reconcile_exit_code())


def _promote(after: "Aftermath", *, repair: bool) -> None:
    try:
        after.compare(confirm_billing)
        if held_back := after.one.extra["waiting_for_max_sms"]:
            waiting = counted(held_back, "user waits on", "users wait on")
            tell(f"{waiting}: their codes would be more SMS than --max-sms allows.")
        if repair:
            after.plan_repairs()
        if users := after.open_rows():
            confirm_run(after.one.connection, users, seconds=after.seconds_to_reconcile())
            after.apply_reconcile()
    finally:
        after.report_drift()
    after.drift_is_told()


def rollback(
    context: typer.Context,
    run_dir: o.ThisRunDir,
    roster: Annotated[
        str | None,
        typer.Argument(help="A CSV of users: only these. Its numbers are not read.", show_default=False),
    ] = None,
    user: Annotated[
        list[str] | None,
        typer.Option(
            help="Only this user, by sub, Username or e-mail address. Repeatable.", show_default=False
        ),
    ] = None,
    outcome: Annotated[
        list[Outcome] | None,
        typer.Option(help="Only rows that ended so. Repeatable.", metavar="OUTCOME", show_default=False),
    ] = None,
    id_column: o.IdColumn = None,
    encoding: o.Encoding = None,
    quota_share: o.QuotaShare = 0.5,
    max_rps: o.MaxRps = None,
    batch_size: o.BatchSize = 100,
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
    """Undo what the run did, for users whom nobody else has touched since."""
    _rollback(begin(context))


def _rollback(params: dict[str, Any]) -> None:
    from migrate_mfa.settings import from_params
    from migrate_mfa.wiring.aftermath import open_aftermath

    settings = from_params(params)
    require_consent(settings)
    with shown_at_end(settings, lambda progress: open_aftermath(settings, "rollback", progress)) as after:
        _give_back(after, params["user"] or (), params["outcome"] or ())
    if after.left_alone:
        tell(
            f"Left as they are: {after.left_alone:,} of the users named, whom somebody else changed since "
            "(changed_by_others). Look at them in Cognito; `disable` switches SMS MFA off."
        )
    leave(after.one, after.rollback_exit_code())


def _give_back(after: "Aftermath", names: Sequence[str], outcomes: Sequence[Outcome]) -> None:
    after.require_ready()
    if said := after.choose(names):
        tell(said)
    if users := after.count_selected(outcomes):
        back = " Their state from before the run comes back."
        confirm_run(after.one.connection, users, back, seconds=after.seconds_to_roll_back(users))
    after.select(outcomes)
    after.apply_rollback()


def disable(
    context: typer.Context,
    roster: o.Roster = None,
    user_pool_id: o.UserPoolId = None,
    run_dir: o.RunDir = None,
    id_column: o.IdColumn = None,
    encoding: o.Encoding = None,
    quota_share: o.QuotaShare = 0.5,
    max_rps: o.MaxRps = None,
    batch_size: o.BatchSize = 100,
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
    """Switch SMS MFA off for the users of a roster; their numbers stay, and the roster's are not read."""
    from migrate_mfa.cli.migrate import apply

    apply(begin(context), "disable")


def purge(
    run_dir: o.ThisRunDir,
    despite_pending: Annotated[
        bool,
        typer.Option(
            "--despite-pending", help="Also while users are pending: this run can never promote them then."
        ),
    ] = False,
    yes: o.Yes = False,
) -> None:
    """Remove the personal data of a finished run; counts stay, rollback and reconcile end with it."""
    from migrate_mfa.settings import Settings
    from migrate_mfa.wiring.aftermath import purge as do_purge

    require_consent(Settings(yes=yes))
    rows, left = do_purge(
        run_dir,
        lambda meta, number: confirm_purge(meta, number, yes=yes),
        despite_pending=despite_pending,
    )
    of = f" of {counted(rows, 'row')}" if rows else ", lists included,"
    write(f"Removed the personal data{of} in {run_dir}; summary.json stays.")
    if left:
        names = ", ".join(str(path.relative_to(run_dir)) for path in left)
        tell(f"Not this tool's, and left as they are: {names}. Remove what names people yourself.")
