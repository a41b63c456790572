"""purge: remove the personal data of a finished run."""

from dataclasses import dataclass
from typing import Annotated

from migrate_mfa.cli.option_groups import Consent, ThisRun
from migrate_mfa.cli.options import Group, Option
from migrate_mfa.cli.prompt import confirm_purge, require_consent, tell
from migrate_mfa.cli.streams import write
from migrate_mfa.domain.errors import ExitCode
from migrate_mfa.domain.words import counted
from migrate_mfa.journal.run_dir import shown


@dataclass(frozen=True, kw_only=True)
class Pending(Group, variables=False):
    """What becomes of users whom a reconcile could still promote."""

    despite_pending: Annotated[
        bool, Option(help="Also while users are pending: this run can never promote them then.")
    ] = False


def purge(run: ThisRun, pending: Pending, consent: Consent) -> ExitCode:
    """Remove the personal data of a finished run; counts stay, rollback and reconcile end with it."""
    from migrate_mfa.workflows.purge import purge as do_purge

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
        tell(f"Not this tool's, and left as they are: {names}. Remove what names people yourself.")
    return ExitCode.DONE
