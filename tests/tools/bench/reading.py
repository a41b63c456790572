"""Reading users: the whole pool in one chain, as a loop does it, and in sixteen; and one by one."""

import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.tools.bench.site import POOL_ID, contender, measure, our_run, pool, write_roster

HEAD = ("", "users/s", "of the quota", "throttled", "MB")
_FEWER = 8
_LOOKED_UP = 200  # a row for so many users of the pool, so that look-ups are the cheaper way
_DEEP = 1_200
_LATENCIES_MS = (60, 200)


def rows(users: int) -> Iterator[tuple[str, ...]]:
    """The lines of the table, from the first call to the last. A slow chain reads fewer users."""
    for ms in _LATENCIES_MS:
        few = users // _FEWER
        yield _line(f"one chain (boto3 paginator), {ms} ms", ms, few, few, _paginator)
        yield _line(f"sixteen (migrate-mfa audit), {ms} ms", ms, users, users, _audit)
        looked_up = users // _LOOKED_UP
        plan = _plan_of(looked_up)
        yield _line(f"look-ups (migrate-mfa plan), {ms} ms", ms, users, looked_up, plan, most=30)
        name = f"each user (migrate-mfa audit --deep), {ms} ms"
        yield _line(name, ms, _DEEP, _DEEP, _deep_audit, operation="AdminGetUser", most=120)


def _line(
    name: str,
    latency_ms: int,
    users: int,
    read: int,
    command: Callable[[Path], list[str]],
    *,
    operation: str = "ListUsers",
    most: float = 1800.0,
) -> tuple[str, ...]:
    """One measurement; `read` of `users` are read, and the quota allows `most` a second."""
    faults = {"latency": [{"p50_ms": latency_ms, "p99_ms": latency_ms * 1.3}]}
    with tempfile.TemporaryDirectory() as folder, pool(users, faults=faults, phone_verified=1.0) as running:
        cost = measure(command(Path(folder)), running)
        calls = [call for call in running.control("ledger")["calls"] if call["op"] == operation]
    seconds = calls[-1]["at"] - calls[0]["at"]
    throttled = sum(call["code"] == "TooManyRequestsException" for call in calls)
    rate = read * (1 - 1 / len(calls)) / seconds
    return (
        name,
        f"{rate:,.0f}",
        f"{100 * rate / most:.0f} %",
        f"{100 * throttled / len(calls):.1f} %",
        f"{cost.memory_mb:.0f}",
    )


def _paginator(folder: Path) -> list[str]:
    nothing = folder / "no-roster.csv"
    nothing.write_text("username,phone_number\n", encoding="utf-8")
    return contender("paginator", nothing)


def _audit(folder: Path) -> list[str]:
    return [
        *(sys.executable, "-m", "migrate_mfa", "audit", "--user-pool-id", POOL_ID, "--quiet"),
        *("--quota-share", "1.0", "--run-dir", str(folder / "audit")),
    ]


def _deep_audit(folder: Path) -> list[str]:
    return [*_audit(folder), "--deep", "--yes"]


def _plan_of(users: int) -> Callable[[Path], list[str]]:
    def command(folder: Path) -> list[str]:
        run = our_run(write_roster(folder / "roster.csv", users), folder / "run", "--dry-run")
        return [word for word in run if word != "--yes"]

    return command
