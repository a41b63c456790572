"""Commands that are killed or signalled midway, or whose output finds no room: what is left, what is said."""

from __future__ import annotations

import os
import pty
import signal
import sqlite3
import stat
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.commands.support import (
    POOL_ID,
    POOL_NAME,
    Done,
    a_member,
    assert_code,
    calls,
    end,
    roster_of,
    wait_until,
    writes,
)
from tests.commands.test_reconcile import drift_of, edit, reconcile
from tests.commands.test_setup_pool import PLAIN, ROLE_NAME, SETUP, WRITES, client_of, mfa_of
from tests.support.terminal import typing

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.commands.conftest import Site

ATTESTED = ("--verification", "attested")


def test_a_night_that_was_killed_before_it_told_leaves_the_news_to_the_next(
    raise_site: Callable[..., Site],
) -> None:
    site = raise_site([a_member("ann"), a_member("bob")])
    roster = roster_of(site.folder, ["ann", "bob"])
    assert_code(site.cli.run(roster, site.folder / "run", "--verification", "attested"), 0)
    site.running.control("users", {"delete": ["ann"]})
    edit(site, "bob", UserMFASettingList=[], PreferredMfaSetting=None)
    site.running.control("faults", {"rules": [{"kind": "hang", "ops": ["AdminSetUserMFAPreference"]}]})
    site.running.control("ledger/reset", {})
    child = site.cli.start("reconcile", "--run-dir", site.folder / "run", "--repair", "--yes")
    wait_until(lambda: calls(site.running)["AdminSetUserMFAPreference"] >= 1, "the repair's write")
    end(child, signal.SIGKILL)
    site.running.control("faults", {})

    nights = [reconcile(site, "--repair"), reconcile(site)]

    assert [night.code for night in nights] == [9, 0], nights[0].said
    assert drift_of(site) == {"ann": "user_gone"}


def test_after_a_crash_between_role_and_pool_the_same_command_goes_on(
    raise_site: Callable[..., Site],
) -> None:
    faults = {"rules": [{"kind": "hang", "ops": ["SetUserPoolMfaConfig"], "attempts": [1]}]}
    site = raise_site(config=PLAIN, roles="strict", faults=faults)
    child = site.cli.start(*SETUP, "--yes")
    wait_until(lambda: calls(site.running)["SetUserPoolMfaConfig"] == 1, "the write")
    child.kill()
    child.communicate()
    iam = client_of(site.running, "iam")
    role = iam.get_role(RoleName=ROLE_NAME)["Role"]
    crashed = mfa_of(site.running)

    done = site.cli(*SETUP, "--yes")

    assert crashed == {"MfaConfiguration": "OFF"}
    assert_code(done, 0)
    assert iam.get_role(RoleName=ROLE_NAME)["Role"] == role
    condition = role["AssumeRolePolicyDocument"]["Statement"][0]["Condition"]
    path = mfa_of(site.running)["SmsMfaConfiguration"]["SmsConfiguration"]
    assert path == {"SnsCallerArn": role["Arn"], "ExternalId": condition["StringEquals"]["sts:ExternalId"]}


def test_ctrl_c_while_it_waits_for_the_role_says_what_is_there(raise_site: Callable[..., Site]) -> None:
    site = raise_site(config=PLAIN, roles="strict", role_propagation_s=600)
    child = site.cli.start(*SETUP, "--yes")
    wait_until(lambda: calls(site.running)["SetUserPoolMfaConfig"] == 1, "the first try")

    done = end(child, signal.SIGINT)

    assert_code(done, 130)
    assert f"{ROLE_NAME} was created and stays" in done.err
    assert mfa_of(site.running) == {"MfaConfiguration": "OFF"}


def test_a_change_that_cannot_be_shown_is_not_asked_about(raise_site: Callable[..., Site]) -> None:
    site = raise_site(config=PLAIN, roles="strict")
    with Path("/dev/full").open("w") as full, typing(f"{POOL_NAME}\n") as stdin:
        child = site.cli.start(*SETUP, stdin=stdin, stdout=full)
        _, err = child.communicate(timeout=60)
    done = Done(child.returncode, "", err.decode())

    assert_code(done, 130)
    assert "The change cannot be shown, so nothing was written." in done.err
    assert not calls(site.running).keys() & WRITES


def is_planned(run_dir: Path) -> bool:
    if not (run_dir / "journal.sqlite").exists():
        return False
    with closing(sqlite3.connect(run_dir / "journal.sqlite")) as journal:
        return bool(journal.execute("SELECT 1 FROM meta WHERE value = '\"planned\"'").fetchall())


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_at_the_question_ends_the_command_at_once(
    raise_site: Callable[..., Site], number: signal.Signals, code: int
) -> None:
    site = raise_site([a_member("ann")])
    roster_of(site.folder, ["ann"])
    leader, follower = pty.openpty()
    child = site.cli.start(
        "run", "roster.csv", "--user-pool-id", POOL_ID, "--run-dir", site.folder / "run", *ATTESTED,
        stdin=follower,
    )  # fmt: skip
    os.close(follower)
    wait_until(lambda: is_planned(site.folder / "run"), "the plan")

    done = end(child, number)

    os.close(leader)
    assert_code(done, code)
    assert writes(site.running) == 0


def test_files_made_while_it_runs_are_for_its_owner_alone_too(raise_site: Callable[..., Site]) -> None:
    """The journal's side files exist only while it is open."""
    site = raise_site([a_member("ann")])
    roster_of(site.folder, ["ann"])
    site.running.control("faults", {"rules": [{"kind": "hang", "ops": ["AdminUpdateUserAttributes"]}]})
    child = site.cli.running("roster.csv", "run", *ATTESTED)
    wal = site.folder / "run" / "journal.sqlite-wal"
    try:
        wait_until(lambda: writes(site.running) > 0, "a write")
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (site.folder / "run").iterdir()}
    finally:
        end(child, signal.SIGKILL)

    assert wal.name in modes
    assert set(modes.values()) <= {0o600, 0o700}
