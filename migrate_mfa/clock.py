"""The real clock: the only module that reads the time or waits."""

import time
from datetime import datetime

_FAR_OFF = 250_000_000_000.0
"""The last time, in seconds since 1970: dates end in the year 9999."""


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
    """Seconds on a clock that never goes back, and does not stop while the machine or this process sleeps."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


def time_of_day(at: float, now: float) -> str:
    """A local time of day, with the date if it is not today; both arguments are seconds since 1970."""
    then, today = (datetime.fromtimestamp(min(each, _FAR_OFF)).astimezone() for each in (at, now))
    return f"{then:%H:%M}" if then.date() == today.date() else f"{then:%d %b %H:%M}"
