"""One user's writes, held to what is so at the moment of each: the pool's settings, and `--max-sms`."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from migrate_mfa.domain.errors import MigrateMfaError
from migrate_mfa.domain.model import Plan, PoolFacts, Step, StorePhone
from migrate_mfa.engine.live_pool import LivePool, SettingsChangedError
from migrate_mfa.engine.sms_allowance import SmsAllowance
from migrate_mfa.ports import before_write


class NotMadeError(Exception):
    """A write was not made; `problem` None: the pool's settings have changed, so decide again."""

    def __init__(self, problem: MigrateMfaError | None = None) -> None:
        super().__init__()
        self.problem = problem


class WriteGate:
    """What stands between the decision about one user and the writes that it asks for."""

    def __init__(self, pool: LivePool, sms: SmsAllowance, require_ours: Callable[[], None]) -> None:
        """`require_ours` raises where the run directory is another command's by now."""
        self.facts: PoolFacts = pool.facts
        self._pool = pool
        self._sms = sms
        self._require_ours = require_ours
        self._counted = False

    def renew(self) -> None:
        """A decision comes: by the settings of now. Raises as `LivePool.current`."""
        self.facts = self._pool.current()

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
        """Make a write only if the settings are still those of the decision, when its turn has come.

        Raises:
            NotMadeError: they are not, or AWS does not say.
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


def _stores_unverified(step: Step) -> bool:
    return isinstance(step, StorePhone) and not step.verified
