"""runs: the run directories that there are."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from migrate_mfa.cli.options import Group, Option
from migrate_mfa.domain.errors import ExitCode


@dataclass(frozen=True, kw_only=True)
class Listing(Group, heading="Output", variables=False):
    """Where to look, and for whom to write."""

    folder: Annotated[
        Path,
        Option(help="Where to look for run directories, with all folders below.", argument=True),
    ] = Path("migrate-mfa-runs")
    json: Annotated[bool, Option(help="Print the list as JSON.")] = False


def runs(listing: Listing) -> ExitCode:
    """List the run directories: pool, roster, policy, state, counts, age.

    Examples:
        migrate-mfa runs
        migrate-mfa runs /srv/migrate-mfa --json
    """
    from migrate_mfa.cli import tables
    from migrate_mfa.cli.run_list import list_runs
    from migrate_mfa.clock import SystemClock
    from migrate_mfa.reports.runs import find_runs

    found = find_runs(listing.folder)
    if listing.json:
        tables.as_json({"version": 1, "runs": [entry.as_dict() for entry in found]})
    else:
        list_runs(found, listing.folder, SystemClock().now())
    return ExitCode.DONE
