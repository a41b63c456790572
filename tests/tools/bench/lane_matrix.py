"""The matrix of live traffic: what a run takes, how soon it is back, and what it costs the others.

Others take 20 to 80 % of the quota for 10 s, for 40 s or to the end, evenly or at random, with a bucket of
one second or of a fifth. The same is counted for the tool, for 32 threads of boto3's adaptive mode, and for a
constant rate. `python -m tests.tools.bench.lane_matrix` prints all of it, and the frontier:
what the constant rate costs the others, by how much it takes.
"""

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from statistics import mean
from typing import Any

from botocore.exceptions import CapacityNotAvailableError
from botocore.retries.adaptive import ClientRateLimiter, RateClocker
from botocore.retries.bucket import Clock, TokenBucket
from botocore.retries.quota import RetryQuota
from botocore.retries.throttling import CubicCalculator

from tests.tools.bench.lane_model import QUOTA, Calls, Lane, LaneModel, Network, a_bucket

START, FIRST_S, AFTERWARDS_S, ALWAYS_S = 20.0, 10.0, 70.0, 180.0
NETWORK = Network(tail_s=0.25)
SEEDS = (1, 2, 3)
THREADS, ATTEMPTS, RETRY_COST, LONGEST_BACKOFF_S = 32, 10, 5, 20.0


@dataclass(frozen=True, slots=True)
class Cell:
    """Others take `share` of the quota for `for_s` seconds, or to the end of the run."""

    share: float
    for_s: float | None
    random: bool
    burst_s: float

    @property
    def rps(self) -> float:
        return QUOTA * self.share

    @property
    def stop(self) -> float:
        return START + (self.for_s or ALWAYS_S)

    @property
    def later_calls(self) -> float:
        """How many calls of the others `theirs_later` is of."""
        return self.rps * (self.stop - START - FIRST_S)

    @property
    def end(self) -> float:
        return self.stop + (AFTERWARDS_S if self.for_s else 0.0)

    def __str__(self) -> str:
        how_long = f"{self.for_s:.0f} s" if self.for_s else "always"
        arrivals = "random" if self.random else "even"
        return f"{100 * self.share:.0f} %, {how_long}, {arrivals}, {self.burst_s:g} s"


CELLS = tuple(
    Cell(share, for_s, random, burst_s)
    for burst_s in (1.0, 0.2)
    for random in (False, True)
    for for_s in (10.0, 40.0, None)
    for share in (0.2, 0.4, 0.6, 0.8)
)


@dataclass(frozen=True, slots=True)
class Figures:
    """Of one run, or the means of several.

    `used` is the share of what others left over the whole run; `back_s` the seconds until nine tenths of the
    freed quota are used again. The rest are percentages of calls that were throttled: the run's own, and
    those of the others in their first ten seconds, and after these.
    """

    used: float
    back_s: float
    own: float
    theirs_first: float
    theirs_later: float


def figures(cell: Cell, ours: Calls, others: Calls) -> Figures:
    left = QUOTA * cell.end - len(others.made)
    return Figures(
        used=ours.accepted() / left,
        back_s=_back(cell, ours) if cell.for_s else 0.0,
        own=100 * ours.throttled_share(),
        theirs_first=100 * others.throttled_share(START, START + FIRST_S),
        theirs_later=0.0 if cell.for_s == FIRST_S else 100 * others.throttled_share(START + FIRST_S),
    )


def means(runs: Iterable[Figures]) -> Figures:
    every = list(runs)
    names = Figures.__slots__
    return Figures(**{name: mean(getattr(each, name) for each in every) for name in names})


def _back(cell: Cell, ours: Calls) -> float:
    """The first moment from which two seconds held enough calls."""
    wanted = 2 * (QUOTA - 0.1 * cell.rps) - 0.01
    moments = [at for at, taken in ours.made if taken and at >= cell.stop]
    waited = 0.0
    while waited < AFTERWARDS_S - 2:
        start = cell.stop + waited
        if sum(start <= at < start + 2 for at in moments) >= wanted:
            return waited
        waited += 0.25
    return AFTERWARDS_S


def tool(cell: Cell, seed: int) -> Figures:
    """The tool's own limiter with all of the quota."""
    lane = LaneModel([QUOTA], burst_s=cell.burst_s, network=NETWORK, seed=seed)
    lane.live_traffic(cell.rps, START, cell.stop, random=cell.random)
    return figures(cell, lane.run(cell.end).ours[0], lane.others)


def adaptive(cell: Cell, seed: int) -> Figures:
    """What people do today: 32 threads with the two calls of a user in turn, and one adaptive client."""
    lane = _AdaptiveLane(cell, seed)
    return figures(cell, lane.run(cell.end).ours, lane.others)


def constant(rate: float, cell: Cell, seed: int) -> Figures:
    """A rate set by somebody who knows when the others come and go."""
    lane = Lane(burst_s=cell.burst_s, network=NETWORK, seed=seed)
    lane.live_traffic(cell.rps, START, cell.stop, random=cell.random)
    ours = Calls()

    def send(slot: float) -> None:
        lane.arrive(ours)
        slot += 1 / (rate if START <= slot < cell.stop else 0.998 * QUOTA)
        lane.at(max(lane.clock.time, slot + lane.chance.random() / QUOTA), lambda: send(slot))

    lane.at(0.0, lambda: send(0.0))
    return figures(cell, ours, lane.run(cell.end).others)


def frontier(cell: Cell, limit: float) -> float:
    """The largest part of what others leave that a constant rate takes at `limit` % of theirs throttled."""
    low, high = 0.0, 0.99
    if harm(cell, high) <= limit:
        return high
    while high - low > 0.02:
        middle = (low + high) / 2
        low, high = (middle, high) if harm(cell, middle) <= limit else (low, middle)
    return low


def harm(cell: Cell, part: float) -> float:
    """What a constant rate that takes this part of what others leave costs them, in % of their calls."""
    steady, rate = replace(cell, for_s=None), part * (QUOTA - cell.rps)
    return means(constant(rate, steady, seed) for seed in SEEDS).theirs_later


class _Detector:
    def is_throttling_error(self, *, refused: bool) -> bool:
        return refused


class _ModelClock(Clock):
    def __init__(self, lane: Lane) -> None:
        super().__init__()
        self._clock = lane.clock

    def current_time(self) -> float:
        return self._clock.monotonic()


class _AdaptiveLane(Lane):
    """boto3's own limiter, in simulated time. The others come to the second category like to the first."""

    def __init__(self, cell: Cell, seed: int) -> None:
        super().__init__(burst_s=cell.burst_s, network=NETWORK, seed=seed)
        self.ours = Calls()
        self._second = a_bucket(cell.burst_s)
        clock = _ModelClock(self)
        self._tokens = TokenBucket(max_rate=1, clock=clock)
        cubic = CubicCalculator(starting_max_rate=0, start_time=0.0)
        self._limiter: Any = ClientRateLimiter(cubic, RateClocker(clock), self._tokens, _Detector(), clock)
        self._retries = RetryQuota()
        self._waiting: deque[tuple[int, int]] = deque()
        self._wake = 0
        self.live_traffic(cell.rps, START, cell.stop, random=cell.random)
        self.take_turns(
            cell.rps, START, cell.stop, random=cell.random, arrive=lambda: self._second.take(self.clock.time)
        )
        for number in range(THREADS):
            self.at(0.001 * number, lambda: self._send(0, 1))

    def _send(self, category: int, attempt: int) -> None:
        if not self._limiter._enabled:
            self._go(category, attempt)
            return
        self._waiting.append((category, attempt))
        self._let_go()

    def _let_go(self) -> None:
        self._wake += 1
        while self._waiting:
            try:
                self._tokens.acquire(block=False)
            except CapacityNotAvailableError:
                lacking_s = (1 - self._tokens.available_capacity) / self._tokens.max_rate
                self.at(self.clock.time + lacking_s + 1e-9, self._if_still(self._wake))
                return
            self._go(*self._waiting.popleft())

    def _if_still(self, wake: int) -> Callable[[], None]:
        return lambda: self._let_go() if wake == self._wake else None

    def _go(self, category: int, attempt: int) -> None:
        way = self.network.latency(self.chance) / 2
        self.at(self.clock.time + way, lambda: self._serve(category, attempt, way))

    def _serve(self, category: int, attempt: int, way_back: float) -> None:
        taken = self._second.take(self.clock.time) if category else self.arrive(self.ours)
        self.at(self.clock.time + way_back, lambda: self._answer(category, attempt, taken=taken))

    def _answer(self, category: int, attempt: int, *, taken: bool) -> None:
        self._limiter.on_receiving_response(refused=not taken)
        self._let_go()
        next_call, wait_s = (1 - category, 1), 0.001
        if taken:
            self._retries.release(1 if attempt == 1 else RETRY_COST)
        elif attempt < ATTEMPTS and self._retries.acquire(RETRY_COST):
            next_call = (category, attempt + 1)
            wait_s = self.chance.random() * min(2.0 ** (attempt - 1), LONGEST_BACKOFF_S)
        else:
            next_call = (0, 1)
        self.at(self.clock.time + wait_s, lambda: self._send(*next_call))


def main() -> None:
    """Print the matrix as Markdown."""
    head = ("others", "used", "back s", "own %", "theirs first %", "later %")
    print("| " + " | ".join([*head, *head[1:], "frontier"]) + " |\n|---" + "|---:" * 11 + "|")
    for cell in CELLS:
        ours, theirs = (means(run(cell, seed) for seed in SEEDS) for run in (tool, adaptive))
        limit = theirs.theirs_later / 2 if cell.burst_s < 1 else 0.5
        columns = [_columns(ours), _columns(theirs), "" if cell.for_s else f"{frontier(cell, limit):.2f}"]
        print(f"| {cell} | " + " | ".join(columns) + " |", flush=True)


def print_frontier() -> None:
    """Print what a constant rate costs others who come at random, by the part that it takes, as Markdown."""
    parts = (0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.95, 0.99)
    print("\n| theirs later %, at a constant | " + " | ".join(f"{part:.2f}" for part in parts) + " |")
    print("|---" + "|---:" * len(parts) + "|")
    for cell in CELLS:
        if cell.random and cell.for_s is None:
            print(f"| {cell} | " + " | ".join(f"{harm(cell, part):.1f}" for part in parts) + " |", flush=True)


def _columns(found: Figures) -> str:
    return (
        f"{found.used:.2f} | {found.back_s:.0f} | {found.own:.1f} | {found.theirs_first:.1f} "
        f"| {found.theirs_later:.1f}"
    )


if __name__ == "__main__":
    main()
    print_frontier()
