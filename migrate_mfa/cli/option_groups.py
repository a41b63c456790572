"""The options that commands share: one name, one help text, one variable, wherever they appear.

A command takes groups in this order, so that the help of every command has its headings in the same one:
its own options first, then these as they stand here.
"""

from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Annotated

from migrate_mfa.cli import option_values
from migrate_mfa.cli.option_values import Named, Written
from migrate_mfa.cli.options import Group, Only, Option
from migrate_mfa.domain.choices import PhoneConflict, ProgressStyle, VerificationPolicy
from migrate_mfa.domain.errors import UsageError
from migrate_mfa.domain.quotas import Category
from migrate_mfa.domain.reasons import Reason

KmsKey = Annotated[
    str | None,
    Option(help="The KMS key for what goes to S3 (default: as the bucket encrypts).", metavar="ARN"),
]
"""With which key a run directory in a bucket is encrypted."""


@dataclass(frozen=True, kw_only=True)
class RosterRun(Group):
    """A run by its roster, or by the directory of its plan."""

    roster: Annotated[
        str | None, Option(help="The CSV of users and numbers; - for standard input.", argument=True)
    ] = None
    run_dir: Annotated[
        Path | None,
        Option(
            help="Everything that one run knows: a directory, or s3://BUCKET/PREFIX "
            "(default: ./migrate-mfa-runs/POOL/ROSTER-SHA8).",
            metavar="DIR",
            parser=option_values.run_dir,
        ),
    ] = None
    kms_key: KmsKey = None


@dataclass(frozen=True, kw_only=True)
class ThisRun(Group):
    """A run that there is."""

    run_dir: Annotated[
        Path,
        Option(help="The run directory, or s3://BUCKET/PREFIX.", metavar="DIR", parser=option_values.run_dir),
    ]
    kms_key: KmsKey = None


@dataclass(frozen=True, kw_only=True)
class Pool(Group, heading="AWS"):
    """Which user pool."""

    user_pool_id: Annotated[str | None, Option(help="The user pool's id.")] = None


@dataclass(frozen=True, kw_only=True)
class Aws(Group, heading="AWS"):
    """Where AWS is, and who we are there."""

    profile: Annotated[str | None, Option(help="A profile of the AWS CLI.", variables=("AWS_PROFILE",))] = (
        None
    )
    region: Annotated[
        str | None,
        Option(help="The Region (default: the pool's).", variables=("AWS_REGION", "AWS_DEFAULT_REGION")),
    ] = None
    endpoint_url: Annotated[
        str | None,
        Option(
            help="Another endpoint for every AWS service, such as a simulator's.",
            variables=("AWS_ENDPOINT_URL",),
            callback=option_values.usable_endpoint,
        ),
    ] = None


@dataclass(frozen=True, kw_only=True)
class Deciding(Group, heading="Decisions"):
    """What the operator decides about numbers and users."""

    verification: Annotated[
        VerificationPolicy | None,
        Option(
            help="How a number becomes verified: by-code, attested, at-sign-in or by-column. No default: "
            "leave it out to have the choices explained.",
            metavar="POLICY",
        ),
    ] = None
    phone_conflict: Annotated[
        PhoneConflict,
        Option(
            help="When the pool's number is in use and differs: fail, keep (enrol the user's own) or "
            "replace (needs attested, or by-column for rows that say true).",
            metavar="fail|keep|replace",
            variable=False,
        ),
    ] = PhoneConflict.FAIL
    despite: Annotated[
        tuple[Reason, ...],
        Option(
            help="Go on despite has_totp, has_passkey, has_email_mfa, no_recovery_left or disabled_user. "
            "Repeatable.",
            metavar="REASON",
            parser=option_values.reason,
            variable=False,
        ),
    ] = ()

    def __post_init__(self) -> None:
        """Refuse what does not go together."""
        vouches = {None, VerificationPolicy.ATTESTED, VerificationPolicy.BY_COLUMN}
        if self.phone_conflict is PhoneConflict.REPLACE and self.verification not in vouches:
            raise UsageError(
                "--phone-conflict replace needs numbers that somebody vouches for.",
                "Use it with --verification attested (or by-column, for the rows that say true).",
            )


Verifying = Annotated[Deciding, Only("verification")]


@dataclass(frozen=True, kw_only=True)
class ReadingRoster(Group, heading="Reading the roster"):
    """What a roster does not say of itself."""

    phone_country: Annotated[
        str | None,
        Option(
            help="The country of numbers without a country code, such as JP.",
            parser=option_values.country,
        ),
    ] = None
    strict_e164: Annotated[bool, Option(help="Take only numbers that are written as +819012345678.")] = False
    id_column: Annotated[str | None, Option(help="The column that names the user.")] = None
    phone_column: Annotated[
        str | None, Option(help="The column with the number; none uses the numbers that the pool has.")
    ] = None
    encoding: Annotated[
        str | None, Option(help="The roster's encoding (default: UTF-8, UTF-16 by its mark, then cp932).")
    ] = None


ReadingUsers = Annotated[ReadingRoster, Only("id_column", "encoding")]
ReadingNumber = Annotated[ReadingRoster, Only("phone_country")]


@dataclass(frozen=True, kw_only=True)
class Pace(Group, heading="Limits"):
    """How fast, and how patiently."""

    quota_share: Annotated[
        float,
        Option(
            help="How much of each rate quota we may use, above 0 up to 1, such as 0.5 or 50%.",
            metavar="SHARE",
            parser=option_values.share,
        ),
    ] = 0.5
    max_rps: Annotated[
        tuple[Named[Category, float], ...],
        Option(
            help="At most N calls a second in a category, such as UserUpdate=5. Repeatable.",
            metavar="CATEGORY=N",
            parser=option_values.rate,
        ),
    ] = ()
    wait_for_network: Annotated[
        float,
        Option(
            help="How long to wait for a network that went away; 0s does not wait.",
            metavar="DURATION",
            parser=option_values.duration,
        ),
    ] = Written(900, "15m")

    @property
    def limits(self) -> dict[Category, float]:
        """Calls a second at most, by category."""
        return {each.name: each.value for each in self.max_rps}


QuotaShare = Annotated[Pace, Only("quota_share")]


@dataclass(frozen=True, kw_only=True)
class Wave(Group, heading="Limits"):
    """How much at a time."""

    batch_size: Annotated[int, Option(help="Users claimed at a time.", least=1, most=10_000)] = 100
    max_failures: Annotated[
        float,
        Option(
            help="Stop when a larger share fails (at least 5).",
            metavar="PERCENT",
            parser=option_values.percent,
        ),
    ] = Written(0.01, "1%")
    max_users: Annotated[
        int | None, Option(help="Do at most N users now; the same command goes on later.", least=1)
    ] = None
    stop_after: Annotated[
        float | None,
        Option(
            help="Stop after so long, such as 8h or 90m.", metavar="DURATION", parser=option_values.duration
        ),
    ] = None


MaxFailures = Annotated[Wave, Only("max_failures")]


@dataclass(frozen=True, kw_only=True)
class Cost(Group, heading="Limits"):
    """What it may cause, and what that costs."""

    max_sms: Annotated[
        int, Option(help="SMS with codes that Cognito may send because of this run.", least=0)
    ] = 0
    sms_price: Annotated[
        tuple[Named[str, Decimal], ...],
        Option(
            help="What one part of an SMS costs in a country, such as JP=0.07. Repeatable.",
            metavar="COUNTRY=PRICE",
            parser=option_values.price,
        ),
    ] = ()
    mau_price: Annotated[
        Decimal | None,
        Option(
            help="What a monthly active user costs, such as 0.0055; 0 where none is billed.",
            metavar="PRICE",
            parser=option_values.money,
        ),
    ] = None
    max_cost: Annotated[
        Decimal | None,
        Option(
            help="Refuse what may cost more now: codes by SMS, and users who become billed.",
            metavar="AMOUNT",
            parser=option_values.money,
        ),
    ] = None


PricesOnly = Annotated[Cost, Only("sms_price", "mau_price")]
CostOfReading = Annotated[Cost, Only("mau_price", "max_cost")]


@dataclass(frozen=True, kw_only=True)
class SmsPath(Group, heading="Text messages"):
    """How the pool sends SMS."""

    sms_role_arn: Annotated[
        str | None,
        Option(
            help="The IAM role that Cognito sends SMS with (default of setup-pool: the pool's, else a new "
            "one).",
            metavar="ARN",
            parser=option_values.role_arn,
        ),
    ] = None
    external_id: Annotated[str | None, Option(help="The external id in that role's trust policy.")] = None
    sns_region: Annotated[
        str | None, Option(help="The Region of SNS, where it is not the pool's.", metavar="REGION")
    ] = None


SmsRoleArn = Annotated[SmsPath, Only("sms_role_arn")]


@dataclass(frozen=True, kw_only=True)
class Consent(Group, heading="Output"):
    """Whether the operator is asked."""

    yes: Annotated[bool, Option(help="Do not ask; needed without a terminal.", variable=False)] = False


@dataclass(frozen=True, kw_only=True)
class Output(Group, heading="Output"):
    """What is shown, and what is logged."""

    json: Annotated[bool, Option(help="The summary as JSON on standard output.", variable=False)] = False
    quiet: Annotated[bool, Option(help="No progress.", flags=("--quiet", "-q"))] = False
    progress: Annotated[
        ProgressStyle,
        Option(help="live on a terminal, else lines (auto); or one of them, or none."),
    ] = ProgressStyle.AUTO
    progress_interval: Annotated[
        float,
        Option(
            help="The time between two lines of progress.",
            metavar="DURATION",
            parser=option_values.duration,
        ),
    ] = Written(30, "30s")
    no_color: Annotated[bool, Option(help="No colours.")] = False
    log_level: Annotated[
        str,
        Option(
            help="What goes into log.jsonl: debug, info, warning or error.",
            metavar="LEVEL",
            parser=option_values.log_level,
        ),
    ] = "info"


JsonOnly = Annotated[Output, Only("json")]
