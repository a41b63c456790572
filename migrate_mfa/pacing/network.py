"""A network that is down: wait for it and say so, if AWS has answered before."""

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
"""How long a run waits by default: enough for a router that restarts or a laptop that moves."""


class Network:
    """The state of the connection, from all attempts of one command. Safe to share between threads.

    There is no wait for an endpoint that has never answered: it is more likely wrong than down.
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
        """Prints a message; may be replaced by a function that tells more readers."""
        self._lock = threading.Lock()
        self._reached = False
        self._away_since: float | None = None
        self._told = False

    def answered(self) -> None:
        """Record an answer, even a refusal."""
        if self._reached and self._away_since is None:
            return  # nearly all calls end here, without a lock
        with self._lock:
            since, told, self._reached, self._away_since, self._told = (
                self._away_since, self._told, True, None, False,
            )  # fmt: skip
        if since is not None and told:
            self.say(f"AWS answers again, after {duration(self._clock.monotonic() - since)}.")

    def failed(self, error: "ApiError") -> None:
        """Record that there was no connection."""
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
        """Whether a call without a connection is repeated without using up its attempts."""
        since = self._away_since
        return (
            self._reached
            and not self._stop.requested
            and (since is None or self._clock.monotonic() - since < self._patience_s)
        )

    def gone(self) -> bool:
        """Whether the wait has ended without an answer, so that no call needs more attempts."""
        since = self._away_since
        waited = since is not None and self._clock.monotonic() - since >= self._patience_s
        return self._reached and waited and self._patience_s > 0

    def __str__(self) -> str:
        """The text for `status`; empty unless a command waits for the network."""
        since = self._away_since
        if since is None or not self._reached:
            return ""
        began = datetime.fromtimestamp(self._clock.now() - (self._clock.monotonic() - since), UTC)
        return f"waiting for the network since {began:%H:%M:%S} UTC"
