"""kill -9 at several moments: the same command again comes to the same end, and nobody gets a second SMS."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest

from tests.commands.support import (
    assert_code,
    calls,
    end,
    ends,
    members_of,
    phone_of,
    report,
    roster_of,
    sms,
    state,
    summary,
    wait_until,
    writes,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.commands.conftest import Site

pytestmark = pytest.mark.promise(4)

USERS = 80
NAMES = tuple(f"user{number:02d}" for number in range(USERS))
SLOW = {"latency": [{"fixed_ms": 60}]}
"""Long answers, so that many calls are under way whenever the process dies."""
SLOWLY = ("--max-rps", "UserUpdate=20")
QUICKLY = ("--max-rps", "UserUpdate=1000")
"""A run keeps the pace that it was given last."""


def kill_at(site: Site, options: tuple[str, ...], count: int) -> None:
    """Run until the server has seen so many writes in all, then kill -9 the process."""
    child = site.cli.running("roster.csv", "run", *options, *SLOWLY)
    wait_until(lambda: writes(site.running) >= count or child.poll() is not None, f"{count} writes")
    assert child.poll() is None, "the run ended before it could be killed"
    end(child, signal.SIGKILL)


@pytest.mark.parametrize("moments", [(1,), (15, 45)], ids=str)
def test_numbers_that_a_code_goes_to_are_written_once_however_often_the_process_dies(
    raise_site: Callable[..., Site], moments: tuple[int, ...]
) -> None:
    site = raise_site(members_of(NAMES), config={"AutoVerifiedAttributes": ["phone_number"]}, faults=SLOW)
    roster_of(site.folder, NAMES)
    options = ("--verification", "by-code", "--max-sms", str(USERS))

    for count in moments:
        kill_at(site, options, count)
    done = site.cli.run("roster.csv", "run", *options, *QUICKLY)

    assert_code(done, 0)
    assert ends(site.folder / "run") == {("pending", "awaiting_code"): USERS}
    assert sorted(sms(site.running).values()) == [1] * USERS
    assert calls(site.running)["AdminUpdateUserAttributes"] == USERS
    assert {user["Attributes"]["phone_number"] for user in state(site.running).values()} == {
        phone_of(number) for number in range(USERS)
    }


@pytest.mark.slow
@pytest.mark.parametrize("moments", [(2, 30, 70, 110)], ids=str)
def test_vouched_numbers_end_enrolled_however_often_the_process_dies(
    raise_site: Callable[..., Site], moments: tuple[int, ...]
) -> None:
    site = raise_site(members_of(NAMES), faults=SLOW)
    roster_of(site.folder, NAMES)
    options = ("--verification", "attested")

    for count in moments:
        kill_at(site, options, count)
    told = site.cli("status", "--run-dir", "run", "--json").json()
    reported = site.cli("report", "--run-dir", "run", "--json").json()
    done = site.cli.run("roster.csv", "run", *options, *QUICKLY)

    assert told["state"] == reported["state"] == "interrupted"
    assert sum(told["counts"].values()) == USERS
    assert_code(done, 0)
    assert ends(site.folder / "run") == {("verified", "enrolled"): USERS}
    assert len(report(site.folder / "run", "verified")) == summary(site.folder / "run")["rows"] == USERS
    assert all(
        user["PreferredMfaSetting"] == "SMS_MFA" and user["Attributes"]["phone_number_verified"] == "true"
        for user in state(site.running).values()
    )


def test_a_process_that_dies_while_it_plans_leaves_nothing_half_done(raise_site: Callable[..., Site]) -> None:
    faults = {"latency": [{"fixed_ms": 400, "ops": ["ListUsers"]}]}
    site = raise_site(members_of(NAMES), generate={"count": 600}, faults=faults)
    roster_of(site.folder, NAMES)
    child = site.cli.running("roster.csv", "run", "--verification", "attested")
    wait_until(lambda: calls(site.running)["ListUsers"] >= 3, "three pages")

    end(child, signal.SIGKILL)
    made = writes(site.running)
    site.running.control("faults", {})
    done = site.cli.run("roster.csv", "run", "--verification", "attested")

    assert made == 0
    assert_code(done, 0)
    assert ends(site.folder / "run") == {("verified", "enrolled"): USERS}
    assert writes(site.running) == 2 * USERS


@pytest.mark.parametrize("kind", ["reset", "garbage", "internal_error"])
def test_a_lost_answer_to_a_write_that_was_carried_out_sends_no_second_sms(
    raise_site: Callable[..., Site], kind: str
) -> None:
    rule = {"kind": kind, "when": "after", "ops": ["AdminUpdateUserAttributes"], "attempts": [1], "rate": 0.3}
    config = {"AutoVerifiedAttributes": ["phone_number"]}
    site = raise_site(members_of(NAMES), config=config, faults={"rules": [rule]})

    done = site.cli.run(roster_of(site.folder, NAMES), "run", "--verification", "by-code", "--max-sms", USERS)

    assert_code(done, 0)
    assert site.running.control("stats")["faults_fired"]["0"] > 10
    assert ends(site.folder / "run") == {("pending", "awaiting_code"): USERS}
    assert sorted(sms(site.running).values()) == [1] * USERS
