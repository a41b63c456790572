"""Verdicts, with details, of rows that did not end as planned."""

from migrate_mfa.domain.failure import ApiError, Effect, user_reason
from migrate_mfa.domain.model import UserState, Verdict
from migrate_mfa.domain.privacy import scrub
from migrate_mfa.domain.reasons import Reason
from migrate_mfa.domain.rows import PlannedBy

MAYBE_SENT = Verdict(
    Reason.GAVE_UP,
    "The answer to the write that sends a code was lost, and the user does not show the change. Repeating it "
    "could send a second SMS. Run the same command again to repeat it.",
)
UNKNOWN = Verdict(Reason.GAVE_UP, "It is unknown whether Cognito made the change.")
NOT_THE_SAME_USER = Verdict(
    Reason.USER_NOT_FOUND, "The user was deleted, and a new one was created in its place."
)
CHANGED_SINCE = Verdict(
    Reason.PHONE_DIFFERS,
    "Somebody else changed the number after this run had stored it; it was not stored again.",
)
PROVED_MEANWHILE = Verdict(
    Reason.PHONE_DIFFERS,
    "The user verified another number while this run stored its number; the user's number was restored.",
)
TAKEN = Verdict(Reason.PHONE_TAKEN, "Another user of the pool has this number.")
GIVEN_AWAY = Verdict(
    Reason.CHANGED_BY_OTHERS,
    "The old number is another user's by now, so the present one stays; SMS MFA is as before the run.",
)


def of_failure(error: ApiError, *, maybe_sent: bool = False) -> Verdict:
    """The verdict of a failed call that ends the row; the call may still have sent a code."""
    if error.effect is not Effect.REFUSED:
        return Verdict(Reason.GAVE_UP, f"{error.operation} kept failing with {error.code}.")
    sent = _SENT_ALL_THE_SAME if maybe_sent else ""
    detail = f"{error.operation}: {error.code}. {scrub(error.message)}".strip()
    return Verdict(user_reason(error.code), f"{detail} {sent}".strip())


def not_effective(verb: PlannedBy, state: UserState) -> Verdict:
    """The verdict if a write was made but does not show; says why SMS MFA still counts as on, if known."""
    legacy_only = state.mfa is not None and state.mfa.legacy_sms and not state.mfa.enabled
    return Verdict(Reason.NOT_EFFECTIVE, _LEGACY if verb is PlannedBy.DISABLE and legacy_only else "")


def half_done(verdict: Verdict) -> Verdict:
    """The verdict of a row that would be `skipped` although its user was written to."""
    return Verdict(Reason.HALF_DONE, f"{verdict.reason.sentence} {verdict.detail}".strip())


_SENT_ALL_THE_SAME = "A code may have been sent; running the same command again sends another one."
_LEGACY = "Only MFAOptions, the setting of the legacy AdminSetUserSettings, still names SMS."
