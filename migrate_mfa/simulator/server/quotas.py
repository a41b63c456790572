"""API rate quotas: the categories, and the buckets that enforce them when asked to.

Source: Amazon Cognito Developer Guide, "Quotas in Amazon Cognito": a category is one allowance
for all its operations and all pools of the account in a Region. Some categories also have a rate for
one operation on one pool, and each user allows 10 reads and 10 writes a second. Nothing is
documented about bursts, so their size is a parameter. The codes are those that Service Quotas lists
under "cognito-idp".
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


@dataclass(frozen=True, slots=True)
class Category:
    """A row of the quota table; rates are requests a second."""

    name: str
    rps: float
    adjustable: bool = False
    #: The rate of one operation on one pool, where the table has one.
    pool_rps: float | None = None
    #: What the per-user rule counts these operations as.
    per_user: str | None = None
    #: The code in Service Quotas; None for a category that is not listed there.
    code: str | None = None
    #: The code of `pool_rps`.
    pool_code: str | None = None


CATEGORIES: Mapping[str, Category] = {
    row.name: row
    for row in (
        Category("UserUpdate", 25, per_user="write", code="L-6621E65D"),
        Category("UserResourceUpdate", 25, per_user="write", code="L-574C86AE"),
        Category("UserRead", 120, adjustable=True, per_user="read", code="L-D6BD5178"),
        Category("UserList", 30, code="L-259E3368"),
        Category("UserResourceRead", 50, adjustable=True, per_user="read", code="L-55545DC8"),
        Category("UserAuthentication", 120, adjustable=True, code="L-026ADBA3"),
        Category("UserAccountRecovery", 30, per_user="write", code="L-7D6E8ED3"),
        Category("UserCreation", 50, adjustable=True, code="L-5987B8A0"),
        Category("UserToken", 120, adjustable=True, code="L-F21F8BB4"),
        Category("UserPoolRead", 15, code="L-CFFBE34A"),
        Category("UserPoolUpdate", 15, code="L-60A0B411"),
        Category("UserPoolResourceRead", 20, pool_rps=5, code="L-A01C9633", pool_code="L-181E40D0"),
        Category("UserPoolResourceUpdate", 15, pool_rps=5, code="L-B7575496", pool_code="L-BC27731B"),
        Category("UserPoolClientRead", 15, pool_rps=5, code="L-A412573D", pool_code="L-F122EFFD"),
        Category("UserPoolClientUpdate", 15, pool_rps=5, code="L-12C4D74A", pool_code="L-04F7DFB8"),
        Category("LimitManagement", 1),
    )
}
USER_RPS = 10.0

CHALLENGE_OPS = frozenset({"RespondToAuthChallenge", "AdminRespondToAuthChallenge"})
CHALLENGE_CATEGORY, CHALLENGE_FACTOR = "UserAuthentication", 3
"""Answers to challenges have their own allowance, three times the category's; further ones count in
the category ("Quotas in Amazon Cognito")."""


@dataclass(slots=True)
class Bucket:
    """A token bucket: refills `rate` a second up to `capacity`; one call takes one token."""

    rate: float
    capacity: float
    tokens: float = field(init=False)
    at: float | None = None

    def __post_init__(self) -> None:
        """Start full."""
        self.tokens = self.capacity

    def take(self, now: float) -> bool:
        """Take a token if there is one."""
        if self.at is not None:
            self.tokens = min(self.capacity, self.tokens + self.rate * (now - self.at))
        self.at = now
        # Refills are binary fractions: a rounding error must not cost a whole token.
        if self.tokens < 1.0 - 1e-9:
            return False
        self.tokens -= 1.0
        return True


class Limiter:
    """All the buckets of one account and Region."""

    def __init__(
        self,
        overrides: Mapping[str, float],
        *,
        enforce: bool = False,
        burst_seconds: float = 1.0,
        speed: float = 1.0,
    ) -> None:
        """Set the rates.

        Args:
            overrides: Requests a second by category, in place of the documented defaults.
            enforce: Whether calls beyond the rate are refused.
            burst_seconds: A category's full bucket holds this many seconds of its rate, at least one
                call. The rules for one pool and one user always allow a whole second's calls.
            speed: How many seconds of `admit`'s clock pass in a real one. Bursts are in real seconds, so a
                    client that keeps to `reported` is treated as at speed 1.

        Raises:
            ValueError: An override names no category.
        """
        unknown = set(overrides) - set(CATEGORIES)
        if unknown:
            raise ValueError(f"no such quota category: {', '.join(sorted(unknown))}")
        self.limits = {name: overrides.get(name, c.rps) for name, c in CATEGORIES.items()}
        self.enforce = enforce
        self.burst_seconds = burst_seconds
        self.speed = speed
        self.live_traffic: defaultdict[str, Counter[str]] = defaultdict(Counter)
        """How many calls of others were "taken" and "throttled", by category."""
        self._buckets: dict[tuple[str, ...], Bucket] = {}

    def reported(self, rate: float) -> float:
        """Give a rate in requests a real second, as a client sees it."""
        return rate * self.speed

    def others(self, category: str, moments: Iterable[float]) -> None:
        """Make calls of other clients, at rising times not after our next call."""
        if self.enforce and category in CATEGORIES:
            whole = self._whole(category)
            for at in moments:
                self.live_traffic[category]["taken" if whole.take(at) else "throttled"] += 1

    def admit(self, category: str, op: str, pool: str, user: str | None, *, now: float) -> bool:
        """Say whether a call is allowed.

        Args:
            category: Its row of the quota table; other services' operations have none.
            op: The operation.
            pool: The pool's id, "" for a call without one.
            user: The user it is about, or None.
            now: Seconds of any steady clock.
        """
        row = CATEGORIES.get(category)
        if not self.enforce or row is None:
            return True
        rate = self.limits[category]
        if op in CHALLENGE_OPS and category == CHALLENGE_CATEGORY:
            own = CHALLENGE_FACTOR * rate
            if self._bucket((category, "challenges"), own, own * self.burst_seconds).take(now):
                return True
        if not self._whole(category).take(now):
            return False
        if row.pool_rps is not None and not self._bucket((op, pool), row.pool_rps).take(now):
            return False
        if row.per_user is None or user is None:
            return True
        return self._bucket((row.per_user, pool, user), USER_RPS).take(now)

    def _whole(self, category: str) -> Bucket:
        rate = self.limits[category]
        return self._bucket((category,), rate, rate * self.burst_seconds)

    def _bucket(self, key: tuple[str, ...], rate: float, capacity: float | None = None) -> Bucket:
        """Give the bucket of a rule, one second deep unless `capacity` says otherwise."""
        bucket = self._buckets.get(key)
        if bucket is None:
            bucket = Bucket(rate, max(1.0, self.speed * (rate if capacity is None else capacity)))
            self._buckets[key] = bucket
        return bucket
