"""What a write needs for its way back is in the bucket before it is sent."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from migrate_mfa.clock import since_boot
from migrate_mfa.journal.database import Database
from migrate_mfa.journal.run_files import JOURNAL
from migrate_mfa.journal.values import state_from_json
from migrate_mfa.remote.lease import Waiting, acquire
from migrate_mfa.remote.restore import restore
from migrate_mfa.remote.shipper import Shipper
from tests.support.builders import a_candidate, a_user
from tests.support.fake_objects import FakeObjects
from tests.support.fakes import MFA, UPDATE, Call, FakeClock, FakeUserPool
from tests.support.scene import scene

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.promise(2)


def test_before_every_write_its_intent_and_the_state_before_are_in_the_bucket(tmp_path: Path) -> None:
    clock = FakeClock()
    objects = FakeObjects(clock)
    waiting = Waiting(elapsed=clock.monotonic, sleep=clock.sleep, say=lambda _: None)
    lease = acquire(objects, "run", lambda: 0, waiting, keep_by=objects)
    real = replace(waiting, elapsed=since_boot)
    pool = FakeUserPool([a_user()], None, FakeClock())
    found: list[tuple[str, str, int]] = []

    def look(call: Call) -> None:
        if call.operation not in {UPDATE, MFA}:
            return
        elsewhere = tmp_path / f"elsewhere-{len(found)}"
        elsewhere.mkdir()
        restore(objects, "s3://bucket/run", elsewhere)
        there = Database(elsewhere / JOURNAL, read_only=True)
        try:
            writes = there.query("SELECT result FROM writes ORDER BY id")
            assert state_from_json(there.value("SELECT state FROM before_images")) == a_user()
        finally:
            there.close()
        found.append((call.operation, writes[-1]["result"], len(writes)))

    with scene(tmp_path / "here", pool) as run:
        run.plan([a_candidate()])
        run.journal.database.replicate(lambda database: Shipper(database, objects, lease, real))
        pool.hook = look
        run.settle_open(run.paced())

    assert found == [(UPDATE, "intent", 1), (MFA, "intent", 2)]
