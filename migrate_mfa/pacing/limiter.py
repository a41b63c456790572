"""One limiter per quota category: calls are spread over each second and never exceed the share.

Cognito does not document how large a burst it allows ("Quotas in Amazon Cognito"). So each interval has one
call (late threads can make up for two intervals at most), and no half-open window of one second, counted
when requests are sent, has more calls than the ceiling.

Within its interval, a call comes at a random moment. Calls in step with a bucket that refills at the same
rate would take each token as soon as it is there: they would never be throttled, and take the whole quota
from others without noticing.

A throttle cuts the rate, and `pacing.adaptive_rate` raises it again, so live traffic keeps the quota that it
needs.
"""

import random
import threading
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

from migrate_mfa.pacing.adaptive_rate import AdaptiveRate

if TYPE_CHECKING:
    from collections.abc import Callable

    from migrate_mfa.ports import Clock

WINDOW_S = 1.0
LAG = 1.0
"""The part of its interval by which a call may be late."""
SLACK = 0.002
"""How much longer an interval is than the rate needs. Otherwise the window would force each call to be as
late as the one a second before it, until every second is like the last and calls are in step again."""
MADE_UP = 2
"""The most intervals to make up for. With one, the uneven reads between turn and call cost 3 % of the quota;
with five, a bucket that holds a fifth of a second throttles us although nobody else sends."""
TURN_LASTS_S = 2.0
"""How long a turn is valid before its call is made."""
_FULL = 0.99
_NEVER = float("-inf")
_CHECK_EVERY_S = 0.5


@dataclass(slots=True, eq=False)
class Permit:
    """The right to make one call: a turn, then with `go` a place in the window, counted from `sent`."""

    limiter: "RateLimiter"
    taken_at: float
    sent_at: float | None = field(default=None)

    def go(self, check: "Callable[[], None]" = lambda: None) -> Self:
        """Wait for the window; then the call must be made. See `RateLimiter.acquire` for `check`."""
        self.limiter.let_go(self, check)
        return self

    def sent(self) -> None:
        """Mark the request as sent now; further calls of this method have no effect."""
        self.limiter.mark_sent(self)

    def give_back(self) -> None:
        """Give the turn back because the call is not made; the next one gets it."""
        self.limiter.take_back(self)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        # A call that failed before it was sent must not block the window for ever.
        self.sent()


class RateLimiter:
    """The limiter of one category; all threads share it."""

    def __init__(
        self, ceiling_rps: float, clock: "Clock", chance: "Callable[[], float]" = random.random
    ) -> None:
        """`ceiling_rps` is a whole number of calls per second, or a fraction below one.

        `chance` returns random numbers from 0 to 1.
        """
        if ceiling_rps <= 0:
            raise ValueError("the ceiling must be above zero")
        self.ceiling = ceiling_rps
        self._clock = clock
        self._chance = chance
        self._lag = 0.0
        self._turn = threading.Lock()  # order is fair enough: only its holder waits for a slot
        self._gate = threading.Lock()
        self._at_gate = 0
        self._state = threading.Condition()
        self._window: deque[Permit] = deque(maxlen=max(1, int(ceiling_rps)))
        self._slot = float("-inf")
        self._congestion = AdaptiveRate(ceiling_rps)

    def acquire(self, check: "Callable[[], None]" = lambda: None) -> Permit:
        """Wait for the next slot and take it. Use the permit as a context manager around the call.

        `check` is called at intervals while it waits; an exception that it raises ends the wait.
        """
        return self._take_slot(lambda: self.due(check), check).go(check)

    def turn(self, check: "Callable[[], None]" = lambda: None) -> Permit:
        """Take the next slot for a call that follows a moment later: call the permit's `go`, or give it back.

        A turn does not block others: the window counts calls only after `go`.
        """
        return self._take_slot(lambda: self.turn_due(check), check)

    def _take_slot(self, due: "Callable[[], float]", check: "Callable[[], None]") -> Permit:
        with self._turn:
            check()
            while (remaining := due() - self._clock.monotonic()) > 0:
                self._clock.sleep(min(remaining, _CHECK_EVERY_S))  # a turn can be given back meanwhile
                check()
            now = self._clock.monotonic()
            with self._state:
                interval = self._interval()
                self._slot = max(self._slot + interval, now - MADE_UP * interval)
            self._lag = LAG * self._chance()
            return Permit(self, now)

    def let_go(self, permit: Permit, check: "Callable[[], None]") -> None:
        """See `Permit.go`. An outdated turn is replaced."""
        while self.is_outdated(permit):
            permit.taken_at = self.turn(check).taken_at
        with self._state:
            self._at_gate += 1
        try:
            with self._gate:
                while (moment := self.window_opens(check)) > self._clock.monotonic():
                    self._wait_until(moment, check)
                with self._state:
                    self._window.append(permit)
        finally:
            with self._state:
                self._at_gate -= 1

    def is_outdated(self, permit: Permit) -> bool:
        """Whether a turn is from before a cut of the rate, or so old that many could go at once."""
        with self._state:
            oldest = max(self._clock.monotonic() - TURN_LASTS_S, self._congestion.cut_at)
        return permit.taken_at < oldest

    def take_back(self, permit: Permit) -> None:
        """See `Permit.give_back`; a call that was sent keeps its place."""
        with self._state:
            if permit.sent_at is None:
                permit.sent_at = _NEVER
                self._slot -= self._interval()
                if permit in self._window:
                    self._window.remove(permit)

    def mark_sent(self, permit: Permit) -> None:
        """See `Permit.sent`."""
        with self._state:
            if permit.sent_at is None:
                permit.sent_at = self._clock.monotonic()
                self._congestion.sent()
                self._state.notify_all()

    def throttled(self, permit: Permit) -> bool:
        """Record that the service throttled this call. Returns whether that cut the rate."""
        with self._state:
            self.mark_sent(permit)  # a refused call had reached the service
            return self._congestion.refused(permit.sent_at or 0.0, self._clock.monotonic())

    def rate(self) -> float:
        """The calls per second allowed now; below `ceiling` after a throttle."""
        with self._state:
            return self._congestion.rate(self._clock.monotonic())

    @property
    def slowed(self) -> bool:
        """Whether throttles keep it noticeably below its ceiling."""
        return self.rate() < self.ceiling * _FULL

    def due(self, check: "Callable[[], None]" = lambda: None) -> float:
        """When the next call may be made, by the monotonic clock; `acquire` waits for it."""
        return max(self._slot_due(), self.window_opens(check))

    def turn_due(self, check: "Callable[[], None]" = lambda: None) -> float:
        """When the next turn may be given, by the monotonic clock.

        A call at the gate has a decision that ages: no turn is given before the window has room for it.
        """
        return self.due(check) if self._at_gate else self._slot_due()

    def _slot_due(self) -> float:
        return self._slot + self._interval() * (1 + self._lag)

    def _interval(self) -> float:
        return WINDOW_S / self.rate() * (1 + SLACK)

    def window_opens(self, check: "Callable[[], None]" = lambda: None) -> float:
        """When the window has room: one second after the call that is `ceiling` calls back.

        That call may not have been sent yet: to connect takes time.
        """
        with self._state:
            if len(self._window) < (self._window.maxlen or 1):
                return float("-inf")
            oldest = self._window[0]
            while not self._state.wait_for(lambda: oldest.sent_at is not None, _CHECK_EVERY_S):
                check()
            return (oldest.sent_at or 0.0) + max(WINDOW_S, WINDOW_S / self.ceiling)

    def _wait_until(self, moment: float, check: "Callable[[], None]") -> None:
        # A sleep can end a clock tick early; the window must not open early.
        check()
        while (remaining := moment - self._clock.monotonic()) > 0:
            self._clock.sleep(min(remaining, _CHECK_EVERY_S))
            check()
