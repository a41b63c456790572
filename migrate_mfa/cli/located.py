"""Where a run directory is: a path of this machine, or a place in a bucket with a working copy here."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from migrate_mfa.remote.objects import BucketUrl

if TYPE_CHECKING:
    from migrate_mfa.remote.lease import Waiting

_ITSELF = {"unlock", "iam-policy"}
"""The commands for which it stays a place in a bucket."""
_WORK = {"plan", "run", "disable", "audit", "canary", "reconcile", "rollback", "purge"}
"""The commands that write to their run directory, so that one at a time may have it."""


@contextmanager
def located(command: str, values: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The values of a command's options, with a directory of this machine in the place of one in a bucket.

    Args:
        command: its name.
        values: its options by name.

    Raises:
        RunDirectoryError: somebody else works there, or it is not whole.
        OutOfReach: the bucket does not answer.
    """
    url = values.get("run_dir")
    if command in _ITSELF or not isinstance(url, BucketUrl):
        yield values
        return
    from migrate_mfa.remote import working_copy as copies
    from migrate_mfa.remote.aws_objects import open_bucket

    objects = open_bucket(
        url,
        profile=values.get("profile"),
        region=values.get("region"),
        endpoint_url=values.get("endpoint_url"),
        kms_key=values.get("kms_key"),
    )
    run = copies.RemoteRun(url, objects)
    if command not in _WORK:
        with copies.for_reading(run, waiting(), writes_report=command == "report") as path:
            yield {**values, "run_dir": path}
        return
    with copies.for_work(run, command, waiting()) as path:
        yield {**values, "run_dir": path}
        if command == "purge":
            copies.purge_versions(run, waiting())


def waiting() -> "Waiting":
    """Real time, and words on standard error."""
    from migrate_mfa.cli.prompt import tell
    from migrate_mfa.clock import SystemClock, since_boot
    from migrate_mfa.remote.lease import Waiting

    return Waiting(elapsed=since_boot, sleep=SystemClock().sleep, say=tell)
