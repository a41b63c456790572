"""The pool's current settings: a run takes hours, and somebody may change the pool meanwhile."""

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
"""The settings are never older than this when a user is decided or written to, even after a pause."""
log = structlog.get_logger()


class SettingsChangedError(Exception):
    """The settings have changed since the user was decided: decide again."""


class LivePool:
    """One pool's settings, shared by every thread; one thread reads them again when they are old.

    `facts` stays the same object until something changes that a decision or a refusal depends on.
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
        """`read` reads the settings, at the pace of its quotas; `facts` is its latest result."""
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
        """When `facts` were read at the earliest, in seconds since 1970."""

    def guard(
        self, refuse: Callable[[PoolFacts], None], codes_came: Callable[[float], None] = lambda _: None
    ) -> None:
        """Check changed settings like those at the start.

        Args:
            refuse: raises if a start would be refused.
            codes_came: called with `seen_at` if Cognito sends codes now but did not then.
        """
        self._refuse, self._codes_came = refuse, codes_came

    def current(self) -> PoolFacts:
        """The settings, read again if they are old.

        Raises:
            MigrateMfaError: with the present settings the command would be refused, or they cannot be read.
            Stopped: the run is ending, and the settings would have to be read.
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
        """Read once more after the last write: codes may have been sent meanwhile. Raises like a read."""
        with self._lock:
            if self._problem is None:
                self._tell_codes(self._read())

    def require(self, decided_by: PoolFacts) -> None:
        """Refuse a decision by settings that have changed; raises like `current` too.

        Raises:
            SettingsChangedError: they have changed.
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
        # The monotonic clock stops while a machine sleeps, the other can be set back.
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
"""Settings on which no decision and no refusal depends."""


def _decisive(facts: PoolFacts) -> PoolFacts:
    return replace(facts, name="", estimated_users=0, code_sms_parts=0, sign_in_sms_parts=0)
