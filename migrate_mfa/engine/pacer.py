"""One limiter per quota category: evenly spaced calls, never more in a second than the share allows.

How deep a burst Cognito tolerates is not documented ("Quotas in Amazon Cognito"), so calls are spread
evenly. Two rules hold at once: the next call comes one interval after the one before (a late thread earns
back one interval at the most), and no half-open window of one second, counted where requests are put on the
wire, holds more than the ceiling.

At a throttle the rate is halved, once per round trip: throttles of calls that were sent before the cut say
nothing new. It then holds for some seconds and grows slowly back to the ceiling, so live traffic that needs
the quota keeps it.
"""

import threading
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from migrate_mfa.ports import Clock

WINDOW_S = 1.0
HOLD_S = 6.0
GROWTH_PER_S = 0.04
SLOWEST = 0.02
"""A cut never goes below this share of the ceiling, else it could take hours to notice a free quota."""


@dataclass(slots=True)
class Ticket:
    """The right to make one call; `sent` marks the moment at which the request went out."""

    pacer: "Pacer"
    sent_at: float | None = field(default=None)

    def sent(self) -> None:
        """The request is on the wire now; later calls of this have no effect."""
        self.pacer.mark_sent(self)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        # A call that failed before it was sent must not hold up the window for ever.
        self.sent()


class Pacer:
    """The limiter of one category; shared by every thread that spends it."""

    def __init__(self, ceiling_rps: float, clock: "Clock") -> None:
        """`ceiling_rps` is a whole number of calls per second, or a fraction below one."""
        if ceiling_rps <= 0:
            raise ValueError("the ceiling must be above zero")
        self.ceiling = ceiling_rps
        self._clock = clock
        self._turn = threading.Lock()  # FIFO enough: only its holder waits for a slot
        self._state = threading.Condition()
        self._window: deque[Ticket] = deque(maxlen=max(1, int(ceiling_rps)))
        self._slot = float("-inf")
        self._cut_rate = ceiling_rps
        self._cut_at = float("-inf")

    def acquire(self) -> Ticket:
        """Wait for the next slot and take it. Use the ticket as a context manager around the call."""
        with self._turn:
            self._wait_until(self._next_slot())
            now = self._clock.monotonic()
            self._slot = max(self._slot + self._interval(now), now - self._interval(now))
            ticket = Ticket(self)
            with self._state:
                self._window.append(ticket)
            return ticket

    def mark_sent(self, ticket: Ticket) -> None:
        """See `Ticket.sent`."""
        with self._state:
            if ticket.sent_at is None:
                ticket.sent_at = self._clock.monotonic()
                self._state.notify_all()

    def throttled(self, ticket: Ticket) -> bool:
        """The service refused this call for its rate. Says whether that cut the rate."""
        with self._state:
            if ticket.sent_at is not None and ticket.sent_at <= self._cut_at:
                return False
            now = self._clock.monotonic()
            self._cut_rate = max(self._rate(now) / 2, self.ceiling * SLOWEST)
            self._cut_at = now
            return True

    def rate(self) -> float:
        """The calls per second allowed now; below `ceiling` after a throttle."""
        with self._state:
            return self._rate(self._clock.monotonic())

    def _rate(self, now: float) -> float:
        growing_for = now - self._cut_at - HOLD_S
        if growing_for <= 0:
            return self._cut_rate
        return min(self.ceiling, self._cut_rate + self.ceiling * GROWTH_PER_S * growing_for)

    def _interval(self, now: float) -> float:
        return WINDOW_S / self._rate(now)

    def _next_slot(self) -> float:
        return max(self._slot + self._interval(self._clock.monotonic()), self._window_opens())

    def _window_opens(self) -> float:
        """When the window has room: one second after the call that is a full ceiling of calls back."""
        with self._state:
            if len(self._window) < (self._window.maxlen or 1):
                return float("-inf")
            oldest = self._window[0]
            self._state.wait_for(lambda: oldest.sent_at is not None)
            return (oldest.sent_at or 0.0) + max(WINDOW_S, WINDOW_S / self.ceiling)

    def _wait_until(self, moment: float) -> None:
        # A sleep can end early by a clock tick; the window rule must not.
        while (remaining := moment - self._clock.monotonic()) > 0:
            self._clock.sleep(remaining)
