"""How fast the quota allows, beside what people do today: one table of ratios, measured in one run.

    python -m tests.bench.bench [--users N] [--scenario NAME ...] [--contender NAME ...]

Every contender enrols the same users in a fresh simulator that enforces Cognito's default quotas (25 calls a
second in each write category) with the given latency. `wall/limit` compares the time with the least that the
quota allows for the users, so 1.00 is perfect; seconds of different machines are not compared.
"""

import argparse
import csv
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from migrate_mfa.simulator import Running, background
from tests.bench.contenders import CONTENDERS

POOL_ID = "ap-northeast-1_BenchPool"
QUOTA = 25
WRITES = ("UserUpdate", "UserResourceUpdate")

SCENARIOS: dict[str, dict[str, Any]] = {
    "alone, 60 ms": {"latency": [{"p50_ms": 60, "p99_ms": 80}]},
    "alone, p99 250 ms": {"latency": [{"p50_ms": 60, "p99_ms": 250}]},
    "40 % taken by others": {
        "latency": [{"p50_ms": 60, "p99_ms": 80}],
        "live_traffic": [{"category": category, "rps": 10} for category in WRITES],
    },
    "burst of a fifth of a second": {"latency": [{"p50_ms": 60, "p99_ms": 80}]},
}
_BURSTS = {"burst of a fifth of a second": 0.2}
_LEFT = {"40 % taken by others": 0.6}


_COLUMNS = ("wall/limit", "throttled", "enrolled", "half-done", "CPU s", "MB")
_HEAD = " " * 28 + "".join(f"{name:>11}" for name in _COLUMNS)


@dataclass(frozen=True, slots=True)
class Result:
    """One contender in one scenario."""

    contender: str
    seconds: float
    cpu_s: float
    memory_mb: float
    enrolled: int
    half_done: int
    throttled: int
    sent: int


def main(argv: list[str]) -> int:
    """Run the table. Returns 0, or 1 when our own tool left a user behind."""
    arguments = _arguments(argv)
    ok = True
    print(f"{arguments.users} users, quota {QUOTA}/s in each write category, measured in one run\n")
    for scenario in arguments.scenario or SCENARIOS:
        limit = arguments.users / (QUOTA * _LEFT.get(scenario, 1.0))
        print(f"{scenario}: the quota allows it in {limit:.0f} s")
        print(_HEAD)
        for contender in arguments.contender or ("migrate-mfa", *CONTENDERS):
            result = measure(contender, scenario, arguments.users)
            ok = ok and (contender != "migrate-mfa" or result.enrolled == arguments.users)
            print(_line(result, limit), flush=True)
        print()
    return 0 if ok else 1


def measure(contender: str, scenario: str, users: int) -> Result:
    """Let one contender enrol all users, in a child process."""
    with tempfile.TemporaryDirectory() as name, _pool(scenario, users) as running:
        folder = Path(name)
        roster = folder / "roster.csv"
        _write_roster(roster, users)
        started, before = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
        child = _start(contender, roster, folder, running)
        memory = _wait(child)
        seconds = time.monotonic() - started
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        return _judge(contender, running, seconds, cpu, memory)


def _judge(contender: str, running: Running, seconds: float, cpu: float, memory: float) -> Result:
    ledger = [call for call in running.control("ledger")["calls"] if call["category"] in WRITES]
    codes = Counter(call["code"] for call in ledger)
    states = Counter(_kind(user) for user in _users(running))
    return Result(
        contender=contender,
        seconds=seconds,
        cpu_s=cpu,
        memory_mb=memory,
        enrolled=states["enrolled"],
        half_done=states["half"],
        throttled=codes["TooManyRequestsException"],
        sent=len(ledger),
    )


def _kind(user: Mapping[str, Any]) -> str:
    stored = user["Attributes"].get("phone_number_verified") == "true"
    if stored and user.get("PreferredMfaSetting") == "SMS_MFA":
        return "enrolled"
    return "half" if stored else "untouched"


def _users(running: Running) -> list[Mapping[str, Any]]:
    return list(running.control("state")[POOL_ID].values())


def _start(contender: str, roster: Path, folder: Path, running: Running) -> subprocess.Popen[bytes]:
    if contender == "migrate-mfa":
        command = [
            *(sys.executable, "-m", "migrate_mfa", "run", str(roster), "--user-pool-id", POOL_ID),
            *("--verification", "attested", "--quota-share", "1.0", "--run-dir", str(folder / "run")),
            *("--yes", "--quiet"),
        ]
    else:
        command = [sys.executable, "-m", "tests.bench.contenders", contender, str(roster), POOL_ID]
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "MIGRATE_"))},
        "AWS_ACCESS_KEY_ID": "bench",
        "AWS_SECRET_ACCESS_KEY": "bench",
        "AWS_ENDPOINT_URL": running.endpoint,
        "AWS_DEFAULT_REGION": running.region,
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    return subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)


def _wait(child: subprocess.Popen[bytes]) -> float:
    """Peak memory of the child in MB (its own, not that of other children)."""
    _, _, usage = os.wait4(child.pid, 0)
    child.returncode = 0
    return usage.ru_maxrss / 1024


@contextmanager
def _pool(scenario: str, users: int) -> Iterator[Running]:
    document = {
        "region": "ap-northeast-1",
        "enforce_quotas": True,
        "burst_seconds": _BURSTS.get(scenario, 1.0),
        "pools": [
            {
                "id": POOL_ID,
                "name": "bench",
                "config": {
                    "MfaConfiguration": "OPTIONAL",
                    "AliasAttributes": ["email"],
                    "SmsConfiguration": {"SnsCallerArn": "arn:aws:iam::123456789012:role/sms"},
                },
                "generate": {"count": users, "email_verified": 1.0},
            }
        ],
    }
    with background(document, faults=SCENARIOS[scenario], control=True) as running:
        yield running


def _write_roster(path: Path, users: int) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["username", "phone_number"])
        writer.writerows((f"user{number:07d}", f"+81901{number:07d}") for number in range(users))


def _line(result: Result, limit: float) -> str:
    cells = (
        f"{result.seconds / limit:.2f}",
        f"{100 * result.throttled / max(result.sent, 1):.1f} %",
        f"{result.enrolled}",
        f"{result.half_done}",
        f"{result.cpu_s:.1f}",
        f"{result.memory_mb:.0f}",
    )
    return f"  {result.contender:<26}" + "".join(f"{cell:>11}" for cell in cells)


def _arguments(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Compare enrolment with what people do today.")
    parser.add_argument("--users", type=int, default=300)
    parser.add_argument("--scenario", action="append", choices=list(SCENARIOS))
    parser.add_argument("--contender", action="append")
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
