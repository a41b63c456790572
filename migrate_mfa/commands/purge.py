"""purge: remove the personal data of a finished run."""

from dataclasses import dataclass
from typing import Annotated

from migrate_mfa.cli.caller import AwsForS3
from migrate_mfa.cli.option_groups import Consent, ThisRun
from migrate_mfa.cli.options import Group, Option
from migrate_mfa.cli.prompt import confirm_purge, require_consent, tell
from migrate_mfa.cli.streams import write
from migrate_mfa.domain.errors import ExitCode
from migrate_mfa.domain.formatting import counted


@dataclass(frozen=True, kw_only=True)
class Pending(Group, variables=False):
    """Whether pending users are given up."""

    despite_pending: Annotated[
        bool, Option(help="Purge although users are pending. This run can then never promote them.")
    ] = False


def purge(run: ThisRun, pending: Pending, aws: AwsForS3, consent: Consent) -> ExitCode:
    """Delete the personal data of a finished run. Counts are kept.

    Rollback and reconcile are then no longer possible.

    Examples:
        migrate-mfa purge --run-dir migrate-mfa-runs/*/users-*
        migrate-mfa purge --run-dir migrate-mfa-runs/*/audit --yes
    """
    from migrate_mfa.journal.run_dir import shown
    from migrate_mfa.workflows.purge import purge as do_purge

    del aws  # already used to reach a run directory in a bucket
    require_consent(consent)
    rows, left = do_purge(
        run.run_dir,
        lambda meta, number: confirm_purge(meta.pool_name, number, yes=consent.yes),
        despite_pending=pending.despite_pending,
    )
    of = f" of {counted(rows, 'row')}" if rows else ", lists included,"
    write(f"Removed the personal data{of} in {shown(run.run_dir)}; summary.json stays.")
    if left:
        names = ", ".join(str(path.relative_to(run.run_dir)) for path in left)
        tell(f"Other files were not removed: {names}. Remove those with personal data yourself.")
    return ExitCode.DONE
