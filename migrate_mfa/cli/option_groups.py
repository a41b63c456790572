"""The options that several commands share: the same name, help text and variable in each of them.

`cli.options.HEADINGS` has the order of the headings; below a heading, options are in the order of the fields.
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
from migrate_mfa.remote.objects import BucketUrl

KmsKey = Annotated[
    str | None,
    Option(help="KMS key of a run directory in S3 (default: the bucket's encryption).", metavar="ARN"),
]
"""The key that encrypts a run directory in a bucket."""


@dataclass(frozen=True, kw_only=True)
class RosterRun(Group):
    """A run, given by its roster or by the directory of its plan."""

    roster: Annotated[
        str | None, Option(help="CSV file of users and numbers; - reads standard input.", argument=True)
    ] = None
    run_dir: Annotated[
        Path | None,
        Option(
            help="Directory of this run, or s3://BUCKET/PREFIX: its plan, journal and reports "
            "(default: ./migrate-mfa-runs/POOL/ROSTER-SHA8).",
            metavar="DIR",
            parser=option_values.run_dir,
        ),
    ] = None
    kms_key: KmsKey = None


@dataclass(frozen=True, kw_only=True)
class ThisRun(Group):
    """An existing run."""

    run_dir: Annotated[
        Path,
        Option(help="The run directory, or s3://BUCKET/PREFIX.", metavar="DIR", parser=option_values.run_dir),
    ]
    kms_key: KmsKey = None


@dataclass(frozen=True, kw_only=True)
class Deciding(Group, heading="Decisions"):
    """What the operator decides about numbers and users."""

    verification: Annotated[
        VerificationPolicy | None,
        Option(
            help="How numbers become verified: by-code, attested, at-sign-in or by-column. There is no "
            "default; without it the choices are explained.",
            metavar="POLICY",
        ),
    ] = None
    phone_conflict: Annotated[
        PhoneConflict,
        Option(
            help="If the pool already uses a different number for the user: fail the row, keep the pool's "
            "number, or replace it (with attested, or by-column in rows that say true).",
            metavar="fail|keep|replace",
            variable=False,
        ),
    ] = PhoneConflict.FAIL
    despite: Annotated[
        tuple[Reason, ...],
        Option(
            help="Enrol users despite this reason: has_totp, has_passkey, has_email_mfa, no_recovery_left "
            "or disabled_user. Repeatable.",
            metavar="REASON",
            parser=option_values.reason,
            variable=False,
        ),
    ] = ()

    def __post_init__(self) -> None:
        """Refuse options that contradict each other."""
        vouches = {None, VerificationPolicy.ATTESTED, VerificationPolicy.BY_COLUMN}
        if self.phone_conflict is PhoneConflict.REPLACE and self.verification not in vouches:
            raise UsageError(
                "--phone-conflict replace needs numbers that you vouch for.",
                "Use it with --verification attested (or by-column, for the rows that say true).",
            )


Verifying = Annotated[Deciding, Only("verification")]


@dataclass(frozen=True, kw_only=True)
class ReadingRoster(Group, heading="Reading the roster"):
    """How a roster is read."""

    phone_country: Annotated[
        str | None,
        Option(
            help="Country of numbers without a country code, such as JP.",
            metavar="COUNTRY",
            parser=option_values.country,
        ),
    ] = None
    strict_e164: Annotated[bool, Option(help="Accept only numbers written as +819012345678.")] = False
    id_column: Annotated[str | None, Option(help="Column that identifies the user.", metavar="COLUMN")] = None
    phone_column: Annotated[
        str | None,
        Option(help="Column of the phone number, or none: use the pool's numbers.", metavar="COLUMN"),
    ] = None
    encoding: Annotated[
        str | None,
        Option(
            help="Encoding of the roster (default: UTF-8, UTF-16 if it is marked, then cp932).",
            metavar="NAME",
        ),
    ] = None


ReadingUsers = Annotated[ReadingRoster, Only("id_column", "encoding")]


@dataclass(frozen=True, kw_only=True)
class Pace(Group, heading="How fast"):
    """How fast, and how patient."""

    quota_share: Annotated[
        float,
        Option(
            help="Share of each rate quota to use, above 0 up to 1, such as 0.5 or 50%.",
            metavar="SHARE",
            parser=option_values.share,
        ),
    ] = 0.5
    max_rps: Annotated[
        tuple[Named[Category, float], ...],
        Option(
            help="At most N calls per second in a quota category, such as UserUpdate=5. Repeatable.",
            metavar="CATEGORY=N",
            parser=option_values.rate,
        ),
    ] = ()
    wait_for_network: Annotated[
        float,
        Option(
            help="How long to wait if the network fails; 0s does not wait.",
            metavar="DURATION",
            parser=option_values.duration,
        ),
    ] = Written(900, "15m")
    lane_lock: Annotated[
        BucketUrl | None,
        Option(
            help="Also lock the account and Region in a bucket, for several machines: s3://BUCKET/PREFIX.",
            metavar="URL",
            parser=option_values.bucket_url,
        ),
    ] = None

    @property
    def limits(self) -> dict[Category, float]:
        """The most calls per second, by category."""
        return {each.name: each.value for each in self.max_rps}


QuotaShare = Annotated[Pace, Only("quota_share")]


@dataclass(frozen=True, kw_only=True)
class Wave(Group, heading="How much"):
    """How much at a time."""

    max_users: Annotated[
        int | None, Option(help="Stop after N users. The same command continues later.", least=1)
    ] = None
    stop_after: Annotated[
        float | None,
        Option(
            help="Stop after this time, such as 8h or 90m. The same command continues later.",
            metavar="DURATION",
            parser=option_values.duration,
        ),
    ] = None
    max_failures: Annotated[
        float,
        Option(
            help="Stop if a larger share of the rows fails (and at least 5 rows).",
            metavar="PERCENT",
            parser=option_values.percent,
        ),
    ] = Written(0.01, "1%")
    batch_size: Annotated[
        int, Option(help="Users that are taken from the plan at a time, up to 10000.", least=1, most=10_000)
    ] = 100


MaxFailures = Annotated[Wave, Only("max_failures")]


@dataclass(frozen=True, kw_only=True)
class Cost(Group, heading="SMS and cost"):
    """Limits for SMS and cost, and the prices."""

    max_sms: Annotated[
        int,
        Option(help="Most SMS with codes that this run may cause, all its commands together.", least=0),
    ] = 0
    sms_price: Annotated[
        tuple[Named[str, Decimal], ...],
        Option(
            help="Price of one SMS part in a country, such as JP=0.07. Repeatable.",
            metavar="COUNTRY=PRICE",
            parser=option_values.price,
        ),
    ] = ()
    mau_price: Annotated[
        Decimal | None,
        Option(
            help="Price of a monthly active user, such as 0.0055; 0 if users are not billed.",
            metavar="PRICE",
            parser=option_values.money,
        ),
    ] = None
    max_cost: Annotated[
        Decimal | None,
        Option(
            help="Refuse to start if the SMS and newly billed users of this run could cost more.",
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
            help="IAM role that lets Cognito send SMS (default: the pool's, otherwise a new one).",
            metavar="ARN",
            parser=option_values.role_arn,
        ),
    ] = None
    external_id: Annotated[
        str | None, Option(help="External id in that role's trust policy.", metavar="ID")
    ] = None
    sns_region: Annotated[
        str | None, Option(help="Region of SNS, if it is not the pool's.", metavar="REGION")
    ] = None


SmsRoleArn = Annotated[SmsPath, Only("sms_role_arn")]


@dataclass(frozen=True, kw_only=True)
class Telling(Group, heading="Output"):
    """Who is notified of the end of an unattended command."""

    metrics_file: Annotated[
        Path | None,
        Option(
            help="Write a file for Prometheus at the end: counts, calls, exit code, last success.",
            metavar="FILE",
        ),
    ] = None
    notify_topic_arn: Annotated[
        str | None,
        Option(
            help="SNS topic for one message at the end, without personal data.",
            metavar="ARN",
            parser=option_values.topic_arn,
        ),
    ] = None


@dataclass(frozen=True, kw_only=True)
class Consent(Group, heading="Output"):
    """Whether the operator is asked."""

    yes: Annotated[bool, Option(help="Do not ask. Needed without a terminal.", variable=False)] = False


@dataclass(frozen=True, kw_only=True)
class Output(Group, heading="Output"):
    """What is shown, and what is logged."""

    json: Annotated[bool, Option(help="Print the result as JSON.", variable=False)] = False
    quiet: Annotated[bool, Option(help="Show no progress.", flags=("--quiet", "-q"))] = False
    progress: Annotated[
        ProgressStyle,
        Option(
            help="How to show progress; auto is live on a terminal, otherwise lines.",
            metavar="auto|live|lines|none",
        ),
    ] = ProgressStyle.AUTO
    progress_interval: Annotated[
        float,
        Option(
            help="Time between two lines of progress.",
            metavar="DURATION",
            parser=option_values.duration,
        ),
    ] = Written(30, "30s")
    no_color: Annotated[bool, Option(help="Use no colours.")] = False
    log_level: Annotated[
        str,
        Option(
            help="Lowest level in log.jsonl: debug, info, warning or error.",
            metavar="LEVEL",
            parser=option_values.log_level,
        ),
    ] = "info"


JsonOnly = Annotated[Output, Only("json")]
