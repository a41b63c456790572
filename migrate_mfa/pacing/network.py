"""A network that is away: waited for, and said, once something had answered before."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from migrate_mfa.domain.formatting import duration

if TYPE_CHECKING:
    from migrate_mfa.domain.failure import ApiError
    from migrate_mfa.ports import Clock
    from migrate_mfa.stop import Stop

PATIENCE_S = 900.0
"""How long a run waits unless it is told otherwise: a router that restarts, a laptop that moves."""


class Network:
    """What the attempts of one command tell together about the connection. Safe to share between threads.

    An endpoint that has never answered is not waited for: it is more likely wrong than away.
    """

    def __init__(
        self,
        clock: "Clock",
        stop: "Stop",
        *,
        patience_s: float = 0.0,
        say: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._clock = clock
        self._stop = stop
        self._patience_s = patience_s
        self.say = say
        """Tells a person; may be replaced by what tells more people."""
        self._lock = threading.Lock()
        self._reached = False
        self._away_since: float | None = None
        self._told = False

    def answered(self) -> None:
        """Something came back, be it a refusal."""
        if self._reached and self._away_since is None:
            return  # as for nearly all calls: no lock
        with self._lock:
            since, told, self._reached, self._away_since, self._told = (
                self._away_since, self._told, True, None, False,
            )  # fmt: skip
        if since is not None and told:
            self.say(f"AWS answers again, after {duration(self._clock.monotonic() - since)}.")

    def failed(self, error: "ApiError") -> None:
        """There was no connection."""
        with self._lock:
            if self._away_since is None:
                self._away_since = self._clock.monotonic()
            tell, self._told = not self._told, True
        if tell:
            self.say(f"AWS cannot be reached: {error.message or error.code}. {self._what_now()}")

    def _what_now(self) -> str:
        if not self.bears():
            return "Trying again …"
        return f"Waiting for the network, at most {duration(self._patience_s)} (--wait-for-network) …"

    def bears(self) -> bool:
        """Whether a call that got no connection is repeated without spending its attempts."""
        since = self._away_since
        return (
            self._reached
            and not self._stop.requested
            and (since is None or self._clock.monotonic() - since < self._patience_s)
        )

    def gone(self) -> bool:
        """Whether the wait was in vain: no call needs more attempts to know."""
        since = self._away_since
        waited = since is not None and self._clock.monotonic() - since >= self._patience_s
        return self._reached and waited and self._patience_s > 0

    def __str__(self) -> str:
        """What `status` shows; empty while all is well, or nothing is waited for."""
        since = self._away_since
        if since is None or not self._reached:
            return ""
        began = datetime.fromtimestamp(self._clock.now() - (self._clock.monotonic() - since), UTC)
        return f"waiting for the network since {began:%H:%M:%S} UTC"
