"""The rate of one limiter while others use the same quota: cut, pay back, hold, probe.

Rates are calls per second, times are seconds of any steady clock. A throttled call means that the token
bucket of the service is empty; the service tells nothing else about the quota.

1. Free: the rate is the ceiling. After a refusal nothing is known yet: the base is `FIRST` of the ceiling.
2. Cut: a refusal, one for each round trip, lowers the rate to `PAUSE` of the base, until the bucket has got
   back what a probe took beyond the base, and `PAY_BACK_S` of the ceiling: others find it filled again.
3. Measure: the bucket was empty at the last cut and is empty now. The calls taken in between, divided by the
   time, are the rate that others leave us, or less where the bucket was full for a while.
4. Hold the base, which grows by `GROWTH` for each call. After a refusal there it is `BACK_OFF` lower. In the
   long run about one call in 270 is refused, however irregular the other traffic is.
5. Probe: after the hold, climb to the ceiling, faster and faster. After a refusal there, hold the base again,
   or `UNDER` of the measured rate if that is more. No refusal for `FREE_S` at the ceiling: free.

A hold lasts `PATIENCE` of the time since the first cut: traffic that came long ago will stay long.
"""

import math
from dataclasses import dataclass, field

FIRST = 0.4
"""The part of the rate to keep if nothing is measured: at the first refusal, and at one in a pause."""
PAUSE = 0.25
PAY_BACK_S, LONGEST_PAUSE_S = 0.3, 7.0
UNDER = 0.97
BACK_OFF = 0.08
GROWTH = 0.0003
PATIENCE = 0.3
SHORTEST_HOLD_S, LONGEST_HOLD_S = 9.0, 45.0
"""Beside holds of 8 to 25 s these spare others about a tenth of their throttles, hardly beyond chance; where
traffic at random meets a shallow bucket they spare none."""
SEARCH_PAY_BACK_S, SEARCH_HOLD_S = 0.2, 0.65
"""If nothing is measured, there is nothing to hold: the first probe measures."""
STEP, DOUBLING_S = 0.06, 0.8
"""A probe begins this part of the ceiling above the base, and doubles it."""
FREE_S = 8.0
"""The ceiling empties a bucket of one second by then, if others take an eighth of the quota or more."""
MEMORY_S = 15.0
"""How far back the measured rate reaches."""
SLOWEST = 0.02
"""The lowest rate, as a part of the ceiling; below it, a free quota would be noticed too late."""
_NEVER = float("-inf")


@dataclass(slots=True)
class AdaptiveRate:
    """The rate of one limiter, in calls per second up to `ceiling`."""

    ceiling: float
    _base: float = field(init=False)
    _first_cut_at: float = _NEVER
    _cut_at: float = _NEVER
    _hold_at: float = _NEVER
    _probe_at: float = _NEVER
    _ceiling_at: float = _NEVER
    _sent: int = 0
    """Calls since the last cut, without the one that was refused."""
    _taken: float = 0.0
    _seconds: float = 0.0
    """Calls and time from cut to cut, as far back as is remembered."""

    def __post_init__(self) -> None:
        """Begin at the ceiling."""
        self._base = self.ceiling

    @property
    def cut_at(self) -> float:
        """When the rate was last cut; infinitely long ago before the first cut."""
        return self._cut_at

    def rate(self, now: float) -> float:
        """The calls per second allowed now."""
        if now >= self._ceiling_at:
            return self.ceiling
        if now < self._hold_at:
            return max(self._base * PAUSE, self.ceiling * SLOWEST)
        if now < self._probe_at:
            return self._held(now)
        doublings = (now - self._probe_at) / DOUBLING_S
        return min(self._held(self._probe_at) + self.ceiling * STEP * 2**doublings, self.ceiling)

    def sent(self) -> None:
        """Count one more call."""
        self._sent += 1

    def refused(self, sent_at: float, now: float) -> bool:
        """Record a throttled call. Returns whether it cut the rate.

        Calls sent before the last cut tell nothing new, so there is at most one cut per round trip.
        """
        if sent_at <= self._cut_at:
            if self._seconds:
                self._taken -= 1
            return False
        self._sent -= 1
        owed, hold_s = self.ceiling * SEARCH_PAY_BACK_S, SEARCH_HOLD_S
        if now >= self._ceiling_at + FREE_S:
            self._search_from(self.ceiling * FIRST)
            self._first_cut_at = now
        elif now < self._hold_at:
            self._search_from(self._base * FIRST)
        else:
            owed = self.ceiling * PAY_BACK_S + self._borrowed(now)
            self._base = self._next_base(now)
            hold_s = min(max(SHORTEST_HOLD_S, PATIENCE * (now - self._first_cut_at)), LONGEST_HOLD_S)
        self._base = max(self._base, self.ceiling * SLOWEST)
        self._hold_at = now + min(owed / (self._base * (1 - PAUSE)), LONGEST_PAUSE_S)
        self._probe_at = self._hold_at + hold_s
        gap = self.ceiling - self._held(self._probe_at)
        self._ceiling_at = self._probe_at + DOUBLING_S * math.log2(max(1.0, gap / (self.ceiling * STEP)))
        self._cut_at, self._sent = now, 0
        return True

    def _held(self, now: float) -> float:
        """The base, grown by the calls of the hold."""
        return min(self._base * (1 + GROWTH * self._base * (now - self._hold_at)), self.ceiling)

    def _borrowed(self, now: float) -> float:
        """The calls of a probe beyond the base."""
        if now < self._probe_at:
            return 0.0
        paused = (self._hold_at - self._cut_at) * self._base * PAUSE
        return max(0.0, self._sent - paused - (now - self._hold_at) * self._base)

    def _next_base(self, now: float) -> float:
        """The base after a refusal in a hold or in a probe."""
        rate, measured = self.rate(now), UNDER * self._measure(now)
        if now < self._probe_at:
            return min(rate * (1 - BACK_OFF), measured)
        return min(rate, max(self._held(self._probe_at), measured))

    def _measure(self, now: float) -> float:
        """The rate that others leave us: calls taken from one cut to another, divided by the time."""
        self._taken += self._sent
        self._seconds += now - self._cut_at
        measured = self._taken / self._seconds
        if self._seconds > MEMORY_S:
            self._taken, self._seconds = measured * MEMORY_S, MEMORY_S
        return measured

    def _search_from(self, base: float) -> None:
        """Forget what was measured."""
        self._base, self._taken, self._seconds = base, 0.0, 0.0
