"""The raw facts that `check` judges: the pool, its SMS path, its limits and the caller."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from migrate_mfa.aws.answers import Answer
from migrate_mfa.checks.findings import Unknown
from migrate_mfa.domain.model import PoolFacts, VerificationPolicy
from migrate_mfa.domain.point_in_time_recovery import Recovery
from migrate_mfa.domain.quotas import Category
from migrate_mfa.domain.reasons import Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class SmsPath:
    """How Cognito sends text messages: SmsConfiguration of a pool.

    Either through Amazon SNS, or directly through AWS End User Messaging (`eums`), whose
    OriginationIdentity is `origin`. Source: "SMS message settings for Amazon Cognito user pools",
    Developer Guide.
    """

    role_arn: str
    region: str
    external_id: str | None = None
    eums: bool = False
    origin: str | None = None

    @property
    def service(self) -> str:
        """The service's name, for people."""
        return "AWS End User Messaging" if self.eums else "Amazon SNS"

    @property
    def action(self) -> str:
        """The action that the role must be allowed."""
        return "sms-voice:SendTextMessage" if self.eums else "sns:Publish"

    @property
    def role_name(self) -> str:
        """The role's name, without the account."""
        return self.role_arn.rpartition("/")[2]


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolDetails:
    """A pool's settings that are not in `PoolFacts`."""

    arn: str
    sms: SmsPath | None = None
    sms_text: str | None = None
    """SmsAuthenticationMessage, None for Cognito's default text."""
    tier: str = "ESSENTIALS"
    threat_protection: str = "OFF"
    """AdvancedSecurityMode: OFF, AUDIT or ENFORCED."""
    triggers: tuple[str, ...] = ()
    first_factors: frozenset[str] = frozenset()
    """AllowedFirstAuthFactors of choice-based sign-in."""
    totp: bool = False
    device_challenge: bool | None = None
    """ChallengeRequiredOnNewDevice; None if the pool remembers no devices."""
    phone_required: bool = False
    domain: str | None = None
    """The prefix or name of managed login."""
    stack: str | None = None
    """The CloudFormation stack that made the pool."""

    @property
    def own_sender(self) -> bool:
        """A Lambda function sends the messages, instead of SNS or End User Messaging."""
        return "CustomSMSSender" in self.triggers


class Decision(StrEnum):
    """What IAM's policy simulator says."""

    ALLOWED = "allowed"
    DENIED = "denied"
    UNSURE = "unsure"
    """A policy depends on values that only a real request has."""


@dataclass(frozen=True, slots=True)
class Role:
    """The IAM role with which Cognito sends: its trust policy, and whether it may send."""

    trust: Answer
    publishes: Decision | Unknown


@dataclass(frozen=True, slots=True)
class Sending:
    """The account's text messaging in one Region: `limit_usd` per month, None if none was set."""

    sandbox: bool | Unknown
    limit_usd: float | Unknown | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AppClient:
    """An app client's sign-in settings. The session is in minutes, the refresh token in days."""

    name: str
    flows: frozenset[str]
    session_min: int
    refresh_days: float


@dataclass(frozen=True, slots=True)
class AppClients:
    """The app clients that were read, out of `listed` in the list; `more`: the list has further pages."""

    seen: tuple[AppClient, ...]
    listed: int
    more: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class QuotaUse:
    """One rate category, in calls per second.

    `enforced` is None if AWS does not tell. `busiest` is the mean of the busiest five minutes of a day,
    None if nothing was recorded.
    """

    category: Category
    enforced: float | None
    busiest: float | Unknown | None


NO_PRINCIPAL = "NoPrincipal"
"""The code of an `Unknown` caller that is neither an IAM user nor an IAM role."""


@dataclass(frozen=True, slots=True)
class Caller:
    """The caller, and what its policies decide about each action."""

    arn: str
    decisions: Mapping[str, Decision] | Unknown


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckScope:
    """What is planned in the pool; None for each value that is not known.

    `users` is how many are to be enrolled, `codes` how many SMS storing their numbers would send.
    `sms_cost` is the cost of these codes and of one sign-in each, if every price was given.
    """

    verb: str = "run"
    verification: VerificationPolicy | None = None
    users: int | None = None
    codes: int | None = None
    sms_cost: Decimal | None = None
    quota_share: float = 0.5
    despite: frozenset[Reason] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolSnapshot:
    """All facts. None was not read and gives no finding; `Unknown` could not be read and gives one."""

    facts: PoolFacts
    details: PoolDetails
    account: str
    scope: CheckScope
    replica: str | Unknown | None = None
    """This Region's role in replication: PRIMARY, SECONDARY, or empty without replicas."""
    recoveries: tuple[Recovery, ...] | Unknown | None = None
    """The point-in-time recoveries of the pool, the newest first."""
    logs_delivery: bool | Unknown | None = None
    """Whether failures to deliver messages are logged."""
    role: Role | Unknown | None = None
    sending: Sending | None = None
    clients: AppClients | Unknown | None = None
    quotas: tuple[QuotaUse, ...] = ()
    caller: Caller | None = None
