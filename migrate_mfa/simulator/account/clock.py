"""The time of the simulated service, which can run faster than real time and be moved forward."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class Clock:
    """A clock on which `speed` seconds pass in one real second.

    The service uses it for everything: quotas, the lives of codes, sessions and tokens, propagation and
    lags, and also the delays of a fault document.
    """

    def __init__(
        self,
        speed: float = 1.0,
        wall: Callable[[], float] = time.time,  # noqa: TID251 - not the tool's clock: it is apart
        steady: Callable[[], float] = time.monotonic,
    ) -> None:
        """Start at the present.

        Raises:
            ValueError: A speed that is not above 0.
        """
        if not speed > 0:
            raise ValueError(f"speed must be above 0: {speed}")
        self.speed = speed
        self._wall, self._steady = wall, steady
        self._wall_start, self._steady_start = wall(), steady()
        self._moved = 0.0

    def epoch(self) -> float:
        """Give the seconds since 1970, for dates and validity."""
        return self._wall_start + (self._wall() - self._wall_start) * self.speed + self._moved

    def steady(self) -> float:
        """Give the seconds of a steady clock, for rates."""
        return self._steady_start + (self._steady() - self._steady_start) * self.speed + self._moved

    def advance(self, seconds: float) -> None:
        """Move the clock forward.

        Raises:
            ValueError: The clock cannot go back.
        """
        if seconds < 0:
            raise ValueError("the clock goes forward only")
        self._moved += seconds
