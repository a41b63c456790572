"""The ways in which a process is made to end: at seeded points, at random moments, by signals.

A way starts a life with faults and options of its own, waits for its moment, and ends the life. A process
that ends by itself before the moment comes is left to: then that was no kill.
"""

from __future__ import annotations

import signal
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from tests.commands.support import OUTCOMES
from tests.tools.chaos.cast import PREFER, UPDATE
from tests.tools.chaos.life import pause, stamp

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from random import Random

    from tests.tools.chaos.life import Life

_REPORTS: Final = (*(f"{outcome}.csv" for outcome in OUTCOMES), "summary.json")
_MOMENT_S: Final = 20.0
"""A point that has not come by then does not come in this life; the process is killed all the same."""
_BUSY_POLL_S: Final = 0.0005


@dataclass(frozen=True, kw_only=True)
class Aim:
    """What a way may choose from.

    `targets`: users who wait to be written to, by sub, with the operation that comes next. `left`: writes
    still to be made. `lives`: lives still to come. `warm_up_s`: when the first write is to be expected.
    """

    targets: Sequence[tuple[str, str]]
    left: int
    lives: int
    warm_up_s: float
    planned: bool


@dataclass(frozen=True, kw_only=True)
class Ending:
    """One way, made concrete. `act` waits for the moment and ends the life."""

    name: str
    act: Callable[[Life], None]
    options: tuple[str, ...] = ()
    rules: tuple[dict[str, Any], ...] = ()
    latency: tuple[dict[str, Any], ...] = ()
    signals: frozenset[int] = field(default_factory=frozenset)
    """Exit codes with which the process may end here, beside being killed and ending by itself."""


def at_a_random_moment(random: Random, aim: Aim) -> Ending:
    seconds = random.uniform(0.0, aim.warm_up_s + 1.0)

    def act(life: Life) -> None:
        life.wait(lambda: False, seconds)
        _kill(life)

    return Ending(name="at a random moment", act=act)


def after_some_writes(random: Random, aim: Aim) -> Ending:
    wanted = _share(random, aim)

    def act(life: Life) -> None:
        life.wait(lambda: life.writes() >= wanted, _MOMENT_S)
        _kill(life)

    return Ending(name="after some writes", act=act)


def executed_and_not_answered(random: Random, aim: Aim) -> Ending:
    """The write was carried out, its answer is on its way."""
    return _hanging(random, aim, executed=True, name="executed, not answered")


def received_and_not_executed(random: Random, aim: Aim) -> Ending:
    """The write was sent, and the service lost it."""
    return _hanging(random, aim, executed=False, name="sent, not executed")


def intended_and_not_sent(random: Random, aim: Aim) -> Ending:
    """The intent is in the journal, and the call waits for its turn."""
    del aim
    wanted = random.randint(1, 3)

    def act(life: Life) -> None:
        life.wait(lambda: life.writes() >= 1 and life.unsent() >= wanted, _MOMENT_S)
        _kill(life)

    slow = ("--max-rps", "UserUpdate=2", "--max-rps", "UserResourceUpdate=2")
    return Ending(name="intended, not sent", act=act, options=slow)


def while_throttled(random: Random, aim: Aim) -> Ending:
    """The intent is in the journal, the call was refused for its rate and waits to be made again."""
    sub, operation = _target(random, aim)

    def act(life: Life) -> None:
        life.wait(lambda: life.reached(sub, operation, executed=False), _MOMENT_S)
        _kill(life)

    rule = {"kind": "throttle", "ops": [operation], "users": [sub]}
    return Ending(name="waiting after a throttle", act=act, rules=(rule,))


def while_planning(random: Random, aim: Aim) -> Ending:
    """Between two pages of the pool, or two look-ups."""
    del aim
    pages = random.randint(1, 4)

    def act(life: Life) -> None:
        def moment() -> bool:
            return sum(call.op == "ListUsers" for call in life.ledger.read()[life.first_seq :]) >= pages

        life.wait(moment, _MOMENT_S)
        pause(random.uniform(0.0, 0.05))
        _kill(life)

    slow = {"ops": ["ListUsers"], "fixed_ms": 40}
    return Ending(name="while planning", act=act, latency=(slow,))


def while_reporting(random: Random, aim: Aim) -> Ending:
    """A signal has ended the work, and the reports are being written."""
    wanted, which = _share(random, aim), random.choice(_REPORTS)

    def act(life: Life) -> None:
        path = life.run_dir / "report" / which
        before = stamp(path)
        if life.wait(lambda: stamp(path) != before or life.writes() >= wanted, _MOMENT_S, _BUSY_POLL_S):
            life.send(signal.SIGTERM)
        life.wait(lambda: stamp(path) != before, _MOMENT_S, _BUSY_POLL_S)
        _kill(life)

    return Ending(name="while reporting", act=act, signals=frozenset({143}))


def by_one_signal(random: Random, aim: Aim) -> Ending:
    """SIGTERM or SIGINT: what is in flight ends, then the reports are written."""
    wanted, number = _share(random, aim), random.choice((signal.SIGTERM, signal.SIGINT))

    def act(life: Life) -> None:
        if life.wait(lambda: life.writes() >= wanted, _MOMENT_S):
            life.send(number)
        else:
            _kill(life)

    return Ending(name=f"by {number.name}", act=act, signals=frozenset({128 + number}))


def by_two_signals(random: Random, aim: Aim) -> Ending:
    """The second signal ends the process at once, unless both come so close that Python sees them as one."""
    wanted, second = _share(random, aim), random.choice((signal.SIGTERM, signal.SIGINT))

    def act(life: Life) -> None:
        if not life.wait(lambda: life.writes() >= wanted, _MOMENT_S):
            _kill(life)
            return
        life.send(signal.SIGTERM)
        pause(0.01)
        if life.alive:
            life.send(second)

    return Ending(name="by a second signal", act=act, signals=frozenset({143, 130}))


WAYS: Final = (
    at_a_random_moment,
    executed_and_not_answered,
    after_some_writes,
    intended_and_not_sent,
    by_two_signals,
    executed_and_not_answered,
    while_reporting,
    received_and_not_executed,
    at_a_random_moment,
    after_some_writes,
    while_throttled,
    by_one_signal,
)
"""In the shares in which they are dealt."""
AIMED: Final = frozenset({executed_and_not_answered, received_and_not_executed, while_throttled})
"""Those that need a user who waits to be written to."""


def _hanging(random: Random, aim: Aim, *, executed: bool, name: str) -> Ending:
    sub, operation = _target(random, aim)

    def act(life: Life) -> None:
        life.wait(lambda: life.reached(sub, operation, executed=executed), _MOMENT_S)
        _kill(life)

    when = "after" if executed else "before"
    rule = {"kind": "hang", "when": when, "ops": [operation], "users": [sub], "attempts": [1]}
    return Ending(name=name, act=act, rules=(rule,))


def _target(random: Random, aim: Aim) -> tuple[str, str]:
    near = aim.targets[:8]
    sub, operation = random.choice(near)
    assert operation in {UPDATE, PREFER}
    return sub, operation


def _share(random: Random, aim: Aim) -> int:
    """So many writes that those left last for the lives to come."""
    return random.randint(1, max(1, aim.left // max(1, aim.lives)))


def _kill(life: Life) -> None:
    if life.alive:
        life.send(signal.SIGKILL)
