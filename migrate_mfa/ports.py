"""What the engine needs of the outside, where there is more than one implementation."""

from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Protocol

from migrate_mfa.domain.model import Phone, PoolFacts, UserState
from migrate_mfa.domain.quotas import Category
from migrate_mfa.domain.resolve import IdentityKind


class Clock(Protocol):
    """Time, passed in so that tests own it."""

    def monotonic(self) -> float:
        """Seconds on a clock that never goes back."""
        ...

    def now(self) -> float:
        """Seconds since the epoch."""
        ...

    def sleep(self, seconds: float) -> None:
        """Let `seconds` pass."""
        ...


@dataclass(frozen=True, slots=True)
class Page:
    """One page of ListUsers: may be short or empty without being the last; `token` None ends the list."""

    users: tuple[UserState, ...]
    token: str | None


@dataclass(frozen=True, slots=True)
class Filter:
    """A ListUsers filter on one searchable attribute: equal to `value`, or starting with it."""

    attribute: str
    value: str
    prefix: bool = False

    @classmethod
    def by(cls, kind: IdentityKind, value: str) -> "Filter":
        """The filter that finds a user by one of the identities of a row."""
        return cls(kind.value, value)


class UserPool(Protocol):
    """One user pool. Every method makes exactly one attempt and raises `ApiError` when that fails."""

    def describe(self) -> PoolFacts:
        """DescribeUserPool and GetUserPoolMfaConfig."""
        ...

    def page(self, only: Filter | None, token: str | None) -> Page:
        """ListUsers. Makes nobody a monthly active user ("Monitoring and managing costs")."""
        ...

    def user(self, username: str) -> UserState:
        """AdminGetUser. Makes a dormant user a billed monthly active user."""
        ...

    def has_passkey(self, username: str) -> bool:
        """AdminGetUserAuthFactors: is WEB_AUTHN among the configured factors?"""
        ...

    def store_phone(self, username: str, phone: Phone, *, verified: bool) -> None:
        """AdminUpdateUserAttributes with phone_number, and phone_number_verified=true if `verified`."""
        ...

    def set_sms_mfa(self, username: str, *, enabled: bool, preferred: bool) -> None:
        """AdminSetUserMFAPreference with SMSMfaSettings alone."""
        ...

    def mark_unverified(self, username: str, phone: Phone) -> None:
        """AdminUpdateUserAttributes with phone_number and phone_number_verified=false."""
        ...

    def clear_phone(self, username: str) -> None:
        """AdminUpdateUserAttributes with a blank phone_number, which deletes it."""
        ...

    def prefer_factor(self, username: str, factor: str) -> None:
        """AdminSetUserMFAPreference with one factor other than SMS, enabled and preferred."""
        ...

    def enforced_limit(self, category: Category) -> float | None:
        """The calls per second that AWS says it enforces, or None where it does not say."""
        ...


sending: ContextVar[Callable[[], None] | None] = ContextVar("sending", default=None)
"""Called by an adapter at the moment when it puts a request on the wire.

The limiter counts calls where the service counts them: at sending, not when a thread was let go.
"""


before_write: ContextVar[Callable[[], None] | None] = ContextVar("before_write", default=None)
"""Called by the limiter when a write has its turn, right before it is made; what that raises prevents it.

A turn can be long in coming, and what the write was decided by may be over when it comes.
"""


@dataclass(frozen=True, slots=True)
class CategoryPace:
    """The calls of one quota category: per second now, what this run allows itself, what Cognito allows."""

    category: str
    now: float
    share: float
    quota: float
    throttled: int
    """Calls that were throttled so far."""


@dataclass(frozen=True, slots=True)
class RowFailure:
    """A row that has just failed: its number, the reason, and the detail without personal data."""

    row: int
    reason: str
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgressUpdate:
    """The progress of a long stage.

    `done` is None where nothing is counted. `pacing.measure` adds the rest: `rates`, calls per second by
    category over the last seconds; the time left; `slowed_by`, which names what holds the run back, empty
    when nothing does; `paces`, the same rates beside the quotas; how long the command has run.
    """

    stage: str
    done: int | None = None
    total: int | None = None
    outcomes: tuple[tuple[str, int], ...] = ()
    failed_by: tuple[tuple[str, int], ...] = ()
    """Rows that failed in this invocation, by reason."""
    failures: tuple[RowFailure, ...] = ()
    """The last of them, the newest last."""
    most_failures: float | None = None
    """The share of failures at which the run stops, from 0 to 1."""
    sms: tuple[int, int] | None = None
    """Messages with codes that this run directory has caused, and `--max-sms`."""
    rates: tuple[tuple[str, float], ...] = ()
    paces: tuple[CategoryPace, ...] = ()
    seconds_left: float | None = None
    seconds_running: float | None = None
    credentials_end: float | None = None
    """When the credentials end, in seconds since the epoch; None where they do not say."""
    slowed_by: str = ""


class Progress(Protocol):
    """Tells a person how it goes: on standard error, never on standard output."""

    def say(self, text: str) -> None:
        """One line that stays."""
        ...

    def show(self, standing: ProgressUpdate) -> None:
        """Where it stands now; called often, shown as often as is pleasant."""
        ...

    def pause(self) -> None:
        """A question comes now: leave the terminal to it."""
        ...

    def close(self) -> None:
        """Leave the terminal as it was."""
        ...
