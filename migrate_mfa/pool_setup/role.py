"""The IAM role with which Cognito sends text messages by SNS: its documents, and whether a role is ours.

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
        """The role as JSON, with its documents."""
        policies = {POLICY_NAME: PUBLISH}
        return {"name": self.name, "arn": self.arn, "trust_policy": self.trust, "inline_policies": policies}


@dataclass(frozen=True, slots=True)
class FoundRole:
    """A role in IAM: trust policy, inline policies by name, ARNs of attached policies."""

    trust: Document
    inline: Mapping[str, Document]
    attached: tuple[str, ...] = ()


def role_name(pool_id: str) -> str:
    """The name of a pool's role: always the same, so that a later attempt finds an earlier one's role."""
    return f"migrate-mfa-sms-{pool_id}"[:_LONGEST_NAME]


def external_id_for(pool_arn: str) -> str:
    """The external id of a pool's role: always the same for a pool, and different for each pool.

    It is not secret: DescribeUserPool returns it. It names the pool for which Cognito assumes the role. The
    conditions on account and pool exclude everybody else, even someone who guesses the id.
    """
    return str(uuid5(NAMESPACE_URL, f"{pool_arn}#{role_name(_pool_id(pool_arn))}"))


def role_for(pool_arn: str, external_id: str | None = None) -> SmsRole:
    """The role that Cognito can assume only for this pool and only with this external id (default: ours)."""
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
    """Accept a role that an earlier attempt made; its policy may still be missing.

    Raises:
        PoolNotReady: the role has our name but is not exactly the one that we would make.
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
    """The account's IAM roles. Each method makes one attempt and raises `ApiError` if it fails."""

    def find(self, name: str) -> FoundRole | None:
        """GetRole and the role's policies; None if there is no such role."""
        ...

    def trust(self, arn: str) -> Document | None:
        """GetRole: the trust policy of the role with this ARN; None if there is no such role."""
        ...

    def create(self, role: SmsRole) -> bool:
        """CreateRole, without policies; False if a role of that name exists already."""
        ...

    def allow_publish(self, role: SmsRole) -> None:
        """PutRolePolicy with only sns:Publish; may be repeated."""
        ...
