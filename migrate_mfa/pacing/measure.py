"""What is added to the progress of a stage: calls per second, time left, what slows it."""

from collections import deque
from collections.abc import Callable
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING

from migrate_mfa.ports import CategoryPace, Progress, ProgressUpdate

if TYPE_CHECKING:
    from collections.abc import Mapping

    from migrate_mfa.domain.quotas import Category
    from migrate_mfa.pacing.limiter import RateLimiter
    from migrate_mfa.pacing.network import Network
    from migrate_mfa.pacing.user_pool import PacedUserPool
    from migrate_mfa.ports import Clock

NOTE_EVERY_S = 2.0
"""The interval between notes of the progress in the journal: each note is a commit and waits for the disk."""
_RATE_OVER_S = 5.0
_FIRST_RATE_S = 1.0
_LEFT_OVER_S = 60.0
"""The period for computing the time left: long enough to be steady, short enough to show a throttle."""


def slowed_by(limiters: "Mapping[Category, RateLimiter]") -> str:
    """Each category that throttles keep below its ceiling, with its rate; empty if there is none."""
    slow = ((category.value, limiter.rate()) for category, limiter in limiters.items() if limiter.slowed)
    return ", ".join(f"throttled by {name}: {rate:.{0 if rate >= 1 else 1}f}/s" for name, rate in slow)


class MeasuredProgress:
    """A Progress that measures each stage, shows it, and notes it at intervals for `status`."""

    def __init__(
        self,
        inner: Progress,
        user_pool: "PacedUserPool",
        limiters: "Mapping[Category, RateLimiter]",
        clock: "Clock",
        note: Callable[[ProgressUpdate], None] = lambda _: None,
        *,
        limits: "Mapping[Category, float]" = MappingProxyType({}),
        credentials_end: float | None = None,
        network: "Network | None" = None,
    ) -> None:
        """`limits` are Cognito's quotas, in calls per second, by category."""
        self._inner = inner
        self._user_pool = user_pool
        self._limiters = limiters
        self._limits = limits
        self._credentials_end = credentials_end
        self._begun = clock.monotonic()
        self._clock = clock
        self._note = note
        self._network = network
        self._last: ProgressUpdate | None = None
        self._stage: str | None = None
        self._marked = self._noted = 0.0
        self._was: deque[tuple[float, int]] = deque()
        self._mark: dict[Category, int] = {}
        self._rates: tuple[tuple[str, float], ...] = ()

    def say(self, text: str) -> None:
        """See `Progress.say`."""
        self._inner.say(text)

    def say_of_network(self, text: str) -> None:
        """Report that the network is down or up again, also to `status`; from any thread."""
        self._inner.say(text)
        if self._last is not None:
            self._note(replace(self._last, slowed_by=str(self._network or "")))

    def show(self, standing: ProgressUpdate) -> None:
        """See `Progress.show`."""
        now, new = self._clock.monotonic(), standing.stage != self._stage
        if new:
            self._begin_stage(standing, now)
        self._measure(now)
        standing = replace(
            standing,
            rates=self._rates,
            paces=self._paces(),
            seconds_running=now - self._begun,
            credentials_end=self._credentials_end,
            seconds_left=self._seconds_left(standing, now),
            slowed_by=slowed_by(self._limiters),
        )
        if away := str(self._network or ""):
            standing = replace(standing, slowed_by=away)
        self._last = standing
        self._inner.show(standing)
        if new or now - self._noted >= NOTE_EVERY_S:
            self._noted = now
            self._note(standing)

    def pause(self) -> None:
        """See `Progress.pause`."""
        self._inner.pause()
        self._stage = None
        self._note(ProgressUpdate(stage="waiting for an answer"))

    def close(self) -> None:
        """See `Progress.close`; the next display starts from the beginning."""
        self._inner.close()
        self._stage = None

    def _begin_stage(self, standing: ProgressUpdate, now: float) -> None:
        self._stage, self._was = standing.stage, deque([(now, standing.done or 0)])
        self._rates, self._mark, self._marked = (), self._sent(), now

    def _measure(self, now: float) -> None:
        elapsed = now - self._marked
        if elapsed < (_RATE_OVER_S if self._rates else _FIRST_RATE_S):
            return
        sent = self._sent()
        self._rates = tuple(
            (category.value, (count - self._mark.get(category, 0)) / elapsed)
            for category, count in sent.items()
            if count
        )
        self._mark, self._marked = sent, now

    def _paces(self) -> tuple[CategoryPace, ...]:
        rates, calls = dict(self._rates), self._user_pool.calls
        return tuple(
            CategoryPace(
                category.value,
                rates.get(category.value, 0.0),
                self._limiters[category].ceiling,
                quota,
                calls[category].throttled if category in calls else 0,
            )
            for category, quota in self._limits.items()
            if category in self._limiters
        )

    def _sent(self) -> "dict[Category, int]":
        return {category: count.sent for category, count in self._user_pool.calls.items()}

    def _seconds_left(self, standing: ProgressUpdate, now: float) -> float | None:
        done, total = standing.done, standing.total
        if done is None or total is None:
            return None
        if now - self._was[-1][0] >= _RATE_OVER_S:
            self._was.append((now, done))
        while len(self._was) > 1 and now - self._was[1][0] >= _LEFT_OVER_S:
            self._was.popleft()
        since, before = self._was[0]
        return (now - since) / (done - before) * (total - done) if before < done <= total else None
