"""audit: which users of the pool have no verified phone number."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from migrate_mfa.cli import option_values
from migrate_mfa.cli.caller import Aws, Pool
from migrate_mfa.cli.option_groups import Consent, CostOfReading, KmsKey, Output, Pace, Telling
from migrate_mfa.cli.options import Group, Option
from migrate_mfa.cli.prompt import require_consent, tell
from migrate_mfa.domain.errors import ExitCode
from migrate_mfa.workflows.consent import confirm_billing
from migrate_mfa.workflows.ending import leave, shown_at_end


@dataclass(frozen=True, kw_only=True)
class Looking(Group):
    """How much is read, which share is enough, and where the report goes."""

    run_dir: Annotated[
        Path | None,
        Option(
            help="Directory of the report, or s3://BUCKET/PREFIX (default: ./migrate-mfa-runs/POOL/audit).",
            metavar="DIR",
            parser=option_values.run_dir,
        ),
    ] = None
    kms_key: KmsKey = None
    deep: Annotated[
        bool,
        Option(
            help="Also read the MFA setting of users with a verified phone. They become billed.",
            variable=False,
        ),
    ] = False
    fail_under: Annotated[
        float | None,
        Option(
            help="Exit with 9 if a smaller share has a verified phone.",
            metavar="PERCENT",
            parser=option_values.percent_or_number,
            variable=False,
        ),
    ] = None


def audit(
    looking: Looking,
    pool: Pool,
    aws: Aws,
    pace: Pace,
    cost: CostOfReading,
    telling: Telling,
    consent: Consent,
    output: Output,
) -> ExitCode:
    """Report which users of the pool have no verified phone number, and list them as a roster to fill in.

    Examples:
        migrate-mfa audit
        migrate-mfa audit --fail-under 95% --json
    """
    from migrate_mfa.settings import Settings
    from migrate_mfa.workflows.audit import open_audit

    settings = Settings.of(looking, pool, aws, pace, cost, telling, consent, output)
    if looking.deep:
        require_consent(consent)
    with shown_at_end("audit", settings, lambda progress: open_audit(settings, progress)) as look:
        look.look(confirm_billing)
    code = look.exit_code()
    if code is ExitCode.NOT_MET:
        counted = any((look.found.total or {}).values())
        tell(
            f"That is less than --fail-under {looking.fail_under}."
            if counted
            else "The pool has no enabled local user, so --fail-under is not met. Is it the right pool?"
        )
    return leave(look.invocation, code)
