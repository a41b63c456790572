"""A working copy is private, goes with its command, and is nobody else's to remove."""

from __future__ import annotations

import fcntl
import shutil
from typing import TYPE_CHECKING

import pytest

from migrate_mfa.domain.errors import RunDirectoryError
from migrate_mfa.remote import scratch as copies
from migrate_mfa.remote.scratch import scratch, writable

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    return tmp_path


def of_another_machine(place: Path) -> None:
    """What a sweep on another machine does: it does not see the lock of a directory."""
    for root in place.iterdir():
        shutil.rmtree(root)


@pytest.mark.parametrize(("sweep", "lock_number"), [(copies._sweep, 1), (of_another_machine, 2)])
def test_a_copy_that_is_just_made_is_not_lost_to_another_command_that_sweeps(
    place: Path, monkeypatch: pytest.MonkeyPatch, sweep: Callable[[Path], None], lock_number: int
) -> None:
    lock = fcntl.flock
    locked: list[int] = []

    def sweep_before(descriptor: int, kind: int) -> None:
        locked.append(descriptor)
        if len(locked) == lock_number:
            sweep(place)
        lock(descriptor, kind)

    monkeypatch.setattr(fcntl, "flock", sweep_before)
    with scratch("s3://bucket/run") as path:
        assert len(locked) > lock_number
        assert path.is_dir()
        copies._sweep(place)
        assert path.is_dir()

    assert list(place.iterdir()) == []


def test_a_copy_whose_command_is_running_stays_even_if_a_cleaner_took_its_lock_file(place: Path) -> None:
    with scratch("s3://bucket/run") as path:
        (path.parent / copies._OWNER).unlink()
        copies._sweep(place)
        assert path.is_dir()


def test_a_copy_of_a_command_that_locks_only_the_file_stays(place: Path) -> None:
    root = place / f"{copies._PREFIX}other"
    root.mkdir()
    with (root / copies._OWNER).open("w") as owner:
        fcntl.flock(owner, fcntl.LOCK_EX)
        copies._sweep(place)
        assert root.is_dir()
    copies._sweep(place)
    assert not root.exists()


@pytest.mark.parametrize("names", [(copies._OWNER, "journal.sqlite"), ("journal.sqlite",), ()])
def test_what_a_killed_command_left_goes_with_the_next_one(place: Path, names: tuple[str, ...]) -> None:
    left = place / f"{copies._PREFIX}left"
    left.mkdir()
    for name in names:
        (left / name).touch()

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
