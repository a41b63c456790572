"""A clock that tests own: time passes only when somebody sleeps or says so."""

import threading
import time


class FakeClock:
    def __init__(self, *, monotonic: float = 1_000.0, now: float = 1_700_000_000.0) -> None:
        self._lock = threading.Lock()
        self._monotonic = monotonic
        self._offset = now - monotonic
        self.naps: list[float] = []

    def monotonic(self) -> float:
        with self._lock:
            return self._monotonic

    def now(self) -> float:
        with self._lock:
            return self._monotonic + self._offset

    def sleep(self, seconds: float) -> None:
        with self._lock:
            self.naps.append(seconds)
            self._monotonic += max(0.0, seconds)

    advance = sleep

    def back(self, seconds: float) -> None:
        """Somebody sets the time of day back."""
        with self._lock:
            self._offset -= seconds


class QuickClock:
    """A clock of which `speed` seconds pass in one real second; a simulator's may run as fast."""

    def __init__(self, speed: float = 1.0) -> None:
        self.speed = speed
        self._monotonic, self._now = time.monotonic(), time.time()  # noqa: TID251 - it stretches the real one

    def monotonic(self) -> float:
        return self._monotonic + self._passed()

    def now(self) -> float:
        return self._now + self._passed()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds / self.speed)  # noqa: TID251 - it stretches the real one

    def _passed(self) -> float:
        return (time.monotonic() - self._monotonic) * self.speed
