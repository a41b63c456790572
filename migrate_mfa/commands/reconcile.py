"""reconcile: who has proved the number since a run, and who is not protected any more."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from migrate_mfa.cli.option_groups import Aws, Consent, Cost, Output, Pace, ThisRun, Wave
from migrate_mfa.cli.options import Group, Option
from migrate_mfa.cli.prompt import require_consent, tell
from migrate_mfa.domain.errors import ExitCode
from migrate_mfa.domain.formatting import counted
from migrate_mfa.workflows.consent import confirm_billing, confirm_run
from migrate_mfa.workflows.ending import leave, shown_at_end

if TYPE_CHECKING:
    from migrate_mfa.workflows.reconcile import Reconciliation


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
    from migrate_mfa.workflows.reconcile import open_reconciliation

    settings = Settings.of(run, drift, aws, pace, wave, cost, consent, output)
    require_consent(consent)
    with shown_at_end(settings, lambda progress: open_reconciliation(settings, progress)) as reconciliation:
        _promote(reconciliation, repair=drift.repair)
    return leave(reconciliation.invocation, reconciliation.exit_code())


def _promote(reconciliation: "Reconciliation", *, repair: bool) -> None:
    try:
        reconciliation.compare(confirm_billing)
        if held_back := reconciliation.found.waiting_for_max_sms:
            waiting = counted(held_back, "user waits on", "users wait on")
            tell(f"{waiting}: their codes would be more SMS than --max-sms allows.")
        if repair:
            reconciliation.plan_repairs()
        if users := reconciliation.open_rows():
            confirm_run(reconciliation.invocation.session, users, seconds=reconciliation.seconds())
            reconciliation.apply()
    finally:
        reconciliation.report_drift()
    reconciliation.drift_is_told()
