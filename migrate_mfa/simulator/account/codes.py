"""Codes that users type in: single-use, for one purpose, short-lived, limited in number.

Sources: Developer Guide, "Quotas in Amazon Cognito" (5 requests and 15 tries for attributes in an hour,
a code lives for 24 hours; sessions 3 to 15 minutes) and "Authentication with Amazon Cognito user
pools" (after 5 failures a user is locked out, for 1 second and then twice as long each time).
"""

from __future__ import annotations

import secrets
from collections import defaultdict, deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from migrate_mfa.simulator.account.errors import CognitoError

if TYPE_CHECKING:
    from migrate_mfa.simulator.account.clock import Clock

ATTRIBUTE_CODE_S = 86400.0
CODES_PER_HOUR, TRIES_PER_HOUR = 5, 15
_HOUR_S = 3600.0
_FREE_FAILURES = 5
_LONGEST_LOCK_S = 900.0

Key = tuple[str, ...]


def new_code() -> str:
    """Draw six digits."""
    return f"{secrets.randbelow(10**6):06d}"


def mismatch(message: str = "Invalid verification code provided, please try again.") -> CognitoError:
    """Build the answer to a wrong code."""
    return CognitoError("CodeMismatchException", message)


def expired() -> CognitoError:
    """Build the answer to a code that is too old, was used, or never sent."""
    message = "Invalid code provided, please request a code again."
    return CognitoError("ExpiredCodeException", message)


class HourlyLimit:
    """A limit for the events per hour of each key."""

    def __init__(self, clock: Clock, limit: int) -> None:
        """Start without events."""
        self._clock = clock
        self._limit = limit
        self._events: defaultdict[Key, deque[float]] = defaultdict(deque)

    def count(self, key: Key) -> None:
        """Count an event.

        Raises:
            CognitoError: LimitExceededException, and it does not count.
        """
        events, now = self._events[key], self._clock.epoch()
        while events and events[0] <= now - _HOUR_S:
            events.popleft()
        if len(events) >= self._limit:
            message = "Attempt limit exceeded, please try after some time."
            raise CognitoError("LimitExceededException", message)
        events.append(now)


@dataclass(frozen=True, slots=True)
class AttributeCode:
    """A code that was sent to `value` to verify it."""

    code: str
    value: str
    until: float


class AttributeCodes:
    """The codes for attributes, the newest for each (pool, user, attribute)."""

    def __init__(self, clock: Clock) -> None:
        """Start without codes."""
        self.requests = HourlyLimit(clock, CODES_PER_HOUR)
        self.tries = HourlyLimit(clock, TRIES_PER_HOUR)
        self._clock = clock
        self._codes: dict[Key, AttributeCode] = {}

    def issue(self, key: Key, value: str) -> str:
        """Make a code for `value`; the earlier code becomes void."""
        code = new_code()
        self._codes[key] = AttributeCode(code, value, self._clock.epoch() + ATTRIBUTE_CODE_S)
        return code

    def check(self, key: Key, code: str, provable: set[str]) -> str:
        """Give the value that a code verifies; `void` uses it up.

        Args:
            key: The user and the attribute.
            code: The code as typed.
            provable: The values that a code may still verify: the stored and the pending one.

        Raises:
            CognitoError: CodeMismatchException or ExpiredCodeException.
        """
        known = self._codes.get(key)
        if known is None or known.until < self._clock.epoch() or known.value not in provable:
            raise expired()
        if known.code != code:
            raise mismatch()
        return known.value

    def void(self, key: Key) -> None:
        """Use up a code."""
        del self._codes[key]


class Lockout:
    """Failures in a row by key, and the growing lock-out time."""

    def __init__(self, clock: Clock) -> None:
        """Start with nobody locked out."""
        self._clock = clock
        self._failures: dict[Key, tuple[int, float]] = {}

    def check(self, key: Key, message: str) -> None:
        """Refuse a try while locked out; such a try does not count.

        Raises:
            CognitoError: NotAuthorizedException with this message.
        """
        if self._clock.epoch() < self._failures.get(key, (0, 0.0))[1]:
            raise CognitoError("NotAuthorizedException", message)

    def fail(self, key: Key) -> None:
        """Count a failure; from the fifth on the user is locked out."""
        failures = self._failures.get(key, (0, 0.0))[0] + 1
        over = failures - _FREE_FAILURES
        lock = min(2.0 ** min(over, 10), _LONGEST_LOCK_S) if over >= 0 else 0.0
        self._failures[key] = (failures, self._clock.epoch() + lock)

    def succeed(self, key: Key) -> None:
        """Forget the failures."""
        self._failures.pop(key, None)
