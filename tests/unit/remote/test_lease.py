"""A lease has one owner at a time, and an owner that cannot renew it is dead before the next one begins."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from migrate_mfa.domain.errors import NotAllowed, RunDirectoryError
from migrate_mfa.remote import lease as leases
from migrate_mfa.remote.holder import Holder, UnreadableError
from migrate_mfa.remote.keeper import Keeper
from migrate_mfa.remote.lease import Lease, Waiting, acquire, look_at_dead, take_away
from migrate_mfa.remote.names import LOCK, NOTHING
from migrate_mfa.remote.names import Place as Segment
from migrate_mfa.remote.objects import GoneError, StoreError
from tests.support.fake_objects import FakeObjects
from tests.support.fakes import FakeClock

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.promise(4)


class Place:
    """A bucket, its time, and what was said to those who wait."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.objects = FakeObjects(self.clock)
        self.said: list[str] = []
        self.while_waiting: Callable[[], None] = lambda: None

    def _sleep(self, seconds: float) -> None:
        self.clock.sleep(seconds)
        self.while_waiting()

    @property
    def waiting(self) -> Waiting:
        return Waiting(elapsed=self.clock.monotonic, sleep=self._sleep, say=self.said.append)

    def acquire(self, command: str = "run", least: int = 0) -> Lease:
        return acquire(self.objects, command, lambda: least, self.waiting, keep_by=self.objects)

    def write(self, body: bytes) -> None:
        self.objects.put(LOCK, body)

    def holder(self) -> Holder:
        found = self.objects.get(LOCK)
        assert found is not None
        return Holder.read(found)


def test_the_first_owner_comes_after_every_generation_that_has_left_something() -> None:
    place = Place()

    assert place.acquire(least=6).generation == 7
    assert place.holder().expires_at == pytest.approx(place.objects.now() + leases.LASTS_S)


def test_an_owner_that_renews_keeps_it_and_whoever_comes_is_told_who_it_is() -> None:
    place = Place()
    first = place.acquire("reconcile")
    place.while_waiting = lambda: first.renew(Segment(1, 3))

    with pytest.raises(RunDirectoryError) as refused:
        place.acquire()

    assert f"process {place.holder().pid} (reconcile) on {place.holder().host}" in refused.value.message
    assert place.holder().last == Segment(1, 3)


def test_a_dead_owners_lease_is_waited_for_until_it_expires_and_not_a_moment_less() -> None:
    place = Place()
    first = place.acquire()
    began = place.clock.monotonic()

    second = place.acquire()

    assert leases.LASTS_S <= place.clock.monotonic() - began < leases.LASTS_S + 5
    assert second.generation == first.generation + 1
    assert len(place.said) == 2
    with pytest.raises(RunDirectoryError):
        first.require()


def test_an_owner_ends_before_its_lease_can_be_anybody_elses() -> None:
    place = Place()
    lease = place.acquire()

    place.clock.sleep(leases.ENDS_S - 0.1)
    lease.require()
    place.clock.sleep(0.1)

    with pytest.raises(RunDirectoryError, match="was not renewed for 75 s"):
        lease.require()
    assert place.objects.now() < place.holder().expires_at


def test_a_renewal_whose_answer_was_lost_is_known_as_ours_and_does_not_count_until_the_next() -> None:
    place = Place()
    lease = place.acquire()
    place.clock.sleep(10)
    place.objects.lost = 1

    for _ in range(2):
        with pytest.raises(StoreError):
            lease.renew(Segment(1, 2))
    assert (lease.age, lease.last) == (10, NOTHING)
    lease.renew()

    assert (lease.age, lease.lost) == (0, False)


@pytest.mark.parametrize("taken", [True, False])
def test_a_lease_that_was_taken_or_removed_is_lost_at_the_next_renewal(*, taken: bool) -> None:
    place = Place()
    lease = place.acquire()
    found = place.objects.get(LOCK)
    assert found is not None
    take_away(place.objects, found)
    if taken:
        place.acquire("rollback", least=lease.generation)

    lease.renew()

    with pytest.raises(
        RunDirectoryError, match=r"taken over by process \d+ \(rollback\) on" if taken else "was removed"
    ):
        lease.require()
    lease.release()
    assert (LOCK in place.objects.bodies) is taken


def test_an_acquisition_whose_answer_was_lost_ends_with_one_owner() -> None:
    place = Place()
    place.objects.lost = 1

    with pytest.raises(StoreError):
        place.acquire()
    place.clock.sleep(leases.LASTS_S)

    assert place.acquire().generation == 2


def test_of_two_that_ask_at_once_only_one_gets_it() -> None:
    place = Place()
    faster: list[Lease] = []

    def overtake(method: str, _: str) -> None:
        if method == "put" and not faster:
            place.objects.before = lambda *_: None
            faster.append(place.acquire("rollback"))
            place.while_waiting = faster[0].renew

    place.objects.before = overtake

    with pytest.raises(RunDirectoryError, match="rollback"):
        place.acquire()
    faster[0].renew()
    assert not faster[0].lost


def test_what_is_released_is_free_at_once() -> None:
    place = Place()
    place.acquire().release()
    began = place.clock.monotonic()

    assert place.acquire(least=1).generation == 2
    assert place.clock.monotonic() == began


def test_a_note_of_this_second_is_not_waited_for_though_the_store_gives_whole_seconds() -> None:
    place = Place()
    place.write(Holder.note(Segment(1, 3), place.objects.now() + 0.7).body())

    place.acquire(least=1)

    assert not place.said


@pytest.mark.parametrize("body", [b"{}", b"[]", b"no", json.dumps({"owner": 1}).encode()])
def test_what_is_no_lease_is_not_taken_for_one(body: bytes) -> None:
    place = Place()
    place.objects.put(LOCK, body)

    with pytest.raises(UnreadableError):
        place.acquire()


def test_who_unlocks_can_remove_what_is_no_lease_once_nobody_writes_it() -> None:
    place = Place()
    place.write(b"no")
    place.while_waiting = lambda: place.write(b"no")
    with pytest.raises(RunDirectoryError, match="its lease cannot be read"):
        look_at_dead(place.objects, place.waiting)

    place.while_waiting = lambda: None
    found = look_at_dead(place.objects, place.waiting)
    assert found is not None
    assert found[0] is None
    take_away(place.objects, found[1])

    assert LOCK not in place.objects.bodies


@pytest.mark.parametrize("body", [b"no", None])
def test_who_unlocks_leaves_a_note_of_what_is_there(body: bytes | None) -> None:
    place = Place()
    if body:
        place.write(body)
    stored = place.objects.get(LOCK)

    take_away(place.objects, stored, Segment(3, 4))

    assert (place.holder().free, place.holder().last) == (True, Segment(3, 4))
    assert place.acquire().generation == 4


def test_a_lease_that_became_something_else_is_lost_at_once() -> None:
    place = Place()
    lease = place.acquire()
    place.write(b"no")

    lease.renew()

    with pytest.raises(RunDirectoryError, match="was taken over, so"):
        lease.require()


@pytest.mark.parametrize("end", ["released", "taken away", "expired"])
def test_the_last_segment_is_known_to_the_next_owner_however_the_one_before_ended(end: str) -> None:
    place = Place()
    first = place.acquire()
    first.renew(Segment(1, 7))
    if end == "released":
        first.release()
    elif end == "taken away":
        found = look_at_dead(place.objects, place.waiting)
        assert found is not None
        take_away(place.objects, found[1])
        first.renew()
        with pytest.raises(RunDirectoryError, match="was removed"):
            first.require()
    began = place.clock.monotonic()

    second = place.acquire()

    assert second.last == Segment(1, 7)
    assert (second.generation, place.holder().last) == (2, second.last)
    assert (place.clock.monotonic() > began) is (end == "expired")
    second.release()
    assert place.holder().last == second.last


def test_nobody_holds_a_lease_that_is_only_a_note() -> None:
    place = Place()
    lease = place.acquire()
    lease.renew(Segment(1, 1))
    lease.release()

    assert look_at_dead(place.objects, place.waiting) is None


@pytest.mark.parametrize("problem", [NotAllowed("no"), StoreError("no"), GoneError("no")])
def test_a_lease_that_cannot_be_given_back_hides_no_other_error(problem: Exception) -> None:
    place = Place()
    lease = place.acquire()

    def refuse(*_: str) -> None:
        raise problem

    place.objects.before = refuse
    lease.release()
    place.objects.before = lambda *_: None

    assert not place.holder().free


def test_unlocking_looks_whether_the_owner_lives() -> None:
    place = Place()
    assert look_at_dead(place.objects, place.waiting) is None
    lease = place.acquire()
    place.while_waiting = lease.renew
    with pytest.raises(RunDirectoryError):
        look_at_dead(place.objects, place.waiting)

    place.while_waiting = lambda: None
    found = look_at_dead(place.objects, place.waiting)
    assert found is not None
    take_away(place.objects, found[1])

    assert LOCK not in place.objects.bodies


def test_a_lease_that_was_renewed_while_the_operator_thought_is_not_taken_away() -> None:
    place = Place()
    lease = place.acquire()
    found = look_at_dead(place.objects, place.waiting)
    assert found is not None
    lease.renew()

    with pytest.raises(RunDirectoryError):
        take_away(place.objects, found[1])


class _EndedError(Exception):
    """Stands for the end of the process."""


def test_a_keeper_drains_after_30_s_without_a_renewal_and_ends_after_75() -> None:
    place = Place()
    lease = place.acquire()
    events: list[tuple[str, float]] = []

    def end(reason: str) -> None:
        events.append((f"end: {reason}", lease.age))
        raise _EndedError

    keeper = Keeper(lease, lambda reason: events.append((reason, lease.age)), end)

    def away(*_: str) -> None:
        raise RuntimeError if not events else StoreError("PutObject: ConnectionLost")

    place.objects.before = away

    def wait(seconds: float | None = None) -> bool:
        place.clock.sleep(seconds or 0)
        return False

    keeper._done.wait = wait  # type: ignore[assignment, method-assign]
    with pytest.raises(_EndedError):
        keeper._keep()

    (drain, first), (last, second) = events
    assert drain == "The lease could not be renewed for 30 s (RuntimeError)."
    assert 30 <= first < 32
    assert last.startswith("end: Its lease could not be renewed for 75 s")
    assert 75 <= second < 77
