"""The line from one process to the pool: each call takes time, and the adversary says what becomes of it."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar, cast

from migrate_mfa.domain.failure import ApiError
from migrate_mfa.domain.model import (
    ClearPhone,
    MarkUnverified,
    Phone,
    PoolFacts,
    PreferFactor,
    SetSmsMfa,
    Step,
    StorePhone,
    UserState,
)
from migrate_mfa.domain.quotas import Category
from migrate_mfa.ports import Filter, Page, sending
from tests.simulation.pool import FACTORS, GET, LIST, MFA, UPDATE, Pool
from tests.simulation.scheduler import Scheduler

T = TypeVar("T")
_PAGE = 5
BEFORE = ("InvalidParameterException", "NotAuthorizedException", "AliasExistsException")
"""Refusals: Cognito gives them before it executes anything."""
EITHER = ("InternalErrorException", "ServiceUnavailable")
"""Errors that say nothing about whether the call was executed; of attributes, those of triggers too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Weather:
    """What the adversary may do. Shares are of calls, times in seconds."""

    lag_s: float = 0.0
    """AdminGetUser may show a user as it was up to so long ago; ListUsers too, by `list_lag_s`."""
    list_lag_s: float = 0.0
    late_s: float = 0.0
    """A write whose answer was lost may be executed so much later."""
    throttled: float = 0.0
    lost: float = 0.0
    errors: float = 0.0
    unsent: float = 0.0
    latency_s: float = 0.06

    @property
    def shows_in_time(self) -> bool:
        """Whether every write shows within the time for which the tool looks for it."""
        return self.lag_s + self.late_s <= 3.0


CALM = Weather()


@dataclass(slots=True)
class Call:
    """One call of the tool: what it was, and what became of it."""

    operation: str
    username: str
    sent_at: float
    step: Step | None = None
    executed_at: float | None = None
    answer: object = None
    error: ApiError | None = None
    code: str = ""
    before: UserState | None = None
    after: UserState | None = None
    proved: str | None = None
    """The number that the user had proved before a write."""
    answered_at: float | None = None
    late: bool = False
    cancelled: bool = False
    act: "Callable[[Call], object] | None" = None


@dataclass(slots=True)
class Line:
    """`ports.UserPool` of one process."""

    pool: Pool
    scheduler: Scheduler
    chance: random.Random
    weather: Weather
    watch: Callable[[str, Call], None]
    """Is told of each call when it is `sent`, `executed` and `answered`."""
    pending: list[Call] = field(default_factory=list)

    def describe(self) -> PoolFacts:
        return self._call("DescribeUserPool", "", lambda _: self.pool.facts)

    def page(self, only: Filter | None, token: str | None) -> Page:
        def act(_: Call) -> Page:
            users = self.pool.listed(only, self.weather.list_lag_s)
            start = int(token or 0)
            more = str(start + _PAGE) if start + _PAGE < len(users) else None
            return Page(tuple(users[start : start + _PAGE]), more)

        return self._call(LIST, only.value if only else "", act)

    def user(self, username: str) -> UserState:
        lag = self.chance.uniform(0, self.weather.lag_s) if self.chance.random() < 0.7 else 0.0
        return self._call(GET, username, lambda _: self.pool.get(username, lag))

    def has_passkey(self, username: str) -> bool:
        return self._call(FACTORS, username, lambda _: username in self.pool.passkeys)

    def store_phone(self, username: str, phone: Phone, *, verified: bool) -> None:
        self._write(UPDATE, username, StorePhone(phone, verified))

    def set_sms_mfa(self, username: str, *, enabled: bool, preferred: bool) -> None:
        self._write(MFA, username, SetSmsMfa(enabled, preferred))

    def mark_unverified(self, username: str, phone: Phone) -> None:
        self._write(UPDATE, username, MarkUnverified(phone))

    def clear_phone(self, username: str) -> None:
        self._write(UPDATE, username, ClearPhone())

    def prefer_factor(self, username: str, factor: str) -> None:
        self._write(MFA, username, PreferFactor(factor))

    def enforced_limit(self, category: Category) -> float | None:
        return None

    def die(self) -> None:
        """The process is dead: what is on its way is executed now, or never."""
        for call in self.pending:
            if call.executed_at is None and call.error is None and self.chance.random() < 0.5:
                self._execute(call)
            call.cancelled = True
        self.pending.clear()

    # -- behind it

    def _write(self, operation: str, username: str, step: Step) -> None:
        def act(call: Call) -> None:
            proved = dict(self.pool.proved)
            call.before, call.after = self.pool.write(username, step)
            call.proved = proved.get(call.before.sub)

        self._call(operation, username, act, step)

    def _call(self, operation: str, username: str, act: Callable[[Call], T], step: Step | None = None) -> T:
        weather, chance = self.weather, self.chance
        self.scheduler.sleep(self._way())  # connecting
        if chance.random() < weather.unsent:
            raise ApiError(operation=operation, code="ConnectFailed", message="no answer")
        if (announce := sending.get()) is not None:
            announce()
        call = Call(operation, username, self.scheduler.now, step)
        self.watch("sent", call)
        self.pending.append(call)
        try:
            self._travel(call, act)
        finally:
            if not (call.late and call.executed_at is None):
                self.pending.remove(call)
        if call.error is not None:
            call.code = call.error.code
        call.answered_at = self.scheduler.now
        self.watch("answered", call)
        if call.error is not None:
            raise call.error
        return cast("T", call.answer)

    def _travel(self, call: Call, act: Callable[[Call], object]) -> None:
        """There and back, or not: sets the answer or the error of the call."""
        weather, chance = self.weather, self.chance
        call.act = act
        if chance.random() < weather.throttled:
            self._fail(call, "TooManyRequestsException", 400)
        elif call.step is not None and chance.random() < weather.errors / 3:
            self._fail(call, chance.choice(BEFORE), 400)
        elif chance.random() < weather.errors:
            code = chance.choice((*EITHER, *_OF_USERS) if call.operation == UPDATE else EITHER)
            if chance.random() < 0.5:
                self._execute_in(call, 0.0)
            self._fail(call, code, 400 if code in _OF_USERS else 500)
        elif chance.random() < weather.lost:
            self._lose(call)
        else:
            there = self._way()
            self._execute_in(call, there)
            self.scheduler.sleep(there + self._way())

    def _lose(self, call: Call) -> None:
        """No answer comes: it was executed, or not, or will be when nobody waits for it any more."""
        patience = self.chance.uniform(0.3, 4.0)
        kind = self.chance.choice(("never", "executed", "late"))
        call.late = kind == "late" and self.weather.late_s > 0
        if call.late:
            self._execute_in(call, patience + self.chance.uniform(0, self.weather.late_s))
        elif kind == "executed":
            self._execute_in(call, 0.0)
        self._fail(call, self.chance.choice(("ConnectionLost", "GarbledAnswer")), 0, patience)

    def _fail(self, call: Call, code: str, status: int, after_s: float | None = None) -> None:
        self.scheduler.sleep(self._way() * 2.1 if after_s is None else after_s)
        call.error = ApiError(operation=call.operation, code=code, status=status)

    def _execute_in(self, call: Call, seconds: float) -> None:
        self.scheduler.at(self.scheduler.now + seconds, lambda: self._execute(call))

    def _execute(self, call: Call) -> None:
        if call.cancelled or call.executed_at is not None or call.act is None:
            return
        call.executed_at = self.scheduler.now
        try:
            call.answer = call.act(call)
        except ApiError as error:
            call.error = call.error or error
        self.watch("executed", call)
        if call.late and call in self.pending:
            self.pending.remove(call)

    def _way(self) -> float:
        return self.weather.latency_s * self.chance.uniform(0.4, 0.9)


_OF_USERS = ("UnexpectedLambdaException", "LimitExceededException")
