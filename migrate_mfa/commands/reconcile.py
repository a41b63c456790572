"""reconcile: turn on MFA for users who have verified their number, and report users who lost it."""

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Annotated

from migrate_mfa.cli.caller import Aws
from migrate_mfa.cli.option_groups import Consent, Cost, Output, Pace, Telling, ThisRun, Wave
from migrate_mfa.cli.options import Group, Option
from migrate_mfa.cli.prompt import require_consent, tell
from migrate_mfa.domain.errors import ExitCode
from migrate_mfa.domain.formatting import counted
from migrate_mfa.fleet.last_word import tell_never_run
from migrate_mfa.workflows.consent import confirm_billing, confirm_run
from migrate_mfa.workflows.ending import leave, shown_at_end

if TYPE_CHECKING:
    from migrate_mfa.workflows.reconcile import Reconciliation


@dataclass(frozen=True, kw_only=True)
class Drift(Group, variables=False):
    """What is done about users who have lost their number or MFA."""

    repair: Annotated[
        bool, Option(help="Switch SMS MFA on again for users who lost it. Numbers are never changed.")
    ] = False
    deep: Annotated[
        bool, Option(help="Read every enrolled user, not only changed ones. They become billed.")
    ] = False


def reconcile(
    run: ThisRun,
    drift: Drift,
    aws: Aws,
    pace: Pace,
    wave: Wave,
    cost: Cost,
    telling: Telling,
    consent: Consent,
    output: Output,
) -> ExitCode:
    """Turn on MFA for users who have verified their number, and report users who lost it. Suitable for cron.

    Exit code 9 means that users have lost their number or MFA.

    Examples:
        migrate-mfa reconcile --run-dir migrate-mfa-runs/*/users-*
        migrate-mfa reconcile --run-dir migrate-mfa-runs/*/users-* --repair --yes
    """
    from migrate_mfa.settings import Settings
    from migrate_mfa.workflows.reconcile import open_reconciliation

    settings = Settings.of(run, drift, aws, pace, wave, cost, telling, consent, output)
    require_consent(consent)
    with shown_at_end("reconcile", settings, partial(open_reconciliation, settings)) as reconciliation:
        _promote(reconciliation, repair=drift.repair)
        has_run = reconciliation.has_run
    code = reconciliation.exit_code()
    if code is ExitCode.DONE and not has_run:
        tell_never_run(reconciliation.invocation.journal.directory, "reconcile")
    return leave(reconciliation.invocation, code)


def _promote(reconciliation: "Reconciliation", *, repair: bool) -> None:
    try:
        reconciliation.compare(confirm_billing)
        if held_back := reconciliation.found.waiting_for_max_sms:
            waiting = counted(held_back, "user waits for", "users wait for")
            tell(f"{waiting} --max-sms: their codes would exceed it.")
        if repair:
            reconciliation.plan_repairs()
        if users := reconciliation.open_rows():
            confirm_run(reconciliation.invocation.session, reconciliation.writing(users))
            reconciliation.apply()
    finally:
        reconciliation.report_drift()
    reconciliation.drift_is_told()
