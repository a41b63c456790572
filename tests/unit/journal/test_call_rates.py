import sqlite3
from pathlib import Path

import pytest

from migrate_mfa.domain.quotas import Category
from migrate_mfa.journal.call_rates import MOST_ROWS, SPAN_S, Span, add_calls, spans_of
from migrate_mfa.journal.database import NAME, Journal
from migrate_mfa.journal.pass_store import PassContext
from migrate_mfa.journal.report_store import ReportStore
from migrate_mfa.journal.schema import VERSION
from migrate_mfa.journal.write_store import WorkStore
from migrate_mfa.pacing.call_count import CallCount
from migrate_mfa.ports import ProgressUpdate

BEGUN = 1_700_000_000
UPDATE, READ = Category.USER_UPDATE, Category.USER_READ
OPS = PassContext(host="ops-1")


def test_calls_are_kept_by_category_and_ten_seconds(tmp_path: Path) -> None:
    with Journal.create_or_open(tmp_path) as journal:
        work = WorkStore.begin(journal.database, "run", BEGUN)
        calls = {UPDATE: CallCount(sent=9, throttled=1)}
        work.note(ProgressUpdate(stage="writing"), calls, BEGUN, {(UPDATE, BEGUN + 1): (4, 1)})
        work.note(ProgressUpdate(stage="writing"), calls, BEGUN, {(UPDATE, BEGUN + 9): (3, 0)})
        work.count_calls(calls, {(UPDATE, BEGUN + 10): (2, 0), (READ, BEGUN + 10): (5, 0)})

        found = spans_of(journal.database, work.pass_id)

    assert found == [
        Span("UserRead", BEGUN + 10, 10, 5, 0),
        Span("UserUpdate", BEGUN, 10, 7, 1),
        Span("UserUpdate", BEGUN + 10, 10, 2, 0),
    ]


def test_two_days_of_calls_stay_a_small_table_in_which_none_is_lost(tmp_path: Path) -> None:
    times = 2 * 86_400 // 5  # two in each span
    with Journal.create_or_open(tmp_path) as journal:
        work = WorkStore.begin(journal.database, "run", BEGUN)
        for first in range(0, times, 120):
            moments = {
                (each, BEGUN + 5 * time): (3, time % 2)
                for time in range(first, first + 120)
                for each in Category
            }
            work.count_calls({}, moments)

        found = spans_of(journal.database, work.pass_id)

    assert len(found) <= MOST_ROWS
    assert len(found) > MOST_ROWS / 3  # a chart has as many points as the bound allows
    (width,) = {span.width for span in found}
    assert width % SPAN_S == 0
    assert all(span.at % width == 0 for span in found)
    assert sum(span.sent for span in found) == 3 * times * len(Category)
    assert sum(span.throttled for span in found) == times // 2 * len(Category)


def test_where_there_are_very_many_passes_the_oldest_are_forgotten(tmp_path: Path) -> None:
    with Journal.create_or_open(tmp_path) as journal, journal.database.transaction() as db:
        for night in range(MOST_ROWS // 10):
            add_calls(db, night, {(UPDATE, BEGUN + second): (1, 0) for second in range(0, 120, 10)})

        assert db.execute("SELECT COUNT(*) FROM call_rates").fetchone()[0] <= MOST_ROWS
        assert not db.execute("SELECT 1 FROM call_rates WHERE pass = 0").fetchone()
        last = db.execute("SELECT COUNT(*) FROM call_rates WHERE pass = ?", (MOST_ROWS // 10 - 1,))
        assert last.fetchone()[0] == 12


def of_version_4(directory: Path) -> None:
    """A run directory as version 4 left it, with one pass."""
    with Journal.create_or_open(directory) as journal:
        WorkStore.begin(journal.database, "run", BEGUN).end("finished", BEGUN + 60, reads_only=0, extra={})
    connection = sqlite3.connect(directory / NAME)
    connection.executescript(
        "ALTER TABLE passes DROP COLUMN context; DROP TABLE call_rates; DROP TABLE audited;"
        " PRAGMA user_version = 4;"
    )
    connection.close()


@pytest.mark.damages_journal
def test_a_journal_of_version_4_is_read_as_it_is_and_has_no_calls_over_time(tmp_path: Path) -> None:
    of_version_4(tmp_path)

    with Journal.look_at(tmp_path) as journal:
        assert spans_of(journal.database, 1) == []
        (last,) = ReportStore(journal.database).passes()
        assert (last.command, last.context) == ("run", PassContext())
        assert journal.database.value("PRAGMA user_version") == 4


@pytest.mark.damages_journal
def test_a_journal_of_version_4_gets_what_it_lacks_when_it_is_opened_for_work(tmp_path: Path) -> None:
    of_version_4(tmp_path)

    with Journal.create_or_open(tmp_path) as journal:
        work = WorkStore.begin(journal.database, "run", BEGUN + 100, OPS)
        work.count_calls({}, {(UPDATE, BEGUN + 100): (1, 0)})

        assert journal.database.value("PRAGMA user_version") == VERSION
        assert [each.context for each in ReportStore(journal.database).passes()] == [OPS, PassContext()]
        assert len(spans_of(journal.database, work.pass_id)) == 1
