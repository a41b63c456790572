"""The limits that end a run early: failures, number of users, time."""

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from migrate_mfa.ports import Clock

LAST_USERS = 1000
LEAST_FAILURES = 5
LEAST_USERS = 20


def too_many(failed: int, of: int, limit: float) -> bool:
    """Whether the share of failures is above `limit` (0 to 1); fewer than five failures never count."""
    return failed >= LEAST_FAILURES and failed > of * limit


class FailureGuard:
    """Stops the run when too many of the last users failed, but not before twenty users."""

    def __init__(self, limit: float) -> None:
        self._limit = limit
        self._last: deque[bool] = deque(maxlen=LAST_USERS)

    def note(self, *, failed: bool) -> bool:
        """Count one more user. Returns whether the run must stop."""
        self._last.append(failed)
        return len(self._last) >= LEAST_USERS and too_many(sum(self._last), len(self._last), self._limit)

    def __str__(self) -> str:
        return f"{sum(self._last)} of the last {len(self._last)} users failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The operator's limits for one invocation. None: no limit."""

    max_failures: float = 0.01
    max_users: int | None = None
    stop_after_s: float | None = None


class Allowance:
    """The rest of the limits of this invocation."""

    def __init__(self, limits: Limits, clock: "Clock", *, begun: float) -> None:
        """`begun` is when the command began, on the monotonic clock: a long plan counts too."""
        self._users = limits.max_users
        self._clock = clock
        until = limits.stop_after_s
        self._ends_at = begun + until if until is not None else None

    def at_most(self, users: int) -> int:
        """How many of `users` users this invocation may do."""
        return users if self._users is None else min(users, self._users)

    def exhausted(self) -> str | None:
        """The option that now forbids another user, or None."""
        if self._users is not None and self._users <= 0:
            return "--max-users"
        if self._ends_at is not None and self._clock.monotonic() >= self._ends_at:
            return "--stop-after"
        return None

    def take(self) -> None:
        """Count one more claimed user."""
        if self._users is not None:
            self._users -= 1
