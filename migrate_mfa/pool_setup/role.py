"""The IAM role with which Cognito sends text messages by SNS: what ours says, and whether a role is ours.

Source: "SMS message settings for Amazon Cognito user pools" (Cognito Developer Guide): the service principal,
the external id, the conditions on the source, and sns:Publish.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol
from uuid import NAMESPACE_URL, uuid5

from migrate_mfa.domain.errors import PoolNotReady

Document = Mapping[str, Any]

SERVICE = "cognito-idp.amazonaws.com"
POLICY_NAME = "publish-sms"
PUBLISH: Document = {
    "Version": "2012-10-17",
    # Text messages go to numbers, not to topics: SNS has no resource to name for them.
    "Statement": [{"Effect": "Allow", "Action": "sns:Publish", "Resource": "*"}],
}
_LONGEST_NAME = 64


@dataclass(frozen=True, slots=True)
class SmsRole:
    """The role of one pool: its ARN, its trust policy, and the external id in it. `PUBLISH` is its right."""

    name: str
    arn: str
    external_id: str
    trust: Document

    def as_dict(self) -> dict[str, object]:
        """The role for machines, with its documents."""
        policies = {POLICY_NAME: PUBLISH}
        return {"name": self.name, "arn": self.arn, "trust_policy": self.trust, "inline_policies": policies}


@dataclass(frozen=True, slots=True)
class FoundRole:
    """A role as IAM shows it: trust policy, inline policies by name, ARNs of attached policies."""

    trust: Document
    inline: Mapping[str, Document]
    attached: tuple[str, ...] = ()


def role_name(pool_id: str) -> str:
    """The name of a pool's role: the same at every try, so that a later one finds an earlier one's."""
    return f"migrate-mfa-sms-{pool_id}"[:_LONGEST_NAME]


def external_id_for(pool_arn: str) -> str:
    """The external id of a pool's role: the same at every try and print, and another for every pool.

    It is no secret: DescribeUserPool shows it. It says on whose behalf Cognito assumes the role, and the
    conditions on account and pool keep everybody else out, also who guesses it.
    """
    return str(uuid5(NAMESPACE_URL, f"{pool_arn}#{role_name(_pool_id(pool_arn))}"))


def role_for(pool_arn: str, external_id: str | None = None) -> SmsRole:
    """The role that only this pool's Cognito can assume, and only with this external id (by default ours)."""
    external_id = external_id_for(pool_arn) if external_id is None else external_id
    _, partition, _, _, account, _ = pool_arn.split(":", 5)
    name = role_name(_pool_id(pool_arn))
    conditions = {
        "StringEquals": {"sts:ExternalId": external_id, "aws:SourceAccount": account},
        "ArnLike": {"aws:SourceArn": pool_arn},
    }
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": SERVICE},
        "Action": "sts:AssumeRole",
        "Condition": conditions,
    }
    trust = {"Version": "2012-10-17", "Statement": [statement]}
    return SmsRole(name, f"arn:{partition}:iam::{account}:role/{name}", external_id, trust)


def _pool_id(pool_arn: str) -> str:
    return pool_arn.partition(":userpool/")[2]


def adopt(found: FoundRole, pool_arn: str) -> SmsRole:
    """Take a role that an earlier try made; its policy may still be missing.

    Raises:
        PoolNotReady: the role has our name, and is not exactly what we would make.
    """
    role = role_for(pool_arn, _external_id(found.trust))
    differing = []
    if not role.external_id or found.trust != role.trust:
        differing.append("its trust policy")
    if found.inline not in ({}, {POLICY_NAME: PUBLISH}):
        differing.append("its inline policies")
    if found.attached:
        differing.append("its attached policies")
    if differing:
        raise PoolNotReady(
            f"The role {role.name} is there already and is not the one that setup-pool makes: "
            f"look at {' and '.join(differing)}.",
            "If it is good for this pool, name it with --sms-role-arn and --external-id; else delete it.",
        )
    return role


def _external_id(trust: Document) -> str:
    try:
        found = trust["Statement"][0]["Condition"]["StringEquals"]["sts:ExternalId"]
    except (KeyError, IndexError, TypeError):
        return ""
    return found if isinstance(found, str) else ""


class SmsRoles(Protocol):
    """The account's IAM roles. Every method makes one attempt and raises `ApiError` when that fails."""

    def find(self, name: str) -> FoundRole | None:
        """GetRole, and what the role's policies say."""
        ...

    def trust(self, arn: str) -> Document | None:
        """GetRole: the trust policy of the role with this ARN; None where there is no such role."""
        ...

    def create(self, role: SmsRole) -> bool:
        """CreateRole, without policies; False where a role of that name is there already."""
        ...

    def allow_publish(self, role: SmsRole) -> None:
        """PutRolePolicy with sns:Publish alone; may be repeated."""
        ...
