"""Drafts of report files: what a killed process leaves goes, what somebody writes just now stays."""

import os
from pathlib import Path

from migrate_mfa.reports.files import remove_drafts, whole_file


def test_only_old_drafts_go(tmp_path: Path) -> None:
    for name, written in (
        ("verified.csv.a1.draft", 100.0),
        ("verified.csv.b2.draft", 300.0),
        ("old.csv", 100.0),
    ):
        (tmp_path / name).write_text("taro@example.com")
        os.utime(tmp_path / name, (written, written))

    remove_drafts(tmp_path, before=200.0)

    assert sorted(path.name for path in tmp_path.iterdir()) == ["old.csv", "verified.csv.b2.draft"]


def test_a_directory_that_is_not_there_has_none(tmp_path: Path) -> None:
    remove_drafts(tmp_path / "report", before=200.0)


def test_what_is_being_written_is_a_draft(tmp_path: Path) -> None:
    path = tmp_path / "verified.csv"
    with whole_file(path, encoding="utf-8") as file:
        file.write("half")
        file.flush()
        os.utime(file.fileno(), (100.0, 100.0))
        remove_drafts(tmp_path, before=50.0)

    assert path.read_text(encoding="utf-8") == "half"
