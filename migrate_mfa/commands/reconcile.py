"""reconcile: who has proved the number since a run, and who is not protected any more."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from migrate_mfa.cli.option_groups import Aws, Consent, Cost, Output, Pace, ThisRun, Wave
from migrate_mfa.cli.options import Group, Option
from migrate_mfa.cli.prompt import require_consent, tell
from migrate_mfa.domain.errors import ExitCode
from migrate_mfa.domain.words import counted
from migrate_mfa.workflows.consent import confirm_billing, confirm_run
from migrate_mfa.workflows.shown import leave, shown_at_end

if TYPE_CHECKING:
    from migrate_mfa.workflows.aftermath import Aftermath


@dataclass(frozen=True, kw_only=True)
class Drift(Group, variables=False):
    """What is done about users who are not protected any more."""

    repair: Annotated[
        bool, Option(help="Switch SMS MFA on again where it was switched off; never a number.")
    ] = False
    deep: Annotated[bool, Option(help="Read every enrolled user, not only the changed ones (billed).")] = (
        False
    )


def reconcile(
    run: ThisRun,
    drift: Drift,
    aws: Aws,
    pace: Pace,
    wave: Wave,
    cost: Cost,
    consent: Consent,
    output: Output,
) -> ExitCode:
    """Promote who has proved the number since, and report who is not protected any more; fit for cron."""
    from migrate_mfa.settings import Settings
    from migrate_mfa.workflows.aftermath import open_aftermath

    settings = Settings(
        run_dir=run.run_dir,
        deep=drift.deep,
        aws=aws,
        pace=pace,
        wave=wave,
        cost=cost,
        consent=consent,
        output=output,
    )
    require_consent(consent)
    with shown_at_end(settings, lambda progress: open_aftermath(settings, "reconcile", progress)) as after:
        _promote(after, repair=drift.repair)
    return leave(after.invocation, after.reconcile_exit_code())


def _promote(after: "Aftermath", *, repair: bool) -> None:
    try:
        after.compare(confirm_billing)
        if held_back := after.invocation.extra["waiting_for_max_sms"]:
            waiting = counted(held_back, "user waits on", "users wait on")
            tell(f"{waiting}: their codes would be more SMS than --max-sms allows.")
        if repair:
            after.plan_repairs()
        if users := after.open_rows():
            confirm_run(after.invocation.session, users, seconds=after.seconds_to_reconcile())
            after.apply_reconcile()
    finally:
        after.report_drift()
    after.drift_is_told()
