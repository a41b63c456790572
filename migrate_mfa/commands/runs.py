"""runs: list the run directories."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from migrate_mfa.cli import option_values
from migrate_mfa.cli.caller import AwsForS3
from migrate_mfa.cli.options import Group, Option
from migrate_mfa.cli.streams import write
from migrate_mfa.domain.errors import ExitCode, RunDirectoryError
from migrate_mfa.remote.objects import BucketUrl

if TYPE_CHECKING:
    from collections.abc import Sequence

    from migrate_mfa.reports.runs import RunEntry


@dataclass(frozen=True, kw_only=True)
class Listing(Group, heading="Output", variables=False):
    """Where to look, and the form of the output."""

    folder: Annotated[
        Path | BucketUrl,
        Option(
            help="Where to look for run directories, with all folders below, or s3://BUCKET[/PREFIX].",
            argument=True,
            metavar="FOLDER",
            parser=option_values.place,
        ),
    ] = Path("migrate-mfa-runs")
    json: Annotated[bool, Option(help="Print the list as JSON.")] = False


def runs(listing: Listing, aws: AwsForS3) -> ExitCode:
    """List the run directories: pool, roster, policy, state, counts, age.

    Examples:
        migrate-mfa runs
        migrate-mfa runs s3://my-bucket/runs --json
    """
    from migrate_mfa.cli import tables
    from migrate_mfa.clock import SystemClock
    from migrate_mfa.reports.runs import find_runs

    folder = listing.folder
    found = _in_bucket(folder, aws) if isinstance(folder, BucketUrl) else find_runs(folder)
    if listing.json:
        tables.as_json({"version": 1, "runs": [entry.as_dict() for entry in found]})
    else:
        _list(found, folder, SystemClock().now())
    return ExitCode.DONE


def _list(found: "Sequence[RunEntry]", folder: object, now: float) -> None:
    """Print them, each with its pool, roster and state; `now` is in seconds since 1970."""
    from migrate_mfa.domain.formatting import at_least_a_second

    if not found:
        write(f"There is no run directory in {folder}.")
    for entry in found:
        write(entry.run_dir)
        if entry.trouble:
            _indented(entry.trouble)
            continue
        age = at_least_a_second(now - entry.at)
        age = f"for {age}" if entry.state == "running" else f"{age} ago"
        counts = [f"{outcome} {number:,}" for outcome, number in (entry.counts or {}).items() if number]
        pool = f"pool {entry.pool_name} ({entry.user_pool_id})"
        facts = [pool, entry.roster and f"roster {entry.roster}", entry.verification, ", ".join(counts)]
        _indented("; ".join([f"{entry.command}: {entry.standing}, {age}", *filter(None, facts)]))


def _indented(text: str) -> None:
    from migrate_mfa.domain.formatting import folded

    write(folded(text, indent=" " * 6))


def _in_bucket(url: BucketUrl, aws: AwsForS3) -> "list[RunEntry]":
    from migrate_mfa.cli.located import opened, waiting
    from migrate_mfa.remote.working_copy import RemoteRun, for_reading, run_dirs_below
    from migrate_mfa.reports.runs import RunEntry, entry_of, newest_first

    entries, values = [], vars(aws)
    for place in run_dirs_below(RemoteRun(url, opened(url, values)), waiting()):
        try:
            with for_reading(RemoteRun(place, opened(place, values)), waiting()) as path:
                entries.append(entry_of(path))
        except RunDirectoryError as error:
            entries.append(RunEntry(run_dir=str(place), trouble=error.message))
    return newest_first(entries)
