"""Plays many worlds and tells which promises did not hold.

    make simulate-faults ARGS="--seeds 1000 --first 1"
    make simulate-faults ARGS="--seed 42 --trace"

A world is the whole engine, its journal and the commands over it, on virtual time and one step at a time,
with an adversary who delays, loses, throttles, edits and kills; its seed decides everything. Exits 1 after a
violation.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from tests.simulation.world import World

_MEMORY: Final = Path("/dev/shm")


@dataclass(frozen=True, slots=True)
class Played:
    """What came of one seed."""

    seed: int
    steps: int
    runs: int
    crashes: int
    writes: int
    violations: tuple[str, ...]
    trace: tuple[str, ...] = ()


def play(seed: int, *, trace: bool = False) -> Played:
    memory = _MEMORY if _MEMORY.is_dir() else None
    with tempfile.TemporaryDirectory(prefix="migrate-mfa-world-", dir=memory) as folder:
        world = World(seed, Path(folder), trace=trace)
        violations = world.live()
        return Played(
            seed=seed,
            steps=world.scheduler.steps,
            runs=world.runs,
            crashes=world.crashes,
            writes=len(world.judge.gaps),
            violations=tuple(violations),
            trace=tuple(world.log),
        )


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="make simulate-faults", description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=1000, help="how many worlds")
    parser.add_argument("--first", type=int, default=1, help="the seed of the first one")
    parser.add_argument("--seed", type=int, help="this world alone")
    parser.add_argument("--trace", action="store_true", help="print what happened, step by step")
    parser.add_argument("--processes", type=int, default=2)
    asked = parser.parse_args(arguments)
    seeds = [asked.seed] if asked.seed is not None else range(asked.first, asked.first + asked.seeds)
    begun, steps, runs, crashes, writes, failed = time.monotonic(), 0, 0, 0, 0, 0
    with ProcessPoolExecutor(asked.processes if len(seeds) > 1 else 1) as pool:
        for played in pool.map(partial(play, trace=asked.trace), seeds, chunksize=4):
            steps, runs, crashes = steps + played.steps, runs + played.runs, crashes + played.crashes
            writes += played.writes
            for line in played.trace:
                print(line)
            if played.violations:
                failed += 1
                print(f"seed {played.seed}: {played.violations[0]}", flush=True)
                for more in played.violations[1:4]:
                    print(f"    {more}")
    print(
        f"{len(seeds):,} worlds, {runs:,} commands, {crashes:,} killed, {writes:,} writes, {steps:,} steps in"
        f" {time.monotonic() - begun:.0f} s: {failed:,} worlds with a violation"
    )
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
