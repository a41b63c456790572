"""Report files: drafts of killed processes go, what is written just now stays, what was edited is kept."""

import os
from pathlib import Path

from migrate_mfa.reports.files import remove_drafts, whole_file
from migrate_mfa.reports.outcomes import write_csv
from migrate_mfa.reports.summary import write_summary

SUMMED = {"command": "run"}


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


def edit(path: Path, text: str) -> None:
    """Somebody saves a list a second after; file systems tell no two moments of one tick apart."""
    path.write_text(text)
    later = path.stat().st_mtime_ns + 10**9
    os.utime(path, ns=(later, later))


def test_lists_that_were_changed_since_they_were_written_are_kept_once(tmp_path: Path) -> None:
    path = tmp_path / "unverified.csv"
    write_csv(path, ["sub"], [["1"]])
    write_summary(tmp_path, SUMMED, 1)
    edit(path, "filled in")
    write_csv(tmp_path / "drift.csv", ["sub"], [])
    write_summary(tmp_path, SUMMED, 1)

    write_csv(path, ["sub"], [["2"]])
    edit(path, "filled in again")
    write_summary(tmp_path, SUMMED, 2)

    assert lists(tmp_path) == {
        "drift.csv": "sub\n",
        "unverified.csv": "filled in again",
        "unverified.kept-1.csv": "filled in",
        "unverified.kept-2.csv": "filled in again",
    }


def test_a_list_that_is_changed_while_it_is_written_anew_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "unverified.csv"
    write_csv(path, ["sub"], [["1"]])
    write_summary(tmp_path, SUMMED, 1)
    with whole_file(path, encoding="utf-8") as file:
        edit(path, "filled in")
        file.write("anew")

    assert lists(tmp_path) == {"unverified.csv": "anew", "unverified.kept-1.csv": "filled in"}


def test_lists_that_nobody_changed_are_written_anew_also_where_no_summary_was_reached(tmp_path: Path) -> None:
    write_summary(tmp_path, SUMMED, 1)
    for text in ("1", "2", "3"):
        for name in ("failed.csv", "pending.csv"):
            write_csv(tmp_path / name, ["sub"], [[text]])

    assert lists(tmp_path) == {"failed.csv": "sub\n3\n", "pending.csv": "sub\n3\n"}
