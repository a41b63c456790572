"""An in-memory Cognito with the rules that matter here, and scripted trouble."""

import threading
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import TypeVar, cast

from migrate_mfa.domain.failure import ApiError
from migrate_mfa.domain.model import MfaMode, MfaState, Phone, PhoneSignIn, PoolFacts, UserState
from migrate_mfa.domain.quotas import Category
from migrate_mfa.ports import Clock, Filter, Page, ProgressUpdate, sending
from tests.support.builders import a_pool
from tests.support.clock import FakeClock
from tests.support.cognito_rules import (
    sends_code,
    with_phone,
    with_preferred,
    with_sms_mfa,
    without_phone,
)

__all__ = ["Call", "FakeClock", "FakeUserPool", "Killed", "SilentProgress"]

GET = "AdminGetUser"
UPDATE = "AdminUpdateUserAttributes"
MFA = "AdminSetUserMFAPreference"
LIST = "ListUsers"
FACTORS = "AdminGetUserAuthFactors"
DESCRIBE = "DescribeUserPool"
WRITES = frozenset({UPDATE, MFA})
T = TypeVar("T")


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


class FakeUserPool:
    """`ports.UserPool` in memory.

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
        self.ignores_case: dict[str, bool] = {"sub": False, "phone_number": False}
        """Whether filters by an attribute do; as the pool does, unless said."""
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
        """The next `times` calls after `skip` fail; `executed`: done, only the answer is lost."""
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
            UPDATE,
            username,
            lambda: self._store_phone(username, phone.e164, verified=verified),
            value=(phone, verified),
        )

    def set_sms_mfa(self, username: str, *, enabled: bool, preferred: bool) -> None:
        self._call(
            MFA,
            username,
            lambda: self._set_sms_mfa(username, enabled=enabled, preferred=preferred),
            value=(enabled, preferred),
        )

    def mark_unverified(self, username: str, phone: Phone) -> None:
        self._call(
            UPDATE, username, lambda: self._store_phone(username, phone.e164, verified=False), value=phone
        )

    def clear_phone(self, username: str) -> None:
        self._call(UPDATE, username, lambda: self._clear_phone(username))

    def prefer_factor(self, username: str, factor: str) -> None:
        self._call(MFA, username, lambda: self._prefer(username, factor), value=factor)

    def enforced_limit(self, category: Category) -> float | None:
        return self.limits.get(category)

    # Behind the scenes.

    def _call(self, operation: str, username: str, act: Callable[[], T], *, value: object = None) -> T:
        if (announce := sending.get()) is not None:
            announce()
        call = Call(operation, username, self.clock.monotonic(), value)
        with self._lock:
            self.calls.append(call)
        self.hook(call)
        with self._lock:
            fault = self._next_fault(operation, username)
            answer = act() if fault is None or fault.executed else None
        if fault is not None:
            raise ApiError(operation=operation, code=fault.code, message=fault.message, status=fault.status)
        self.after(call)
        return cast("T", answer)

    def _next_fault(self, operation: str, username: str) -> _Fault | None:
        for fault in self._faults:
            if fault.operation != operation or fault.username not in {None, username} or fault.times <= 0:
                continue
            if fault.skip > 0:
                fault.skip -= 1
                continue
            fault.times -= 1
            return fault
        return None

    def _find(self, operation: str, username: str) -> UserState:
        by_sub = (user for user in self._users.values() if user.sub == username)
        user = self._users.get(username) or next(by_sub, None)
        if user is None:
            raise ApiError(
                operation=operation, code="UserNotFoundException", message="User does not exist.", status=400
            )
        return user

    def _shown(self, username: str) -> UserState:
        user = self._find(GET, username)
        reads, before = self._stale.get(user.username, (0, user))
        if reads:
            self._stale[user.username] = (reads - 1, before)
            return self._as_read(before)
        now = self.clock.monotonic()
        shown = next((old for at, old in self._history[user.username] if now < at + self.lag_s), user)
        return self._as_read(shown)

    def _as_read(self, user: UserState) -> UserState:
        # Where MFA is required, the list of factors may be empty although MFA is enforced.
        return replace(user, mfa=MfaState() if self.pool.mfa is MfaMode.ON else user.mfa or MfaState())

    def _change(self, old: UserState, new: UserState) -> None:
        self._history[old.username].append((self.clock.monotonic(), old))
        if self.stale_reads:
            reads, before = self._stale.get(old.username, (0, old))
            self._stale[old.username] = (self.stale_reads, before if reads else old)
        self._users[old.username] = replace(new, modified=old.modified + 1)

    def _store_phone(self, username: str, e164: str, *, verified: bool) -> None:
        user = self._find(UPDATE, username)
        holders = [u for u in self._users.values() if u.phone == e164 and u.username != user.username]
        if self.pool.phone_sign_in is PhoneSignIn.USERNAME and holders:
            raise ApiError(operation=UPDATE, code="AliasExistsException", status=400)
        if self.pool.phone_sign_in is PhoneSignIn.ALIAS and verified:
            for holder in holders:
                self._change(holder, replace(holder, phone_verified=False))
        if sends_code(self.pool, verified=verified):
            self.sms[user.username] += 1
        self._change(user, with_phone(user, e164, self.pool, verified=verified))

    def _set_sms_mfa(self, username: str, *, enabled: bool, preferred: bool) -> None:
        user = self._find(MFA, username)
        refusals = {
            "UNCONFIRMED": "UserNotConfirmedException",
            "RESET_REQUIRED": "PasswordResetRequiredException",
        }
        if code := refusals.get(user.status):
            raise ApiError(operation=MFA, code=code, status=400)
        if user.phone is None:
            message = "User does not have delivery config set to turn on SMS_MFA"
            raise ApiError(operation=MFA, code="InvalidParameterException", message=message, status=400)
        self._change(user, with_sms_mfa(user, self.pool, enabled=enabled, preferred=preferred))

    def _clear_phone(self, username: str) -> None:
        user = self._find(UPDATE, username)
        self._change(user, without_phone(user))

    def _prefer(self, username: str, factor: str) -> None:
        user = self._find(MFA, username)
        if user.mfa is None or factor not in user.mfa.enabled:
            raise ApiError(operation=MFA, code="InvalidParameterException", status=400)
        self._change(user, with_preferred(user, factor))

    def _page(self, only: Filter | None, token: str | None) -> Page:
        users = sorted(
            (replace(u, mfa=None) for u in self._users.values() if only is None or self._fits(u, only)),
            key=lambda u: u.sub,
        )
        start = int(token or 0)
        end = start + self.page_size
        return Page(tuple(users[start:end]), str(end) if end < len(users) else None)

    def _fits(self, user: UserState, only: Filter) -> bool:
        values = {
            "sub": user.sub,
            "username": user.username,
            "email": user.email,
            "phone_number": user.phone,
        }
        have, want = values[only.attribute] or "", only.value
        if self.ignores_case.get(only.attribute, not self.pool.case_sensitive):
            have, want = have.casefold(), want.casefold()
        return have.startswith(want) if only.prefix else have == want


class SilentProgress:
    """`ports.Progress` that remembers what it was told."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.shown: list[ProgressUpdate] = []

    def say(self, text: str) -> None:
        self.said.append(text)

    def show(self, standing: ProgressUpdate) -> None:
        self.shown.append(standing)

    def pause(self) -> None:
        pass

    def close(self) -> None:
        pass
