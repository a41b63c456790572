"""An in-memory Cognito with the rules that matter here, and scripted trouble."""

import threading
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from migrate_mfa.domain.failure import ApiError
from migrate_mfa.domain.model import MfaMode, MfaState, Phone, PhoneSignIn, PoolFacts, UserState
from migrate_mfa.domain.quotas import Category
from migrate_mfa.ports import Clock, Filter, Page, Standing, sending
from tests.support.builders import a_pool
from tests.support.clock import FakeClock
from tests.support.cognito_rules import sends_code, with_phone, with_sms_mfa

__all__ = ["Call", "FakeClock", "FakeDirectory", "Killed", "SilentProgress"]

GET = "AdminGetUser"
UPDATE = "AdminUpdateUserAttributes"
MFA = "AdminSetUserMFAPreference"
LIST = "ListUsers"
FACTORS = "AdminGetUserAuthFactors"
DESCRIBE = "DescribeUserPool"
WRITES = frozenset({UPDATE, MFA})


class Killed(BaseException):
    """The process dies here: nothing after this runs."""


@dataclass(frozen=True, slots=True)
class Call:
    operation: str
    username: str = ""
    at: float = 0.0
    value: object = None


@dataclass(slots=True)
class _Fault:
    operation: str
    code: str
    times: float
    skip: int
    executed: bool
    status: int
    message: str
    username: str | None


class FakeDirectory:
    """`ports.Directory` in memory.

    `hook` sees every call before it is executed, `after` when it is, and before its answer is given; both
    may raise. `lag_s` and `stale_reads` make reads show users as they were before a write: for so long, or
    for so many reads.
    """

    def __init__(
        self,
        users: Iterable[UserState] = (),
        pool: PoolFacts | None = None,
        clock: Clock | None = None,
        *,
        page_size: int = 60,
    ) -> None:
        self.pool = pool or a_pool()
        self.clock = clock or FakeClock()
        self.page_size = page_size
        self.passkeys: set[str] = set()
        self.limits: dict[Category, float] = {}
        self.calls: list[Call] = []
        self.sms: Counter[str] = Counter()
        self.hook: Callable[[Call], None] = lambda _: None
        self.after: Callable[[Call], None] = lambda _: None
        self.lag_s = 0.0
        self.stale_reads = 0
        self._lock = threading.RLock()
        self._faults: list[_Fault] = []
        self._users: dict[str, UserState] = {}
        self._history: dict[str, list[tuple[float, UserState]]] = {}
        self._stale: dict[str, tuple[int, UserState]] = {}
        for user in users:
            self.put(user)

    # What tests say and ask.

    def put(self, user: UserState) -> None:
        self._users[user.username] = user
        self._history[user.username] = []

    def remove(self, username: str) -> None:
        del self._users[username]

    def fail(
        self,
        operation: str,
        code: str,
        *,
        times: float = 1,
        skip: int = 0,
        executed: bool = False,
        status: int = 0,
        message: str = "",
        username: str | None = None,
    ) -> None:
        """The next `times` calls after `skip` fail; `executed`: done all the same, only the answer is lost."""
        self._faults.append(_Fault(operation, code, times, skip, executed, status, message, username))

    def true_state(self, username: str) -> UserState:
        return self._users[username]

    def made(self, *operations: str) -> list[str]:
        with self._lock:
            return [c.operation for c in self.calls if not operations or c.operation in operations]

    @property
    def writes(self) -> list[str]:
        return self.made(*WRITES)

    # ports.Directory

    def describe(self) -> PoolFacts:
        return self._call(DESCRIBE, "", lambda: self.pool)

    def page(self, only: Filter | None, token: str | None) -> Page:
        return self._call(LIST, "", lambda: self._page(only, token), value=only)

    def user(self, username: str) -> UserState:
        return self._call(GET, username, lambda: self._shown(username))

    def has_passkey(self, username: str) -> bool:
        return self._call(FACTORS, username, lambda: username in self.passkeys)

    def store_phone(self, username: str, phone: Phone, *, verified: bool) -> None:
        self._call(
            UPDATE, username, lambda: self._store_phone(username, phone.e164, verified), value=(phone, verified)
        )

    def set_sms_mfa(self, username: str, *, enabled: bool, preferred: bool) -> None:
        self._call(
            MFA, username, lambda: self._set_sms_mfa(username, enabled, preferred), value=(enabled, preferred)
        )

    def enforced_limit(self, category: Category) -> float | None:
        return self.limits.get(category)

    # Behind the scenes.

    def _call[T](self, operation: str, username: str, act: Callable[[], T], *, value: object = None) -> T: ...
