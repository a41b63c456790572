"""What every measurement needs: a simulator with generated users, a roster, a child process and its cost."""

import csv
import os
import subprocess
import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from migrate_mfa.clock import SystemClock
from migrate_mfa.simulator import Running, background

POOL_ID = "ap-northeast-1_BenchPool"
WRITES = ("UserUpdate", "UserResourceUpdate")
UNBOUND = dict.fromkeys(("UserRead", "UserList", *WRITES), 20000)
"""Quotas that bind nobody."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What a child process took: seconds of the wall clock and of the CPU, and peak memory in MB.

    `started_at` is in seconds since the epoch.
    """

    seconds: float
    cpu_s: float
    memory_mb: float
    started_at: float


@contextmanager
def pool(
    users: int,
    *,
    faults: Mapping[str, Any] | None = None,
    quotas: Mapping[str, float] | None = None,
    burst_s: float = 1.0,
    phone_verified: float = 0.0,
) -> Iterator[Running]:
    """A pool of generated users that enforces its quotas; a share of them has a verified phone."""
    document = {
        "region": "ap-northeast-1",
        "enforce_quotas": True,
        "burst_seconds": burst_s,
        "quotas": dict(quotas or {}),
        "pools": [
            {
                "id": POOL_ID,
                "name": "bench",
                "config": {
                    "MfaConfiguration": "OPTIONAL",
                    "AliasAttributes": ["email"],
                    "SmsConfiguration": {"SnsCallerArn": "arn:aws:iam::123456789012:role/sms"},
                },
                "generate": {"count": users, "email_verified": 1.0, "phone_verified": phone_verified},
            }
        ],
    }
    with background(document, faults=faults, control=True) as running:
        yield running


def write_roster(path: Path, users: int) -> Path:
    """The first `users` of the pool, each with a mobile number."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["username", "phone_number"])
        writer.writerows((f"user{number:07d}", f"+81901{number:07d}") for number in range(users))
    return path


def our_run(roster: Path, run_dir: Path | str, *options: str) -> list[str]:
    """The command line of `run` with all of the quota."""
    return [
        *(sys.executable, "-m", "migrate_mfa", "run", str(roster), "--user-pool-id", POOL_ID),
        *("--verification", "attested", "--quota-share", "1.0", "--run-dir", str(run_dir)),
        *("--yes", "--quiet", *options),
    ]


def contender(name: str, roster: Path) -> list[str]:
    """The command line of one of `contenders`."""
    return [sys.executable, "-m", "tests.tools.bench.contenders", name, str(roster), POOL_ID]


def measure(
    command: Sequence[str],
    running: Running,
    more: Mapping[str, str] | None = None,
    may_end_with: Collection[int] = (),
) -> Cost:
    """Run a command against the simulator to its end, with more variables in its environment.

    Raises:
        SystemExit: it ended with another exit code than 0 and those that it may end with.
    """
    clock = SystemClock()
    started_at, started = clock.now(), clock.monotonic()
    child = subprocess.Popen(
        command,
        env=environment(running) | dict(more or {}),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode not in (0, *may_end_with):
        raise SystemExit(f"{command} ended with {child.returncode}, so there is nothing to measure.")
    return Cost(
        seconds=clock.monotonic() - started,
        cpu_s=usage.ru_utime + usage.ru_stime,
        memory_mb=usage.ru_maxrss / 1024,
        started_at=started_at,
    )


def environment(running: Running) -> dict[str, str]:
    """This environment with the simulator in place of AWS."""
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "MIGRATE_"))},
        "AWS_ACCESS_KEY_ID": "bench",
        "AWS_SECRET_ACCESS_KEY": "bench",
        "AWS_ENDPOINT_URL": running.endpoint,
        "AWS_DEFAULT_REGION": running.region,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_PAGER": "",
    }
