from pathlib import Path

import pytest

from migrate_mfa.journal.database import NAME, Journal
from migrate_mfa.journal.write_store import WorkStore
from migrate_mfa.reports.runs import find_runs


def a_run(directory: Path, at: float, *, ended: bool = True, **facts: object) -> None:
    with Journal.create_or_open(directory) as journal:
        journal.set_meta({"kind": "run", "phase": "planned", "pool_name": "members", **facts})
        work = WorkStore.begin(journal.database, "run", at)
        if ended:
            work.end("finished", at + 10, reads_only=0, extra={})


def test_every_run_below_a_folder_is_found_the_newest_first(tmp_path: Path) -> None:
    a_run(tmp_path / "pool" / "old", 1000.0, roster="old.csv", verification="attested")
    a_run(tmp_path / "pool" / "new", 2000.0, roster="new.csv", verification="by-code")

    found = find_runs(tmp_path)

    assert [(Path(entry.run_dir).name, entry.roster, entry.verification) for entry in found] == [
        ("new", "new.csv", "by-code"),
        ("old", "old.csv", "attested"),
    ]
    assert [(entry.state, entry.at) for entry in found] == [("finished", 2010.0), ("finished", 1010.0)]
    assert found[0].as_dict()["at"] == "1970-01-01T00:33:30+00:00"


def test_one_that_was_killed_is_interrupted_and_one_at_work_is_running(tmp_path: Path) -> None:
    a_run(tmp_path / "killed", 1000.0, ended=False)
    with Journal.create_or_open(tmp_path / "at work") as journal:
        journal.set_meta({"kind": "run"})
        WorkStore.begin(journal.database, "run", 2000.0)

        assert [entry.state for entry in find_runs(tmp_path)] == ["running", "interrupted"]


@pytest.mark.damages_journal
def test_one_that_cannot_be_read_says_why_and_hides_no_other(tmp_path: Path) -> None:
    a_run(tmp_path / "good", 1000.0)
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / NAME).write_bytes(b"no journal")

    found = {Path(entry.run_dir).name: entry.trouble for entry in find_runs(tmp_path)}

    assert not found["good"]
    assert str(tmp_path / "bad") in found["bad"]


@pytest.mark.parametrize("there", [True, False])
def test_where_there_is_none_nothing_is_found(tmp_path: Path, there: bool) -> None:
    assert find_runs(tmp_path if there else tmp_path / "nowhere") == []
