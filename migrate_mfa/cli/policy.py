"""iam-policy: what a command must be allowed, as a document for IAM."""

from typing import Annotated

import typer

from migrate_mfa.cli import options as o
from migrate_mfa.cli.talk import tell

_CURRENT = "current"
_MAKES_THE_ROLE = "setup-pool"


def register(app: typer.Typer) -> None:
    """Add this command to the program."""
    app.command(name="iam-policy")(iam_policy)


def iam_policy(
    command: Annotated[str, typer.Argument(help="The command that is to be allowed, such as run.")],
    user_pool_id: o.UserPoolId = None,
    account: Annotated[
        str | None,
        typer.Option(
            help="The account's id; current asks AWS whose credentials these are (default: a mark to "
            "be replaced).",
            metavar="ID|current",
            show_default=False,
        ),
    ] = None,
    sms_role_arn: o.SmsRoleArn = None,
    deep: Annotated[bool, typer.Option("--deep", help="With what the command's --deep needs.")] = False,
    optional: Annotated[
        bool, typer.Option("--optional/--no-optional", help="With what the command can do without.")
    ] = True,
    profile: o.Profile = None,
    region: o.Region = None,
    endpoint_url: o.EndpointUrl = None,
) -> None:
    """Print the least-privilege IAM policy of a command. Asks nothing of AWS, unless --account current."""
    from migrate_mfa.adapters.aws import AwsTarget, region_of
    from migrate_mfa.cli import show
    from migrate_mfa.domain.errors import UsageError
    from migrate_mfa.domain.policy import ROLE_PLACEHOLDER, Ground, permissions_of, policy
    from migrate_mfa.domain.sms_role import role_name
    from migrate_mfa.wiring.lane import account_of

    permissions = permissions_of(command, deep=deep, optional=optional)
    if user_pool_id is None:
        raise UsageError("--user-pool-id is missing.", "It looks like ap-northeast-1_AbCdEfGhI.")
    target = AwsTarget(user_pool_id=user_pool_id, profile=profile, region=region, endpoint_url=endpoint_url)
    ground = Ground(
        user_pool_id=user_pool_id,
        region=region_of(target),
        account=account_of(target) if account == _CURRENT else account,
        sms_role_arn=sms_role_arn,
        sms_role_name=role_name(user_pool_id) if command == _MAKES_THE_ROLE else ROLE_PLACEHOLDER,
    )
    document = policy(permissions, ground)
    show.as_json(document)
    _name_placeholders(str(document))


def _name_placeholders(shown: str) -> None:
    from migrate_mfa.domain.policy import ACCOUNT_PLACEHOLDER, ROLE_PLACEHOLDER

    for mark, option in ((ACCOUNT_PLACEHOLDER, "--account"), (ROLE_PLACEHOLDER, "--sms-role-arn")):
        if mark in shown:
            tell(f"Put the real one in the place of {mark}, or give {option}.")
