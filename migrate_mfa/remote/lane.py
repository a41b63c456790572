"""The lock of an account and Region in a bucket, for commands on several machines."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from migrate_mfa.domain.quotas import Lane
from migrate_mfa.journal.run_dir import lane_name
from migrate_mfa.remote.keeper import kept
from migrate_mfa.remote.lease import Waiting, acquire
from migrate_mfa.remote.objects import BucketUrl, Objects
from migrate_mfa.remote.patient import PatientObjects
from migrate_mfa.remote.working_copy import RemoteRun, answering


def place_of(url: BucketUrl, lane: Lane) -> BucketUrl:
    """The place of a lane's lease, below the operator's place."""
    return url / lane_name(lane)


@contextmanager
def leased_lane(url: BucketUrl, objects: Objects, lane: Lane, waiting: Waiting) -> Iterator[None]:
    """Lock a lane for all machines that use the same place.

    The lease protects a rate, not users: a command that loses it drains, and some of its calls may overlap
    with the next owner's.

    Args:
        url: the place of the lane's lease, see `place_of`.
        objects: the objects below it.
        lane: the account and Region.
        waiting: the clock and the messages.

    Raises:
        Busy: another command owns it.
        OutOfReach: the bucket does not answer.
    """
    told = replace(waiting, what=f"this account in {lane.region}")
    with answering(RemoteRun(url, objects)):
        patient = PatientObjects(objects, waiting)
        lease = acquire(patient, "migrate-mfa", lambda: 0, told, keep_by=objects)
    with kept(lease, url, waiting.say):
        yield
