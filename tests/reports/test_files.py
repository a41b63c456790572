"""Report files: drafts of killed processes go, what is written just now stays, what was edited is kept."""

import os
from pathlib import Path

from migrate_mfa.reports.files import keep_edited, remove_drafts, whole_file
from migrate_mfa.reports.outcomes import write_csv


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


def lists(directory: Path) -> dict[str, str]:
    return {path.name: path.read_text("utf-8-sig") for path in sorted(directory.glob("*.csv"))}


def test_a_list_that_was_changed_since_its_report_is_kept_once(tmp_path: Path) -> None:
    path = tmp_path / "unverified.csv"
    write_csv(path, ["sub"], [["1"]])
    (tmp_path / "summary.json").write_text("{}")
    path.write_text("filled in")
    keep_edited(path)
    keep_edited(path)  # as after a process that was killed in between

    write_csv(path, ["sub"], [["2"]])
    path.write_text("filled in again")
    for each in tmp_path.glob("*.csv"):
        keep_edited(each)

    assert lists(tmp_path) == {
        "unverified.csv": "filled in again",
        "unverified.kept-1.csv": "filled in",
        "unverified.kept-2.csv": "filled in again",
    }


def test_a_list_that_nobody_changed_is_written_anew(tmp_path: Path) -> None:
    path = tmp_path / "failed.csv"
    for text in ("1", "2", "3"):
        write_csv(path, ["sub"], [[text]])
        (tmp_path / "summary.json").write_text("{}")

    assert lists(tmp_path) == {"failed.csv": "sub\n3\n"}
