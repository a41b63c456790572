"""The lock of a lane: one on a machine, whatever TMPDIR says, and never a thing to wait for."""

import os
import tempfile
from pathlib import Path

import pytest

from migrate_mfa.domain.errors import ExitCode, RunDirectoryError
from migrate_mfa.domain.quotas import Lane
from migrate_mfa.journal import run_dir
from migrate_mfa.journal.run_dir import lock_lane

LANE = Lane("http://127.0.0.1:1", "123456789012", "us-east-1")


@pytest.fixture(autouse=True)
def common(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    place = tmp_path / "common"
    place.mkdir()
    monkeypatch.setattr(run_dir, "_COMMON", place)
    return place


def test_two_directories_for_temporary_files_are_one_lane(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "other").mkdir()
    held = lock_lane(LANE)
    monkeypatch.setenv("TMPDIR", str(tmp_path / "other"))
    monkeypatch.setattr(tempfile, "tempdir", None)

    with pytest.raises(RunDirectoryError, match="Another migrate-mfa works in this account"):
        lock_lane(LANE)

    os.close(held)
    os.close(lock_lane(LANE))


def test_where_there_is_no_common_place_temporary_files_serve(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_dir, "_COMMON", tmp_path / "nowhere")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))

    os.close(lock_lane(LANE))

    assert list((tmp_path / "migrate-mfa-lanes").iterdir())


@pytest.mark.parametrize("what", ["fifo", "directory"])
def test_what_is_no_file_is_refused_and_not_waited_for(what: str, common: Path) -> None:
    os.close(lock_lane(LANE))
    [lock] = (common / "migrate-mfa-lanes").iterdir()
    lock.unlink()
    if what == "fifo":
        os.mkfifo(lock)
    else:
        lock.mkdir()

    with pytest.raises(RunDirectoryError, match="cannot be taken in") as raised:
        lock_lane(LANE)

    assert raised.value.exit_code is ExitCode.RUN_DIRECTORY
