"""Values for tests: an ordinary one of each kind, changed where a test says so."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from migrate_mfa.domain.model import (
    SMS_MFA,
    Candidate,
    MfaMode,
    MfaState,
    NumberClaims,
    Phone,
    PhoneConflict,
    Policy,
    PoolFacts,
    Position,
    Rejection,
    UserState,
    VerificationPolicy,
)
from migrate_mfa.domain.reasons import Reason
from migrate_mfa.domain.rows import PlannedRow, Record

PHONE = "+819012345678"
OTHER_PHONE = "+819087654321"
THIRD_PHONE = "+818011112222"

ATTESTED = VerificationPolicy.ATTESTED
BY_CODE = VerificationPolicy.BY_CODE
AT_SIGN_IN = VerificationPolicy.AT_SIGN_IN
BY_COLUMN = VerificationPolicy.BY_COLUMN


def a_user(name: str = "ann", **changes: Any) -> UserState:
    user = UserState(
        username=name,
        sub=f"sub-{name}",
        status="CONFIRMED",
        email=f"{name}@example.com",
        email_verified=True,
        mfa=MfaState(),
        modified=1.0,
    )
    return replace(user, **changes)


def mfa(*factors: str, preferred: str | None = None, legacy_sms: bool = False) -> MfaState:
    return MfaState(enabled=frozenset(factors), preferred=preferred, legacy_sms=legacy_sms)


SMS_PREFERRED = mfa(SMS_MFA, preferred=SMS_MFA)


def a_candidate(
    name: str | None = "ann", *, row: int = 1, phone: str | None = PHONE, **changes: Any
) -> Candidate:
    candidate = Candidate(
        at=Position(row=row, first_line=row + 1, last_line=row + 1),
        username=name,
        phone=Phone(phone) if phone else None,
    )
    return replace(candidate, **changes)


def a_rejection(row: int = 1, reason: Reason = Reason.INVALID_PHONE) -> Rejection:
    return Rejection(
        at=Position(row=row, first_line=row + 1, last_line=row + 1), reason=reason, detail="a detail"
    )


def a_record(row: Candidate | Rejection) -> Record:
    phone = row.phone.e164 if isinstance(row, Candidate) and row.phone else ""
    return Record(cells=(f"cell {row.at.row}", phone), row=row)


def a_pool(**changes: Any) -> PoolFacts:
    pool = PoolFacts(
        id="ap-northeast-1_Test00001",
        name="test",
        mfa=MfaMode.OPTIONAL,
        sms_configured=True,
        recovery=("verified_email",),
        estimated_users=100_000,
    )
    return replace(pool, **changes)


def a_policy(
    verification: VerificationPolicy = ATTESTED,
    *,
    conflict: PhoneConflict = PhoneConflict.FAIL,
    despite: Iterable[Reason] = (),
) -> Policy:
    return Policy(verification=verification, phone_conflict=conflict, despite=frozenset(despite))


def a_work(
    candidate: Candidate | None = None, user: UserState | None = None, *, wrote: bool = False
) -> PlannedRow:
    user = user or a_user()
    return PlannedRow(candidate or a_candidate(), user.sub, user.username, NumberClaims(), wrote)
