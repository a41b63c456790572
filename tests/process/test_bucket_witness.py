"""The same runs in a bucket, and the same lease, in an S3 that others wrote: ministack."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from migrate_mfa.remote import lease as leases
from migrate_mfa.remote.aws_objects import S3Objects
from migrate_mfa.remote.lease import Waiting, acquire
from migrate_mfa.remote.names import LOCK, Place
from migrate_mfa.remote.objects import BucketUrl, ConditionFailedError, GoneError
from tests.process.test_bucket import (  # noqa: F401 - run here once more
    site,
    test_a_bucket_that_is_away_stops_the_run_before_anybody_else_may_begin_and_it_goes_on_later,
    test_a_missing_segment_is_named_and_never_guessed,
    test_a_purge_leaves_no_number_in_any_version_of_any_object,
    test_a_run_in_a_bucket_ends_as_on_a_disk_and_can_be_rolled_back_from_elsewhere,
    test_a_run_that_lost_its_machine_is_rolled_back_to_the_bit_from_a_fresh_one,
    test_a_run_whose_machine_is_lost_again_and_again_ends_right_and_writes_nothing_twice,
    test_a_slow_bucket_that_refuses_for_a_moment_and_loses_answers_costs_time_and_nothing_else,
    test_of_two_that_start_at_once_one_works_and_the_other_names_it,
    test_unlock_refuses_an_owner_that_lives_and_frees_the_directory_of_a_dead_one,
)
from tests.process.test_bucket_troubles import (  # noqa: F401 - run here once more
    test_a_purge_removes_nothing_that_is_not_its_own_and_says_so,
    test_the_newest_segment_is_missed_after_a_kill_also_when_the_lease_is_over,
)
from tests.support.bucket import BUCKET, bucket_at
from tests.support.fakes import FakeClock
from tests.support.ministack import MISSING, PROGRAM, ministack

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.bucket import Bucket

pytestmark = [
    pytest.mark.promise(4),
    pytest.mark.skipif(not PROGRAM.exists(), reason=MISSING),
]


@pytest.fixture(scope="module")
def bucket_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bucket]:
    with (
        ministack(tmp_path_factory.mktemp("witness"), services="s3") as server,
        bucket_at(server.endpoint) as bucket,
    ):
        yield bucket


def objects_of(bucket: Bucket) -> S3Objects:
    return S3Objects(bucket.s3, BucketUrl(BUCKET, "place"))


def test_conditions_hold(bucket: Bucket) -> None:
    objects = objects_of(bucket)
    first = objects.put("one", b"1", new=True)
    with pytest.raises(ConditionFailedError):
        objects.put("one", b"2", new=True)
    second = objects.put("one", b"2", replaces=first.tag)
    with pytest.raises(ConditionFailedError):
        objects.put("one", b"3", replaces=first.tag)
    with pytest.raises(GoneError):
        objects.put("two", b"1", replaces=first.tag)

    found = objects.get("one")
    assert found is not None
    assert (found.body, found.tag) == (b"2", second.tag)
    assert objects.get("two") is None
    assert objects.names() == ["one"]


def test_a_lease_has_one_owner_and_knows_the_last_segment(bucket: Bucket) -> None:
    clock = FakeClock()
    objects = objects_of(bucket)
    said: list[str] = []
    waiting = Waiting(elapsed=clock.monotonic, sleep=clock.sleep, say=said.append)
    first = acquire(objects, "run", lambda: 0, waiting, keep_by=objects)
    first.renew(Place(1, 5))
    assert (first.lost, first.generation) == (False, 1)
    first.renew(Place(1, 6))
    first.release()

    second = acquire(objects, "run", lambda: 0, waiting, keep_by=objects)
    assert (second.generation, second.last) == (2, Place(1, 6))
    found = objects.get(LOCK)
    assert found is not None
    leases.take_away(objects, found)
    second.renew()

    assert second.lost
