"""What comes to the bucket is the journal, one transaction after another, readable at any time."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections import deque
from typing import TYPE_CHECKING, Any

import pytest

from migrate_mfa.clock import since_boot
from migrate_mfa.domain.errors import NotAllowed, RunDirectoryError
from migrate_mfa.journal.database import Journal
from migrate_mfa.journal.run_dir import WorkingCopy, working_copy
from migrate_mfa.journal.run_files import JOURNAL
from migrate_mfa.remote import segment, shipper
from migrate_mfa.remote.holder import Holder
from migrate_mfa.remote.lease import ENDS_S, Waiting, acquire
from migrate_mfa.remote.names import LOCK, Contents, Place, log_of
from migrate_mfa.remote.objects import Put, StoreError
from migrate_mfa.remote.restore import restore
from migrate_mfa.remote.shipper import Shipper
from tests.support.fake_objects import FakeObjects
from tests.support.fakes import FakeClock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from migrate_mfa.journal.database import Database

pytestmark = pytest.mark.promise(4)
URL = "s3://bucket/run"


class Remote:
    """A journal with a replica in memory."""

    def __init__(
        self, path: Path, objects: type[FakeObjects] = FakeObjects, *, real_time: bool = True
    ) -> None:
        self.clock = FakeClock()
        self.objects = objects(self.clock)
        self.slept = list[float]()
        elapsed = since_boot if real_time else self.clock.monotonic
        self.waiting = Waiting(elapsed=elapsed, sleep=self.slept.append, say=lambda _: None)
        waiting = Waiting(elapsed=self.clock.monotonic, sleep=self.clock.sleep, say=lambda _: None)
        self.lease = acquire(self.objects, "run", lambda: 0, waiting, keep_by=self.objects)
        self.path = path / "here"
        self.elsewhere = path / "elsewhere"
        self.path.mkdir(mode=0o700)
        token = working_copy.set(WorkingCopy(self.path, URL, self._shipper))
        try:
            self.journal = Journal.create_or_open(self.path)
        finally:
            working_copy.reset(token)

    def _shipper(self, database: Database) -> Shipper:
        self.shipper = Shipper(database, self.objects, self.lease, self.waiting)
        return self.shipper

    def write(self, name: str, value: str = "") -> None:
        self.journal.set_meta({name: value})

    def settled(self) -> None:
        self.journal.database.wait_for_replica()

    def restored(self) -> dict[str, object]:
        """The facts of the journal, from the bucket alone."""
        for old in self.elsewhere.glob("*"):
            old.unlink()
        self.elsewhere.mkdir(exist_ok=True)
        restore(self.objects, URL, self.elsewhere)
        with Journal.look_at(self.elsewhere) as journal:
            return journal.meta()


@pytest.fixture
def remote(tmp_path: Path) -> Iterator[Remote]:
    made = Remote(tmp_path)
    yield made
    made.objects.before = lambda *_: None
    made.journal.close()


def test_what_was_waited_for_is_in_the_bucket(remote: Remote) -> None:
    for number in range(5):
        remote.write("number", str(number))
        remote.settled()

        assert remote.restored()["number"] == str(number)


def test_all_wait_about_as_long_as_the_longest_did_a_moment_ago(tmp_path: Path) -> None:
    """They come to the limiter one by one then, and not a segment at a time."""
    remote = Remote(tmp_path, real_time=False)
    uploads = deque([0.2, 0.0, 30.0, 0.0])

    def slow(method: str, name: str) -> None:
        if method == "put" and name.startswith("wal-"):
            while not remote.shipper._waiters:
                threading.Event().wait(0.001)
            remote.clock.sleep(uploads.popleft())
            remote.lease.renew()

    remote.objects.before = slow
    for _ in range(4):
        remote.write("one")
        remote.clock.sleep(1)
        remote.settled()

    assert remote.slept == pytest.approx([0.2 * 0.98, 0.3 * 0.98])
    remote.journal.close()


def test_nobody_waits_where_nothing_is_on_its_way(remote: Remote) -> None:
    remote.settled()
    remote.settled()

    assert Contents.of(remote.objects.names()).segments == ()


def test_a_clean_end_leaves_one_base_and_no_segment(tmp_path: Path) -> None:
    remote = Remote(tmp_path)
    remote.write("one")
    remote.settled()
    remote.write("two")
    remote.journal.close()

    left = Contents.of(remote.objects.names())
    assert (len(left.bases), left.segments) == (1, ())
    assert {"one", "two"} <= remote.restored().keys()


def test_a_segment_whose_answer_was_lost_is_known_as_ours(remote: Remote) -> None:
    remote.objects.lost = 1
    remote.write("one")
    remote.settled()

    assert "one" in remote.restored()


def test_another_writer_of_the_same_segment_ends_the_command(tmp_path: Path) -> None:
    remote = Remote(tmp_path)
    remote.objects.put(Place(remote.lease.generation, 1).wal, b"somebody else's")
    remote.write("one")

    with pytest.raises(RunDirectoryError, match="Another process has written"):
        remote.settled()
    with pytest.raises(RunDirectoryError, match="Another process has written"):
        remote.journal.database.require_ours()
    with pytest.raises(RunDirectoryError, match="Another process has written"):
        remote.journal.close()


def test_another_writer_of_the_same_base_ends_the_command(remote: Remote) -> None:
    remote.objects.put(Place(remote.lease.generation, 0).base, b"somebody else's")

    with pytest.raises(RunDirectoryError, match="Another process has written base-"):
        Shipper(remote.journal.database, remote.objects, remote.lease, remote.waiting)


def test_a_base_whose_answer_was_lost_is_known_as_ours(tmp_path: Path) -> None:
    class Losing(FakeObjects):
        def put(self, name: str, body: bytes | Path, **more: Any) -> Put:
            done = super().put(name, body, **more)
            if name.startswith("base-") and not lost:
                lost.append(name)
                raise StoreError(name)
            return done

    lost: list[str] = []
    remote = Remote(tmp_path, Losing)
    remote.write("one")
    remote.journal.close()

    assert lost
    assert "one" in remote.restored()


@pytest.mark.parametrize("seconds", [5, 40])
def test_a_refusal_is_borne_for_a_moment_and_then_told(tmp_path: Path, seconds: int) -> None:
    remote = Remote(tmp_path, real_time=False)
    since = remote.clock.monotonic()

    def refuse(_: str, name: str) -> None:
        if name.startswith("wal-") and remote.clock.monotonic() < since + seconds:
            remote.clock.sleep(10)
            remote.lease.renew()
            raise NotAllowed("The credentials have expired.")

    remote.objects.before = refuse
    remote.write("one")
    remote.clock.sleep(1)

    if seconds == 5:
        remote.settled()
        remote.journal.close()
        assert "one" in remote.restored()
        return
    with pytest.raises(NotAllowed):
        remote.settled()
    with pytest.raises(NotAllowed):
        remote.journal.close()


def test_no_room_for_a_base_is_said_by_name(remote: Remote, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("migrate_mfa.remote.shipper.shutil.copyfileobj", full)

    with pytest.raises(RunDirectoryError, match="No space left") as refused:
        remote.shipper._make_base()
    assert "TMPDIR" in refused.value.hint


def test_who_waits_is_told_when_the_lease_has_run_out(tmp_path: Path) -> None:
    remote = Remote(tmp_path)

    def away(method: str, name: str) -> None:
        if name.startswith("wal-"):
            remote.clock.sleep(30)
            raise StoreError(method)

    remote.objects.before = away
    remote.write("one")

    with pytest.raises(RunDirectoryError, match="was not renewed"):
        remote.settled()
    with pytest.raises(RunDirectoryError):
        remote.journal.close()


def test_what_nobody_waits_for_comes_as_a_base_and_what_follows_as_segments(
    remote: Remote, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shipper, "_BULK", 5_000)
    bases = len(Contents.of(remote.objects.names()).bases)
    with monkeypatch.context() as slow:
        slow.setattr(shipper, "FILLS_S", 60.0)  # so that even a slow machine fills one segment
        for number in range(200):
            remote.write(f"planned {number}", "x" * 200)
    assert not remote.shipper.records

    remote.settled()
    assert remote.restored().keys() >= {f"planned {number}" for number in range(200)}
    remote.write("after")
    remote.settled()

    assert remote.restored()["after"] == ""
    assert len(Contents.of(remote.objects.names()).bases) == bases


def test_a_base_takes_the_place_of_segments_that_have_grown_beyond_a_quarter_of_it(
    remote: Remote, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shipper, "_SMALL", 100)
    for number in range(12):
        remote.write(f"fact {number}", str(hash(str(number))) * 50)
        remote.settled()

    found = Contents.of(remote.objects.names())
    assert found.bases[-1].segment > 0
    assert len(found.segments) < 12
    assert remote.restored().keys() >= {f"fact {number}" for number in range(12)}


def test_a_gap_is_named(remote: Remote, tmp_path: Path) -> None:
    for number in range(3):
        remote.write(str(number))
        remote.settled()
    del remote.objects.bodies[Place(1, 2).wal]

    with pytest.raises(RunDirectoryError, match=f"lacks {URL}/{Place(1, 2).wal}"):
        restore(remote.objects, URL, _empty(tmp_path))


def test_the_last_segments_are_missed_where_the_lease_knows_of_them(remote: Remote, tmp_path: Path) -> None:
    for number in range(3):
        remote.write(str(number))
        remote.settled()
    noted = remote.lease.last
    del remote.objects.bodies[noted.wal]

    with pytest.raises(RunDirectoryError, match=f"lacks {URL}/{Place(1, 3).wal}"):
        restore(remote.objects, URL, _empty(tmp_path), at_least=noted)


def test_nobody_writes_before_the_lease_says_where_its_record_is(remote: Remote) -> None:
    """The record is newer than everything else then: without the note, nobody would miss it."""
    noted: list[bool] = []

    def lose(method: str, name: str) -> None:
        if (method, name, len(noted)) == ("put", LOCK, 0):
            noted.append(Place(1, 1).wal in remote.objects.bodies)
            raise StoreError(method)

    remote.objects.before = lose
    remote.write("one")
    remote.settled()

    found = remote.objects.get(LOCK)
    assert found is not None
    assert noted == [True]
    assert Holder.read(found).last == Place(1, 1)


def test_a_note_whose_answer_was_lost_is_made_again(remote: Remote) -> None:
    def lose(method: str, name: str) -> None:
        if (method, name) == ("put", LOCK) and not remote.objects.lost:
            remote.objects.before = lambda *_: None
            remote.objects.lost = 1

    remote.objects.before = lose
    remote.write("one")
    remote.settled()

    assert remote.lease.last == Place(1, 1)


def test_the_lease_notes_a_base_too(remote: Remote) -> None:
    assert remote.lease.last == Place(1, 0)
    remote.write("one")
    remote.shipper._make_base()

    assert remote.lease.last >= Contents.of(remote.objects.names()).bases[-1]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda body: body[:-10],
        lambda _: b"",
        lambda _: segment.packed([b"not json\n"]),
        lambda _: segment.packed([b'[7,[["UPDATE meta SET value = 0 WHERE 0",[],false]]]\n']),
        lambda _: segment.packed([b"[0,[[\"ATTACH '/tmp/other' AS other\",[],false]]]\n"]),
    ],
    ids=["cut", "empty", "not JSON", "changes something else", "reaches another file"],
)
def test_a_damaged_segment_is_named(remote: Remote, tmp_path: Path, spoil: Callable[[bytes], bytes]) -> None:
    remote.write("one")
    remote.settled()
    name = Place(1, 1).wal
    remote.objects.bodies[name] = spoil(remote.objects.bodies[name])

    with pytest.raises(RunDirectoryError, match=f"{URL}/{name} is damaged"):
        restore(remote.objects, URL, _empty(tmp_path))


def test_a_segment_reaches_no_other_file(remote: Remote, tmp_path: Path) -> None:
    other = tmp_path / "other"
    remote.write("one")
    remote.settled()
    sql = [["COMMIT", [], False], [f"ATTACH '{other}' AS other", [], False]]
    sql.append(["CREATE TABLE other.x (y)", [], False])
    name = Place(1, 1).wal
    remote.objects.bodies[name] = segment.packed([json.dumps([0, sql]).encode() + b"\n"])

    with pytest.raises(RunDirectoryError, match=f"{URL}/{name} is damaged"):
        restore(remote.objects, URL, _empty(tmp_path))
    assert not other.exists()


def test_the_last_look_before_a_write_sees_that_the_lease_is_over(tmp_path: Path) -> None:
    remote = Remote(tmp_path)
    remote.journal.database.require_ours()
    remote.clock.sleep(ENDS_S)

    with pytest.raises(RunDirectoryError, match="was not renewed"):
        remote.journal.database.require_ours()
    with pytest.raises(RunDirectoryError):
        remote.journal.close()


def test_a_damaged_base_is_named(remote: Remote, tmp_path: Path) -> None:
    name = Place(1, 0).base
    remote.objects.bodies[name] = remote.objects.bodies[name][:50]

    with pytest.raises(RunDirectoryError, match=f"{URL}/{name} is damaged"):
        restore(remote.objects, URL, _empty(tmp_path))


@pytest.mark.parametrize("left", [Place(1, 1).wal, log_of(1)])
def test_what_a_command_left_without_a_base_is_no_new_run_directory(tmp_path: Path, left: str) -> None:
    objects = FakeObjects(FakeClock())
    objects.put(left, segment.packed([]))

    with pytest.raises(RunDirectoryError, match="lacks"):
        restore(objects, URL, _empty(tmp_path))


def test_a_list_whose_pages_are_of_two_moments_is_no_gap(remote: Remote) -> None:
    for number in range(3):
        remote.write(str(number))
        remote.settled()
    hidden = remote.objects.bodies.pop(Place(1, 2).wal)
    lists: list[str] = []

    def come_back(method: str, _: str) -> None:
        lists.append(method)
        if lists.count("names") == 2:
            remote.objects.bodies[Place(1, 2).wal] = hidden

    remote.objects.before = come_back

    assert remote.restored().keys() >= {"0", "1", "2"}


def test_the_newest_base_is_missed_where_the_lease_knows_of_it(remote: Remote, tmp_path: Path) -> None:
    with pytest.raises(RunDirectoryError, match=f"lacks {URL}/{Place(2, 0).base}"):
        restore(remote.objects, URL, _empty(tmp_path), at_least=Place(2, 0))


def test_late_segments_of_an_owner_before_are_left_out(remote: Remote, tmp_path: Path) -> None:
    remote.write("ours")
    remote.settled()
    late = [b'[1,[["INSERT INTO meta VALUES (?,?)",["late","1"],false]]]\n']
    remote.objects.put(Place(0, 9).wal, segment.packed(late))

    assert remote.restored().keys() >= {"ours"}
    assert "late" not in remote.restored()


def test_reading_begins_again_where_the_owner_has_replaced_what_was_listed(
    remote: Remote, tmp_path: Path
) -> None:
    remote.write("one")
    remote.settled()
    replaced: list[str] = []

    def replace(method: str, name: str) -> None:
        if method == "get" and name.startswith("base-") and not replaced:
            replaced.append(name)
            remote.shipper._make_base()

    remote.objects.before = replace

    assert "one" in remote.restored()
    assert replaced


def test_the_journal_of_a_killed_owner_is_the_same_byte_for_byte_in_every_table(
    remote: Remote, tmp_path: Path
) -> None:
    for number in range(30):
        remote.write(f"{number}", "値" * number)
    remote.settled()
    folder = _empty(tmp_path)
    restore(remote.objects, URL, folder)

    assert _dump(folder / JOURNAL) == _dump(remote.path / JOURNAL)


def _dump(path: Path) -> list[str]:
    connection = sqlite3.connect(path)
    try:
        return list(connection.iterdump())
    finally:
        connection.close()


def _empty(path: Path) -> Path:
    folder = path / "restored"
    folder.mkdir()
    return folder
