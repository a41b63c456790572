"""The long form of the model: as many sequences of commands as are asked for, drawn from a seed.

    make model ARGS="--examples 2000 --seed 7 --steps 20"

Exits 1 at the first sequence after which something does not hold, and prints it.
"""

from __future__ import annotations

import argparse
import sys
import time
from typing import TYPE_CHECKING

from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.model.machine import FIGURES, Operations

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="make model ARGS=...", description=__doc__, formatter_class=_HELP)
    parser.add_argument("--examples", type=int, default=200, help="how many sequences (default 200)")
    parser.add_argument("--steps", type=int, default=20, help="steps in each, at most (default 20)")
    parser.add_argument("--seed", type=int, default=1, help="what they are drawn from (default 1)")
    parser.add_argument("--shrink", action="store_true", help="look for a shorter sequence; takes minutes")
    given = parser.parse_args(arguments)
    started = time.monotonic()
    try:
        run_state_machine_as_test(
            seed(given.seed)(type("Seeded", (Operations,), {})),
            settings=settings(
                max_examples=given.examples,
                stateful_step_count=given.steps,
                phases=[Phase.generate, *[Phase.shrink] * given.shrink],
                deadline=None,
                database=None,
                suppress_health_check=list(HealthCheck),
            ),
        )
    finally:
        for name, number in sorted(FIGURES.items()):
            print(f"{name:<33}{number}", flush=True)  # noqa: T201 - its output
        print(f"{'seconds':<33}{time.monotonic() - started:.0f}", flush=True)  # noqa: T201
    return 0


_HELP = argparse.RawDescriptionHelpFormatter

if __name__ == "__main__":
    sys.exit(main())
