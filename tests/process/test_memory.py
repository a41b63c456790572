"""Memory does not grow with the roster or the pool."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from migrate_mfa.clock import SystemClock
from migrate_mfa.simulator import background
from tests.commands.support import POOL_ID, Cli, pool_document, summary

SMALL, LARGE = 2_500, 20_000
MOST_BYTES = 150 * 2**20
GROWTH = 1.05
"""Some 120 bytes a row beside a start of 80 MiB: a row that is kept takes several times that."""
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


def peak_of_plan(folder: Path, users: int) -> int:
    """Plan a roster of everybody in a pool of so many. Returns its peak of memory in bytes."""
    roster, run_dir = folder / f"{users}.csv", folder / f"{users}"
    with roster.open("w", encoding="utf-8") as file:
        file.write("email,phone_number\n")
        file.writelines(
            f"user{number:07d}@example.com,+8190{10_000_000 + number}\n" for number in range(users)
        )
    quotas = {"UserList": 10_000}
    with background(
        pool_document(quotas=quotas, generate={"count": users, "email_verified": 1.0})
    ) as running:
        cli = Cli(folder, running.endpoint)
        options = ("--verification", "attested", "--quota-share", "1.0", "--quiet", "--json")
        child = cli.start(
            "plan",
            roster,
            "--user-pool-id",
            POOL_ID,
            "--run-dir",
            run_dir,
            *options,
            cold=True,
            stdout=subprocess.DEVNULL,
        )
        peak, clock = 0, SystemClock()
        while child.poll() is None:
            peak = max(peak, high_water(child.pid))
            clock.sleep(0.02)
        assert child.stderr is not None
        said = child.stderr.read().decode()
        child.stderr.close()
    assert child.returncode == 0, said
    assert summary(run_dir)["rows"] == users
    assert summary(run_dir)["calls"]["UserList"]["sent"] >= users // 60
    return peak


def high_water(pid: int) -> int:
    """The peak of a process's memory in bytes; wait4 would count that of the test before its exec too."""
    try:
        text = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    except (FileNotFoundError, ProcessLookupError):
        return 0
    found = re.search(r"VmHWM:\s+(\d+) kB", text)
    return int(found[1]) * 1024 if found else 0


@pytest.mark.slow
@pytest.mark.timeout(500)
def test_the_plan_of_eight_times_the_rows_and_users_takes_no_more_memory(tmp_path: Path) -> None:
    small = peak_of_plan(tmp_path, SMALL)
    large = peak_of_plan(tmp_path, LARGE)

    assert large < MOST_BYTES
    assert large <= GROWTH * small, f"{large / 2**20:.0f} MiB, where an eighth took {small / 2**20:.0f} MiB"
