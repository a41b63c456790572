"""The least-privilege IAM policy of a command, as a document.

Sources: IAM User Guide, "IAM JSON policy elements reference" and "Grant a user permissions to pass a role to
an AWS service"; Service Authorization Reference, "Actions, resources, and condition keys for Amazon Cognito
User Pools".
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from migrate_mfa.aws.names import ROLE_ARN
from migrate_mfa.checks.permissions import NOTIFYING, PERMISSIONS, PUBLISH, Permission, Scope, When
from migrate_mfa.domain.errors import UsageError

ACCOUNT_PLACEHOLDER = "ACCOUNT-ID"
ROLE_PLACEHOLDER = "SMS-ROLE-NAME"
"""Placeholders for values that are not given; the command that prints the document must list them."""

_PASS_ROLE = "iam:PassRole"  # noqa: S105 - an action
_ONLY_TO_COGNITO = {"Condition": {"StringEquals": {"iam:PassedToService": "cognito-idp.amazonaws.com"}}}
_ABOUT = {Scope.POOL: "", Scope.ACCOUNT: "InTheAccount", Scope.SMS_ROLE: "OnTheSmsRole", Scope.TOPIC: ""}
_PARTITIONS = {
    "cn-": "aws-cn",
    "us-gov-": "aws-us-gov",
    "us-iso-": "aws-iso",
    "us-isob-": "aws-iso-b",
    "eu-isoe-": "aws-iso-e",
    "us-isof-": "aws-iso-f",
    "eusc-": "aws-eusc",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """The resources of a policy: one pool, and its role for sending text messages.

    Raises:
        UsageError: the account or the role is malformed.
    """

    user_pool_id: str
    region: str
    account: str | None = None
    sms_role_arn: str | None = None
    sms_role_name: str = ROLE_PLACEHOLDER
    """The role's name, if its ARN was not given."""
    topic_arn: str = ""
    """The SNS topic that is notified when a command ends, if there is one."""

    def __post_init__(self) -> None:
        if self.account is not None and not re.fullmatch(r"[0-9]{12}", self.account):
            raise UsageError(f"{self.account!r} is not an account's id.", "It has twelve digits.")
        if self.sms_role_arn is not None and not ROLE_ARN.fullmatch(self.sms_role_arn):
            raise UsageError(
                f"{self.sms_role_arn!r} is not a role's ARN.",
                "It looks like arn:aws:iam::123456789012:role/service-role/cognito-sms.",
            )

    def arn(self, scope: Scope) -> str:
        """The resource of actions of this scope."""
        partition, account = partition_of(self.region), self.account or ACCOUNT_PLACEHOLDER
        match scope:
            case Scope.POOL:
                return f"arn:{partition}:cognito-idp:{self.region}:{account}:userpool/{self.user_pool_id}"
            case Scope.SMS_ROLE:
                return self.sms_role_arn or f"arn:{partition}:iam::{account}:role/{self.sms_role_name}"
            case Scope.TOPIC:
                return self.topic_arn
            case Scope.ACCOUNT:
                return "*"


def partition_of(region: str) -> str:
    """The partition in a Region's ARNs (AWS General Reference, "Amazon Resource Names")."""
    return next((name for prefix, name in _PARTITIONS.items() if region.startswith(prefix)), "aws")


def in_own_partition(arn: str) -> str:
    """An ARN with the partition of its Region: not every endpoint returns the right partition."""
    _, _, service, region, rest = arn.split(":", 4)
    return f"arn:{partition_of(region)}:{service}:{region}:{rest}"


def permissions_of(
    command: str, *, deep: bool = False, notify: bool = False, optional: bool = True
) -> tuple[Permission, ...]:
    """The actions that a command needs.

    Args:
        command: its name.
        deep: include the actions for `--deep`.
        notify: include the action that notifies a topic, if the command can do that.
        optional: include the optional actions.

    Raises:
        UsageError: it does not call AWS, or there is no such command.
    """
    if command not in PERMISSIONS:
        raise UsageError(f"{command!r} is no command that calls AWS.", f"These do: {', '.join(PERMISSIONS)}.")
    told = (PUBLISH,) if notify and command in NOTIFYING else ()
    wanted = tuple(
        each
        for each in PERMISSIONS[command]
        if (deep or each.when is not When.DEEP) and (optional or each.required or each.when is not None)
    )
    return wanted + told


def policy(permissions: Iterable[Permission], ground: Ground) -> dict[str, Any]:
    """The policy document: one statement, with a Sid, for each reason and resource."""
    statements: dict[str, dict[str, Any]] = {}
    for each in permissions:
        passing = each.action == _PASS_ROLE
        sid = f"{_why(each)}{_ABOUT[each.scope]}{'ForCognito' if passing else ''}"
        empty = {"Sid": sid, "Effect": "Allow", "Action": [], "Resource": ground.arn(each.scope)}
        statement = statements.setdefault(sid, empty | (_ONLY_TO_COGNITO if passing else {}))
        statement["Action"].append(each.action)
    return document_of(list(statements.values()))


def document_of(statements: list[dict[str, Any]]) -> dict[str, Any]:
    """A policy document."""
    return {"Version": "2012-10-17", "Statement": statements}


def _why(permission: Permission) -> str:
    if permission.when is not None:
        return permission.when.value
    return "Required" if permission.required else "Optional"
