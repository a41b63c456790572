from pathlib import Path

import pytest

from migrate_mfa.domain.quotas import Category
from migrate_mfa.journal.database import Journal
from migrate_mfa.journal.write_store import WorkStore
from migrate_mfa.pacing.call_count import CallCount
from migrate_mfa.ports import ProgressUpdate
from migrate_mfa.reports import from_journal
from migrate_mfa.reports.from_journal import status
from migrate_mfa.workflows.standing import standing as show
from tests.support.clock import FakeClock

SLOWED = "throttled by UserUpdate: 12/s"
CALLS = {Category.USER_UPDATE: CallCount(sent=90, throttled=3, retried=3)}
BEGUN = 1_700_000_000.0
WRITING = ProgressUpdate(
    stage="writing", done=120, total=300_000, rates=(("UserUpdate", 12.04),), seconds_left=24_000.04
)


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> FakeClock:
    made = FakeClock(now=BEGUN + 60)
    monkeypatch.setattr(from_journal, "SystemClock", lambda: made)
    return made


def test_status_says_by_name_what_slows_a_run_while_it_runs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with Journal.create_or_open(tmp_path) as journal:
        store = WorkStore.begin(journal.database, "run", BEGUN)
        store.note(ProgressUpdate(stage="writing", slowed_by=SLOWED), CALLS, BEGUN)
        running = status(tmp_path)
        store.note(ProgressUpdate(stage="writing"), CALLS, BEGUN)
        recovered = status(tmp_path)
        store.note(ProgressUpdate(stage="writing", slowed_by=SLOWED), CALLS, BEGUN)
        store.end("finished", 1_700_000_060.0, reads_only=0, extra={})
        ended = status(tmp_path)

    show(running, tmp_path, in_json=False)

    assert (running["state"], running["slowed_by"]) == ("running", SLOWED)
    assert f"\nNow {SLOWED}.\n" in capsys.readouterr().out
    assert "slowed_by" not in recovered
    assert "slowed_by" not in ended


def test_status_says_where_a_run_stands_while_it_runs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with Journal.create_or_open(tmp_path) as journal:
        store = WorkStore.begin(journal.database, "run", BEGUN)
        store.note(WRITING, CALLS, BEGUN + 58)
        found = status(tmp_path)

    show(found, tmp_path, in_json=False)

    assert found["progress"] == {
        "phase": "writing",
        "done": 120,
        "total": 300_000,
        "rates": {"UserUpdate": 12.0},
        "seconds_left": 24_000.0,
        "age_s": 2.0,
    }
    assert found["calls"] == {"UserUpdate": {"sent": 90, "throttled": 3, "retried": 3}}
    assert capsys.readouterr().out.splitlines()[1:4] == [
        "run: running",
        "------------",
        "writing: 120 of 300,000, 6 h 40 min left; update 12/s",
    ]


def test_status_says_how_old_its_news_is_where_the_run_was_silent_for_long(
    tmp_path: Path, clock: FakeClock, capsys: pytest.CaptureFixture[str]
) -> None:
    with Journal.create_or_open(tmp_path) as journal:
        WorkStore.begin(journal.database, "run", BEGUN).note(
            ProgressUpdate(stage="sorting the users"), CALLS, BEGUN
        )
        clock.advance(30)

        show(status(tmp_path), tmp_path, in_json=False)

    assert "\nsorting the users (as of 1 min 30 s ago)\n" in capsys.readouterr().out


def test_what_a_pass_before_left_is_not_taken_for_this_one(tmp_path: Path) -> None:
    with Journal.create_or_open(tmp_path) as journal:
        WorkStore.begin(journal.database, "run", BEGUN).note(WRITING, CALLS, BEGUN)
        WorkStore.begin(journal.database, "run", BEGUN + 50)

        found = status(tmp_path)

    assert found["progress"]["phase"] == "starting"
    assert found["progress"]["done"] is None
    assert found["progress"]["age_s"] == 10.0


def test_a_killed_run_is_slowed_by_nothing_and_stands_nowhere(tmp_path: Path) -> None:
    with Journal.create_or_open(tmp_path) as journal:
        slow = ProgressUpdate(stage="writing", slowed_by=SLOWED)
        WorkStore.begin(journal.database, "run", BEGUN).note(slow, CALLS, BEGUN)

    found = status(tmp_path)

    assert found["state"] == "interrupted"
    assert not {"slowed_by", "progress"} & set(found)
