"""The options that commands share: one name, one help text, one variable, wherever they appear."""

from pathlib import Path
from typing import Annotated

import typer

from migrate_mfa.cli.values import left_to_the_sdk, share
from migrate_mfa.domain.model import PhoneConflict, VerificationPolicy

_AWS, _READ, _DECIDE, _PACE, _TALK = "AWS", "Reading the roster", "Decisions", "Limits", "Output"
_SMS = "Text messages"


def _variable(name: str) -> str:
    return f"MIGRATE_MFA_{name}"


Roster = Annotated[
    str | None, typer.Argument(help="The CSV of users and numbers; - for standard input.", show_default=False)
]
RunDir = Annotated[
    Path | None,
    typer.Option(
        help="Everything that one run knows (default: ./migrate-mfa-runs/POOL/ROSTER-SHA8).",
        envvar=_variable("RUN_DIR"),
        show_default=False,
    ),
]
AuditRunDir = Annotated[
    Path | None,
    typer.Option(
        "--run-dir",
        help="Where the audit's report goes (default: ./migrate-mfa-runs/POOL/audit).",
        envvar=_variable("RUN_DIR"),
        show_default=False,
    ),
]
CanaryRunDir = Annotated[
    Path | None,
    typer.Option(
        "--run-dir",
        help="Where the way back is kept (default: ./migrate-mfa-runs/POOL/canary-TIME).",
        envvar=_variable("RUN_DIR"),
        show_default=False,
    ),
]
PlanRunDir = Annotated[
    Path | None,
    typer.Option(
        "--run-dir",
        help="The run directory of a plan: its pool, policy and users are what is checked for.",
        envvar=_variable("RUN_DIR"),
        show_default=False,
    ),
]
DemoRunDir = Annotated[
    Path | None,
    typer.Option(
        "--run-dir",
        help="Where the run directories go (default: a new one in ./migrate-mfa-runs).",
        envvar=_variable("RUN_DIR"),
        show_default=False,
    ),
]
ThisRunDir = Annotated[
    Path,
    typer.Option("--run-dir", help="The run directory.", envvar=_variable("RUN_DIR"), show_default=False),
]
UserPoolId = Annotated[
    str | None,
    typer.Option(
        help="The user pool's id.", envvar=_variable("USER_POOL_ID"), rich_help_panel=_AWS, show_default=False
    ),
]
Profile = Annotated[
    str | None,
    typer.Option(
        help="A profile of the AWS CLI.",
        envvar=[_variable("PROFILE"), "AWS_PROFILE"],
        rich_help_panel=_AWS,
        show_default=False,
    ),
]
Region = Annotated[
    str | None,
    typer.Option(
        help="The Region (default: the pool's).",
        envvar=[_variable("REGION"), "AWS_REGION", "AWS_DEFAULT_REGION"],
        rich_help_panel=_AWS,
        show_default=False,
    ),
]
EndpointUrl = Annotated[
    str | None,
    typer.Option(
        help="Another endpoint for every AWS service, such as a simulator's.",
        callback=left_to_the_sdk,
        envvar=[_variable("ENDPOINT_URL"), "AWS_ENDPOINT_URL"],
        rich_help_panel=_AWS,
        show_default=False,
    ),
]
SmsRoleArn = Annotated[
    str | None,
    typer.Option(
        help="The IAM role that Cognito sends SMS with (default of setup-pool: the pool's, else a new one).",
        metavar="ARN",
        envvar=_variable("SMS_ROLE_ARN"),
        rich_help_panel=_SMS,
        show_default=False,
    ),
]
ExternalId = Annotated[
    str | None,
    typer.Option(
        help="The external id in that role's trust policy.",
        envvar=_variable("EXTERNAL_ID"),
        rich_help_panel=_SMS,
        show_default=False,
    ),
]
SnsRegion = Annotated[
    str | None,
    typer.Option(
        help="The Region of SNS, where it is not the pool's.",
        metavar="REGION",
        envvar=_variable("SNS_REGION"),
        rich_help_panel=_SMS,
        show_default=False,
    ),
]
Verification = Annotated[
    VerificationPolicy | None,
    typer.Option(
        help="How a number becomes verified: by-code, attested, at-sign-in or by-column. No default: "
        "leave it out to have the choices explained.",
        metavar="POLICY",
        envvar=_variable("VERIFICATION"),
        rich_help_panel=_DECIDE,
        show_default=False,
    ),
]
OnPhoneConflict = Annotated[
    PhoneConflict,
    typer.Option(
        help="When the pool's number is in use and differs: fail, keep (enrol the user's own) or "
        "replace (needs attested, or by-column for rows that say true).",
        metavar="fail|keep|replace",
        rich_help_panel=_DECIDE,
    ),
]
Despite = Annotated[
    list[str] | None,
    typer.Option(
        help="Go on despite has_totp, has_passkey, has_email_mfa, no_recovery_left or disabled_user. "
        "Repeatable.",
        metavar="REASON",
        rich_help_panel=_DECIDE,
        show_default=False,
    ),
]
PhoneCountry = Annotated[
    str | None,
    typer.Option(
        help="The country of numbers without a country code, such as JP.",
        envvar=_variable("PHONE_COUNTRY"),
        rich_help_panel=_READ,
        show_default=False,
    ),
]
StrictE164 = Annotated[
    bool,
    typer.Option(
        "--strict-e164",
        help="Take only numbers that are written as +819012345678.",
        envvar=_variable("STRICT_E164"),
        rich_help_panel=_READ,
    ),
]
IdColumn = Annotated[
    str | None,
    typer.Option(
        help="The column that names the user.",
        envvar=_variable("ID_COLUMN"),
        rich_help_panel=_READ,
        show_default=False,
    ),
]
PhoneColumn = Annotated[
    str | None,
    typer.Option(
        help="The column with the number; none uses the numbers that the pool has.",
        envvar=_variable("PHONE_COLUMN"),
        rich_help_panel=_READ,
        show_default=False,
    ),
]
Encoding = Annotated[
    str | None,
    typer.Option(
        help="The roster's encoding (default: UTF-8, UTF-16 by its mark, then cp932).",
        envvar=_variable("ENCODING"),
        rich_help_panel=_READ,
        show_default=False,
    ),
]
QuotaShare = Annotated[
    float,
    typer.Option(
        help="How much of each rate quota we may use, above 0 up to 1, such as 0.5 or 50%.",
        parser=share,
        metavar="SHARE",
        envvar=_variable("QUOTA_SHARE"),
        rich_help_panel=_PACE,
    ),
]
MaxRps = Annotated[
    list[str] | None,
    typer.Option(
        help="At most N calls a second in a category, such as UserUpdate=5. Repeatable.",
        metavar="CATEGORY=N",
        envvar=_variable("MAX_RPS"),
        rich_help_panel=_PACE,
        show_default=False,
    ),
]
BatchSize = Annotated[
    int,
    typer.Option(
        help="Users claimed at a time.",
        min=1,
        max=10_000,
        envvar=_variable("BATCH_SIZE"),
        rich_help_panel=_PACE,
    ),
]
MaxSms = Annotated[
    int,
    typer.Option(
        help="SMS with codes that Cognito may send because of this run.",
        min=0,
        envvar=_variable("MAX_SMS"),
        rich_help_panel=_PACE,
    ),
]
SmsPrice = Annotated[
    list[str] | None,
    typer.Option(
        help="What one part of an SMS costs in a country, such as JP=0.07. Repeatable.",
        metavar="COUNTRY=PRICE",
        envvar=_variable("SMS_PRICE"),
        rich_help_panel=_PACE,
        show_default=False,
    ),
]
MauPrice = Annotated[
    str | None,
    typer.Option(
        help="What a monthly active user costs, such as 0.0055; 0 where none is billed.",
        metavar="PRICE",
        envvar=_variable("MAU_PRICE"),
        rich_help_panel=_PACE,
        show_default=False,
    ),
]
MaxCost = Annotated[
    str | None,
    typer.Option(
        help="Refuse what may cost more now: codes by SMS, and users who become billed.",
        metavar="AMOUNT",
        envvar=_variable("MAX_COST"),
        rich_help_panel=_PACE,
        show_default=False,
    ),
]
MaxFailures = Annotated[
    str,
    typer.Option(
        help="Stop when a larger share fails (at least 5).",
        metavar="PERCENT",
        envvar=_variable("MAX_FAILURES"),
        rich_help_panel=_PACE,
    ),
]
MaxUsers = Annotated[
    int | None,
    typer.Option(
        help="Do at most N users now; the same command goes on later.",
        min=1,
        envvar=_variable("MAX_USERS"),
        rich_help_panel=_PACE,
        show_default=False,
    ),
]
StopAfter = Annotated[
    str | None,
    typer.Option(
        help="Stop after so long, such as 8h or 90m.",
        metavar="DURATION",
        envvar=_variable("STOP_AFTER"),
        rich_help_panel=_PACE,
        show_default=False,
    ),
]
WaitForNetwork = Annotated[
    str,
    typer.Option(
        help="How long to wait for a network that went away; 0s does not wait.",
        metavar="DURATION",
        envvar=_variable("WAIT_FOR_NETWORK"),
        rich_help_panel=_PACE,
    ),
]
Yes = Annotated[
    bool, typer.Option("--yes", help="Do not ask; needed without a terminal.", rich_help_panel=_TALK)
]
Json = Annotated[
    bool, typer.Option("--json", help="The summary as JSON on standard output.", rich_help_panel=_TALK)
]
Quiet = Annotated[
    bool,
    typer.Option("--quiet", "-q", help="No progress.", envvar=_variable("QUIET"), rich_help_panel=_TALK),
]
NoColor = Annotated[
    bool, typer.Option("--no-color", help="No colours.", envvar=_variable("NO_COLOR"), rich_help_panel=_TALK)
]
LogLevel = Annotated[
    str,
    typer.Option(
        help="What goes into log.jsonl: debug, info, warning or error.",
        metavar="LEVEL",
        envvar=_variable("LOG_LEVEL"),
        rich_help_panel=_TALK,
    ),
]
