"""Kills the real command line again and again, and checks each time that nothing was lost or done twice.

    make chaos ARGS="--kills 60 --seed 1 --policy by-code --lag 4 --slow 0.25"

Every episode has a simulated Cognito, a roster and a run directory of its own. The choices are drawn from
the seed; at which instruction a process dies is up to the machine. Exits 1 if anything did not hold.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tests.tools.chaos.cast import POLICIES
from tests.tools.chaos.episode import USERS, Figures, Script, play

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

EPISODE: Final = 25
"""Kills in one episode, at most."""
LAG_S: Final = 4.0
SLOW: Final = 0.25
_MOST_TOLD: Final = 20


@dataclass(frozen=True, kw_only=True)
class Orders:
    """What was asked for."""

    kills: int
    seed: int
    policies: tuple[str, ...]
    workers: int = 3
    episode: int = EPISODE
    users: int = USERS
    lag_s: float = LAG_S
    slow: float = SLOW
    in_bucket: bool = False


def play_all(orders: Orders, tell: Callable[[str], None]) -> Figures:
    """Play episodes, some at a time, until there were enough kills; a violation ends it early."""
    total, number = Figures(), 0
    under_way: dict[Future[Figures], Script] = {}
    with ThreadPoolExecutor(orders.workers) as threads:
        while True:
            expected = total.kills + sum(script.kills for script in under_way.values())
            while expected < orders.kills and len(under_way) < orders.workers and not total.violations:
                script = _script(orders, number, min(orders.episode, orders.kills - expected))
                number += 1
                under_way[threads.submit(_play, script)] = script
                expected += script.kills
            if not under_way:
                return total
            done, _ = wait(under_way, return_when=FIRST_COMPLETED)
            for future in done:
                script = under_way.pop(future)
                figures = future.result()
                total.add(figures)
                tell(_episode_line(script, figures, total.kills, orders.kills))


def _script(orders: Orders, number: int, kills: int) -> Script:
    policy = orders.policies[number % len(orders.policies)]
    faulty = number // len(orders.policies) % 2 == 1
    seed = f"{orders.seed}/{policy}/{number}"
    return Script(
        seed=seed,
        policy=policy,
        faulty=faulty,
        kills=kills,
        users=orders.users,
        lag_s=orders.lag_s,
        slow=orders.slow,
        in_bucket=orders.in_bucket,
    )


def _play(script: Script) -> Figures:
    with tempfile.TemporaryDirectory(prefix="chaos-") as folder:
        try:
            return play(script, Path(folder))
        except Exception as error:  # noqa: BLE001 - one episode's end must not hide the others' figures
            return Figures(episodes=1, violations=[f"{script.seed}: {type(error).__name__}: {error}"])


def _episode_line(script: Script, figures: Figures, kills: int, wanted: int) -> str:
    trouble = " among faults" if script.faulty else ""
    return (
        f"{script.seed}{trouble}: {figures.kills} kills in {figures.seconds:.0f} s, "
        f"{figures.in_flight} calls in flight, {figures.repeated} repeated, "
        f"{len(figures.violations)} violations ({kills} of {wanted})"
    )


def account(figures: Figures, seconds: float) -> list[str]:
    """The figures, a line each."""
    lines = [
        f"kills                            {figures.kills}",
        *(f"  {name:<31}{number}" for name, number in figures.ways.most_common()),
        f"ended by a signal and drained    {figures.signals}",
        f"ended by itself for want of AWS  {figures.out_of_reach}",
        f"processes started                {figures.lives}",
        f"  with late reads                {figures.late}",
        f"  with a slow limiter            {figures.slow}",
        f"  once more at the tool's word   {figures.more_runs}",
        f"episodes                         {figures.episodes}",
        f"kills with calls in flight       {figures.hits}",
        f"calls in flight at those         {figures.in_flight}",
        f"  executed, but not journaled    {figures.not_journaled}",
        f"writes executed                  {figures.writes}",
        f"  repeated                       {figures.repeated}",
        f"SMS sent                         {figures.sms}",
        f"  to one user, at most           {figures.sms_max}",
        f"seconds                          {seconds:.0f}",
        f"violations                       {len(figures.violations)}",
    ]
    return lines + [f"  {violation}" for violation in figures.violations[:_MOST_TOLD]]


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="make chaos ARGS=...", description=__doc__, formatter_class=_HELP)
    parser.add_argument("--kills", type=int, default=60, help="how often a process is killed (default 60)")
    parser.add_argument("--seed", type=int, default=1, help="what the choices are drawn from (default 1)")
    parser.add_argument("--policy", choices=POLICIES, help="only this policy (default: both in turn)")
    parser.add_argument("--workers", type=int, default=3, help="episodes at a time (default 3)")
    lag_help = f"how many seconds late a read may show a change, at most (default {LAG_S:g})"
    parser.add_argument("--lag", type=float, default=LAG_S, help=lag_help)
    slow_help = f"the share of the processes with a limiter of a write or two a second (default {SLOW:g})"
    parser.add_argument("--slow", type=float, default=SLOW, help=slow_help)
    bucket_help = "keep the run directories in a bucket, and lose the machine with each process"
    parser.add_argument("--bucket", action="store_true", help=bucket_help)
    given = parser.parse_args(arguments)
    policies = (given.policy,) if given.policy else POLICIES
    orders = Orders(
        kills=given.kills,
        seed=given.seed,
        policies=policies,
        workers=given.workers,
        lag_s=given.lag,
        slow=given.slow,
        in_bucket=given.bucket,
    )
    _silence_children()
    started = time.monotonic()
    figures = play_all(orders, lambda line: print(line, flush=True))  # noqa: T201 - its output
    print("\n".join(account(figures, time.monotonic() - started)), flush=True)  # noqa: T201
    return 1 if figures.violations else 0


def _silence_children() -> None:
    """The simulators tell every SMS on standard error, which they have from us."""
    sys.stderr = os.fdopen(os.dup(2), "w")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)


_HELP = argparse.RawDescriptionHelpFormatter

if __name__ == "__main__":
    sys.exit(main())
