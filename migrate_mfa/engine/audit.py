"""The audit: users without a verified phone. It uses ListUsers only, so that no user becomes billed."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

import structlog

from migrate_mfa.domain.errors import OutOfReach
from migrate_mfa.domain.failure import ApiError
from migrate_mfa.domain.model import SMS_MFA, UserState
from migrate_mfa.domain.quotas import Category
from migrate_mfa.engine.concurrent import rolling
from migrate_mfa.engine.scan import scan as pool_scan
from migrate_mfa.engine.scan import user_if_there
from migrate_mfa.ports import Progress, ProgressUpdate, UserPool

if TYPE_CHECKING:
    from migrate_mfa.stop import Stop

_CHUNK = 500
_SEVERAL = 10
_NOBODY_CAN_BE_READ = (
    "AdminGetUser fails for one user after another.",
    "No user is to blame. Check the error codes in log.jsonl and AWS Health, then run the command again.",
)
log = structlog.get_logger()


class Coverage(StrEnum):
    """What a user has for SMS MFA to use."""

    VERIFIED = "verified"
    UNVERIFIED = "unverified"
    NO_PHONE = "no_phone"


class MfaKind(StrEnum):
    """What AdminGetUser says of a user with a verified phone."""

    SMS_MFA = "sms_mfa"
    OTHER_FACTOR = "other_factor"
    NONE = "none"
    UNREAD = "unread"
    """Cognito kept failing for this user, or refused the read."""


DISABLED = "DISABLED"
FEDERATED = "EXTERNAL_PROVIDER"


def group_of(user: UserState) -> str:
    """The line of the audit in which a user is counted: the status, or why it does not count."""
    if user.federated:
        return FEDERATED
    return user.status if user.enabled else DISABLED


def counts(user: UserState) -> bool:
    """Whether a user counts for the coverage: enabled, and local."""
    return user.enabled and not user.federated


def coverage_of(user: UserState) -> Coverage:
    """Whether the user has a phone number, and whether it is verified."""
    if not user.phone:
        return Coverage.NO_PHONE
    return Coverage.VERIFIED if user.phone_verified else Coverage.UNVERIFIED


@dataclass(slots=True)
class Audit:
    """What an audit found: users by group and coverage and, after a deep one, by MFA setting."""

    coverage: Counter[tuple[str, Coverage]] = field(default_factory=Counter)
    mfa: Counter[MfaKind] = field(default_factory=Counter)

    def add(self, user: UserState) -> None:
        """Count one user."""
        self.coverage[group_of(user), coverage_of(user)] += 1

    @property
    def users(self) -> int:
        """All users seen."""
        return self.coverage.total()


def scan(
    user_pool: UserPool, audit: Audit, *, progress: Progress, stop: "Stop", estimated: int
) -> Iterator[UserState]:
    """Every user of the pool once, counted on the way.

    Raises:
        BrokenListError: a list broke off; begun anew it would give users again.
    """
    for users in pool_scan(user_pool, estimated, once=True):
        for user in users:
            audit.add(user)
            yield user
        progress.show(ProgressUpdate(stage="reading the pool", done=audit.users, total=estimated or None))
        stop.check()


def look_deeper(
    user_pool: UserPool,
    users: Callable[[str, int], list[UserState]],
    audit: Audit,
    *,
    total: int,
    progress: Progress,
    stop: "Stop",
) -> Iterator[UserState]:
    """Read the MFA setting of users with a verified phone; yields those who have no MFA at all.

    Args:
        user_pool: the pool; one AdminGetUser a user, each making that user a billed active user.
        users: gives up to N users whose sub comes after the given one, in order.
        audit: counts what was found.
        total: how many users there are.
        progress: is told.
        stop: is asked after each.

    Raises:
        OutOfReach: one user after another cannot be read.
    """
    progress.show(ProgressUpdate(stage="reading MFA settings", done=0, total=total))
    unread_in_a_row = 0
    kinds = rolling(Category.USER_READ, lambda user: _mfa_kind(user_pool, user.username), _in_order(users))
    for done, (user, kind) in enumerate(kinds, 1):
        if kind is not None:
            audit.mfa[kind] += 1
        unread_in_a_row = unread_in_a_row + 1 if kind is MfaKind.UNREAD else 0
        if unread_in_a_row == _SEVERAL:
            raise OutOfReach(*_NOBODY_CAN_BE_READ)
        if kind is MfaKind.NONE:
            yield user
        progress.show(ProgressUpdate(stage="reading MFA settings", done=done, total=total))
        stop.check()


def _in_order(users: Callable[[str, int], list[UserState]]) -> Iterator[UserState]:
    after = ""
    while chunk := users(after, _CHUNK):
        yield from chunk
        after = chunk[-1].sub


def _mfa_kind(user_pool: UserPool, username: str) -> MfaKind | None:
    """None for a user who was deleted since the scan."""
    try:
        user = user_if_there(user_pool, username)
    except ApiError as error:
        log.warning("user_not_read", operation=error.operation, code=error.code)
        return MfaKind.UNREAD
    if user is None:
        return None
    mfa = user.mfa
    if mfa and mfa.sms_on:
        return MfaKind.SMS_MFA
    return MfaKind.OTHER_FACTOR if mfa and mfa.enabled - {SMS_MFA} else MfaKind.NONE
