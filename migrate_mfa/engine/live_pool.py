"""The pool's settings as of now: a run takes hours, and somebody may change the pool meanwhile."""

import threading
from collections.abc import Callable
from dataclasses import fields, replace
from typing import TYPE_CHECKING

import structlog

from migrate_mfa.domain.errors import MigrateMfaError
from migrate_mfa.domain.model import PoolFacts

if TYPE_CHECKING:
    from migrate_mfa.ports import Clock
    from migrate_mfa.stop import Stop

OLDEST_S = 10.0
"""The settings are never older than this when a user is decided or written to, after a pause neither."""
log = structlog.get_logger()


class SettingsChangedError(Exception):
    """The settings that a user was decided by are not the pool's any more: decide again."""


class LivePool:
    """One pool's settings, shared by every thread; one of them reads again when it is time.

    `facts` stays the same object for as long as nothing changes that a decision or a refusal depends on.
    """

    def __init__(
        self,
        facts: PoolFacts,
        read: Callable[[], PoolFacts],
        *,
        clock: "Clock",
        stop: "Stop",
        say: Callable[[str], None] = lambda _: None,
    ) -> None:
        """`read` describes the pool, at the pace of its quotas; `facts` is what it has just given."""
        self.facts = facts
        self._read = read
        self._clock = clock
        self._stop = stop
        self._say = say
        self._refuse: Callable[[PoolFacts], None] = lambda _: None
        self._codes_came: Callable[[float], None] = lambda _: None
        self._lock = threading.Lock()
        self._problem: MigrateMfaError | None = None
        self._read_at = self._moment()
        self.seen_at = clock.now()
        """No later than `facts` were so, in seconds since 1970."""

    def guard(
        self, refuse: Callable[[PoolFacts], None], codes_came: Callable[[float], None] = lambda _: None
    ) -> None:
        """Have changed settings judged as at the start.

        Args:
            refuse: raises where a start would be refused.
            codes_came: is told `seen_at` when Cognito sends codes that it did not send then.
        """
        self._refuse, self._codes_came = refuse, codes_came

    def current(self) -> PoolFacts:
        """The settings, read again if they are old.

        Raises:
            MigrateMfaError: with the settings of now the command would not have begun, or AWS does not say.
            Stopped: the run is ending, and they would have to be read.
        """
        with self._lock:
            if self._problem is not None:
                raise self._problem
            if self._is_old():
                self._stop.check()
                asked_at = self._clock.now()
                new = self._read()
                self._read_at = self._moment()
                self._tell_codes(new)
                if _decisive(new) != _decisive(self.facts):
                    self._take(new)
                self.seen_at = asked_at
            return self.facts

    def look_back(self) -> None:
        """Look once more when all is written: codes may have gone out meanwhile. Raises as a read."""
        with self._lock:
            if self._problem is None:
                self._tell_codes(self._read())

    def require(self, decided_by: PoolFacts) -> None:
        """Refuse to go by settings that are not the pool's any more; raises as `current` does too.

        Raises:
            SettingsChangedError: they are not.
        """
        if self.current() is not decided_by:
            raise SettingsChangedError

    def _tell_codes(self, new: PoolFacts) -> None:
        if new.code_sms_on_unverified_write and not self.facts.code_sms_on_unverified_write:
            self._codes_came(self.seen_at)

    def _is_old(self) -> bool:
        ages = (now - then for then, now in zip(self._read_at, self._moment(), strict=True))
        return max(ages) > OLDEST_S

    def _moment(self) -> tuple[float, float]:
        # The monotonic clock stands still while a machine sleeps, the other may be set back.
        return self._clock.monotonic(), self._clock.now()

    def _take(self, new: PoolFacts) -> None:
        names = [
            each.name for each in fields(new) if getattr(new, each.name) != getattr(self.facts, each.name)
        ]
        changed = ", ".join(name for name in names if name not in _INDIFFERENT)
        log.warning("pool_changed", causes=changed)
        try:
            self._refuse(new)
        except MigrateMfaError as problem:
            self._problem = problem
            raise
        self.facts = new
        self._say(
            f"The pool's settings have changed ({changed}). The remaining rows are decided by the new ones."
        )


_INDIFFERENT = frozenset({"name", "estimated_users", "code_sms_parts", "sign_in_sms_parts"})
"""What no decision and no refusal depends on."""


def _decisive(facts: PoolFacts) -> PoolFacts:
    return replace(facts, name="", estimated_users=0, code_sms_parts=0, sign_in_sms_parts=0)
