"""The engine's interfaces to the outside, if there is more than one implementation."""

from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Protocol

from migrate_mfa.domain.model import Phone, PoolFacts, UserState
from migrate_mfa.domain.quotas import Category
from migrate_mfa.domain.resolve import IdentityKind


class Clock(Protocol):
    """The time, passed in so that tests can control it."""

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
    """One page of ListUsers. A short or empty page need not be the last; `token` None ends the list."""

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
        """The filter for one identity of a row."""
        return cls(kind.value, value)


class UserPool(Protocol):
    """One user pool. Every method makes exactly one attempt and raises `ApiError` if it fails."""

    def describe(self) -> PoolFacts:
        """DescribeUserPool and GetUserPoolMfaConfig."""
        ...

    def page(self, only: Filter | None, token: str | None) -> Page:
        """ListUsers. Makes no user a monthly active user ("Monitoring and managing costs")."""
        ...

    def user(self, username: str) -> UserState:
        """AdminGetUser. Makes a dormant user a billed monthly active user."""
        ...

    def has_passkey(self, username: str) -> bool:
        """AdminGetUserAuthFactors: whether WEB_AUTHN is a configured factor."""
        ...

    def store_phone(self, username: str, phone: Phone, *, verified: bool) -> None:
        """AdminUpdateUserAttributes with phone_number, and phone_number_verified=true if `verified`."""
        ...

    def set_sms_mfa(self, username: str, *, enabled: bool, preferred: bool) -> None:
        """AdminSetUserMFAPreference with only SMSMfaSettings."""
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
        """The enforced calls per second, or None if AWS does not tell."""
        ...


sending: ContextVar[Callable[[], None] | None] = ContextVar("sending", default=None)
"""Called by an adapter at the moment when it sends a request.

Like the service, the limiter counts calls when they are sent, not when their turn comes.
"""


before_write: ContextVar[Callable[[], None] | None] = ContextVar("before_write", default=None)
"""Called when a write has its turn, just before it is made; an exception prevents the write.

The wait for a turn can be long, and the write's decision may be outdated when it comes.
"""


@dataclass(frozen=True, slots=True)
class CategoryPace:
    """The calls of one quota category: the present rate, our ceiling and the quota, per second."""

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

    `done` is None if nothing is counted. `pacing.measure` adds the rest: `rates`, calls per second by
    category over the last seconds; the time left; `slowed_by`, the cause of a slow-down, or empty; `paces`,
    the same rates with their quotas; how long the command has run.
    """

    stage: str
    done: int | None = None
    total: int | None = None
    outcomes: tuple[tuple[str, int], ...] = ()
    failed_by: tuple[tuple[str, int], ...] = ()
    """Rows that failed in this invocation, by reason."""
    failures: tuple[RowFailure, ...] = ()
    """The latest of these failures, the newest last."""
    most_failures: float | None = None
    """The share of failures at which the run stops, from 0 to 1."""
    sms: tuple[int, int] | None = None
    """How many SMS with codes this run directory has caused, and `--max-sms`."""
    rates: tuple[tuple[str, float], ...] = ()
    paces: tuple[CategoryPace, ...] = ()
    seconds_left: float | None = None
    seconds_running: float | None = None
    credentials_end: float | None = None
    """When the credentials expire, in seconds since 1970; None if they do not tell."""
    slowed_by: str = ""


class Progress(Protocol):
    """Shows the progress to a person: on standard error, never on standard output."""

    def say(self, text: str) -> None:
        """Print one line that stays."""
        ...

    def show(self, standing: ProgressUpdate) -> None:
        """Show the present state; may be called more often than it is drawn."""
        ...

    def pause(self) -> None:
        """Clear the view before a question."""
        ...

    def close(self) -> None:
        """Restore the terminal."""
        ...
