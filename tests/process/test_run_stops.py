"""A run that ends early: limits, failures, signals, locks, a dead server; then the same command again."""

from __future__ import annotations

import os
import shlex
import signal
from typing import TYPE_CHECKING

import pytest

from tests.commands.support import (
    PATIENCE_S,
    POOL_ID,
    Cli,
    Done,
    assert_code,
    calls,
    end,
    ends,
    members_of,
    report,
    roster_of,
    state,
    summary,
    wait_until,
    writes,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.commands.conftest import Site

ATTESTED = ("--verification", "attested")
ENROLLED = ("verified", "enrolled")
USERS = 60
NAMES = tuple(f"user{number:02d}" for number in range(USERS))
SLOWLY = ("--max-rps", "UserUpdate=8")
"""Slow enough to be stopped midway on any machine; also the window of users under way is small then."""
QUICKLY = ("--max-rps", "UserUpdate=1000")
"""A run keeps the pace that it was given last."""
STUCK = {"rules": [{"kind": "hang", "ops": ["AdminUpdateUserAttributes"]}]}
"""The first writes are never answered, so a run stays where it is."""


@pytest.fixture
def site(raise_site: Callable[..., Site]) -> Site:
    """Sixty members, and a roster for all of them."""
    made = raise_site(members_of(NAMES))
    roster_of(made.folder, NAMES)
    return made


def everybody_is_enrolled(site: Site) -> bool:
    users = state(site.running).values()
    numbers = {user["Attributes"]["phone_number"] for user in users}
    return len(numbers) == USERS and all(
        user["Attributes"]["phone_number_verified"] == "true" and user["PreferredMfaSetting"] == "SMS_MFA"
        for user in users
    )


def each_write_was_made_once(site: Site) -> bool:
    made = calls(site.running)
    return made["AdminUpdateUserAttributes"] == made["AdminSetUserMFAPreference"] == USERS


def refused(site: Site, category: str) -> int:
    """How many of our calls of this category the simulator throttled."""
    by_answer = site.running.control("stats")["by_category"].get(category, {})
    return sum(count for answer, count in by_answer.items() if answer.endswith(":TooManyRequestsException"))


class TestLimits:
    def test_waves_of_max_users_go_on_until_nobody_is_left(self, site: Site) -> None:
        waves = []
        for _ in range(3):
            done = site.cli.run("roster.csv", "run", *ATTESTED, "--max-users", 25)
            waves.append(
                (done.code, ends(site.folder / "run")[ENROLLED], summary(site.folder / "run")["state"])
            )

        assert waves == [(10, 25, "stopped"), (10, 50, "stopped"), (0, 60, "finished")]
        assert everybody_is_enrolled(site)
        assert each_write_was_made_once(site)

    def test_stop_after_ends_the_run_in_time_and_it_goes_on_later(self, site: Site) -> None:
        done = site.cli.run("roster.csv", "run", *ATTESTED, "--max-rps", "UserUpdate=2", "--stop-after", "4s")
        left = summary(site.folder / "run")
        again = site.cli.run("roster.csv", "run", *ATTESTED, *QUICKLY)

        assert_code(done, 10)
        assert 0 < left["counts"]["verified"] < USERS
        assert left["counts"]["unprocessed"] == USERS - left["counts"]["verified"]
        assert_code(again, 0)
        assert each_write_was_made_once(site)


@pytest.mark.promise(12)
class TestFailures:
    def test_too_many_refusals_stop_the_run_and_the_report_says_who(self, site: Site) -> None:
        names = NAMES[::4]
        rule = {"kind": "error", "ops": ["AdminUpdateUserAttributes"], "users": names}
        site.running.control("faults", {"rules": [rule]})

        done = site.cli.run("roster.csv", "run", *ATTESTED, *SLOWLY, "--max-failures", "10%")
        left = summary(site.folder / "run")

        assert_code(done, 8)
        assert "--max-failures" in done.err
        assert left["state"] == "stopped"
        assert left["counts"]["unprocessed"] > 0
        refused = report(site.folder / "run", "failed")
        assert 5 <= len(refused) < len(names)
        assert {line["reason"] for line in refused} == {"rejected"}

    def test_after_the_cause_is_mended_the_same_command_does_the_rest_and_then_the_failed(
        self, site: Site
    ) -> None:
        names = NAMES[::4]
        rule = {"kind": "error", "ops": ["AdminUpdateUserAttributes"], "users": names}
        site.running.control("faults", {"rules": [rule]})
        site.cli.run("roster.csv", "run", *ATTESTED, *SLOWLY, "--max-failures", "10%")
        site.running.control("faults", {})

        rest = site.cli.run("roster.csv", "run", *ATTESTED, *QUICKLY)
        failed = site.cli.run("roster.csv", "run", *ATTESTED)

        assert_code(rest, 7)
        assert_code(failed, 0)
        assert ends(site.folder / "run") == {ENROLLED: USERS}
        assert everybody_is_enrolled(site)

    @pytest.mark.slow
    def test_a_server_that_is_gone_stops_the_run_and_blames_no_user(
        self, raise_site: Callable[..., Site]
    ) -> None:
        site = raise_site(members_of(NAMES), process=True)
        roster_of(site.folder, NAMES)
        child = site.cli.running("roster.csv", "run", *ATTESTED, *SLOWLY, "--wait-for-network", "2s")
        wait_until(lambda: writes(site.running) >= 10, "ten writes")

        site.running.process.kill()
        out, err = child.communicate(timeout=PATIENCE_S)

        assert_code(Done(child.returncode, out.decode(), err.decode()), 8)
        left = summary(site.folder / "run")
        assert left["state"] == "stopped"
        assert left["counts"]["failed"] == 0
        assert left["counts"]["unprocessed"] > 0


@pytest.fixture
def hang_ups_count() -> Iterator[None]:
    """Commands take over what the tests were started with, and that may be nohup."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


@pytest.mark.promise(12)
@pytest.mark.usefixtures("hang_ups_count")
class TestSignals:
    @pytest.mark.parametrize(
        ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 143)]
    )
    def test_a_signal_ends_it_with_a_report_and_the_same_command_comes_to_the_same_end(
        self, site: Site, number: signal.Signals, code: int
    ) -> None:
        child = site.cli.running("roster.csv", "run", *ATTESTED, *SLOWLY)
        wait_until(lambda: writes(site.running) >= 20, "twenty writes")

        done = end(child, number)
        left, unprocessed = summary(site.folder / "run"), report(site.folder / "run", "unprocessed")
        again = site.cli.run("roster.csv", "run", *ATTESTED, *QUICKLY)

        assert_code(done, code)
        assert left["counts"]["unprocessed"] == len(unprocessed)
        assert left["state"] == "interrupted"
        assert 0 < left["counts"]["unprocessed"] < USERS
        assert sum(left["counts"].values()) == USERS
        assert_code(again, 0)
        assert ends(site.folder / "run") == {ENROLLED: USERS}
        assert everybody_is_enrolled(site)
        assert each_write_was_made_once(site)

    def test_a_signal_while_it_plans_writes_nothing_and_the_plan_is_made_again(
        self, raise_site: Callable[..., Site]
    ) -> None:
        users = members_of(NAMES)
        faults = {"latency": [{"fixed_ms": 400, "ops": ["ListUsers"]}]}
        site = raise_site(users, faults=faults, generate={"count": 600})
        roster_of(site.folder, NAMES)
        child = site.cli.running("roster.csv", "run", *ATTESTED)
        wait_until(lambda: calls(site.running)["ListUsers"] >= 2, "two pages")

        done = end(child, signal.SIGTERM)
        made = writes(site.running)
        site.running.control("faults", {})
        again = site.cli.run("roster.csv", "run", *ATTESTED, *QUICKLY)

        assert_code(done, 143)
        assert made == 0
        assert_code(again, 0)
        assert ends(site.folder / "run") == {ENROLLED: USERS}

    def test_after_ctrl_c_the_printed_command_goes_on_within_the_same_limits(self, site: Site) -> None:
        wave = ("--max-users", str(USERS - 5), "--stop-after", "1h")
        options = ("--user-pool-id", POOL_ID, "--run-dir", "run", *ATTESTED, *SLOWLY, *wave)
        child = site.cli.start("run", "roster.csv", *options, "--yes")
        wait_until(lambda: writes(site.running) >= 20, "twenty writes")

        done = end(child, signal.SIGINT)
        [line] = [line for line in done.err.splitlines() if line.startswith("  migrate-mfa ")]
        again = site.cli(*shlex.split(line)[1:], "--yes", *QUICKLY)

        assert_code(done, 130)
        for words in ("run --run-dir run", " ".join(wave), " ".join(SLOWLY)):
            assert words in line
        assert_code(again, 0)
        assert ends(site.folder / "run") == {ENROLLED: USERS}

    def test_status_tells_how_far_a_running_run_is(self, site: Site) -> None:
        child = site.cli.running("roster.csv", "run", *ATTESTED, "--max-rps", "UserUpdate=2")
        wait_until(lambda: writes(site.running) >= 8, "eight writes")

        during = site.cli("status", "--run-dir", "run", "--json").json()
        done = end(child, signal.SIGINT)
        after = site.cli("status", "--run-dir", "run", "--json").json()

        assert_code(done, 130)
        assert during["state"] == "running"
        assert after["state"] == "interrupted"
        assert 0 < during["counts"]["verified"] <= after["counts"]["verified"] < USERS


class TestLocks:
    def test_a_lane_belongs_to_one_process_at_a_time(self, site: Site) -> None:
        site.running.control("faults", STUCK)
        child = site.cli.running("roster.csv", "run", *ATTESTED)
        wait_until(lambda: writes(site.running) >= 1, "one write")

        second = site.cli.run("roster.csv", "other", *ATTESTED)
        end(child, signal.SIGKILL)
        site.running.control("faults", {})
        third = site.cli.run("roster.csv", "other", *ATTESTED)

        assert_code(second, 6)
        assert "another migrate-mfa" in second.err.lower()
        assert f"It is process {child.pid}, on {site.folder / 'run'}." in second.err
        assert_code(third, 0)

    def test_a_run_directory_belongs_to_one_process_at_a_time(
        self, site: Site, raise_site: Callable[..., Site]
    ) -> None:
        elsewhere = raise_site(members_of(NAMES))
        site.running.control("faults", STUCK)
        child = site.cli.running("roster.csv", "run", *ATTESTED)
        wait_until(lambda: writes(site.running) >= 1, "one write")

        second = Cli(site.folder, elsewhere.running.endpoint).run("roster.csv", "run", *ATTESTED)
        end(child, signal.SIGKILL)

        assert_code(second, 6)
        assert "another process" in second.err.lower()
        assert writes(elsewhere.running) == 0


def test_nobody_reads_what_it_says_and_it_works_on(site: Site) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    wave = ("--user-pool-id", POOL_ID, "--run-dir", "run", "--yes", *ATTESTED, "--max-users", 5)
    with os.fdopen(writer) as gone:
        child = site.cli.start("run", "roster.csv", *wave, stderr=gone)

    out, _ = child.communicate(timeout=PATIENCE_S)

    assert child.returncode == 10, out.decode()
    assert ends(site.folder / "run")[ENROLLED] == 5
    assert not list(site.folder.rglob("migrate-mfa-bug-*"))


@pytest.mark.promise(13)
def test_throttled_by_live_traffic_it_yields_and_still_comes_to_the_end(
    raise_site: Callable[..., Site],
) -> None:
    """The pool enforces its quotas, and another application takes far more than there is, then nearly all."""
    quotas = {"UserRead": 2000, "UserUpdate": 40, "UserResourceUpdate": 40, "UserList": 500}
    crowd, others = ({"live_traffic": [{"category": "UserUpdate", "rps": rps}]} for rps in (4000, 36))
    site = raise_site(members_of(NAMES), quotas=quotas, enforce_quotas=True, burst_seconds=0.1, faults=crowd)

    child = site.cli.running(roster_of(site.folder, NAMES[:14]), "run", *ATTESTED)
    wait_until(lambda: refused(site, "UserUpdate") >= 1, "one write refused")
    site.running.control("faults", others)
    out, err = child.communicate(timeout=PATIENCE_S)

    assert_code(Done(child.returncode, out.decode(), err.decode()), 0)
    count = summary(site.folder / "run")["calls"]["UserUpdate"]
    assert count["throttled"] > 0
    assert count["sent"] == 14 + count["throttled"]
    assert ends(site.folder / "run")[ENROLLED] == 14
