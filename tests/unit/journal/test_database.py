import fcntl
import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from migrate_mfa.domain.errors import ExitCode, RunDirectoryError
from migrate_mfa.domain.model import Phone, Plan, SetSmsMfa, StorePhone
from migrate_mfa.domain.reasons import Outcome, Reason
from migrate_mfa.domain.resolve import IdentityKind
from migrate_mfa.domain.rows import PlannedBy, Resolved
from migrate_mfa.journal.audit_store import AuditStore
from migrate_mfa.journal.database import NAME, Database, Journal
from migrate_mfa.journal.lock import is_locked, name_holder, take_lock
from migrate_mfa.journal.meta import RunMeta
from migrate_mfa.journal.plan_store import PlanStore
from migrate_mfa.journal.report_store import ReportStore
from migrate_mfa.journal.schema import UPGRADES, VERSION
from migrate_mfa.journal.write_store import WorkStore
from migrate_mfa.reports.outcomes import number_used
from tests.support.builders import a_candidate, a_record, a_user

HOLDER = """
import sys
from pathlib import Path
from migrate_mfa.journal.database import Journal
journal = Journal.create_or_open(Path(sys.argv[1]))
journal.set_meta({"holder": "child"})
print("ready", flush=True)
sys.stdin.readline()
"""
DIES = """
import os, sys
from pathlib import Path
from migrate_mfa.journal.database import Journal
journal = Journal.create_or_open(Path(sys.argv[1]))
journal.set_meta({"kept": 1})
with journal.database.transaction() as db:
    db.execute("INSERT INTO meta VALUES ('lost', '2')")
    os._exit(9)
"""


@contextmanager
def another_process(directory: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that has the directory open, until it is told to go."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(directory)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
        try:
            yield child
        finally:
            child.kill()


def refusal(directory: Path) -> RunDirectoryError:
    with pytest.raises(RunDirectoryError) as refused:
        Journal.create_or_open(directory)
    assert refused.value.exit_code == ExitCode.RUN_DIRECTORY
    assert refused.value.hint
    return refused.value


def test_what_was_written_is_there_when_it_is_opened_again(tmp_path: Path) -> None:
    with Journal.create_or_open(tmp_path / "run") as journal:
        journal.set_meta({"run_id": "x", "columns": ["a", "b"]})

    with Journal.create_or_open(tmp_path / "run") as journal:
        assert journal.meta() == {"run_id": "x", "columns": ["a", "b"]}


def test_every_commit_waits_for_the_disk(tmp_path: Path) -> None:
    with Journal.create_or_open(tmp_path) as journal:
        assert journal.database.value("PRAGMA journal_mode") == "wal"
        assert journal.database.value("PRAGMA synchronous") == 2  # FULL


# One process at a time


def test_a_directory_that_another_process_works_on_is_refused(tmp_path: Path) -> None:
    with another_process(tmp_path / "run") as child:
        error = refusal(tmp_path / "run")

    assert error.message == f"Another process works on {tmp_path / 'run'}. It is process {child.pid}."


def test_the_lock_goes_with_the_process_that_had_it(tmp_path: Path) -> None:
    with another_process(tmp_path / "run") as child:
        held = is_locked(tmp_path / "run")
        child.kill()
        child.wait()

        assert held
        assert not is_locked(tmp_path / "run")
        with Journal.create_or_open(tmp_path / "run") as journal:
            assert journal.meta() == {"holder": "child"}


def test_one_process_cannot_open_a_directory_twice_either(tmp_path: Path) -> None:
    with Journal.create_or_open(tmp_path):
        refusal(tmp_path)


def test_a_directory_that_was_closed_is_free(tmp_path: Path) -> None:
    Journal.create_or_open(tmp_path).close()

    assert not is_locked(tmp_path)
    Journal.create_or_open(tmp_path).close()


def test_asking_whether_it_is_locked_leaves_no_trace(tmp_path: Path) -> None:
    assert not is_locked(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_lock_that_cannot_be_taken_gives_the_message_that_belongs_to_it(tmp_path: Path) -> None:
    first = take_lock(tmp_path / "x.lock", "taken", "wait")

    with pytest.raises(RunDirectoryError, match="taken") as refused:
        take_lock(tmp_path / "x.lock", "taken", "wait")

    assert refused.value.hint == "wait"
    os.close(first)


def test_a_glance_at_a_lock_is_in_nobodys_way(tmp_path: Path) -> None:
    (tmp_path / "lock").touch()
    glance = os.open(tmp_path / "lock", os.O_RDONLY)
    fcntl.flock(glance, fcntl.LOCK_SH)  # as `is_locked` of another process has it for a moment

    def pause(seconds: float) -> None:
        if seconds:
            os.close(glance)

    assert not is_locked(tmp_path)
    os.close(take_lock(tmp_path / "lock", "taken", "wait", pause))


def test_who_holds_a_lock_is_named_with_what_it_works_on(tmp_path: Path) -> None:
    path = tmp_path / "x.lock"
    first = take_lock(path, "taken.", "wait")
    name_holder(path, str(tmp_path / "run"))

    with pytest.raises(RunDirectoryError) as refused:
        take_lock(path, "taken.", "wait")

    assert refused.value.message == f"taken. It is process {os.getpid()}, on {tmp_path / 'run'}."
    os.close(first)


@pytest.mark.parametrize(
    "left",
    [
        "",
        "no JSON",
        "[1]",
        '{"pid": 1}',
        '{"pid": -1, "run_dir": null}',
        '{"pid": 99999999, "run_dir": "/runs/of-one-that-died"}',
        '{"pid": 1e400, "run_dir": null}',
        "[" * 5000,
    ],
)
def test_a_lock_that_does_not_say_who_holds_it_is_refused_without_a_name(tmp_path: Path, left: str) -> None:
    path = tmp_path / "x.lock"
    first = take_lock(path, "taken.", "wait")
    path.write_text(left)

    with pytest.raises(RunDirectoryError) as refused:
        take_lock(path, "taken.", "wait")

    assert refused.value.message == "taken."
    os.close(first)


def test_a_lock_says_nothing_that_a_terminal_would_obey(tmp_path: Path) -> None:
    path = tmp_path / "x.lock"
    first = take_lock(path, "taken.", "wait")
    path.write_text(json.dumps({"pid": os.getpid(), "run_dir": "/runs/\x1b[2Jgone"}))

    with pytest.raises(RunDirectoryError) as refused:
        take_lock(path, "taken.", "wait")

    assert refused.value.message == f"taken. It is process {os.getpid()}."
    os.close(first)


def test_a_journal_that_is_refused_is_not_held(tmp_path: Path) -> None:
    Journal.create_or_open(tmp_path).close()
    make_version(tmp_path, VERSION + 1)
    refusal(tmp_path)

    assert not is_locked(tmp_path)


# A look beside a running command


def test_a_look_is_possible_while_another_process_writes(tmp_path: Path) -> None:
    with another_process(tmp_path / "run"), Journal.look_at(tmp_path / "run") as journal:
        assert journal.meta() == {"holder": "child"}


def test_a_look_sees_each_commit_and_nothing_before_it(tmp_path: Path) -> None:
    with Journal.create_or_open(tmp_path) as writer, Journal.look_at(tmp_path) as reader:
        with writer.database.transaction() as db:
            db.execute("INSERT INTO meta VALUES ('x', '1')")
            during = reader.meta()
        after = reader.meta()

    assert (during, after) == ({}, {"x": 1})


def test_a_look_writes_nothing(tmp_path: Path) -> None:
    Journal.create_or_open(tmp_path).close()

    with Journal.look_at(tmp_path) as journal, pytest.raises(RunDirectoryError):
        journal.set_meta({"x": 1})


def test_a_look_does_not_keep_the_next_command_out(tmp_path: Path) -> None:
    Journal.create_or_open(tmp_path).close()

    with Journal.look_at(tmp_path):
        Journal.create_or_open(tmp_path).close()


@pytest.mark.parametrize("make", [lambda _: None, lambda path: path.mkdir()], ids=["nothing", "empty"])
def test_there_is_nothing_to_look_at_where_there_is_no_journal(tmp_path: Path, make: object) -> None:
    make(tmp_path / "run")  # type: ignore[operator]

    with pytest.raises(RunDirectoryError, match="not a run directory"):
        Journal.look_at(tmp_path / "run")


# Not ours, not this version, not whole


def make_version(directory: Path, version: int) -> None:
    connection = sqlite3.connect(directory / NAME)
    ours = connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'passes'").fetchone()
    if version < 6 and ours:
        connection.execute("DROP TABLE audited")
    if version < 5 and ours:
        connection.execute("ALTER TABLE passes DROP COLUMN context")
        connection.execute("DROP TABLE call_rates")
    connection.execute(f"PRAGMA user_version = {version}")
    connection.commit()
    connection.close()


def test_a_journal_of_a_newer_version_is_left_alone(tmp_path: Path) -> None:
    Journal.create_or_open(tmp_path).close()
    make_version(tmp_path, VERSION + 1)

    error = refusal(tmp_path)

    assert "newer version" in error.message
    with pytest.raises(RunDirectoryError, match="newer version"):
        Journal.look_at(tmp_path)


V1_ROW = "INSERT INTO rows (row, first_line, last_line, cells, readable, wish) VALUES (?, 1, 1, '[]', 1, ?)"


def of_version_1(directory: Path) -> None:
    """A run directory as version 1 left it, with three planned rows."""
    Journal.create_or_open(directory).close()
    connection = sqlite3.connect(directory / NAME)
    connection.execute("ALTER TABLE rows DROP COLUMN country")
    connection.execute("ALTER TABLE rows DROP COLUMN used")
    connection.execute("ALTER TABLE drift DROP COLUMN pass")
    connection.executemany(V1_ROW, [(1, "+819012345678"), (2, "+12015550123"), (3, None)])
    connection.commit()
    connection.close()
    make_version(directory, 1)


def test_there_is_a_way_up_from_every_older_version() -> None:
    assert UPGRADES.keys() == set(range(1, VERSION))


def test_a_journal_of_version_1_gets_what_it_lacks_when_it_is_opened_for_work(tmp_path: Path) -> None:
    of_version_1(tmp_path)

    Journal.create_or_open(tmp_path).close()

    with Journal.create_or_open(tmp_path) as journal:
        found = journal.database.query("SELECT country FROM rows ORDER BY row")
        assert [row["country"] for row in found] == ["JP", "US", None]
        assert journal.database.value("PRAGMA user_version") == VERSION


def test_a_look_leaves_a_journal_of_version_1_as_it_is(tmp_path: Path) -> None:
    of_version_1(tmp_path)

    with Journal.look_at(tmp_path) as journal:
        assert journal.database.value("SELECT COUNT(*) FROM rows") == 3
        assert journal.database.value("PRAGMA user_version") == 1


V2_ROWS: tuple[tuple[int, str, str, str | None, str | None, list[str]], ...] = (
    # row, user, outcome, reason, the number that our last look showed, the numbers that the row stored
    (1, "ann", "verified", "enrolled", "+819012345678", ["+819012345678"]),
    (2, "bob", "verified", "already_enrolled", "+819087654321", []),
    (3, "cid", "failed", "rejected", "+819012340003", ["+819012340003"]),
    (4, "dan", "failed", "phone_differs", "+819012340004", []),
    (5, "eva", "skipped", "restored", "+819012340005", ["+819012340005"]),
    (6, "fay", "pending", "awaiting_code", "+819012340006", ["+819012340006"]),
    (7, "gus", "pending", "awaiting_confirmation", "+819012340007", []),
    (8, "hal", "unprocessed", None, None, ["+819012340008"]),
    (9, "ida", "failed", "not_sms_capable", "+819012340001", ["+819012340009"]),
)
USED = [
    *("+819012345678", "+819087654321", "+819012340003", "", "", "+819012340006", ""),
    *("+819012340008", ""),
]


@pytest.mark.parametrize("kind", ["audit", "run"])
def test_an_audit_of_version_5_loses_whom_a_kill_has_left_and_a_run_nobody(tmp_path: Path, kind: str) -> None:
    with Journal.create_or_open(tmp_path) as journal:
        journal.set_meta({"kind": kind})
        PlanStore(journal.database).add_users([a_user("ann")])
        WorkStore.begin(journal.database, kind, 1.0).end("stopped", 2.0, reads_only=0, extra={})
    make_version(tmp_path, 5)

    with Journal.look_at(tmp_path) as looked:
        assert RunMeta.read(looked).audit_lists == ()
        assert looked.database.value("PRAGMA user_version") == 5
    with Journal.create_or_open(tmp_path) as journal:
        assert journal.database.value("PRAGMA user_version") == VERSION
        assert PlanStore(journal.database).count_users() == (0 if kind == "audit" else 1)
        AuditStore(journal.database).begin()
        assert RunMeta.read(journal).audit_lists == ("unverified",)


def of_version_2(directory: Path) -> None:
    """A run directory as version 2 left it: rows of all kinds, and what was written to their users."""
    with Journal.create_or_open(directory) as journal, journal.database.transaction() as db:
        for row, name, outcome, reason, phone, stored in V2_ROWS:
            db.execute(
                "INSERT INTO rows (row, first_line, last_line, cells, readable, user_sub, outcome, reason,"
                " wish) VALUES (?, 1, 1, '[]', 1, ?, ?, ?, '+819000000000')",
                (row, name, outcome, reason),
            )
            db.execute(
                "INSERT INTO users VALUES (?, ?, ?, NULL, NULL, 0, ?, 0, 'CONFIRMED', 1, 0)",
                (name, name, name, phone),
            )
            for number in stored:
                step = json.dumps([{"do": "store_phone", "phone": number, "verified": True}])
                db.execute(
                    "INSERT INTO writes (row, user_sub, pass, step, result, at)"
                    " VALUES (?, ?, 1, ?, 'done', 1)",
                    (row, name, step),
                )
        db.execute("ALTER TABLE rows DROP COLUMN used")
        db.execute("ALTER TABLE drift DROP COLUMN pass")
    make_version(directory, 2)


def used_of(journal: Journal) -> list[str]:
    rows = [row for outcome in Outcome for row in ReportStore(journal.database).rows(outcome)]
    return [number_used(row) for row in sorted(rows, key=lambda row: row.row)]


def test_a_journal_of_version_2_learns_which_numbers_were_used(tmp_path: Path) -> None:
    of_version_2(tmp_path)

    with Journal.look_at(tmp_path) as looked:
        before = used_of(looked)
        assert looked.database.value("PRAGMA user_version") == 2
    with Journal.create_or_open(tmp_path) as journal:
        after = used_of(journal)

    assert before == after == USED


def test_a_row_of_version_2_that_lost_its_user_after_a_write_has_it_again(tmp_path: Path) -> None:
    ann = a_user(phone="+819087654321")
    state = (
        '{"username": "ann", "sub": "sub-ann", "status": "CONFIRMED", "enabled": true,'
        ' "email": "ann@example.com", "email_verified": true, "phone": "+819087654321",'
        ' "phone_verified": false, "modified": 1.0, "check": 3212102435}'
    )
    with Journal.create_or_open(tmp_path) as journal:
        PlanStore(journal.database).add_records([a_record(a_candidate(row=row)) for row in (1, 2)], now=0.0)
        with journal.database.transaction() as db:
            db.execute("INSERT INTO before_images VALUES (?, 1, ?, 0)", (ann.sub, state))
            db.execute("INSERT INTO writes VALUES (1, 1, ?, 1, '[]', 'done', 0)", (ann.sub,))
            db.execute("INSERT INTO writes VALUES (2, 2, 'bob', 1, '[]', 'refused', 0)")
            db.execute(
                "UPDATE rows SET outcome = 'unprocessed', verb = 'rollback', steps = '[]' WHERE row = 1"
            )
            db.execute("ALTER TABLE rows DROP COLUMN used")
            db.execute("ALTER TABLE drift DROP COLUMN pass")
    make_version(tmp_path, 2)

    with Journal.create_or_open(tmp_path) as journal:
        found = journal.database.query("SELECT user_sub FROM rows ORDER BY row")
        assert [row["user_sub"] for row in found] == [ann.sub, None]
        work = WorkStore(journal.database, 0)
        [claimed] = work.claim((PlannedBy.ROLLBACK,), 0, 9)
        assert (claimed.username, work.open_rows()) == (ann.username, 1)
        plans = PlanStore(journal.database)
        assert plans.find(IdentityKind.SUB, ann.sub) == [replace(ann, mfa=None)]
        assert plans.count_users() == 1


def test_what_a_journal_of_version_3_holds_in_the_long_form_is_understood(tmp_path: Path) -> None:
    stored = '[{"do": "store_phone", "phone": "+819012345678", "verified": false}]'
    planned = stored[:-1] + ', {"do": "set_sms_mfa", "enabled": true, "preferred": true}]'
    off = '[{"do": "set_sms_mfa", "enabled": false, "preferred": false}]'
    rows = [(1, "run", planned), (2, "rollback", off), (3, "run", planned)]
    with Journal.create_or_open(tmp_path) as journal, journal.database.transaction() as db:
        db.executemany(
            "INSERT INTO rows (row, first_line, last_line, cells, readable, user_sub, verb, steps, country)"
            " VALUES (?, 1, 1, '[]', 1, 'ann', ?, ?, 'JP')",
            rows,
        )
        for number, step in ((1, stored), (2, off)):
            db.execute("INSERT INTO writes VALUES (?, ?, 'ann', 1, ?, 'done', 0)", (number, number, step))
    make_version(tmp_path, 3)

    for opened in (Journal.look_at(tmp_path), Journal.create_or_open(tmp_path)):
        with opened as journal:
            plans, work = PlanStore(journal.database), WorkStore(journal.database, 0)
            assert plans.planned_steps() == {"store_unverified": 2, "set_sms_mfa": 3}
            assert plans.planned_countries((PlannedBy.RUN,))["JP"][0] == 2
            assert (work.unverified_rows(), work.unverified_writes()) == (1, 0)
            assert [write.step for write in work.writes_of(2)] == [SetSmsMfa(enabled=False, preferred=False)]
            half = {"number_stored_mfa_off": 1, "mfa_off_not_given_back": 1}
            assert ReportStore(journal.database).half_done() == half


# Counting messages


def test_messages_are_counted_by_country_by_the_database(tmp_path: Path) -> None:
    store_unproved = (StorePhone(Phone("+819012345678"), verified=False),)
    store_vouched = (StorePhone(Phone("+819012345678"), verified=True),)
    enrol, off = (SetSmsMfa(enabled=True, preferred=True),), (SetSmsMfa(enabled=False, preferred=False),)
    scope = ["+819012345678", "+819012345678", "+12015550123", "+870301234567", "+447400123456", None]
    plans = [
        Plan(store_unproved, Reason.AWAITING_CODE),
        Plan(store_vouched + enrol, Reason.ENROLLED),
        Plan(store_unproved + enrol, Reason.AWAITING_FIRST_SIGN_IN),
        Plan(enrol, Reason.PROMOTED),
        Plan(off, Reason.MFA_DISABLED),
        Plan((), Reason.RESTORED),
    ]
    with Journal.create_or_open(tmp_path) as journal:
        store = PlanStore(journal.database)
        store.add_records([a_record(a_candidate(row=row)) for row in range(1, 8)], now=0.0)
        store.resolve(
            [Resolved(row, "s", target_phone, "attested") for row, target_phone in enumerate(scope, 1)]
        )
        store.decide(list(enumerate(plans, 1)), now=0.0)

        assert store.planned_countries() == {"JP": (1, 2), "US": (1, 1), "ZZ": (0, 1), "GB": (0, 0)}


def test_a_database_of_somebody_else_is_no_journal(tmp_path: Path) -> None:
    make_version(tmp_path, 0)
    connection = sqlite3.connect(tmp_path / NAME)
    connection.execute("CREATE TABLE theirs (x)")
    connection.close()

    assert "not a journal" in refusal(tmp_path).message


def test_a_directory_with_foreign_files_is_refused_and_not_touched(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine", encoding="utf-8")

    error = refusal(tmp_path)

    assert "not a run directory" in error.message
    assert [entry.name for entry in tmp_path.iterdir()] == ["thesis.txt"]


def test_a_path_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "run").write_text("", encoding="utf-8")

    refusal(tmp_path / "run")


@pytest.mark.damages_journal
@pytest.mark.parametrize("damage", [b"not a database at all" * 100, b"SQLite format 3\x00" + b"\xff" * 5000])
def test_a_damaged_journal_is_said_to_be_damaged_and_kept(tmp_path: Path, damage: bytes) -> None:
    Journal.create_or_open(tmp_path).close()
    (tmp_path / NAME).write_bytes(damage)

    error = refusal(tmp_path)

    assert "SQLITE_" in error.message
    assert "damaged" in error.hint
    assert (tmp_path / NAME).read_bytes() == damage


@pytest.mark.damages_journal
def test_a_journal_that_is_damaged_in_the_middle_ends_the_command_with_its_error(tmp_path: Path) -> None:
    with Journal.create_or_open(tmp_path) as journal:
        fill(journal, 2000)
    size = (tmp_path / NAME).stat().st_size
    with (tmp_path / NAME).open("r+b") as file:
        file.seek(4096 * 8)
        file.write(b"\xff" * (size - 4096 * 10))

    with (
        pytest.raises(RunDirectoryError, match="SQLITE_CORRUPT"),
        Journal.create_or_open(tmp_path) as journal,
    ):
        journal.database.query("SELECT SUM(LENGTH(cells)) FROM rows")


def fill(journal: Journal, rows: int, first: int = 1) -> None:
    records = [a_record(a_candidate("x" * 200, row=number)) for number in range(first, first + rows)]
    PlanStore(journal.database).add_records(records, 0.0)


# Drafts


@pytest.mark.parametrize("content", [b"", b"half a journal"])
def test_a_draft_left_by_a_dead_process_is_no_journal_and_in_nobodys_way(
    tmp_path: Path, content: bytes
) -> None:
    (tmp_path / "journal.draft").write_bytes(content)
    (tmp_path / "journal.draft-journal").write_bytes(b"left")
    with pytest.raises(RunDirectoryError):
        Journal.look_at(tmp_path)

    with Journal.create_or_open(tmp_path) as journal:
        assert journal.meta() == {}

    assert not any("draft" in entry.name for entry in tmp_path.iterdir())


def test_a_journal_appears_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class PowerCut(BaseException):
        pass

    def cut(self: Path, target: Path) -> Path:
        raise PowerCut

    with monkeypatch.context() as patched:
        patched.setattr(Path, "replace", cut)
        with pytest.raises(PowerCut):
            Journal.create_or_open(tmp_path)
    appeared = (tmp_path / NAME).exists()

    with Journal.create_or_open(tmp_path) as journal:
        assert not appeared
        assert journal.meta() == {}


# A full disk


@contextmanager
def full_disk(journal: Journal) -> Iterator[None]:
    pages = journal.database.value("PRAGMA page_count")
    journal.database.query(f"PRAGMA max_page_count = {pages}")
    try:
        yield
    finally:
        journal.database.query("PRAGMA max_page_count = 1000000")


def test_a_full_disk_ends_the_command_loses_nothing_and_can_be_mended(tmp_path: Path) -> None:
    with Journal.create_or_open(tmp_path) as journal:
        fill(journal, 5)
        with full_disk(journal), pytest.raises(RunDirectoryError) as failure:
            fill(journal, 5000, first=100)

        assert failure.value.exit_code == ExitCode.RUN_DIRECTORY
        assert "SQLITE_FULL" in failure.value.message
        assert "full" in failure.value.hint
        assert journal.database.value("SELECT COUNT(*) FROM rows") == 5

        fill(journal, 10, first=100)
        assert journal.database.value("SELECT COUNT(*) FROM rows") == 15


def test_a_commit_that_fails_leaves_no_transaction_open(tmp_path: Path) -> None:
    with Journal.create_or_open(tmp_path) as journal:
        journal.database.query("PRAGMA foreign_keys = ON")
        with journal.database.transaction() as db:
            db.execute("CREATE TABLE one (id INTEGER PRIMARY KEY)")
            db.execute("CREATE TABLE two (one REFERENCES one DEFERRABLE INITIALLY DEFERRED)")

        with (
            pytest.raises(RunDirectoryError, match="SQLITE_CONSTRAINT"),
            journal.database.transaction() as db,
        ):
            db.execute("INSERT INTO two VALUES (7)")

        journal.set_meta({"goes": "on"})
        assert journal.meta() == {"goes": "on"}


# All or nothing


def test_a_transaction_that_fails_is_undone(tmp_path: Path) -> None:
    def fail_half_way(journal: Journal) -> None:
        with journal.database.transaction() as db:
            db.execute("INSERT INTO meta VALUES ('x', '1')")
            raise KeyError

    with Journal.create_or_open(tmp_path) as journal:
        with pytest.raises(KeyError):
            fail_half_way(journal)

        assert journal.meta() == {}


def test_what_a_process_had_committed_survives_its_sudden_death_and_the_rest_does_not(
    tmp_path: Path,
) -> None:
    died = subprocess.run([sys.executable, "-c", DIES, str(tmp_path)], check=False)

    with Journal.create_or_open(tmp_path) as journal:
        assert died.returncode == 9
        assert journal.meta() == {"kept": 1}


# Who may read it


@pytest.fixture
def open_umask() -> Iterator[None]:
    old = os.umask(0)
    yield
    os.umask(old)


@pytest.mark.usefixtures("open_umask")
def test_nobody_else_may_read_the_directory_or_any_file_in_it(tmp_path: Path) -> None:
    with Journal.create_or_open(tmp_path / "runs" / "run") as journal:
        journal.set_meta({"x": 1})
        modes = {entry.name: oct(entry.stat().st_mode & 0o777) for entry in journal.directory.iterdir()}

    assert modes == dict.fromkeys([NAME, f"{NAME}-wal", f"{NAME}-shm", "lock"], "0o600")
    assert oct((tmp_path / "runs" / "run").stat().st_mode & 0o777) == "0o700"


@pytest.mark.usefixtures("open_umask")
def test_a_look_opens_no_file_to_others(tmp_path: Path) -> None:
    Journal.create_or_open(tmp_path).close()

    with Journal.look_at(tmp_path) as journal:
        journal.meta()
        modes = {entry.stat().st_mode & 0o777 for entry in tmp_path.iterdir()}

    assert modes == {0o600}


@pytest.mark.usefixtures("open_umask")
def test_the_umask_of_the_process_is_as_it_was(tmp_path: Path) -> None:
    Journal.create_or_open(tmp_path).close()
    after = os.umask(0)

    assert after == 0


def test_many_threads_take_turns(tmp_path: Path) -> None:
    with Journal.create_or_open(tmp_path) as journal, ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda number: journal.set_meta({f"k{number}": number}), range(100)))

        assert sum(journal.meta().values()) == sum(range(100))


def test_a_database_asks_only_for_what_it_is_asked(tmp_path: Path) -> None:
    Journal.create_or_open(tmp_path).close()
    database = Database(tmp_path / NAME)

    assert database.value("SELECT value FROM meta WHERE key = 'x'") is None
    assert database.query("SELECT 1 AS one WHERE ? = ?", 2, 2)[0]["one"] == 1
    database.close()
