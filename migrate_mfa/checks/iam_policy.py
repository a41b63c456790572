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
"""Placeholders for what is not given; the command that prints the document must name them."""

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
    """What a policy is for: one pool, and the role that it sends text messages with.

    Raises:
        UsageError: the account or the role is not written as AWS writes it.
    """

    user_pool_id: str
    region: str
    account: str | None = None
    sms_role_arn: str | None = None
    sms_role_name: str = ROLE_PLACEHOLDER
    """The role's name, where its ARN was not given."""
    topic_arn: str = ""
    """The topic that is told how a command ended, where there is one."""

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
    """An ARN with the partition of the Region that it names: not every endpoint tells Regions apart."""
    _, _, service, region, rest = arn.split(":", 4)
    return f"arn:{partition_of(region)}:{service}:{region}:{rest}"


def permissions_of(
    command: str, *, deep: bool = False, notify: bool = False, optional: bool = True
) -> tuple[Permission, ...]:
    """What a command asks of AWS.

    Args:
        command: Its name.
        deep: With what it needs for `--deep`.
        notify: With what it needs to tell a topic how it ended, if it can do that.
        optional: With what it can do without.

    Raises:
        UsageError: it asks nothing of AWS, or there is no such command.
    """
    if command not in PERMISSIONS:
        raise UsageError(
            f"{command!r} is no command that asks anything of AWS.", f"These do: {', '.join(PERMISSIONS)}."
        )
    told = (PUBLISH,) if notify and command in NOTIFYING else ()
    wanted = tuple(
        each
        for each in PERMISSIONS[command]
        if (deep or each.when is not When.DEEP) and (optional or each.required or each.when is not None)
    )
    return wanted + told


def policy(permissions: Iterable[Permission], ground: Ground) -> dict[str, Any]:
    """The policy document: a statement for each reason and resource, named by its Sid."""
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
