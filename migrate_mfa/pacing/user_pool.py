"""A `ports.UserPool` whose every attempt is paced, counted and, if that is safe, repeated."""

import threading
from collections import Counter
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, TypeVar

import structlog

from migrate_mfa.domain.errors import OutOfReach
from migrate_mfa.domain.failure import ApiError, Effect, run_problem
from migrate_mfa.domain.quotas import CATEGORY_OF, Category
from migrate_mfa.pacing.call_count import CallCount
from migrate_mfa.pacing.moments import CallMoments
from migrate_mfa.pacing.network import Network
from migrate_mfa.pacing.retry import ATTEMPTS, BUDGET_S, READS, WRITES, retrying
from migrate_mfa.pacing.turns import held
from migrate_mfa.ports import Filter, Page, UserPool, before_write, sending

if TYPE_CHECKING:
    from tenacity import RetryCallState

    from migrate_mfa.domain.model import Phone, PoolFacts, UserState
    from migrate_mfa.pacing.limiter import Permit, RateLimiter
    from migrate_mfa.ports import Clock
    from migrate_mfa.stop import Stop

T = TypeVar("T")
log = structlog.get_logger()
_WRITTEN = frozenset({Category.USER_UPDATE, Category.USER_RESOURCE_UPDATE})
_BREAK_S = 60.0
"""Throttles further apart than this do not count as one series."""
_SEVERAL = 3  # users for whom one operation fails before the cause is not a user


_LOOK_AT_THE_NETWORK = (
    "No user is to blame. Check the network and AWS Health, then run the same command again to resume."
)
_LOOK_AT_PERMISSIONS = (
    "Several users in a row were refused, so the cause is your permissions or the pool. Check both, then run "
    "the same command again to resume."
)

_LOOK_AT_THE_POOL = (
    "No user is to blame. Check --user-pool-id, the pool and AWS Health, then run the same command again to "
    "resume."
)


def _throttled(error: ApiError) -> OutOfReach:
    return OutOfReach(
        f"{error.operation} was throttled for {BUDGET_S / 60:.0f} minutes without a break.",
        "Other traffic uses the whole quota. Run the same command again when there is less of it.",
    )


class PacedUserPool:
    """`ports.UserPool` with pacing and retries around an adapter that tries once.

    Raises from every method:
        ApiError: refused for this user, or not done within the budget (`pacing.retry`).
        MigrateMfaError: the failure concerns every user.
        Stopped: the run is ending while a retry was waiting.
    """

    def __init__(
        self,
        inner: UserPool,
        limiters: Mapping[Category, "RateLimiter"],
        *,
        clock: "Clock",
        stop: "Stop",
        network: Network | None = None,
    ) -> None:
        self._inner = inner
        self._pacers = limiters
        self._clock = clock
        self._stop = stop
        self.network = network or Network(clock, stop)
        self._lock = threading.Lock()
        self._failing: dict[str, Counter[str]] = {}
        self._unsure: set[tuple[str, str]] = set()
        self._throttles: dict[Category, tuple[float, float]] = {}
        """The times of the first and the last throttle since the last success, by the monotonic clock."""
        self.calls: dict[Category, CallCount] = {category: CallCount() for category in limiters}
        self._moments = CallMoments(clock)

    def describe(self) -> "PoolFacts":
        """DescribeUserPool and GetUserPoolMfaConfig, each at the pace of its category.

        A refusal is never attributed to a user.
        """
        try:
            return self._do("DescribeUserPool", READS, self._describe)
        except ApiError as error:
            raise OutOfReach(
                f"{error.operation}: Cognito does not describe the pool ({error.code}).", _LOOK_AT_THE_POOL
            ) from error

    def _describe(self) -> "PoolFacts":
        """Both calls, within the turn of the first."""
        mfa = Category.USER_POOL_RESOURCE_READ
        with self._pacers[mfa].acquire(lambda: self._stop.check_drain(self._clock)) as second:
            self._count(mfa, sent=1)
            turns = iter((sending.get() or second.sent, second.sent))

            def announce() -> None:
                next(turns, second.sent)()

            token = sending.set(announce)
            try:
                return self._inner.describe()
            finally:
                sending.reset(token)

    def page(self, only: Filter | None, token: str | None) -> Page:
        """ListUsers."""
        return self._do("ListUsers", READS, lambda: self._inner.page(only, token))

    def user(self, username: str) -> "UserState":
        """AdminGetUser."""
        return self._do("AdminGetUser", READS, lambda: self._inner.user(username), username)

    def has_passkey(self, username: str) -> bool:
        """AdminGetUserAuthFactors."""
        attempt = lambda: self._inner.has_passkey(username)  # noqa: E731 - as the others, but too long
        return self._do("AdminGetUserAuthFactors", READS, attempt, username)

    def store_phone(self, username: str, phone: "Phone", *, verified: bool) -> None:
        """AdminUpdateUserAttributes; an unknown effect is raised, not repeated."""
        self._update(username, lambda: self._inner.store_phone(username, phone, verified=verified))

    def mark_unverified(self, username: str, phone: "Phone") -> None:
        """AdminUpdateUserAttributes; an unknown effect is raised, not repeated."""
        self._update(username, lambda: self._inner.mark_unverified(username, phone))

    def clear_phone(self, username: str) -> None:
        """AdminUpdateUserAttributes; an unknown effect is raised, not repeated."""
        self._update(username, lambda: self._inner.clear_phone(username))

    def set_sms_mfa(self, username: str, *, enabled: bool, preferred: bool) -> None:
        """AdminSetUserMFAPreference; an unknown effect is raised, not repeated."""
        self._prefer(
            username, lambda: self._inner.set_sms_mfa(username, enabled=enabled, preferred=preferred)
        )

    def prefer_factor(self, username: str, factor: str) -> None:
        """AdminSetUserMFAPreference; an unknown effect is raised, not repeated."""
        self._prefer(username, lambda: self._inner.prefer_factor(username, factor))

    def enforced_limit(self, category: Category) -> float | None:
        """The enforced quota; a single try, because there is a documented default."""
        return self._inner.enforced_limit(category)

    def _update(self, username: str, attempt: Callable[[], None]) -> None:
        self._write("AdminUpdateUserAttributes", attempt, username)

    def _prefer(self, username: str, attempt: Callable[[], None]) -> None:
        self._write("AdminSetUserMFAPreference", attempt, username)

    def _write(self, operation: str, attempt: Callable[[], None], username: str) -> None:
        write = (operation, username)
        if write in self._unsure:
            self._unsure.discard(write)
            self._count(CATEGORY_OF[operation], retried=1)
        try:
            self._do(operation, WRITES, attempt, username)
        except ApiError as error:
            if error.effect is Effect.UNKNOWN:
                self._unsure.add(write)
            raise

    def _do(
        self, operation: str, effects: frozenset[Effect], attempt: Callable[[], T], username: str = ""
    ) -> T:
        try:
            return self._patiently(operation, effects, attempt, username)
        except ApiError as error:
            if error.effect is Effect.FATAL:
                raise run_problem(error) from error
            if error.may_be_no_users_fault:
                self._blame(error, username, last=effects is READS or error.effect is Effect.REFUSED)
            raise

    def _patiently(
        self, operation: str, effects: frozenset[Effect], attempt: Callable[[], T], username: str
    ) -> T:
        category = CATEGORY_OF[operation]
        once = partial(self._once, category, attempt, operation, username)
        try:
            return once()
        except ApiError as error:
            if error.effect not in effects:
                raise
            failures = [error]  # most calls return above, without the cost of a retry

        def again() -> T:
            if failures:
                raise failures.pop()
            return once()

        return retrying(
            effects,
            self._clock,
            self._stop,
            before_retry=lambda state: self._note_retry(operation, category, state),
            network=self.network,
        )(again)

    def _once(
        self, category: Category, attempt: Callable[[], T], operation: str = "", username: str = ""
    ) -> T:
        with self._turn(category) as permit:
            self._require_still_wanted(category, permit)
            self._count(category, sent=1)
            token = sending.set(permit.sent)
            try:
                answer = attempt()
            except ApiError as error:
                self._note_failure(error, permit, operation, username)
                raise
            finally:
                sending.reset(token)
        self.network.answered()
        with self._lock:
            self._failing.pop(operation, None)
            self._throttles.pop(category, None)
        return answer

    def _turn(self, category: Category) -> "Permit":
        """The turn that was taken before the decision, or the next turn."""
        check, turns = partial(self._stop.check_drain, self._clock), held.get()
        taken = turns.use(category) if turns is not None else None
        return (taken or self._pacers[category].turn(check)).go(check)

    def _require_still_wanted(self, category: Category, permit: "Permit") -> None:
        """Raise what forbids the write at the last moment, if anything, and give its turn back."""
        if category not in _WRITTEN or (check := before_write.get()) is None:
            return
        try:
            check()
        except BaseException:
            permit.give_back()
            raise

    def _note_failure(self, error: ApiError, permit: "Permit", operation: str, username: str) -> None:
        if error.unconnected:
            self.network.failed(error)
            if self.network.bears():
                return
        elif error.status:
            self.network.answered()
        if error.effect is Effect.THROTTLED:
            category = CATEGORY_OF[error.operation]
            self._count(category, throttled=1)
            self._require_some_quota(category, error)
            if permit.limiter.throttled(permit):
                log.warning("throttled", category=category.value, rate=round(permit.limiter.rate(), 2))
        elif error.may_be_no_users_fault:
            with self._lock:
                failing = self._failing.setdefault(operation, Counter())
                failing[username] += 1

    def _require_some_quota(self, category: Category, error: ApiError) -> None:
        """Raise if a category is throttled for the whole budget: a call's restarts at each decision."""
        now = self._clock.monotonic()
        with self._lock:
            since, last = self._throttles.get(category, (now, now))
            since = since if now - last < _BREAK_S else now
            self._throttles[category] = since, now
        if now - since >= BUDGET_S:
            raise _throttled(error) from error

    def _note_retry(self, operation: str, category: Category, state: "RetryCallState") -> None:
        self._count(category, retried=1)
        error = state.outcome.exception() if state.outcome else None
        code = error.code if isinstance(error, ApiError) else "unknown"
        log.info("retry", operation=operation, code=code, attempt=state.attempt_number)

    def _blame(self, error: ApiError, username: str, *, last: bool) -> None:
        """Raise if the cause of a call that kept failing is not this user; otherwise the user fails.

        Called with every failure of a write, which its caller repeats after a read, and with the last failure
        of a read.

        Raises:
            OutOfReach: it was throttled for the whole budget, the network stayed down, the operation has
                    failed for several users without a success in between, the call is about no user, or even
                    a plain read of the pool fails.
        """
        if error.effect is Effect.THROTTLED:
            raise _throttled(error) from error
        with self._lock:
            failing = Counter(self._failing.get(error.operation, {}))
        away = error.unconnected and self.network.gone()
        if not (last or away) and failing[username] < ATTEMPTS:
            return
        refused = error.effect is Effect.REFUSED
        if away or not username or len(failing) >= _SEVERAL or not (refused or self._pool_answers()):
            raise OutOfReach(
                f"AWS is out of reach: {error.operation} kept failing ({error.code}).{error.why_unconnected}",
                _LOOK_AT_PERMISSIONS if refused else _LOOK_AT_THE_NETWORK,
            ) from error

    def _pool_answers(self) -> bool:
        try:
            self._once(Category.USER_POOL_READ, self._describe)
        except ApiError as error:
            if error.effect is Effect.FATAL:
                raise run_problem(error) from error
            return error.effect is Effect.THROTTLED
        return True

    def take_moments(self) -> dict[tuple[Category, int], tuple[int, int]]:
        """The calls since this was last called, sent and throttled, by category and second."""
        with self._lock:
            return self._moments.take()

    def _count(self, category: Category, *, sent: int = 0, throttled: int = 0, retried: int = 0) -> None:
        with self._lock:
            count = self.calls[category]
            count.sent += sent
            count.throttled += throttled
            count.retried += retried
            self._moments.add(category, sent, throttled)
