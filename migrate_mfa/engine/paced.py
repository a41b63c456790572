"""A Directory whose every attempt is paced, counted and, where that is safe, repeated."""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import structlog

from migrate_mfa.domain.errors import OutOfReach
from migrate_mfa.domain.failure import ApiError, Effect, run_problem
from migrate_mfa.domain.quotas import CATEGORY_OF, Category
from migrate_mfa.engine.retry import READS, WRITES, retrying
from migrate_mfa.ports import Directory, Filter, Page, sending

if TYPE_CHECKING:
    from tenacity import RetryCallState

    from migrate_mfa.domain.model import Phone, PoolFacts, UserState
    from migrate_mfa.engine.pacer import Pacer
    from migrate_mfa.engine.stop import Stop
    from migrate_mfa.ports import Clock

T = TypeVar("T")
log = structlog.get_logger()


@dataclass(slots=True)
class CallCount:
    """Attempts sent in one category; of these, how many were throttled, and how many were repeats."""

    sent: int = 0
    throttled: int = 0
    retried: int = 0


class PacedDirectory:
    """`ports.Directory` with the patience of the engine around an adapter that tries once.

    Raises from every method:
        ApiError: refused for this user, or not done within the budget (`engine.retry`).
        MigrateMfaError: the failure concerns every user.
        Stopped: the run is ending while a retry was waiting.
    """

    def __init__(
        self, inner: Directory, pacers: Mapping[Category, "Pacer"], *, clock: "Clock", stop: "Stop"
    ) -> None:
        self._inner = inner
        self._pacers = pacers
        self._clock = clock
        self._stop = stop
        self._lock = threading.Lock()
        self._last_success = float("-inf")
        self.calls: dict[Category, CallCount] = {category: CallCount() for category in pacers}

    def describe(self) -> "PoolFacts":
        """DescribeUserPool and GetUserPoolMfaConfig; paced as the first, made once per command."""
        return self._do("DescribeUserPool", READS, self._inner.describe)

    def page(self, only: Filter | None, token: str | None) -> Page:
        """ListUsers."""
        return self._do("ListUsers", READS, lambda: self._inner.page(only, token))

    def user(self, username: str) -> "UserState":
        """AdminGetUser."""
        return self._do("AdminGetUser", READS, lambda: self._inner.user(username))

    def has_passkey(self, username: str) -> bool:
        """AdminGetUserAuthFactors."""
        return self._do("AdminGetUserAuthFactors", READS, lambda: self._inner.has_passkey(username))

    def store_phone(self, username: str, phone: "Phone", *, verified: bool) -> None:
        """AdminUpdateUserAttributes; an unknown effect is raised, not repeated."""
        self._update(lambda: self._inner.store_phone(username, phone, verified=verified))

    def mark_unverified(self, username: str, phone: "Phone") -> None:
        """AdminUpdateUserAttributes; an unknown effect is raised, not repeated."""
        self._update(lambda: self._inner.mark_unverified(username, phone))

    def clear_phone(self, username: str) -> None:
        """AdminUpdateUserAttributes; an unknown effect is raised, not repeated."""
        self._update(lambda: self._inner.clear_phone(username))

    def set_sms_mfa(self, username: str, *, enabled: bool, preferred: bool) -> None:
        """AdminSetUserMFAPreference; an unknown effect is raised, not repeated."""
        self._prefer(lambda: self._inner.set_sms_mfa(username, enabled=enabled, preferred=preferred))

    def prefer_factor(self, username: str, factor: str) -> None:
        """AdminSetUserMFAPreference; an unknown effect is raised, not repeated."""
        self._prefer(lambda: self._inner.prefer_factor(username, factor))

    def enforced_limit(self, category: Category) -> float | None:
        """What AWS says it enforces; a single try, because there is a documented default."""
        return self._inner.enforced_limit(category)

    def _update(self, attempt: Callable[[], None]) -> None:
        self._do("AdminUpdateUserAttributes", WRITES, attempt)

    def _prefer(self, attempt: Callable[[], None]) -> None:
        self._do("AdminSetUserMFAPreference", WRITES, attempt)

    def _do(self, operation: str, effects: frozenset[Effect], attempt: Callable[[], T]) -> T:
        category = CATEGORY_OF[operation]
        last_try = float("-inf")

        def once() -> T:
            nonlocal last_try
            last_try = self._clock.monotonic()
            return self._once(category, attempt)

        controller = retrying(
            effects,
            monotonic=self._clock.monotonic,
            sleep=lambda seconds: self._stop.sleep(self._clock, seconds),
            before_retry=lambda state: self._note_retry(operation, category, state),
        )
        try:
            answer: T = controller(once)
        except ApiError as error:
            if error.effect is Effect.FATAL:
                raise run_problem(error) from error
            if error.effect in effects:
                self._blame_the_network(error, last_try)
            raise
        return answer

    def _once(self, category: Category, attempt: Callable[[], T]) -> T:
        with self._pacers[category].acquire() as ticket:
            self._count(category, sent=1)
            token = sending.set(ticket.sent)
            try:
                answer = attempt()
            except ApiError as error:
                if error.effect is Effect.THROTTLED:
                    self._count(category, throttled=1)
                    if ticket.pacer.throttled(ticket):
                        log.warning("throttled", category=category.value, rate=round(ticket.pacer.rate(), 2))
                raise
            finally:
                sending.reset(token)
        self._last_success = self._clock.monotonic()
        return answer

    def _note_retry(self, operation: str, category: Category, state: "RetryCallState") -> None:
        self._count(category, retried=1)
        error = state.outcome.exception() if state.outcome else None
        code = error.code if isinstance(error, ApiError) else "unknown"
        log.info("retry", operation=operation, code=code, attempt=state.attempt_number)

    def _blame_the_network(self, error: ApiError, last_try: float) -> None:
        """Nobody is to blame for a call whose last try failed while no other call succeeded either.

        The last users of a run fail alone, so one plain look at the pool settles it.
        """
        if self._last_success >= last_try:
            return
        try:
            self._once(Category.USER_POOL_READ, self._inner.describe)
        except ApiError as second:
            if second.effect is Effect.FATAL:
                raise run_problem(second) from second
            if second.effect is Effect.THROTTLED:
                return  # it answers
            raise OutOfReach(
                f"AWS is out of reach: {error.operation} and {second.operation} kept failing ({error.code}).",
                "Look at the network and the AWS Health page; then the same command goes on.",
            ) from second

    def _count(self, category: Category, *, sent: int = 0, throttled: int = 0, retried: int = 0) -> None:
        with self._lock:
            count = self.calls[category]
            count.sent += sent
            count.throttled += throttled
            count.retried += retried
