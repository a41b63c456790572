"""How a row ends that did not come to what it was planned for, and what is said of it."""

from migrate_mfa.domain.failure import ApiError, Effect, user_reason
from migrate_mfa.domain.model import UserState, Verdict
from migrate_mfa.domain.privacy import scrub
from migrate_mfa.domain.reasons import Reason
from migrate_mfa.domain.rows import PlannedBy

MAYBE_SENT = Verdict(
    Reason.GAVE_UP,
    "The answer to the write that sends a code was lost, and the user does not show it. Sending it again "
    "could be a second SMS, so that is left to you: run the same command again.",
)
UNKNOWN = Verdict(Reason.GAVE_UP, "It stayed unknown whether Cognito had made the change.")
NOT_THE_SAME_USER = Verdict(Reason.USER_NOT_FOUND, "The user was deleted, and another one made in its place.")
CHANGED_SINCE = Verdict(
    Reason.PHONE_DIFFERS, "The number was changed after this run had stored its own; it was not stored again."
)
PROVED_MEANWHILE = Verdict(
    Reason.PHONE_DIFFERS,
    "The user proved another number at the very moment when this run stored its own; that was given back.",
)
TAKEN = Verdict(Reason.PHONE_TAKEN, "Another user of the pool has this number.")
GIVEN_AWAY = Verdict(
    Reason.CHANGED_BY_OTHERS,
    "The old number is another user's by now, so the present one stays; SMS MFA is as before the run.",
)


def of_failure(error: ApiError, *, maybe_sent: bool = False) -> Verdict:
    """The verdict of a call that this user's row did not survive; it may have sent a code all the same."""
    if error.effect is not Effect.REFUSED:
        return Verdict(Reason.GAVE_UP, f"{error.operation} kept failing with {error.code}.")
    sent = _SENT_ALL_THE_SAME if maybe_sent else ""
    detail = f"{error.operation}: {error.code}. {scrub(error.message)}".strip()
    return Verdict(user_reason(error.code), f"{detail} {sent}".strip())


def not_effective(verb: PlannedBy, state: UserState) -> Verdict:
    """A write was made and does not show; says why SMS MFA still counts as on, where that is known."""
    legacy_only = state.mfa is not None and state.mfa.legacy_sms and not state.mfa.enabled
    return Verdict(Reason.NOT_EFFECTIVE, _LEGACY if verb is PlannedBy.DISABLE and legacy_only else "")


def half_done(verdict: Verdict) -> Verdict:
    """The verdict of a row that was written to and would be `skipped`, which says that it was not."""
    return Verdict(Reason.HALF_DONE, f"{verdict.reason.sentence} {verdict.detail}".strip())


_SENT_ALL_THE_SAME = (
    "A code may have been sent all the same: the next run of the same command sends one more."
)
_LEGACY = "Only MFAOptions, the setting of the legacy AdminSetUserSettings, still names SMS."
