"""How fast one limiter goes after a throttle: down at once, back to what went through, then a slow probe.

The shape is that of CUBIC (RFC 9438), the rate control of TCP. A service that refuses calls has an empty
bucket. Between two such moments it began empty and ended empty, so the calls that it took from us, divided by
the time between, are the rate that others leave us, however deep the bucket is. A little less than that is
the rate to come back to. From there the rate grows with the cube of the time: for most of a minute hardly at
all, so that throttles stay rare, then fast, so that a quota that has become free is used again.
"""

from dataclasses import dataclass, field

CUT = 0.6
"""What is left of the rate in the pause after a throttle."""
PAUSE_S = 0.5
"""How long the bucket is given to fill again: longer would waste what a shallow one cannot hold."""
UNDER = 0.99
"""Where to come back to, as a part of the rate that went through."""
PROBE = 1e-6
"""Growth after `t` seconds, as a part of the ceiling: `PROBE * t ** 3`; all of it within 100 s."""
HOLD_S = 2.0
SEARCH_PER_S = 0.04
"""After the first throttle nothing is known of what others leave: hold, then search upwards evenly."""
SLOWEST = 0.02
"""A cut never goes below this part of the ceiling, else it could take long to notice a free quota."""


@dataclass(slots=True)
class Congestion:
    """The rate of one limiter, in calls per second up to `ceiling`; times are of any steady clock."""

    ceiling: float
    _cut_at: float = float("-inf")
    _low: float = field(init=False)
    _back_to: float = field(init=False)
    _measured: bool = True
    _taken: int = 0
    """Calls since the last cut, without those of them that were refused."""

    def __post_init__(self) -> None:
        """Begin at the ceiling."""
        self._low = self._back_to = self.ceiling

    def rate(self, now: float) -> float:
        """The calls per second allowed now."""
        since = now - self._cut_at - PAUSE_S
        if since < 0:
            return self._low
        growth = PROBE * since**3 if self._measured else SEARCH_PER_S * max(0.0, since - HOLD_S)
        return min(self.ceiling, self._back_to + self.ceiling * growth)

    def sent(self) -> None:
        """One more call went out."""
        self._taken += 1

    def refused(self, sent_at: float, now: float) -> bool:
        """A call was throttled. Says whether that cut the rate.

        Calls sent before the last cut say nothing new, so there is one cut for each round trip.
        """
        if sent_at <= self._cut_at:
            return False
        self._taken -= 1
        rate = self.rate(now)
        self._back_to = max(self._good(rate, now), self.ceiling * SLOWEST)
        self._low = max(min(rate, self._back_to) * CUT, self.ceiling * SLOWEST)
        self._cut_at, self._taken = now, 0
        return True

    def _good(self, rate: float, now: float) -> float:
        """The rate to come back to, when calls are refused at `rate`."""
        if rate >= self.ceiling:  # nothing held us back until now, so nothing was measured
            self._measured = False
            return rate * CUT
        since = now - self._cut_at
        if since < PAUSE_S:  # too short to measure: even the low rate was too much, so meet it half-way
            return (self._back_to + rate) / 2
        self._measured = True
        return min(rate, self._taken / since) * UNDER
