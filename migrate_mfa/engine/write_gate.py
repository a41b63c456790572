"""One user's writes, held to what is so at the moment of each: the last look, the pool, `--max-sms`."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from migrate_mfa.domain.errors import MigrateMfaError
from migrate_mfa.domain.model import Plan, PoolFacts, Step, StorePhone
from migrate_mfa.engine.live_pool import LivePool, SettingsChangedError
from migrate_mfa.engine.sms_allowance import SmsAllowance
from migrate_mfa.ports import Clock, before_write

# How old may the looks be that a write is made by, and how often are they renewed before it is made as it is?
OLDEST_LOOK_S = 2.0
"""How long after the look at a user a write may still be made by it."""
OLDEST_LOOK_AT_HOLDERS_S = 10.0
"""How long a look at who has a number counts: where that look is slow, the one at the user comes after it."""
LOOKS_BEFORE_INTENT = 3
"""How often a look is renewed before a write is tried, which costs the journal an intent."""
MOST_LOOKS = 50
"""How often a write that was tried is put off, for throttles too: it has to be made in the end."""


class NotMadeError(Exception):
    """A write was not made; `problem` None: what decided it may be over, so look and decide again."""

    def __init__(self, problem: MigrateMfaError | None = None) -> None:
        super().__init__()
        self.problem = problem


class WriteGate:
    """What stands between the decision about one user and the writes that it asks for."""

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
        """A decision comes: by the settings of now. Raises as `LivePool.current`."""
        self.facts = self._pool.current()

    def looked(self) -> None:
        """The user was read just now, and the decision is made by that."""
        self._looked_at = self._clock.monotonic()

    @property
    def stale(self) -> bool:
        """Whether the last look at the user is too long ago to write by it."""
        return self._clock.monotonic() - self._looked_at > OLDEST_LOOK_S

    def sends_code(self, plan: Plan) -> bool:
        """Whether its writes make Cognito send a code."""
        return self.facts.code_sms_on_unverified_write and any(map(_stores_unverified, plan.steps))

    def count_code(self, plan: Plan, before: Iterable[Step]) -> None:
        """Count the SMS that a plan would send, once for each user.

        Args:
            plan: what is about to be written.
            before: the writes to this user so far, refused ones left out: what they sent is counted.

        Raises:
            OverMaxSmsError: `--max-sms` does not allow it; nothing was written.
        """
        if not self._counted and self.sends_code(plan) and not any(map(_stores_unverified, before)):
            self._sms.take()
            self._counted = True

    def uncount_code(self, step: Step) -> None:
        """A write was refused, or not made: it has sent nothing."""
        if self._counted and _stores_unverified(step):
            self._sms.give_back()
            self._counted = False

    @contextmanager
    def held(self) -> Iterator[None]:
        """Make a write only if what it was decided by is still so, when its turn has come.

        Raises:
            NotMadeError: the settings have changed, or AWS does not say, or the look is too long ago.
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
