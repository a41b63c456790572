"""The output of a target's commands: its last part in a bucket, and nothing left on this machine."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

from migrate_mfa.fleet import supervise
from migrate_mfa.fleet.place import BucketPlace, LocalPlace
from migrate_mfa.remote.objects import BucketUrl
from tests.support.fake_objects import FakeObjects
from tests.support.fakes import FakeClock

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def say(text: str, output: int) -> None:
    subprocess.run(["/bin/echo", text], stdout=output, check=True)


def test_the_end_of_the_output_is_in_the_bucket_and_nothing_is_left_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr(supervise, "_TAIL", 12)
    objects = FakeObjects(FakeClock())

    with supervise._log(BucketPlace(BucketUrl("bucket", "fleet"), objects), "one") as log:
        for text in ("first", "second", "third"):
            say(text, log.fileno())
        left = list(tmp_path.iterdir())

    assert left == [], "a supervisor may be killed now"
    assert objects.bodies == {"logs/one.log": b"econd\nthird\n"}


def test_a_log_of_this_machine_goes_on_where_it_ended(tmp_path: Path) -> None:
    for text in ("first", "second"):
        with supervise._log(LocalPlace(tmp_path), "one") as log:
            say(text, log.fileno())

    assert (tmp_path / "logs" / "one.log").read_text() == "first\nsecond\n"
