"""unlock: free a run directory in a bucket from the lease of an owner that has ended."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from migrate_mfa.cli import option_values
from migrate_mfa.cli.caller import AwsForS3
from migrate_mfa.cli.option_groups import Consent
from migrate_mfa.cli.options import Group, Option
from migrate_mfa.cli.prompt import confirm_unlock, require_consent, tell
from migrate_mfa.domain.errors import ExitCode, RunDirectoryError
from migrate_mfa.remote.objects import BucketUrl

if TYPE_CHECKING:
    from migrate_mfa.remote.working_copy import RemoteRun


@dataclass(frozen=True, kw_only=True)
class Leased(Group):
    """The run directory to free."""

    run_dir: Annotated[
        BucketUrl,
        Option(help="The run directory: s3://BUCKET/PREFIX.", metavar="DIR", parser=option_values.bucket_url),
    ]


def unlock(leased: Leased, aws: AwsForS3, consent: Consent) -> ExitCode:
    """Free a run directory in a bucket whose owner is gone. An owner that still renews its lease keeps it.

    Examples:
        migrate-mfa unlock --run-dir s3://my-bucket/runs/users
        migrate-mfa unlock --run-dir s3://my-bucket/runs/users --yes
    """
    from migrate_mfa.cli.located import waiting
    from migrate_mfa.remote.aws_objects import open_bucket
    from migrate_mfa.remote.holder import readable
    from migrate_mfa.remote.lease import look_at_dead, take_away
    from migrate_mfa.remote.names import LOCK, NOTHING
    from migrate_mfa.remote.patient import PatientObjects
    from migrate_mfa.remote.working_copy import RemoteRun, answering, last_there

    require_consent(consent)
    bucket = open_bucket(
        leased.run_dir, profile=aws.profile, region=aws.region, endpoint_url=aws.endpoint_url
    )
    objects = PatientObjects(bucket, waiting())
    run = RemoteRun(leased.run_dir, objects)
    with answering(run):
        found = objects.get(LOCK)
        if found is None or readable(found) is None:
            last_there(run, NOTHING)  # nobody has to wait to hear that there is no run
        holder, stored = look_at_dead(objects, waiting()) or (None, None)
        note = objects.get(LOCK) if stored is None else None
        free = readable(note) if note else None
        there = NOTHING if holder else last_there(run, free.last if free else NOTHING)
        if note:
            tell(f"Nobody holds {run.url}.")
            return ExitCode.DONE
        who = holder.age(stored.at) if holder and stored else None
        confirm_unlock(who, _pool_name(run), str(run.url), yes=consent.yes)
        take_away(objects, stored, there)
    tell(f"{run.url} is free. Run the same command again to resume.")
    return ExitCode.DONE


def _pool_name(run: "RemoteRun") -> str | None:
    """The pool of the run; empty if its journal is not completely in the bucket."""
    from migrate_mfa.cli.located import waiting
    from migrate_mfa.journal.database import Journal
    from migrate_mfa.journal.meta import RunMeta
    from migrate_mfa.remote.working_copy import for_reading

    try:
        with for_reading(run, waiting()) as path, Journal.look_at(path) as journal:
            return RunMeta.read(journal).pool_name
    except RunDirectoryError:  # the next command that uses it reports this
        return None
