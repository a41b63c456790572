"""A command reports why it ended to the program that started it."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from migrate_mfa.fleet import last_word
from migrate_mfa.journal.lock import take_lock
from migrate_mfa.journal.run_files import LOCK

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def word_of(*words: str) -> tuple[int, Mapping[str, str]]:
    """Run the program; returns its exit code and its last word."""
    listen, speak = os.pipe()
    line = [sys.executable, "-m", "migrate_mfa", "--last-word-to", str(speak), *words]
    done = subprocess.run(line, pass_fds=(speak,), capture_output=True, check=False)
    os.close(speak)
    return done.returncode, last_word.read(listen)


def test_a_directory_in_which_nothing_has_begun_is_told_from_one_that_has_lost_its_journal(
    tmp_path: Path,
) -> None:
    for name, kind in (("new", "NoRun"), ("empty", "NoRun"), ("damaged", "RunDirectoryError")):
        if name != "new":
            (tmp_path / name).mkdir(mode=0o700)
        if name == "damaged":
            (tmp_path / name / "journal.mark").write_text("")

        code, word = word_of("rollback", "--run-dir", str(tmp_path / name), "--yes")

        assert (code, word["error"]) == (6, kind), name
        assert word["message"] == f"{tmp_path / name} is not a run directory: it has no journal.sqlite."


def test_a_lock_that_another_process_has_is_told_as_busy(tmp_path: Path) -> None:
    with os.fdopen(take_lock(tmp_path / LOCK, "", "")), pytest.raises(Exception, match="taken") as refused:
        take_lock(tmp_path / LOCK, "It is taken.", "")

    assert type(refused.value).__name__ == "Busy"


def test_a_command_that_has_nothing_to_tell_leaves_nothing() -> None:
    assert word_of("--version") == (0, {})


def test_one_that_was_asked_for_a_word_in_no_pipe_ends_as_ever(tmp_path: Path) -> None:
    line = [sys.executable, "-m", "migrate_mfa", "--last-word-to", "999", "rollback", "--run-dir", "x"]

    assert subprocess.run(line, cwd=tmp_path, capture_output=True, check=False).returncode == 2
