"""A clock that tests own: time passes only when somebody sleeps or says so."""

import threading


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
