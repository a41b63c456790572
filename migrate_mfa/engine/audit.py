"""The audit: users without a verified phone. It uses only ListUsers, so that no user becomes billed."""

from collections import Counter
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
from migrate_mfa.journal.audit_store import AuditedUser, AuditStore
from migrate_mfa.ports import Progress, ProgressUpdate, UserPool

if TYPE_CHECKING:
    from migrate_mfa.stop import Stop

BATCH = 1000
"""How many users are written in one commit."""
_SEVERAL = 10
_NOBODY_CAN_BE_READ = (
    "AdminGetUser fails for one user after another.",
    "No user is to blame. Check the error codes in log.jsonl and AWS Health, then run the command again.",
)
log = structlog.get_logger()


class Coverage(StrEnum):
    """The state of a user's phone number."""

    VERIFIED = "verified"
    UNVERIFIED = "unverified"
    NO_PHONE = "no_phone"


class MfaKind(StrEnum):
    """The MFA setting of a user with a verified phone, from AdminGetUser."""

    SMS_MFA = "sms_mfa"
    OTHER_FACTOR = "other_factor"
    NONE = "none"
    UNREAD = "unread"
    """The read kept failing for this user, or was refused."""


DISABLED = "DISABLED"
FEDERATED = "EXTERNAL_PROVIDER"


def group_of(user: UserState) -> str:
    """The line of the audit in which a user is counted: the status, or why the coverage excludes the user."""
    if user.federated:
        return FEDERATED
    return user.status if user.enabled else DISABLED


def counts(user: UserState) -> bool:
    """Whether a user counts for the coverage: enabled and local."""
    return user.enabled and not user.federated


def coverage_of(user: UserState) -> Coverage:
    """Whether the user has a phone number, and whether it is verified."""
    if not user.phone:
        return Coverage.NO_PHONE
    return Coverage.VERIFIED if user.phone_verified else Coverage.UNVERIFIED


@dataclass(slots=True)
class Audit:
    """The counts of an audit: users by group and coverage and, after a deep audit, by MFA setting."""

    coverage: Counter[tuple[str, Coverage]] = field(default_factory=Counter)
    mfa: Counter[MfaKind] = field(default_factory=Counter)

    def add(self, user: UserState) -> Coverage:
        """Count one user. Returns the state of the phone number."""
        coverage = coverage_of(user)
        self.coverage[group_of(user), coverage] += 1
        return coverage

    @property
    def users(self) -> int:
        """The number of all users seen."""
        return self.coverage.total()


def scan(
    user_pool: UserPool,
    store: AuditStore,
    audit: Audit,
    *,
    deep: bool,
    estimated: int,
    progress: Progress,
    stop: "Stop",
) -> None:
    """Count every user of the pool, and write those without a verified phone to the journal.

    However it ends, the journal has exactly the users counted by this scan, and none of an earlier one.

    Args:
        user_pool: the pool.
        store: the journal.
        audit: gets the counts.
        deep: whether `look_deeper` follows; it also needs the users with a verified phone in the journal.
        estimated: Cognito's estimate of the number of users.
        progress: shows the progress.
        stop: checked after each page.

    Raises:
        BrokenListError: a list broke off. A new list would return users again.
    """
    store.begin()
    audit.coverage.clear()
    kept = list[tuple[UserState, Coverage]]()
    try:
        for users in pool_scan(user_pool, estimated, once=True):
            for user in users:
                coverage = audit.add(user)
                if (deep or coverage is not Coverage.VERIFIED) and counts(user):
                    kept.append((user, coverage))
            if len(kept) >= BATCH:
                store.add(kept)
                kept.clear()
            progress.show(ProgressUpdate(stage="reading the pool", done=audit.users, total=estimated or None))
            stop.check()
    finally:
        store.add(kept)


def look_deeper(
    user_pool: UserPool, store: AuditStore, audit: Audit, *, progress: Progress, stop: "Stop"
) -> None:
    """Read the MFA setting of users with a verified phone, and write those without any MFA to the journal.

    Args:
        user_pool: the pool. One AdminGetUser per user, which makes the user a billed active user.
        store: the journal, in which `scan` has recorded them.
        audit: gets the counts.
        progress: shows the progress.
        stop: checked after each user.

    Raises:
        OutOfReach: several users in a row cannot be read.
    """
    total = store.begin_reading()
    progress.show(ProgressUpdate(stage="reading MFA settings", done=0, total=total))
    unread_in_a_row, without = 0, list[AuditedUser]()
    kinds = rolling(Category.USER_READ, lambda user: _mfa_kind(user_pool, user.username), store.to_read())
    try:
        for done, (user, kind) in enumerate(kinds, 1):
            if kind is not None:
                audit.mfa[kind] += 1
            unread_in_a_row = unread_in_a_row + 1 if kind is MfaKind.UNREAD else 0
            if unread_in_a_row == _SEVERAL:
                raise OutOfReach(*_NOBODY_CAN_BE_READ)
            if kind is MfaKind.NONE:
                without.append(user)
            if len(without) == BATCH:
                store.keep_without_mfa(without)
                without.clear()
            progress.show(ProgressUpdate(stage="reading MFA settings", done=done, total=total))
            stop.check()
    finally:
        store.keep_without_mfa(without)


def _mfa_kind(user_pool: UserPool, username: str) -> MfaKind | None:
    """The user's MFA setting; None if the user was deleted since the scan."""
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
