"""Enrolment: our tool beside what people do today, under the quotas of one lane."""

import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from migrate_mfa.simulator import Running
from tests.tools.bench import aws_cli
from tests.tools.bench.contenders import CONTENDERS
from tests.tools.bench.site import WRITES, Cost, contender, measure, our_run, pool, write_roster

QUOTA = 25
OURS, CLI = "migrate-mfa", "AWS CLI under xargs"
NAMES = (OURS, *CONTENDERS, CLI)
_QUIET = {"latency": [{"p50_ms": 60, "p99_ms": 80}]}
_TAIL = {"latency": [{"p50_ms": 60, "p99_ms": 250}]}
_OTHERS = {"live_traffic": [{"category": category, "rps": 10} for category in WRITES]}
_RANDOM = {"live_traffic": [{"category": category, "rps": 10, "random": True} for category in WRITES]}
_FEW = {"boto3 loop": 300, CLI: 12}
"""Those that enrol one user after the other are too slow for all; their ratio does not depend on how many."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """What the lane is like: the service's misbehaviour, how deep its bucket is, what others leave."""

    faults: Mapping[str, Any]
    burst_s: float = 1.0
    left: float = 1.0


SCENARIOS = {
    "alone, 60 ms": Scenario(_QUIET),
    "alone, p99 250 ms": Scenario(_TAIL),
    "alone, shallow bucket": Scenario(_QUIET, burst_s=0.2),
    "40 % taken": Scenario(_QUIET | _OTHERS, left=0.6),
    "40 % taken, p99 250 ms": Scenario(_TAIL | _OTHERS, left=0.6),
    "40 % taken, shallow bucket": Scenario(_QUIET | _OTHERS, burst_s=0.2, left=0.6),
    "40 % taken at random": Scenario(_QUIET | _RANDOM, left=0.6),
}
HEAD = ("", "wall/limit", "throttled", "theirs", "failed", "half-done", "CPU ms/user", "MB")


def rows(users: int, scenarios: Sequence[str], names: Sequence[str]) -> Iterator[tuple[str, ...]]:
    """The lines of the table: one for each contender in each scenario."""
    for scenario in scenarios:
        limit = users / (QUOTA * SCENARIOS[scenario].left)
        yield (f"**{scenario}** (limit {limit:.0f} s)", *[""] * (len(HEAD) - 1))
        for name in names:
            yield _line(name, scenario, users)


def _line(name: str, scenario: str, users: int) -> tuple[str, ...]:
    if name == CLI:
        command = aws_cli.command()
        if command is None:
            return (f"{CLI}: not there, see --help", *["-"] * (len(HEAD) - 1))
    users = min(users, _FEW.get(name, users))
    with tempfile.TemporaryDirectory() as folder, _lane(scenario, users) as running:
        roster = write_roster(Path(folder, "roster.csv"), users)
        cost = measure(_command(name, roster, Path(folder)), running)
        return _judge(name, users, SCENARIOS[scenario], running, cost)


def _lane(scenario: str, users: int) -> Any:
    chosen = SCENARIOS[scenario]
    return pool(users, faults=chosen.faults, burst_s=chosen.burst_s)


def _command(name: str, roster: Path, folder: Path) -> list[str]:
    if name == OURS:
        return our_run(roster, folder / "run")
    if name == CLI:
        return aws_cli.under_xargs(roster, folder)
    return contender(name, roster)


def _judge(name: str, users: int, scenario: Scenario, running: Running, cost: Cost) -> tuple[str, ...]:
    calls = [call for call in running.control("ledger")["calls"] if call["category"] in WRITES]
    throttled = sum(call["code"] == "TooManyRequestsException" for call in calls)
    others = Counter[str]()
    for category in running.control("stats")["live_traffic"].values():
        others.update(category)
    (state,) = running.control("state").values()
    ends = Counter(_end(user) for user in state.values())
    return (
        f"{name} ({users} users)" if name in _FEW else name,
        f"{cost.seconds / (users / (QUOTA * scenario.left)):.2f}",
        f"{100 * throttled / max(len(calls), 1):.1f} %",
        f"{100 * others['throttled'] / others.total():.1f} %" if others else "",
        f"{100 * (users - ends['enrolled']) / users:.0f} %",
        f"{100 * ends['half'] / users:.0f} %",
        f"{1000 * cost.cpu_s / users:.1f}",
        f"{cost.memory_mb:.0f}",
    )


def _end(user: Mapping[str, Any]) -> str:
    stored = user["Attributes"].get("phone_number_verified") == "true"
    if stored and user.get("PreferredMfaSetting") == "SMS_MFA":
        return "enrolled"
    return "half" if stored else "untouched"
