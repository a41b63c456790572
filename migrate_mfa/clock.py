"""The real clock: the only place that reads time or lets it pass."""

import time


class SystemClock:
    """`ports.Clock` on this machine."""

    def monotonic(self) -> float:
        """Seconds on a clock that never goes back."""
        return time.monotonic()

    def now(self) -> float:
        """Seconds since the epoch."""
        return time.time()  # noqa: TID251 - this is the clock

    def sleep(self, seconds: float) -> None:
        """Let `seconds` pass."""
        time.sleep(seconds)  # noqa: TID251 - this is the clock


def since_boot() -> float:
    """Seconds on a clock that never goes back, and goes on while the machine or this process sleeps."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))
