"""A model of one lane in simulated time: pacers, the service's bucket, live traffic, and the network between.

Nothing waits and no thread runs, so minutes of traffic take milliseconds and come out the same every time.
"""

import heapq
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from typing import Self

from migrate_mfa.pacing.limiter import Permit, RateLimiter
from migrate_mfa.simulator.server.fault_file import LiveTraffic
from migrate_mfa.simulator.server.quotas import Bucket

QUOTA = 25.0
OTHER_TURN_S = 0.08
"""The longest wait for the turn in the other category: two intervals."""


class EventClock:
    """A `ports.Clock` that shows the time of the event being handled; nobody may sleep on it."""

    def __init__(self) -> None:
        self.time = 0.0

    def monotonic(self) -> float:
        return self.time

    def now(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        raise AssertionError(f"a call was let go {seconds} s before it was due")


def a_bucket(burst_s: float) -> Bucket:
    """The service's bucket: `burst_s` seconds of the quota, at least one call, whoever makes it."""
    return Bucket(QUOTA, max(1.0, QUOTA * burst_s))


@dataclass(frozen=True, slots=True)
class Network:
    """A call's way there and back: `usual_s` give or take a part, now and then up to `tail_s`."""

    usual_s: float = 0.06
    tail_s: float = 0.08
    give_or_take: float = 0.15

    def latency(self, chance: random.Random) -> float:
        if chance.random() < 0.95:
            return self.usual_s * chance.uniform(1 - self.give_or_take, 1 + self.give_or_take)
        return chance.uniform(self.usual_s, self.tail_s)


@dataclass(slots=True)
class Calls:
    """Whose calls they are, as (moment of arrival, whether it was accepted)."""

    made: list[tuple[float, bool]] = field(default_factory=list)

    def accepted(self, start: float = 0.0, end: float = float("inf")) -> int:
        return sum(taken for at, taken in self.made if start <= at < end)

    def throttled_share(self, start: float = 0.0, end: float = float("inf")) -> float:
        here = [taken for at, taken in self.made if start <= at < end]
        return here.count(False) / max(1, len(here))


class Lane:
    """One category of one lane: its bucket, and live traffic that takes from it."""

    def __init__(self, *, burst_s: float, network: Network | None, seed: int) -> None:
        self.clock = EventClock()
        self.others = Calls()
        self.chance = random.Random(seed)
        self.network = network or Network()
        self._bucket = a_bucket(burst_s)
        self._events: list[tuple[float, int, Callable[[], object]]] = []
        self._order = count()

    def live_traffic(
        self, rps: float, start: float, end: float = float("inf"), *, random: bool = False
    ) -> None:
        """Others make calls too: one in each interval, at any moment of it, or wholly at random."""
        self.take_turns(rps, start, end, random=random, arrive=lambda: self.arrive(self.others))

    def take_turns(
        self, rps: float, start: float, end: float, *, random: bool, arrive: Callable[[], object]
    ) -> None:
        """`arrive` is called at the moments of live traffic."""
        traffic = LiveTraffic(category="UserUpdate", rps=rps, random=random, after_s=start, until_s=end)
        moments = traffic.moments(self.chance)

        def arrive_and_wait() -> None:
            arrive()
            wait_for_next()

        def wait_for_next() -> None:
            if (moment := next(moments, None)) is not None:
                self.at(moment, arrive_and_wait)

        wait_for_next()

    def run(self, until: float) -> Self:
        while self._events and self._events[0][0] < until:
            self.clock.time, _, event = heapq.heappop(self._events)
            event()
        return self

    def at(self, moment: float, event: Callable[[], object]) -> None:
        heapq.heappush(self._events, (moment, next(self._order), event))

    def arrive(self, whose: Calls) -> bool:
        taken = self._bucket.take(self.clock.time)
        whose.made.append((self.clock.time, taken))
        return taken


class LaneModel(Lane):
    """A lane with pacers, each of which always has a call to make.

    As in a run, a turn comes first, then the turn in the other category and a read, then the call.
    """

    def __init__(
        self,
        ceilings: Sequence[float],
        *,
        burst_s: float = 1.0,
        network: Network | None = None,
        seed: int = 1,
    ) -> None:
        super().__init__(burst_s=burst_s, network=network, seed=seed)
        self.limiters = [RateLimiter(ceiling, self.clock, self.chance.random) for ceiling in ceilings]
        self.ours = [Calls() for _ in ceilings]
        self.sent: list[list[float]] = [[] for _ in ceilings]
        for number in range(len(ceilings)):
            self.at(0.001 * number, partial(self._send, number))

    def _send(self, number: int) -> None:
        limiter, now = self.limiters[number], self.clock.time
        if (due := limiter.turn_due()) > now:
            self.at(due, lambda: self._send(number))
            return
        permit = limiter.turn()
        read = self.network.latency(self.chance) + self.chance.uniform(0, OTHER_TURN_S)
        self.at(now + read, lambda: self._go(number, permit))
        self._send(number)

    def _go(self, number: int, permit: Permit, *, waited: bool = False) -> None:
        """Make a call after its read; if its turn is outdated, another call has the next turn."""
        limiter = self.limiters[number]
        limiter._at_gate -= waited
        if limiter.is_outdated(permit):
            return
        if (opens := limiter.window_opens()) > self.clock.time:
            limiter._at_gate += 1
            self.at(opens, lambda: self._go(number, permit, waited=True))
        else:
            self._call(number, permit.go())

    def _call(self, number: int, permit: Permit) -> None:
        permit.sent()
        self.sent[number].append(self.clock.time)
        way = self.network.latency(self.chance) / 2
        self.at(self.clock.time + way, lambda: self._serve(number, permit, way))

    def _serve(self, number: int, permit: Permit, way_back: float) -> None:
        if not self.arrive(self.ours[number]):
            self.at(self.clock.time + way_back, lambda: self.limiters[number].throttled(permit))
