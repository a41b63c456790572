"""The values that all other modules use. All are frozen."""

from dataclasses import dataclass, field
from enum import StrEnum

from migrate_mfa.domain.choices import PhoneConflict as PhoneConflict  # noqa: PLC0414 - its users take it from here
from migrate_mfa.domain.choices import VerificationPolicy as VerificationPolicy  # noqa: PLC0414 - its users take it from here
from migrate_mfa.domain.privacy import mask_phone
from migrate_mfa.domain.reasons import LIFTABLE, Reason


@dataclass(frozen=True, slots=True)
class Phone:
    """A phone number in E.164 form (`+` and digits), valid by the numbering plan; prints masked."""

    e164: str

    @property
    def masked(self) -> str:
        """The masked number, for display."""
        return mask_phone(self.e164)

    def __repr__(self) -> str:
        return f"Phone({self.masked})"

    __str__ = __repr__


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """The place of a record in the roster: its number and its physical lines, both counted from 1."""

    row: int
    first_line: int
    last_line: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A readable row: the user, the number, and whether the row itself vouches for it.

    `phone` is None for "the number that the user has already verified". `claims_verified` is the row's
    `phone_number_verified`: True, False, or None if it is blank. `guesses` names the guesses with which the
    number was read (`lost_zero`, …); it is empty for a number in E.164 form.
    """

    at: Position
    sub: str | None = field(default=None, repr=False)
    username: str | None = field(default=None, repr=False)
    email: str | None = field(default=None, repr=False)
    phone: Phone | None = None
    claims_verified: bool | None = None
    guesses: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejection:
    """A row that cannot be used: rows 1 and 2 of the decision table. `detail` holds no personal data.

    `identities` are the sub, Username and e-mail address of a row in which only the number is bad.
    """

    at: Position
    reason: Reason
    detail: str
    identities: tuple[str | None, str | None, str | None] = field(default=(None, None, None), repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class MfaState:
    """A user's MFA settings as AdminGetUser shows them.

    `enabled` is UserMFASettingList, `preferred` is PreferredMfaSetting. `legacy_sms`: only the deprecated
    MFAOptions names SMS. `passkey`: the user has a WEB_AUTHN factor, which SMS MFA would block (Cognito
    Developer Guide, "Adding MFA to a user pool").
    """

    enabled: frozenset[str] = frozenset()
    preferred: str | None = None
    legacy_sms: bool = False
    passkey: bool = False

    @property
    def sms_on(self) -> bool:
        """SMS MFA is enabled, by the preference API or by the legacy one."""
        return SMS_MFA in self.enabled or (self.legacy_sms and not self.enabled)

    @property
    def others(self) -> frozenset[str]:
        """The enabled factors other than SMS."""
        return self.enabled - {SMS_MFA}

    @property
    def sms_in_effect(self) -> bool:
        """SMS MFA is used at sign-in, or is enabled in addition to a stronger factor."""
        if SMS_MFA not in self.enabled:
            return self.sms_on
        return self.preferred == SMS_MFA or bool(self.others)


SMS_MFA = "SMS_MFA"
SOFTWARE_TOKEN_MFA = "SOFTWARE_TOKEN_MFA"  # noqa: S105 - the name of a factor
EMAIL_OTP = "EMAIL_OTP"


@dataclass(frozen=True, slots=True, kw_only=True)
class UserState:
    """One user of the pool, as far as one read shows it.

    `mfa` is None after ListUsers, which never returns the MFA settings (API reference, UserType).
    `modified` is UserLastModifiedDate as a number of seconds since the epoch.
    """

    username: str = field(repr=False)
    sub: str
    status: str
    enabled: bool = True
    email: str | None = field(default=None, repr=False)
    email_verified: bool = False
    phone: str | None = field(default=None, repr=False)
    phone_verified: bool = False
    mfa: MfaState | None = None
    modified: float = 0.0

    @property
    def federated(self) -> bool:
        """The user signs in through an identity provider, which is responsible for MFA."""
        return self.status == "EXTERNAL_PROVIDER"

    @property
    def proven_phone(self) -> str | None:
        """The number that the pool has verified, if any."""
        return self.phone if self.phone_verified else None


class MfaMode(StrEnum):
    """MfaConfiguration of a user pool."""

    OFF = "OFF"
    OPTIONAL = "OPTIONAL"
    ON = "ON"


class PhoneSignIn(StrEnum):
    """Whether a phone number can be used to sign in, and through which setting of the pool."""

    NO = "no"
    ALIAS = "alias"
    USERNAME = "username"


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolFacts:
    """The settings from DescribeUserPool and GetUserPoolMfaConfig that decisions need."""

    id: str
    name: str
    mfa: MfaMode
    sms_configured: bool
    phone_auto_verified: bool = False
    phone_needs_proof: bool = False
    """AttributesRequireVerificationBeforeUpdate contains phone_number: unproven numbers are not stored."""
    phone_mutable: bool = True
    phone_sign_in: PhoneSignIn = PhoneSignIn.NO
    email_sign_in: bool = False
    """E-mail is an alias or the username; then no Username in this pool is an e-mail address."""
    email_is_username: bool = False
    case_sensitive: bool = True
    recovery: tuple[str, ...] | None = None
    """AccountRecoverySetting's mechanisms in order; None if the pool has no such setting."""
    passkeys_at_risk: bool = False
    """WEB_AUTHN is a first factor, which a user's MFA would block."""
    estimated_users: int = 0
    sms_failure: str | None = None
    code_sms_parts: int = 1
    """How many SMS parts a verification code is billed as; the next field is for a sign-in code."""
    sign_in_sms_parts: int = 1

    @property
    def code_sms_on_unverified_write(self) -> bool:
        """Whether writing an unverified number makes Cognito send a code to it.

        Source: "Configuring email or phone verification", Cognito Developer Guide.
        """
        return self.phone_auto_verified

    @property
    def recovers_by_admin_only(self) -> bool:
        """Users cannot reset passwords themselves, so they lose nothing with SMS MFA."""
        return self.recovery == ("admin_only",)

    @property
    def recovers_by_email(self) -> bool:
        """A verified e-mail address lets a user reset the password."""
        return self.recovery is None or "verified_email" in self.recovery


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """The operator's choices that change decisions."""

    verification: VerificationPolicy
    phone_conflict: PhoneConflict = PhoneConflict.FAIL
    despite: frozenset[Reason] = frozenset()

    def __post_init__(self) -> None:
        if unknown := self.despite - LIFTABLE:
            raise ValueError(f"--despite cannot lift {', '.join(sorted(unknown))}")

    def for_row(self, claims_verified: bool | None) -> VerificationPolicy:  # noqa: FBT001 - a tri-state, not a switch
        """The policy for one row: its `phone_number_verified` can only lower the trust in its number.

        Only under `by-column` does a row's `true` count as proof.
        """
        if self.verification is VerificationPolicy.BY_COLUMN:
            return VerificationPolicy.ATTESTED if claims_verified else VerificationPolicy.BY_CODE
        return VerificationPolicy.BY_CODE if claims_verified is False else self.verification


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberClaims:
    """Other claims on the same number, as the plan knows them; they matter if numbers sign people in."""

    requested_by_others: bool = False
    held_by_other: bool = False


@dataclass(frozen=True, slots=True)
class StorePhone:
    """AdminUpdateUserAttributes: phone_number, and with `verified` also phone_number_verified=true.

    Both in one call store the number at once and send no message (API reference,
    AdminUpdateUserAttributes).
    """

    phone: Phone
    verified: bool


@dataclass(frozen=True, slots=True)
class SetSmsMfa:
    """AdminSetUserMFAPreference with SMSMfaSettings and no other block.

    Other factors are never sent: a block with Enabled=false makes Cognito refuse users who never had that
    factor.
    """

    enabled: bool
    preferred: bool


@dataclass(frozen=True, slots=True)
class MarkUnverified:
    """AdminUpdateUserAttributes: phone_number with phone_number_verified=false, for a rollback."""

    phone: Phone


@dataclass(frozen=True, slots=True)
class ClearPhone:
    """AdminUpdateUserAttributes with a blank phone_number, which deletes it (API reference)."""


@dataclass(frozen=True, slots=True)
class PreferFactor:
    """AdminSetUserMFAPreference: enable and prefer a factor that the user had before."""

    factor: str


Step = StorePhone | SetSmsMfa | MarkUnverified | ClearPhone | PreferFactor


@dataclass(frozen=True, slots=True)
class Plan:
    """The writes in order, and the reason of the row once they are in effect."""

    steps: tuple[Step, ...]
    ends: Reason


@dataclass(frozen=True, slots=True)
class Verdict:
    """Nothing to write: the row ends with this reason. `detail` adds facts to the reason's sentence."""

    reason: Reason
    detail: str = ""


Decision = Plan | Verdict
