"""One limiter per quota category: calls spread over the second, never more in it than the share allows.

How deep a burst Cognito tolerates is not documented ("Quotas in Amazon Cognito"), so every interval has its
call (a late thread earns back one interval at the most), and no half-open window of one second, counted
where requests are put on the wire, holds more than the ceiling.

Within its interval a call comes at a moment of chance. A stream in step with a bucket that refills at the
same rate would meet each token as it falls due: never refused, it would leave others none, and not know.

At a throttle the rate is cut, and grows again as `engine.congestion` says, so live traffic that needs the
quota keeps it.
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
"""A call may come later than its interval begins by up to this part of it."""
SLACK = 0.002
"""How much longer an interval is than the rate says. Without that, the window would hold each call to the
lateness of the one a ceiling before it, until every second is like the last, in step again."""
TURN_LASTS_S = 2.0
"""How long a turn may be held before its call goes."""
_FULL = 0.99
_NEVER = float("-inf")
_CHECK_EVERY_S = 0.5


@dataclass(slots=True, eq=False)
class Permit:
    """The right to make one call: a turn, then with `go` a place in the window; `sent` marks when it left."""

    limiter: "RateLimiter"
    taken_at: float
    sent_at: float | None = field(default=None)

    def go(self, check: "Callable[[], None]" = lambda: None) -> Self:
        """The call is made now; waits for the window. See `RateLimiter.acquire` for `check`."""
        self.limiter.let_go(self, check)
        return self

    def sent(self) -> None:
        """The request is on the wire now; later calls of this have no effect."""
        self.limiter.mark_sent(self)

    def give_back(self) -> None:
        """The call is not made: whoever comes next has the turn."""
        self.limiter.take_back(self)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        # A call that failed before it was sent must not hold up the window for ever.
        self.sent()


class RateLimiter:
    """The limiter of one category; shared by every thread that spends it."""

    def __init__(
        self, ceiling_rps: float, clock: "Clock", chance: "Callable[[], float]" = random.random
    ) -> None:
        """`ceiling_rps` is a whole number of calls per second, or a fraction below one.

        `chance` gives numbers from 0 to 1 in no order.
        """
        if ceiling_rps <= 0:
            raise ValueError("the ceiling must be above zero")
        self.ceiling = ceiling_rps
        self._clock = clock
        self._chance = chance
        self._lag = 0.0
        self._turn = threading.Lock()  # FIFO enough: only its holder waits for a slot
        self._gate = threading.Lock()
        self._at_gate = 0
        self._state = threading.Condition()
        self._window: deque[Permit] = deque(maxlen=max(1, int(ceiling_rps)))
        self._slot = float("-inf")
        self._congestion = AdaptiveRate(ceiling_rps)

    def acquire(self, check: "Callable[[], None]" = lambda: None) -> Permit:
        """Wait for the next slot and take it. Use the ticket as a context manager around the call.

        `check` is called now and then while it waits; what that raises ends the waiting.
        """
        return self._take_slot(lambda: self.due(check), check).go(check)

    def turn(self, check: "Callable[[], None]" = lambda: None) -> Permit:
        """Take the next slot for a call that comes a moment later: `go` with the ticket, or give it back.

        What has a turn holds up nobody: the window counts calls from when they go.
        """
        # Who stands at the gate has a decision that grows old: nobody is sent after them before the window.
        return self._take_slot(lambda: self.due(check) if self._at_gate else self._slot_due(), check)

    def _take_slot(self, due: "Callable[[], float]", check: "Callable[[], None]") -> Permit:
        with self._turn:
            check()
            while (remaining := due() - self._clock.monotonic()) > 0:
                self._clock.sleep(min(remaining, _CHECK_EVERY_S))  # a turn may be given back meanwhile
                check()
            now = self._clock.monotonic()
            with self._state:
                interval = self._interval()
                self._slot = max(self._slot + interval, now - interval)
            self._lag = LAG * self._chance()
            return Permit(self, now)

    def let_go(self, permit: Permit, check: "Callable[[], None]") -> None:
        """See `Permit.go`. A turn that waited too long is over: many of them would go at once."""
        if self._clock.monotonic() - permit.taken_at > TURN_LASTS_S:
            permit.taken_at = self.turn(check).taken_at
        with self._state:
            self._at_gate += 1
        try:
            with self._gate:
                while (moment := self._window_opens(check)) > self._clock.monotonic():
                    self._wait_until(moment, check)
                with self._state:
                    self._window.append(permit)
        finally:
            with self._state:
                self._at_gate -= 1

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
        """The service refused this call for its rate. Says whether that cut the rate."""
        with self._state:
            self.mark_sent(permit)  # whoever was refused was heard
            return self._congestion.refused(permit.sent_at or 0.0, self._clock.monotonic())

    def rate(self) -> float:
        """The calls per second allowed now; below `ceiling` after a throttle."""
        with self._state:
            return self._congestion.rate(self._clock.monotonic())

    @property
    def slowed(self) -> bool:
        """Whether throttles hold it visibly below its ceiling."""
        return self.rate() < self.ceiling * _FULL

    def due(self, check: "Callable[[], None]" = lambda: None) -> float:
        """When the next call may go: the moment, on the clock's monotonic scale, that `acquire` waits for."""
        return max(self._slot_due(), self._window_opens(check))

    def _slot_due(self) -> float:
        return self._slot + self._interval() * (1 + self._lag)

    def _interval(self) -> float:
        return WINDOW_S / self.rate() * (1 + SLACK)

    def _window_opens(self, check: "Callable[[], None]" = lambda: None) -> float:
        """When the window has room: one second after the call that is a full ceiling of calls back.

        That one may not have left yet, which can take as long as connecting does.
        """
        with self._state:
            if len(self._window) < (self._window.maxlen or 1):
                return float("-inf")
            oldest = self._window[0]
            while not self._state.wait_for(lambda: oldest.sent_at is not None, _CHECK_EVERY_S):
                check()
            return (oldest.sent_at or 0.0) + max(WINDOW_S, WINDOW_S / self.ceiling)

    def _wait_until(self, moment: float, check: "Callable[[], None]") -> None:
        # A sleep can end early by a clock tick; the window rule must not.
        check()
        while (remaining := moment - self._clock.monotonic()) > 0:
            self._clock.sleep(min(remaining, _CHECK_EVERY_S))
            check()
