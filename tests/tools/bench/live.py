"""Beside live traffic: how much a run takes of what others leave, how soon it is back, what it costs them.

A process of its own makes the calls of the others over loopback. Who has taken what is read from the
simulator's ledger, for UserUpdate; cells and figures are those of the model
(`tests.tools.bench.lane_matrix`).
"""

import math
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from migrate_mfa.clock import SystemClock
from migrate_mfa.simulator import Running
from tests.tools.bench.lane_matrix import CELLS, START, Cell, Figures, figures
from tests.tools.bench.lane_model import QUOTA, Calls
from tests.tools.bench.site import POOL_ID, contender, environment, our_run, pool, write_roster
from tests.tools.bench.traffic import USERS

NAMES = {str(cell): cell for cell in CELLS}
SHORT = ("60 %, 10 s, even, 1 s", "60 %, 40 s, random, 1 s")
HEAD = ("others take, for, arrivals, bucket", "used", "back s", "own", "theirs, first 10 s", "later")
OURS, ADAPTIVE = "migrate-mfa", "32 threads, adaptive"
_FAULTS = {"latency": [{"p50_ms": 60, "p99_ms": 250}]}
_WAIT_S, _PATIENCE_S = 0.2, 120.0


def rows(cells: Sequence[str], seeds: Sequence[int]) -> Iterator[tuple[str, ...]]:
    """The lines of the table: for each cell and seed the tool, and boto3's adaptive mode."""
    for name in cells:
        yield (f"**{name}**", *[""] * (len(HEAD) - 1))
        for seed in seeds:
            for who in (OURS, ADAPTIVE):
                found = _measure(who, NAMES[name], seed)
                back = f"{found.back_s:.0f}" if NAMES[name].for_s else "-"
                shares = (found.own, found.theirs_first, found.theirs_later)
                yield (who, f"{found.used:.2f}", back, *(f"{share:.1f} %" for share in shares))


def _measure(who: str, cell: Cell, seed: int) -> Figures:
    users = math.ceil(QUOTA * cell.end)  # more than anybody gets done until the end
    with (
        tempfile.TemporaryDirectory() as folder,
        pool(users + USERS, faults=_FAULTS, burst_s=cell.burst_s) as running,
    ):
        roster = write_roster(Path(folder, "roster.csv"), users)
        command = our_run(roster, Path(folder, "run")) if who == OURS else contender(who, roster)
        arrivals = "random" if cell.random else "even"
        seconds = cell.stop - START
        others = [
            *(sys.executable, "-m", "tests.tools.bench.traffic", str(users), str(cell.rps), str(seconds)),
            *(arrivals, str(seed), POOL_ID),
        ]
        began = _side_by_side(command, others, cell, running)
        return _read(running, began, users, cell)


def _side_by_side(command: Sequence[str], others: Sequence[str], cell: Cell, running: Running) -> float:
    """Run both, the others from `START` on. Returns when the first write came, by the clock of the ledger."""
    clock = SystemClock()
    quiet: dict[str, Any] = {
        "env": environment(running),
        "stdout": subprocess.DEVNULL,
        "stderr": subprocess.DEVNULL,
    }
    with (
        subprocess.Popen(others, **quiet, stdin=subprocess.PIPE, text=True) as traffic,
        subprocess.Popen(command, **quiet) as child,
    ):
        try:
            first = _first_write(running)
            began = clock.monotonic()
            clock.sleep(START - _WAIT_S)
            if traffic.stdin is not None:
                traffic.stdin.write("now\n")
                traffic.stdin.flush()
            clock.sleep(max(0.0, began + cell.end - clock.monotonic()))
        finally:
            child.kill()
            traffic.kill()
    return first


def _first_write(running: Running) -> float:
    """Wait for it. Returns its moment by the clock of the ledger."""
    clock = SystemClock()
    waited = clock.monotonic()
    while not (writes := _writes(running)):
        if clock.monotonic() - waited > _PATIENCE_S:
            raise RuntimeError("no write came")
        clock.sleep(_WAIT_S)
    return float(writes[0]["at"])


def _writes(running: Running) -> list[dict[str, Any]]:
    return [call for call in running.control("ledger")["calls"] if call["category"] == "UserUpdate"]


def _read(running: Running, began: float, roster: int, cell: Cell) -> Figures:
    ours, others = Calls(), Calls()
    (state,) = running.control("state").values()
    theirs = {sub for sub, user in state.items() if user["Username"] >= f"user{roster:07d}"}
    for call in _writes(running):
        at = float(call["at"]) - began
        if at < cell.end:
            whose = others if call["user"] in theirs else ours
            whose.made.append((at, call["code"] != "TooManyRequestsException"))
    return figures(cell, ours, others)
