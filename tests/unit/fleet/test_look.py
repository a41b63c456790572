"""Where a target in a bucket stands: who works on it is known by its lease alone."""

from __future__ import annotations

from migrate_mfa.fleet.command import _shown
from migrate_mfa.fleet.document import Line
from migrate_mfa.fleet.look import look_at
from migrate_mfa.fleet.place import BucketPlace
from migrate_mfa.remote.holder import Holder
from migrate_mfa.remote.names import LOCK
from migrate_mfa.remote.objects import BucketUrl
from tests.support.fake_objects import FakeObjects
from tests.support.fakes import FakeClock


def test_a_lease_tells_its_age_and_nothing_once_it_has_ended() -> None:
    objects = FakeObjects(FakeClock())
    place, now = BucketPlace(BucketUrl("bucket", "fleet"), objects), objects.now()
    held = Holder(
        owner="a",
        host="vm",
        pid=7,
        command="run",
        generation=1,
        renewed_at=now - 42,
        expires_at=now + 48,
        progress={"done": 40, "total": 60},
    )
    objects.put(f"one/{LOCK}", held.body())

    standing = look_at(place, "one")

    line = Line(name="one", account=None, region="r", standing=standing, run_dir="d", next_command="")
    assert _shown(line) == "one: running; 40 of 60 done; lease renewed 42 s ago"
    objects.put(f"one/{LOCK}", held.freed().body())
    assert look_at(place, "one").progress is None
