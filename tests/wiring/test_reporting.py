from pathlib import Path

import pytest

from migrate_mfa.adapters.journal import Journal
from migrate_mfa.adapters.work_store import WorkStore
from migrate_mfa.cli import show
from migrate_mfa.domain.quotas import Category
from migrate_mfa.engine.paced import CallCount
from migrate_mfa.wiring.reporting import status

SLOWED = "throttled by UserUpdate: 12/s"
CALLS = {Category.USER_UPDATE: CallCount(sent=90, throttled=3, retried=3)}


def test_status_says_by_name_what_slows_a_run_while_it_runs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with Journal.create_or_open(tmp_path) as journal:
        store = WorkStore.begin(journal.database, "run", 1_700_000_000.0)
        store.count_calls(CALLS, SLOWED)
        running = status(tmp_path)
        store.count_calls(CALLS)
        recovered = status(tmp_path)
        store.count_calls(CALLS, SLOWED)
        store.end("finished", 1_700_000_060.0, reads_only=0, extra={})
        ended = status(tmp_path)

    show.standing(running, tmp_path, in_json=False)

    assert (running["state"], running["slowed_by"]) == ("running", SLOWED)
    assert f"\nNow {SLOWED}.\n" in capsys.readouterr().out
    assert "slowed_by" not in recovered
    assert "slowed_by" not in ended


def test_a_killed_run_is_slowed_by_nothing(tmp_path: Path) -> None:
    with Journal.create_or_open(tmp_path) as journal:
        WorkStore.begin(journal.database, "run", 1_700_000_000.0).count_calls(CALLS, SLOWED)

    found = status(tmp_path)

    assert found["state"] == "interrupted"
    assert "slowed_by" not in found
