"""Outcomes and reasons: the stable words of every report, and what to do about each.

A reason is added, never renamed: scripts read these codes.
"""

from enum import StrEnum


class Outcome(StrEnum):
    """What became of a row; exactly one of these."""

    VERIFIED = "verified"
    PENDING = "pending"
    FAILED = "failed"
    SKIPPED = "skipped"
    UNPROCESSED = "unprocessed"


class Reason(StrEnum):
    """Why a row has its outcome."""

    ENROLLED = "enrolled"
    ALREADY_ENROLLED = "already_enrolled"
    PROMOTED = "promoted"

    AWAITING_CODE = "awaiting_code"
    AWAITING_FIRST_SIGN_IN = "awaiting_first_sign_in"
    AWAITING_CONFIRMATION = "awaiting_confirmation"
    AWAITING_PASSWORD_RESET = "awaiting_password_reset"  # noqa: S105 - a user status, no secret

    BAD_ROW = "bad_row"
    PHONE_MISSING = "phone_missing"
    INVALID_PHONE = "invalid_phone"
    NOT_SMS_CAPABLE = "not_sms_capable"
    USER_NOT_FOUND = "user_not_found"
    AMBIGUOUS_USER = "ambiguous_user"
    CONFLICTING_ROWS = "conflicting_rows"
    UNSUPPORTED_STATUS = "unsupported_status"
    PHONE_DIFFERS = "phone_differs"
    PHONE_TAKEN = "phone_taken"
    REJECTED = "rejected"
    NOT_EFFECTIVE = "not_effective"
    GAVE_UP = "gave_up"
    RESTORE_WOULD_SEND_SMS = "restore_would_send_sms"
    HALF_DONE = "half_done"

    DUPLICATE_ROW = "duplicate_row"
    FEDERATED_USER = "federated_user"
    DISABLED_USER = "disabled_user"
    HAS_TOTP = "has_totp"
    HAS_PASSKEY = "has_passkey"
    HAS_EMAIL_MFA = "has_email_mfa"
    NO_RECOVERY_LEFT = "no_recovery_left"
    CHANGED_BY_OTHERS = "changed_by_others"
    RESTORED = "restored"
    NOTHING_TO_RESTORE = "nothing_to_restore"
    MFA_DISABLED = "mfa_disabled"

    @property
    def outcome(self) -> Outcome:
        """The one outcome that this reason belongs to."""
        return _OUTCOMES[self]

    @property
    def sentence(self) -> str:
        """What it means, and what to do next, in one sentence."""
        return _SENTENCES[self]


_BY_OUTCOME: dict[Outcome, dict[Reason, str]] = {
    Outcome.VERIFIED: {
        Reason.ENROLLED: "The number is stored and verified, and SMS MFA is on; nothing to do.",
        Reason.ALREADY_ENROLLED: "The user was enrolled with this number before; nothing was written.",
        Reason.PROMOTED: "The user has verified the number, and SMS MFA is on; nothing to do.",
    },
    Outcome.PENDING: {
        Reason.AWAITING_CODE: (
            "The user must verify the number in your app (VerifyUserAttribute); then run reconcile."
        ),
        Reason.AWAITING_FIRST_SIGN_IN: (
            "SMS MFA is on; the first sign-in with an SMS code verifies the number; then run reconcile."
        ),
        Reason.AWAITING_CONFIRMATION: (
            "The user has not confirmed the sign-up yet; once that is done, run reconcile."
        ),
        Reason.AWAITING_PASSWORD_RESET: (
            "The user must reset the password first; once that is done, run reconcile."
        ),
    },
    Outcome.FAILED: {
        Reason.BAD_ROW: "The row cannot be read safely; correct it in the roster and run again.",
        Reason.PHONE_MISSING: (
            "The row has no number, and the pool has no verified one; add one to the roster."
        ),
        Reason.INVALID_PHONE: "This is not a phone number; correct it in the roster.",
        Reason.NOT_SMS_CAPABLE: "This number cannot receive SMS; ask the user for a mobile number.",
        Reason.USER_NOT_FOUND: "The pool has no such user; correct the identity or remove the row.",
        Reason.AMBIGUOUS_USER: "More than one user fits; name this one by its sub or Username.",
        Reason.CONFLICTING_ROWS: "Several rows ask different things for this user; keep the right one.",
        Reason.UNSUPPORTED_STATUS: "The user's status allows no MFA; look at the user in Cognito.",
        Reason.PHONE_DIFFERS: (
            "The pool already uses a different number for this user. Decide which is right; see "
            "--phone-conflict."
        ),
        Reason.PHONE_TAKEN: (
            "Users of this pool sign in with phone numbers, and several users have this one; give each user "
            "a different number."
        ),
        Reason.REJECTED: "Cognito refused the change; the detail says why.",
        Reason.NOT_EFFECTIVE: (
            "Cognito accepted the change but does not show it; look at this user before running again."
        ),
        Reason.GAVE_UP: "Cognito kept failing for this user; run the same command again later.",
        Reason.RESTORE_WOULD_SEND_SMS: (
            "SMS MFA is as before, but putting the old number back would send an SMS; do that by hand."
        ),
        Reason.HALF_DONE: (
            "This run wrote to the user and then could not continue; the detail says why. Run again, or "
            "roll back."
        ),
    },
    Outcome.SKIPPED: {
        Reason.DUPLICATE_ROW: "An earlier row says the same; nothing to do.",
        Reason.FEDERATED_USER: "The user signs in through an identity provider; set up MFA there.",
        Reason.DISABLED_USER: "The user is disabled; enable it first, or use --despite disabled_user.",
        Reason.HAS_TOTP: (
            "The user has an authenticator app, which is stronger; left alone (--despite has_totp)."
        ),
        Reason.HAS_PASSKEY: (
            "SMS MFA would block the user's passkey sign-in; left alone (--despite has_passkey)."
        ),
        Reason.HAS_EMAIL_MFA: "The user has e-mail MFA already; left alone (--despite has_email_mfa).",
        Reason.NO_RECOVERY_LEFT: (
            "With SMS MFA on, this user could not reset a forgotten password; verify an e-mail address first."
        ),
        Reason.CHANGED_BY_OTHERS: "Somebody else has changed this user since the run; left alone.",
        Reason.RESTORED: "Back to what it was before the run.",
        Reason.NOTHING_TO_RESTORE: "The run wrote nothing to this user.",
        Reason.MFA_DISABLED: "SMS MFA is off; the number stays.",
    },
}

_OUTCOMES = {reason: outcome for outcome, reasons in _BY_OUTCOME.items() for reason in reasons}
_SENTENCES = {reason: text for reasons in _BY_OUTCOME.values() for reason, text in reasons.items()}

LIFTABLE = frozenset(
    {
        Reason.HAS_TOTP,
        Reason.HAS_PASSKEY,
        Reason.HAS_EMAIL_MFA,
        Reason.NO_RECOVERY_LEFT,
        Reason.DISABLED_USER,
    }
)
"""The reasons that `--despite` may lift, each by name."""

NEEDS_READING = frozenset({Reason.HAS_TOTP, Reason.HAS_PASSKEY, Reason.HAS_EMAIL_MFA})
"""The reasons that only the read before the first write can tell."""
WORTH_ANOTHER_TRY = frozenset({Reason.GAVE_UP, Reason.REJECTED})
"""Reasons that the caller or the pool may have been to blame for, though the user is as before."""

USES_A_NUMBER = frozenset(
    {
        Reason.ENROLLED,
        Reason.ALREADY_ENROLLED,
        Reason.PROMOTED,
        Reason.AWAITING_CODE,
        Reason.AWAITING_FIRST_SIGN_IN,
    }
)
"""The reasons of rows whose users have, in the pool, the number that is or will be used."""
LEFT_BY_ROLLBACK = frozenset({Reason.RESTORE_WOULD_SEND_SMS, Reason.USER_NOT_FOUND, Reason.PHONE_TAKEN})
"""What a rollback cannot restore because of the user or the pool: no sign that it goes wrong itself."""

LOCKOUT_SHEET = (
    Reason.ALREADY_ENROLLED,
    Reason.HAS_TOTP,
    Reason.HAS_EMAIL_MFA,
    Reason.HAS_PASSKEY,
    Reason.PHONE_DIFFERS,
    Reason.PHONE_TAKEN,
    Reason.NO_RECOVERY_LEFT,
)
"""Rows 7 to 11 of the decision table: users who could be locked out."""
