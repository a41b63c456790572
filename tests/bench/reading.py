"""Reading a whole pool: ListUsers in one chain, as a loop does it, and in sixteen."""

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.bench.site import POOL_ID, contender, measure, pool

HEAD = ("", "users/s", "of 1,800", "throttled", "MB")
_MOST = 1800.0
_FEWER = 8
_LATENCIES_MS = (60, 200)


def rows(users: int) -> Iterator[tuple[str, ...]]:
    """The lines of the table, from the first page to the last. A slow chain reads fewer users."""
    for latency in _LATENCIES_MS:
        yield _line("one chain (boto3 paginator)", latency, users // _FEWER)
        yield _line("sixteen (migrate-mfa audit)", latency, users)


def _line(name: str, latency: int, users: int) -> tuple[str, ...]:
    faults = {"latency": [{"p50_ms": latency, "p99_ms": latency * 1.3}]}
    with tempfile.TemporaryDirectory() as folder, pool(users, faults=faults) as running:
        nothing = Path(folder, "no-roster.csv")
        nothing.write_text("username,phone_number\n", encoding="utf-8")
        command = contender("paginator", nothing) if name.startswith("one") else _audit(folder)
        cost = measure(command, running)
        calls = [call for call in running.control("ledger")["calls"] if call["op"] == "ListUsers"]
    seconds = calls[-1]["at"] - calls[0]["at"]
    throttled = sum(call["code"] == "TooManyRequestsException" for call in calls)
    rate = users / seconds
    return (
        f"{name}, {latency} ms",
        f"{rate:,.0f}",
        f"{100 * rate / _MOST:.0f} %",
        f"{100 * throttled / len(calls):.1f} %",
        f"{cost.memory_mb:.0f}",
    )


def _audit(folder: str) -> list[str]:
    return [
        *(sys.executable, "-m", "migrate_mfa", "audit", "--user-pool-id", POOL_ID, "--quiet"),
        *("--quota-share", "1.0", "--run-dir", str(Path(folder, "audit"))),
    ]
