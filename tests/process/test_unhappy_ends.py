"""What a command says and leaves behind when it is refused, declined, interrupted, or half done."""

from __future__ import annotations

import os
import signal
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.commands.support import (
    POOL_ID,
    Cli,
    a_member,
    assert_code,
    calls,
    end,
    phone_of,
    report,
    roster_of,
    state,
    wait_until,
    write_roster,
    writes,
)
from tests.support.terminal import CTRL_D, typing

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.commands.conftest import Site

ATTESTED = ("--verification", "attested")


def users_audited(run_dir: Path) -> int:
    journal = run_dir / "journal.sqlite"
    if not journal.exists():
        return 0
    with closing(sqlite3.connect(journal)) as connection:
        return int(connection.execute("SELECT COUNT(*) FROM audited").fetchone()[0])


@pytest.mark.parametrize("first", ["plan", "run"])
def test_a_roster_that_was_refused_is_refused_again(raise_site: Callable[..., Site], first: str) -> None:
    """--max-failures at plan time: a retry, or cron, must not lift the guard."""
    names = [f"user{number:02d}" for number in range(12)]
    site = raise_site([a_member(name) for name in names])
    rows = [(f"{name}@example.com", phone_of(at) if at % 2 else "call me") for at, name in enumerate(names)]
    roster = write_roster(site.folder / "half.csv", rows)
    assert_code(getattr(site.cli, first)(roster, "run", *ATTESTED), 3)

    again = site.cli.run(roster, "run", *ATTESTED)

    assert writes(site.running) == 0
    assert_code(again, 3)


def test_a_purge_takes_what_an_interrupted_audit_left(raise_site: Callable[..., Site]) -> None:
    """Personal data outlives `purge` in report/*.draft."""
    site = raise_site(
        [a_member(f"user{number:03d}") for number in range(130)],
        faults={"latency": [{"fixed_ms": 1500, "ops": ["ListUsers"]}]},
    )
    child = site.cli.start("audit", "--user-pool-id", POOL_ID, "--run-dir", "run", "--quiet")
    wait_until(lambda: calls(site.running)["ListUsers"] >= 2, "two pages")
    assert_code(end(child, signal.SIGTERM), 143)
    assert_code(site.cli("purge", "--run-dir", "run", "--yes"), 0)

    left = [
        path.name
        for path in (site.folder / "run").rglob("*")
        if b"example.com" in (path.read_bytes() if path.is_file() else b"")
    ]

    assert left == []


def test_a_killed_audit_has_listed_whom_it_committed_and_the_next_one_begins_anew(
    raise_site: Callable[..., Site],
) -> None:
    names = {f"user{number:04d}" for number in range(1500)}
    # 7 calls come before the list; of its 33 pages, at most 6 of 60 users are then left in any order.
    hangs = {"rules": [{"kind": "hang", "ops": ["ListUsers"], "after_calls": 34}]}
    site = raise_site([a_member(name) for name in sorted(names)], faults=hangs)
    line = ("audit", "--user-pool-id", POOL_ID, "--run-dir", "run", "--quiet")
    child = site.cli.start(*line)
    wait_until(lambda: users_audited(site.folder / "run") >= 1000, "a commit")
    end(child, signal.SIGKILL)
    site.running.control("faults", {})

    written = site.cli("report", "--run-dir", "run")
    listed = {row["username"] for row in report(site.folder / "run", "unverified")}
    page = (site.folder / "run" / "report" / "report.html").read_text(encoding="utf-8")
    again = site.cli(*line)

    assert_code(written, 0)
    assert "The audit was killed before its end" in page
    assert 1000 <= len(listed) < 1500
    assert listed < names
    assert_code(again, 0)
    assert sorted(row["username"] for row in report(site.folder / "run", "unverified")) == sorted(names)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_while_aws_does_not_answer_at_the_start_is_no_bug(
    raise_site: Callable[..., Site], number: signal.Signals, code: int
) -> None:
    down = {"rules": [{"kind": "unavailable", "ops": ["GetCallerIdentity", "DescribeUserPool"]}]}
    site = raise_site([a_member("ann")], faults=down)
    child = site.cli.start("plan", roster_of(site.folder, ["ann"]), "--user-pool-id", POOL_ID, *ATTESTED)
    wait_until(lambda: calls(site.running)["GetCallerIdentity"] >= 2, "two tries")

    done = end(child, number)

    assert_code(done, code)


@pytest.mark.parametrize("command", ["run", "purge"])
def test_the_end_of_input_at_the_question_declines(raise_site: Callable[..., Site], command: str) -> None:
    """Ctrl-D: exit code 130 is "declined at the prompt", 1 is a bug."""
    site = raise_site([a_member("ann")])
    roster = roster_of(site.folder, ["ann"])
    if command == "purge":
        assert_code(site.cli.run(roster, "run", *ATTESTED), 0)
    line = {
        "run": ("run", roster, "--user-pool-id", POOL_ID, "--run-dir", "run", *ATTESTED),
        "purge": ("purge", "--run-dir", "run"),
    }[command]
    with typing(CTRL_D) as stdin:
        child = site.cli.start(*line, stdin=stdin)
        out, err = child.communicate(timeout=60)

    assert child.returncode == 130, (out + err).decode()
    assert not list(site.folder.rglob("migrate-mfa-bug-*"))


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("--max-users", 1), 10),
        ((), 1),  # what was done is done, but nobody can know from the output
    ],
)
def test_a_run_whose_output_finds_no_room_says_so(
    raise_site: Callable[..., Site], words: tuple[object, ...], code: int
) -> None:
    site = raise_site([a_member("ann"), a_member("bob")])
    roster = roster_of(site.folder, ["ann", "bob"])
    line = ("run", roster, "--user-pool-id", POOL_ID, "--run-dir", "run", *ATTESTED, "--yes", *words)
    with Path("/dev/full").open("w") as full:
        child = site.cli.start(*line, stdout=full)
        _, err = child.communicate(timeout=60)

    assert child.returncode == code, err.decode()
    assert "standard output cannot be written (No space left on device)." in err.decode()
    assert ("the command is done, but" in err.decode()) == (code == 1)


@pytest.mark.parametrize("words", [("--version",), ("--help",), ("run", "--help")])
def test_help_that_finds_no_room_is_no_bug(tmp_path: Path, words: tuple[str, ...]) -> None:
    with Path("/dev/full").open("w") as full:
        child = Cli(tmp_path).start(*words, stdout=full)
        _, err = child.communicate(timeout=60)

    assert child.returncode == 1
    assert err.decode() == (
        "migrate-mfa: the command is done, but standard output cannot be written (No space left on device).\n"
    )


@pytest.mark.parametrize("mode", ["OPTIONAL", "OFF"])
def test_a_reader_who_has_gone_changes_no_exit_code(raise_site: Callable[..., Site], mode: str) -> None:
    """`check | head -1`: whether the pool is ready must not depend on how much of it was read."""
    site = raise_site([a_member("ann")], config={"MfaConfiguration": mode})
    whole = site.cli("check", "--user-pool-id", POOL_ID)
    reads, gone = os.pipe()
    os.close(reads)
    child = site.cli.start("check", "--user-pool-id", POOL_ID, stdout=gone)
    os.close(gone)
    _, err = child.communicate(timeout=60)

    assert child.returncode == whole.code == (0 if mode == "OPTIONAL" else 4)
    assert err.decode() == whole.err


def test_a_run_after_half_a_rollback_does_not_say_that_it_is_done(raise_site: Callable[..., Site]) -> None:
    """Exit code 0 is "done, nobody failed"; rows are still unprocessed here."""
    site = raise_site([a_member(name) for name in ("ann", "bob", "cid")])
    roster = roster_of(site.folder, ["ann", "bob", "cid"])
    assert_code(site.cli.run(roster, "run", *ATTESTED), 0)
    half = site.cli("rollback", "--run-dir", "run", "--yes", "--quiet", "--max-users", "1")
    assert_code(half, 10)

    done = site.cli.run(roster, "run", *ATTESTED)

    assert len(report(site.folder / "run", "unprocessed")) == 2
    assert done.code != 0
    assert "rollback" in done.err


@pytest.mark.parametrize("command", ["plan", "reconcile", "rollback", "audit"])
def test_json_is_printed_however_it_ends(raise_site: Callable[..., Site], command: str) -> None:
    """As `run --json` does: a report on failure too."""
    site = raise_site([a_member("ann", phone=phone_of(0), verified=False)])
    roster = roster_of(site.folder, ["ann"])
    assert_code(site.cli.run(roster, "run", *ATTESTED), 0)
    denied = {"rules": [{"kind": "access_denied", "ops": ["ListUsers", "AdminGetUser"]}]}
    site.running.control("faults", denied)
    line = {
        "plan": ("plan", roster, "--user-pool-id", POOL_ID, "--run-dir", "other", *ATTESTED),
        "reconcile": ("reconcile", "--run-dir", "run", "--yes"),
        "rollback": ("rollback", "--run-dir", "run", "--yes"),
        "audit": ("audit", "--user-pool-id", POOL_ID, "--run-dir", "audit"),
    }[command]

    done = site.cli(*line, "--json", "--quiet")

    assert_code(done, 5)
    assert done.json()["state"] == "stopped"


def test_a_roster_that_was_edited_since_the_plan_is_said_not_to_count(
    raise_site: Callable[..., Site],
) -> None:
    """With --run-dir alone the plan is what counts; named again, the roster is refused."""
    site = raise_site([a_member("ann")])
    roster = roster_of(site.folder, ["ann"])
    assert_code(site.cli.plan(roster, "run", *ATTESTED), 0)
    write_roster(roster, [("ann@example.com", phone_of(7))])

    named = site.cli.run(roster, "run", *ATTESTED)
    alone = site.cli("run", "--run-dir", "run", "--yes")

    assert_code(named, 3)
    assert_code(alone, 0)
    assert "roster.csv has changed since it was planned" in alone.err
    assert state(site.running)["ann"]["Attributes"]["phone_number"] == phone_of(0)
