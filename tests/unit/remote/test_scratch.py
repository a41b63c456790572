"""A working copy is private, goes with its command, and is nobody else's to remove."""

from __future__ import annotations

import fcntl
from typing import TYPE_CHECKING

import pytest

from migrate_mfa.domain.errors import RunDirectoryError
from migrate_mfa.remote import scratch as copies
from migrate_mfa.remote.scratch import scratch, writable

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    return tmp_path


def test_a_copy_that_is_just_made_is_not_lost_to_another_command_that_sweeps(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock = fcntl.flock
    swept: list[int] = []

    def sweep_first(descriptor: int, kind: int) -> None:
        if not swept:
            swept.append(descriptor)
            copies._sweep(place)
        lock(descriptor, kind)

    monkeypatch.setattr(fcntl, "flock", sweep_first)
    with scratch("s3://bucket/run") as path:
        assert swept
        assert path.is_dir()
        copies._sweep(place)
        assert path.is_dir()

    assert list(place.iterdir()) == []


def test_what_a_killed_command_left_goes_with_the_next_one(place: Path) -> None:
    left = place / f"{copies._PREFIX}left"
    left.mkdir()
    (left / copies._OWNER).touch()
    (left / "journal.sqlite").touch()

    with scratch("s3://bucket/run"):
        assert not left.exists()


def test_a_place_that_is_missing_or_full_is_named(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with (
        pytest.raises(RunDirectoryError, match=f"s3://bucket/run in {place} cannot be written"),
        writable("s3://bucket/run"),
    ):
        raise OSError(28, "No space left on device")
    monkeypatch.setenv("TMPDIR", str(place / "nowhere"))
    with pytest.raises(RunDirectoryError, match="TMPDIR names"), scratch("s3://bucket/run"):
        pass
