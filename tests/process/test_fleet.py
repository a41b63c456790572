"""Parts of a fleet are killed, frozen or stopped: all users end right, and no lane exceeds its quota."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

from tests.commands.support import assert_code, end, wait_until
from tests.support import warm_process
from tests.support.fleet_site import FleetSite, fleet_site

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

pytestmark = [pytest.mark.promise(4), pytest.mark.slow]

TARGETS: Final = ("tokyo", "osaka", "forum")
USERS: Final = 24
UPDATES_S: Final = 10
"""The quota of UserUpdate."""
SHARE: Final = 0.6
"""A run takes four seconds. Two runs in one lane would exceed its quota; calls that arrive late do not."""
QUOTAS: Final = {"UserRead": 500, "UserUpdate": UPDATES_S, "UserResourceUpdate": 500, "UserList": 500}
QUICK: Final = ("--retry-pause", "1s")
IN_FLIGHT: Final = 16


@pytest.fixture
def site(tmp_path: Path) -> Iterator[FleetSite]:
    with fleet_site(tmp_path, TARGETS, USERS, quotas=QUOTAS, enforce_quotas=True, process=True) as made:
        made.write(quota_share=SHARE)
        yield made


def the_fleet(*more: str) -> tuple[str, ...]:
    return ("fleet", "fleet.toml", "--verb", "run", "--run-dir", "runs", "--yes", *QUICK, *more)


def children_of(pid: int) -> list[int]:
    """The processes that a process has started, without the interpreter that they are forked from."""
    children = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        with suppress(FileNotFoundError):  # this thread has ended
            children += (task / "children").read_text().split()
    return [int(each) for each in children if _name_of(each) != warm_process.WARM]


def _name_of(pid: str) -> str:
    with suppress(FileNotFoundError, ProcessLookupError):
        return Path(f"/proc/{pid}/comm").read_text().strip()
    return ""


def lives(pid: int) -> bool:
    """Whether a process runs; a zombie does not."""
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False


def require_good_end(site: FleetSite) -> None:
    """Require that every user is right, that few calls were repeated, and that no lane was too fast."""
    assert site.all_right()
    assert site.written() <= len(TARGETS) * (len(site.users) + IN_FLIGHT)
    for target in TARGETS:
        assert site.busiest_second(target, "AdminUpdateUserAttributes") <= UPDATES_S, target
    assert {each["exit_code"] for each in site.summary()["targets"].values()} == {0}


def require_drained(summary: Mapping[str, Any]) -> None:
    """Require that each target of a stopped fleet is interrupted, or finished because no row was left."""
    for name, each in summary["targets"].items():
        done = each["counts"].get("unprocessed", USERS) == 0
        assert each["state"] == ("finished" if done else "interrupted"), name
    assert "interrupted" in summary["states"]


def test_a_coordinator_that_is_killed_leaves_commands_that_drain_and_the_next_one_finishes(
    site: FleetSite,
) -> None:
    first = site.cli.start(*the_fleet())
    wait_until(lambda: min(map(site.written_in, TARGETS)) >= 5, "some writes in each account")
    children = children_of(first.pid)
    end(first, signal.SIGKILL)

    assert len(children) == len(TARGETS)
    wait_until(lambda: not any(map(lives, children)), "the end of the commands")
    written = site.written()
    assert written < len(TARGETS) * USERS
    status = site.cli("fleet", "status", "fleet.toml", "--run-dir", "runs", "--json").json()
    require_drained(status)

    assert_code(site.cli.child(*the_fleet()), 0)
    require_good_end(site)


def test_after_a_machine_is_lost_the_status_is_that_of_the_journals(site: FleetSite) -> None:
    first = site.cli.start(*the_fleet())
    wait_until(lambda: min(map(site.written_in, TARGETS)) >= 5, "some writes in each account")
    children = children_of(first.pid)
    os.kill(first.pid, signal.SIGSTOP)
    for each in children:
        os.kill(each, signal.SIGKILL)
    end(first, signal.SIGKILL)

    status = site.cli("fleet", "status", "fleet.toml", "--run-dir", "runs", "--json").json()

    for name, each in status["targets"].items():
        assert (each["state"], each["command"]) == ("interrupted", "run"), name
        assert each["counts"]["unprocessed"] < USERS, name


def test_a_second_fleet_beside_one_that_works_writes_in_no_lane_of_it(site: FleetSite) -> None:
    first = site.cli.start(*the_fleet())
    wait_until(lambda: site.written() >= 10, "ten writes")

    assert_code(site.cli.child(*the_fleet()), 0)

    first.communicate(timeout=60)
    assert first.returncode == 0
    require_good_end(site)


def test_a_coordinator_that_is_frozen_harms_nobody_and_goes_on_when_it_wakes(site: FleetSite) -> None:
    first = site.cli.start(*the_fleet())
    wait_until(lambda: site.written() >= 10, "ten writes")
    first.send_signal(signal.SIGSTOP)
    children = children_of(first.pid)

    assert_code(site.cli.child(*the_fleet()), 0)
    assert not any(map(lives, children))

    first.send_signal(signal.SIGCONT)
    first.communicate(timeout=60)
    assert first.returncode == 0
    require_good_end(site)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_drains_every_command_and_the_same_command_resumes(
    site: FleetSite, number: signal.Signals
) -> None:
    first = site.cli.start(*the_fleet("--workers", "2"))
    wait_until(lambda: site.written() >= 20, "twenty writes")

    done = end(first, number)

    assert done.code == 128 + number, done.said
    require_drained(site.summary())
    assert f"{site.summary()['states']['interrupted']} interrupted" in done.out
    assert_code(site.cli.child(*the_fleet()), 0)
    require_good_end(site)


def test_a_target_whose_last_rows_are_written_after_the_signal_has_finished(tmp_path: Path) -> None:
    slow = {"latency": [{"fixed_ms": 1500, "ops": ["AdminSetUserMFAPreference"]}]}
    with fleet_site(tmp_path, ("tokyo",), 3, faults=slow) as site:
        site.write()
        first = site.cli.start(*the_fleet())
        wait_until(lambda: site.written() == len(site.users), "the first write for each user")

        done = end(first, signal.SIGINT)
        (site.folder / "runs/results/tokyo.json").unlink()
        status = site.cli("fleet", "status", "fleet.toml", "--run-dir", "runs")

        assert site.all_right()
        assert done.code == 130, done.said
        assert "tokyo: run; finished; exit 0; verified 3" in done.out
        assert site.summary()["states"] == {"finished": 1}
        assert "tokyo: run; finished; exit 0; verified 3" in status.out


def test_a_command_that_is_killed_is_started_again_and_resumes(site: FleetSite) -> None:
    first = site.cli.start(*the_fleet())
    wait_until(lambda: site.written() >= 20, "twenty writes")
    for child in children_of(first.pid)[:2]:
        os.kill(child, signal.SIGKILL)

    first.communicate(timeout=90)

    assert first.returncode == 0
    results = [(site.folder / "runs/results" / f"{target}.json").read_text() for target in TARGETS]
    assert sorted('"tries": 2' in each for each in results) == [False, True, True]
    require_good_end(site)


def test_a_frozen_command_keeps_its_lane_and_ends_right_when_it_wakes(site: FleetSite) -> None:
    first = site.cli.start(*the_fleet())
    wait_until(lambda: site.written() >= 20, "twenty writes")
    child = children_of(first.pid)[0]
    os.kill(child, signal.SIGSTOP)
    wait_until(lambda: len(children_of(first.pid)) == 1, "the end of the other commands")

    second = site.cli.start(*the_fleet())
    results = [site.folder / "runs/results" / f"{target}.json" for target in TARGETS]
    wait_until(lambda: any("Another command" in each.read_text() for each in results), "a waiting target")
    os.kill(child, signal.SIGCONT)
    first.communicate(timeout=90)
    _, said = second.communicate(timeout=90)

    assert (first.returncode, second.returncode) == (0, 0)
    assert " waits. Another command works on runs/" in said.decode()
    assert f" It is process {child}." in said.decode()
    require_good_end(site)
