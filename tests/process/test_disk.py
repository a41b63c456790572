"""Disks that are full or read-only, journals that are damaged or held by others: exit 6, and no harm done."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
import time
from contextlib import ExitStack, closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from tests.commands.support import (
    WRITES,
    Done,
    assert_code,
    ends,
    members_of,
    phone_of,
    roster_of,
    state,
    state_hash,
    writes,
)
from tests.process.disks import fill, limit_files, small_disk

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.commands.conftest import Site

ATTESTED = ("--verification", "attested")
ENROLLED = ("verified", "enrolled")
USERS = 200
"""As many as fill a disk midway."""
NAMES = tuple(f"user{at:02d}" for at in range(USERS))
FEW = NAMES[:24]
"""For what does not depend on how much is written."""
MOST_UNDER_WAY = 64
FULL_KB = 900
"""Room for the plan, not for all that the run has to write down."""
BUSY_S = 1
"""How long a journal that is held is waited for; five seconds would show no more."""
NO_PLAN_KB = 60
"""Room for less than an empty journal."""


@pytest.fixture
def site(raise_site: Callable[..., Site]) -> Site:
    made = raise_site(members_of(NAMES))
    roster_of(made.folder, NAMES)
    return made


@pytest.fixture
def small_site(raise_site: Callable[..., Site]) -> Site:
    made = raise_site(members_of(FEW))
    roster_of(made.folder, FEW)
    return made


@dataclass
class Disk:
    """Where a run directory is, what limits it, and how the limit goes."""

    run_dir: Path
    options: dict[str, Any]
    widen: Callable[[], None]


@pytest.fixture(params=["a small file system", "a limit on the size of files"])
def full_disk(request: pytest.FixtureRequest, site: Site) -> Iterator[Callable[[int], Disk]]:
    """Give a maker of run directories with so many kilobytes of room."""
    with ExitStack() as stack:

        def make(size_kb: int) -> Disk:
            if request.param == "a small file system":
                change = stack.enter_context(small_disk(site.folder / "disk", size_kb))
                return Disk(site.folder / "disk" / "run", {}, lambda: change("size=64m"))
            disk = Disk(site.folder / "run", {"preexec_fn": limit_files(size_kb)}, lambda: None)
            disk.widen = disk.options.clear
            return disk

        yield make


def run_on(site: Site, disk: Disk) -> Done:
    command = ("run", "roster.csv", "--user-pool-id", site.cli.pool_id, "--run-dir", disk.run_dir, "--quiet")
    child = site.cli.start(*command, "--yes", *ATTESTED, **disk.options)
    out, err = child.communicate(timeout=90)
    return Done(child.returncode, out.decode(), err.decode())


def executed_twice(site: Site) -> int:
    seen: dict[tuple[str, str], int] = {}
    for call in site.running.control("ledger")["calls"]:
        if call["executed"] and call["op"] in WRITES:
            spot = (call["user"], call["op"])
            seen[spot] = seen.get(spot, 0) + 1
    return sum(times - 1 for times in seen.values())


def test_a_disk_that_fills_up_midway_ends_the_run_and_with_room_the_same_command_goes_on(
    site: Site, full_disk: Callable[[int], Disk]
) -> None:
    disk = full_disk(FULL_KB)
    first = run_on(site, disk)
    made = writes(site.running)

    disk.widen()
    again = run_on(site, disk)

    assert_code(first, 6)
    assert "is it full?" in first.err
    assert "run the same command again" in first.err
    assert "Traceback" not in first.err
    assert 0 < made < 2 * USERS, "the disk was to be full midway"
    assert_code(again, 0)
    assert ends(disk.run_dir) == {ENROLLED: USERS}
    assert executed_twice(site) == 0


def test_a_disk_without_room_for_the_plan_ends_the_run_before_any_write(
    site: Site, full_disk: Callable[[int], Disk]
) -> None:
    disk = full_disk(NO_PLAN_KB)
    first = run_on(site, disk)
    made = writes(site.running)

    disk.widen()
    again = run_on(site, disk)

    assert_code(first, 6)
    assert "full" in first.err
    assert made == 0
    assert_code(again, 0)
    assert ends(disk.run_dir) == {ENROLLED: USERS}


def test_a_run_directory_below_a_file_cannot_be_made(small_site: Site) -> None:
    done = small_site.cli.run("roster.csv", small_site.folder / "roster.csv" / "run", *ATTESTED)

    assert_code(done, 6)
    assert "--run-dir" in done.err
    assert writes(small_site.running) == 0


@pytest.mark.parametrize("planned", [False, True], ids=["from the start", "since the plan"])
def test_a_read_only_disk_ends_the_run_before_any_write(small_site: Site, planned: bool) -> None:
    with small_disk(small_site.folder / "disk", 16_000) as change:
        run_dir = small_site.folder / "disk" / "run"
        if planned:
            assert_code(small_site.cli.plan("roster.csv", run_dir, *ATTESTED), 0)
        change("ro")

        done = small_site.cli.run("roster.csv", run_dir, *ATTESTED)

        assert_code(done, 6)
        assert "--run-dir" in done.err
        assert "Traceback" not in done.err
        assert writes(small_site.running) == 0


def test_a_run_that_ended_on_a_disk_that_is_read_only_now_can_be_looked_at(small_site: Site) -> None:
    with small_disk(small_site.folder / "disk", 16_000) as change:
        run_dir = small_site.folder / "disk" / "run"
        assert_code(small_site.cli.run("roster.csv", run_dir, *ATTESTED), 0)
        before = small_site.cli("status", "--run-dir", run_dir, "--json").json()
        change("ro")

        status = small_site.cli("status", "--run-dir", run_dir, "--json")
        runs = small_site.cli("runs", small_site.folder / "disk")
        report = small_site.cli("report", "--run-dir", run_dir)
        rollback = small_site.cli("rollback", "--run-dir", run_dir, "--yes")

    assert_code(status, 0)
    assert status.json() == before
    assert "run: finished" in runs.out
    assert_code(report, 6)
    assert "cannot be written (Read-only file system)" in report.err
    assert_code(rollback, 6)


@pytest.mark.damages_journal
def test_what_waits_in_the_log_of_a_journal_is_seen_on_a_read_only_disk(small_site: Site) -> None:
    with small_disk(small_site.folder / "disk", 16_000) as change:
        run_dir = small_site.folder / "disk" / "run"
        assert_code(small_site.cli.plan("roster.csv", run_dir, *ATTESTED), 0)
        with closing(sqlite3.connect(run_dir / "journal.sqlite")) as at_work:
            at_work.execute("UPDATE rows SET outcome = 'skipped', reason = 'has_totp' WHERE row = 1")
            at_work.commit()
            left = shutil.copytree(run_dir, small_site.folder / "disk" / "killed")  # as a kill leaves it
        assert (left / "journal.sqlite-wal").stat().st_size
        change("ro")

        status = small_site.cli("status", "--run-dir", left, "--json")

    assert_code(status, 0)
    assert status.json()["counts"]["skipped"] == 1


def test_a_report_directory_that_cannot_be_written_loses_nothing(small_site: Site) -> None:
    (small_site.folder / "run").mkdir()
    (small_site.folder / "run" / "report").write_text("in the way", encoding="utf-8")

    done = small_site.cli.run("roster.csv", "run", *ATTESTED)

    assert_code(done, 6)
    assert "migrate-mfa report" in done.err
    assert ends(small_site.folder / "run") == {ENROLLED: len(FEW)}
    (small_site.folder / "run" / "report").unlink()
    assert_code(small_site.cli("report", "--run-dir", "run"), 0)
    assert (small_site.folder / "run" / "report" / "verified.csv").exists()


def test_a_disk_that_is_full_after_the_run_ends_each_command_and_with_room_it_does_the_rest(
    site: Site,
) -> None:
    before = state_hash(site.running)
    with small_disk(site.folder / "disk", 8_000):
        run_dir = site.folder / "disk" / "run"
        assert_code(site.cli.run("roster.csv", run_dir, *ATTESTED), 0)
        reports = contents(run_dir / "report")

        tight(site, ("report",), run_dir, leave_kb=40)
        assert contents(run_dir / "report") == reports
        nothing = tight(site, ("rollback", "--yes"), run_dir, leave_kb=60)
        assert writes(site.running) == 2 * USERS
        assert "same command again" in nothing.err
        [advised] = [
            line for line in site.cli("status", "--run-dir", run_dir).err.splitlines() if "-mfa " in line
        ]
        assert advised.startswith(f"  migrate-mfa rollback --run-dir {run_dir}")
        tight(site, ("rollback", "--yes"), run_dir, leave_kb=320)
        undone = writes(site.running) - 2 * USERS
        assert 0 < undone < 2 * USERS, "the disk was to be full midway"

        assert_code(site.cli("rollback", "--run-dir", run_dir, "--yes"), 0)
        assert state_hash(site.running) == before
        assert executed_twice(site) == 2 * USERS, "once by the run, and once by the rollback"

        tight(site, ("purge", "--yes"), run_dir, leave_kb=120)
        assert_code(site.cli("purge", "--run-dir", run_dir, "--yes"), 0)
        kept = contents(run_dir) | contents(run_dir / "report")
        assert not [name for name, content in kept.items() if phone_of(0).encode() in content]


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def tight(site: Site, command: tuple[str, ...], run_dir: Path, *, leave_kb: int) -> Done:
    """Run a command on a disk with too little room for it, then make room again."""
    fill(run_dir.parent, leave_kb=leave_kb)
    try:
        done = site.cli(*command, "--run-dir", run_dir)
    finally:
        (run_dir.parent / "ballast").unlink()
    assert_code(done, 6)
    assert "full?" in done.err or "No space left on device" in done.err
    assert "Traceback" not in done.err
    return done


@pytest.mark.damages_journal
@pytest.mark.parametrize("when", ["planned", "finished"])
@pytest.mark.parametrize("where", ["its head", "its middle"])
def test_a_damaged_journal_is_named_and_a_new_directory_sees_who_is_done(
    small_site: Site, when: str, where: str
) -> None:
    first = small_site.cli.plan if when == "planned" else small_site.cli.run
    assert_code(first("roster.csv", "run", *ATTESTED), 0)
    journal = small_site.folder / "run" / "journal.sqlite"
    damage(journal, where)
    damaged, made = journal.read_bytes(), writes(small_site.running)

    done = small_site.cli.run("roster.csv", "run", *ATTESTED)

    assert_code(done, 6)
    assert "damaged" in done.err
    assert "--run-dir" in done.err
    assert writes(small_site.running) == made
    assert journal.read_bytes() == damaged
    assert_code(small_site.cli.run("roster.csv", "new", *ATTESTED), 0)
    assert executed_twice(small_site) == 0
    reason = "enrolled" if when == "planned" else "already_enrolled"
    assert ends(small_site.folder / "new") == {("verified", reason): len(FEW)}


def damage(journal: Path, where: str) -> None:
    with closing(sqlite3.connect(journal)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    size = journal.stat().st_size
    start, length = (0, 200) if where == "its head" else (4096 * 2, size - 4096 * 3)
    with journal.open("r+b") as file:
        file.seek(start)
        file.write(b"\xa5" * length)


HOLD = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN IMMEDIATE")
print("held", flush=True)
sys.stdin.read()
"""


def test_a_journal_that_another_program_keeps_open_is_waited_for_and_then_named(
    small_site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("migrate_mfa.journal.connection._BUSY_MS", BUSY_S * 1000)
    assert_code(small_site.cli.plan("roster.csv", "run", *ATTESTED), 0)
    other = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(small_site.folder / "run" / "journal.sqlite")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    try:
        assert other.stdout is not None
        assert other.stdout.readline() == b"held\n"
        began = time.monotonic()
        done = small_site.cli.run("roster.csv", "run", *ATTESTED)
        waited = time.monotonic() - began
    finally:
        other.communicate()

    assert_code(done, 6)
    assert "Another program has it open" in done.err
    assert waited >= BUSY_S
    assert writes(small_site.running) == 0
    assert_code(small_site.cli.run("roster.csv", "run", *ATTESTED), 0)


@pytest.mark.parametrize(
    "command",
    [
        ("run", "roster.csv", "--user-pool-id", "ap-northeast-1_Members01", "--yes", *ATTESTED),
        ("plan", "roster.csv", "--user-pool-id", "ap-northeast-1_Members01", *ATTESTED),
        ("reconcile", "--yes"),
        ("rollback", "--yes"),
        ("purge", "--yes"),
        ("status",),
        ("report",),
    ],
    ids=lambda command: command[0],
)
def test_every_command_leaves_a_journal_of_a_newer_version_alone(
    small_site: Site, command: tuple[str, ...]
) -> None:
    assert_code(small_site.cli.plan("roster.csv", "run", *ATTESTED), 0)
    journal = small_site.folder / "run" / "journal.sqlite"
    with closing(sqlite3.connect(journal)) as connection:
        connection.execute("PRAGMA user_version = 4711")
    content = journal.read_bytes()

    done = small_site.cli(*command, "--run-dir", "run")

    assert_code(done, 6)
    assert "newer version" in done.err
    assert journal.read_bytes() == content
    assert writes(small_site.running) == 0


def test_users_who_changed_since_the_plan_are_decided_as_they_are_now(small_site: Site) -> None:
    assert_code(small_site.cli.plan("roster.csv", "run", *ATTESTED), 0)
    totp = {"UserMFASettingList": ["SOFTWARE_TOKEN_MFA"], "PreferredMfaSetting": "SOFTWARE_TOKEN_MFA"}
    number = {"phone_number": "+819099999999", "phone_number_verified": "true"}
    small_site.running.control(
        "users",
        {
            "upsert": [
                {"Username": "user00", **totp},
                {"Username": "user01", "Enabled": False},
                {"Username": "user02", "Attributes": number},
                {"Username": "user03", "UserStatus": "RESET_REQUIRED"},
            ],
            "delete": ["user04"],
        },
    )
    before = state(small_site.running)

    done = small_site.cli.run("roster.csv", "run", *ATTESTED, "--max-failures", "100%")

    assert_code(done, 7)
    changed = ("user00", "user01", "user02", "user03")
    now = state(small_site.running)
    assert {name: now[name] for name in changed} == {name: before[name] for name in changed}
    assert ends(small_site.folder / "run") == {
        ENROLLED: len(FEW) - 5,
        ("skipped", "has_totp"): 1,
        ("skipped", "disabled_user"): 1,
        ("failed", "phone_differs"): 1,
        ("pending", "awaiting_password_reset"): 1,
        ("failed", "user_not_found"): 1,
    }


def test_a_roster_that_changed_since_the_plan_is_refused_with_nothing_written(small_site: Site) -> None:
    assert_code(small_site.cli.plan("roster.csv", "run", *ATTESTED), 0)
    before = state_hash(small_site.running)
    with (small_site.folder / "roster.csv").open("a", encoding="utf-8") as file:
        file.write("user00@example.com,+819099999999\n")

    done = small_site.cli.run("roster.csv", "run", *ATTESTED)

    assert_code(done, 3)
    assert "The roster is not what this run was planned with" in done.err
    assert state_hash(small_site.running) == before
