"""Checks just before each write of a user: the age of the last read, the pool's settings, `--max-sms`."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from migrate_mfa.domain.errors import MigrateMfaError
from migrate_mfa.domain.model import Plan, PoolFacts, Step, StorePhone
from migrate_mfa.engine.live_pool import LivePool, SettingsChangedError
from migrate_mfa.engine.sms_allowance import SmsAllowance
from migrate_mfa.ports import Clock, before_write

# How old the reads behind a write may be, and how often they are repeated before the write is made anyway.
OLDEST_LOOK_S = 2.0
"""How long after the read of a user a write may still rely on it."""
OLDEST_LOOK_AT_HOLDERS_S = 10.0
"""How long the result of a search for a number's users counts; if it is slow, the user is read after it."""
LOOKS_BEFORE_INTENT = 3
"""How often a read is repeated before the write is tried, which costs the journal an intent."""
MOST_LOOKS = 50
"""How often a write is postponed, also for throttles; after that it is made anyway."""


class NotMadeError(Exception):
    """A write was not made. If `problem` is None, its decision may be outdated: read and decide again."""

    def __init__(self, problem: MigrateMfaError | None = None) -> None:
        super().__init__()
        self.problem = problem


class WriteGate:
    """The checks between the decision about one user and its writes."""

    def __init__(
        self, pool: LivePool, sms: SmsAllowance, require_ours: Callable[[], None], clock: Clock
    ) -> None:
        """`require_ours` raises if another command has taken over the run directory."""
        self.facts: PoolFacts = pool.facts
        self._pool = pool
        self._sms = sms
        self._require_ours = require_ours
        self._clock = clock
        self._counted = False
        self._looked_at = clock.monotonic()
        self._put_off = 0

    def renew(self) -> None:
        """Take the present settings, before a decision. Raises like `LivePool.current`."""
        self.facts = self._pool.current()

    def looked(self) -> None:
        """Record that the user was read just now, for the next decision."""
        self._looked_at = self._clock.monotonic()

    @property
    def stale(self) -> bool:
        """Whether the last read of the user is too old for a write."""
        return self._clock.monotonic() - self._looked_at > OLDEST_LOOK_S

    def sends_code(self, plan: Plan) -> bool:
        """Whether its writes make Cognito send a code."""
        return self.facts.code_sms_on_unverified_write and any(map(_stores_unverified, plan.steps))

    def count_code(self, plan: Plan, before: Iterable[Step]) -> None:
        """Count the SMS that a plan would send, once for each user.

        Args:
            plan: the writes to be made.
            before: the writes to this user so far, without refused ones; their SMS are already counted.

        Raises:
            OverMaxSmsError: `--max-sms` does not allow it; nothing was written.
        """
        if not self._counted and self.sends_code(plan) and not any(map(_stores_unverified, before)):
            self._sms.take()
            self._counted = True

    def uncount_code(self, step: Step) -> None:
        """Uncount the SMS of a write that was refused or not made."""
        if self._counted and _stores_unverified(step):
            self._sms.give_back()
            self._counted = False

    @contextmanager
    def held(self) -> Iterator[None]:
        """A context in which a write is made only if its decision is still valid when its turn comes.

        Raises:
            NotMadeError: the settings have changed or cannot be read, or the last read is too old.
        """
        token = before_write.set(self._require_same_pool)
        try:
            yield
        finally:
            before_write.reset(token)

    def _require_same_pool(self) -> None:
        try:
            self._require_ours()
            self._pool.require(self.facts)
        except SettingsChangedError:
            raise NotMadeError from None
        except MigrateMfaError as problem:
            raise NotMadeError(problem) from problem
        if self.stale and self._put_off < MOST_LOOKS:
            self._put_off += 1
            raise NotMadeError


def _stores_unverified(step: Step) -> bool:
    return isinstance(step, StorePhone) and not step.verified
