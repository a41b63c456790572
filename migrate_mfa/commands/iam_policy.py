"""iam-policy: the permissions that a command needs, as a policy document for IAM."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from migrate_mfa.cli import option_values
from migrate_mfa.cli.caller import Aws, Pool
from migrate_mfa.cli.option_groups import SmsPath, Telling
from migrate_mfa.cli.options import PREFIX, Group, Only, Option
from migrate_mfa.cli.prompt import tell
from migrate_mfa.domain.errors import ExitCode
from migrate_mfa.remote.objects import BucketUrl

if TYPE_CHECKING:
    from migrate_mfa.checks.permissions import Permission

_CURRENT = "current"
_MAKES_THE_ROLE = "setup-pool"


@dataclass(frozen=True, kw_only=True)
class Allowing(Group, variables=False):
    """The permissions to include."""

    command: Annotated[str, Option(help="Command to allow, such as run.", argument=True)]
    account: Annotated[
        str | None,
        Option(
            help="Account id; current asks AWS for the account of your credentials (default: a placeholder).",
            metavar="ID|current",
        ),
    ] = None
    deep: Annotated[bool, Option(help="Include what the command needs for --deep.")] = False
    optional: Annotated[
        bool, Option(help="Include optional permissions.", flags=("--optional/--no-optional",))
    ] = True
    run_dir: Annotated[
        BucketUrl | None,
        Option(
            help="Include what a run directory in a bucket needs: s3://BUCKET/PREFIX.",
            metavar="DIR",
            parser=option_values.bucket_url,
        ),
    ] = None
    kms_key: Annotated[
        str | None,
        Option(help="Include the use of this KMS key.", metavar="ARN", variables=(f"{PREFIX}KMS_KEY",)),
    ] = None


@dataclass(frozen=True, kw_only=True)
class RoleToPass(Group, heading=SmsPath.heading):
    """The SMS role in the document, which may be a pattern."""

    sms_role_arn: Annotated[
        str | None,
        Option(
            help="IAM role that lets Cognito send SMS; may contain * (default: a placeholder).",
            metavar="ARN",
        ),
    ] = None


NotifyTopic = Annotated[Telling, Only("notify_topic_arn")]


def iam_policy(allowing: Allowing, pool: Pool, aws: Aws, role: RoleToPass, telling: NotifyTopic) -> ExitCode:
    """Print the least-privilege IAM policy of a command.

    Calls AWS only for --account current.

    Examples:
        migrate-mfa iam-policy run --user-pool-id ap-northeast-1_AbCdEfGhI
        migrate-mfa iam-policy audit --deep --user-pool-id ap-northeast-1_AbCdEfGhI
    """
    from migrate_mfa.checks.bucket_policy import ASK_ONLY_THE_BUCKET, bucket_statements
    from migrate_mfa.checks.iam_policy import document_of, partition_of
    from migrate_mfa.cli import tables

    command, run_dir = allowing.command, allowing.run_dir
    asks_the_pool = run_dir is None or command not in ASK_ONLY_THE_BUCKET
    left_out = asks_the_pool and run_dir is not None and pool.user_pool_id is None
    document = document_of([])
    if left_out:
        _permissions(allowing, telling)  # there must be such a command
    elif asks_the_pool:
        document = _on_the_pool(allowing, pool, aws, role, telling)
    if run_dir is not None:
        partition = partition_of(aws.region or (pool.user_pool_id or ""))
        document["Statement"] += bucket_statements(
            run_dir, command, partition=partition, kms_key=allowing.kms_key
        )
    tables.as_json(document)
    _name_placeholders(str(document))
    if left_out:
        tell("This is for the bucket only. To include what is needed on the pool, add --user-pool-id.")
    return ExitCode.DONE


def _permissions(allowing: Allowing, telling: NotifyTopic) -> "tuple[Permission, ...]":
    """Those on the pool; raises UsageError if there is no such command."""
    from migrate_mfa.checks.iam_policy import permissions_of

    return permissions_of(
        allowing.command,
        deep=allowing.deep,
        notify=telling.notify_topic_arn is not None,
        optional=allowing.optional,
    )


def _on_the_pool(
    allowing: Allowing, pool: Pool, aws: Aws, role: RoleToPass, telling: NotifyTopic
) -> dict[str, Any]:
    from migrate_mfa.aws.session import region_of
    from migrate_mfa.checks.iam_policy import ROLE_PLACEHOLDER, Ground, policy
    from migrate_mfa.domain.errors import UsageError
    from migrate_mfa.pool_setup.role import role_name
    from migrate_mfa.session import account_of
    from migrate_mfa.settings import Settings

    permissions = _permissions(allowing, telling)
    if pool.user_pool_id is None:
        raise UsageError("--user-pool-id is missing.", "It looks like ap-northeast-1_AbCdEfGhI.")
    target = Settings(aws=aws).target(pool.user_pool_id)
    ground = Ground(
        user_pool_id=pool.user_pool_id,
        region=region_of(target),
        account=account_of(target) if allowing.account == _CURRENT else allowing.account,
        sms_role_arn=role.sms_role_arn,
        sms_role_name=role_name(pool.user_pool_id)
        if allowing.command == _MAKES_THE_ROLE
        else ROLE_PLACEHOLDER,
        topic_arn=telling.notify_topic_arn or "",
    )
    return policy(permissions, ground)


def _name_placeholders(shown: str) -> None:
    from migrate_mfa.checks.iam_policy import ACCOUNT_PLACEHOLDER, ROLE_PLACEHOLDER

    for mark, option in ((ACCOUNT_PLACEHOLDER, "--account"), (ROLE_PLACEHOLDER, "--sms-role-arn")):
        if mark in shown:
            tell(f"Replace {mark} with the real one, or use {option}.")
