"""IAM roles, and whether Cognito may send text messages with one.

Sources: Developer Guide, "SMS message settings for Amazon Cognito user pools" (trust principal
cognito-idp.amazonaws.com, the external id, sns:Publish); IAM User Guide, "Changes that I make are not
always immediately visible". A deleted role counts as not trusting Cognito, as users of such pools have
reported.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from migrate_mfa.simulator.account.errors import CognitoError
from migrate_mfa.simulator.account.policies import ALLOWED, Document, decide, trusts

if TYPE_CHECKING:
    from collections.abc import Mapping

    from migrate_mfa.simulator.account.clock import Clock

PRINCIPAL = "cognito-idp.amazonaws.com"
PUBLISH, SEND = "sns:Publish", "sms-voice:SendTextMessage"
"""The actions that the role needs: for SNS, and for AWS End User Messaging."""

MANAGED: Mapping[str, Document] = {
    f"iam::aws:policy/{name}": {"Statement": [{"Effect": "Allow", "Action": action, "Resource": "*"}]}
    for name, action in (("AmazonSNSFullAccess", "sns:*"), ("AdministratorAccess", "*"))
}
"""The AWS-managed policies that can be attached here, by their ARNs from the partition on."""


@dataclass(slots=True)
class Role:
    """A role; before its two times, Cognito does not see its trust or its right to publish."""

    name: str
    arn: str
    trust: Document
    created: float
    path: str = "/"
    description: str | None = None
    id: str = field(default_factory=lambda: "AROA" + secrets.token_hex(9)[:17].upper())
    inline: dict[str, Document] = field(default_factory=dict)
    attached: list[str] = field(default_factory=list)
    trusted_from: float = 0.0
    permitted_from: float = 0.0

    @property
    def policies(self) -> list[Document]:
        """All the documents that say what the role may do."""
        return [*self.inline.values(), *(MANAGED[arn.split(":", 2)[2]] for arn in self.attached)]

    def may(self, action: str) -> bool:
        """Whether its documents allow to send to any phone number."""
        return decide(self.policies, action, "*", {}) == ALLOWED

    @property
    def sends(self) -> list[bool]:
        """The ways of sending that its documents allow."""
        return [self.may(PUBLISH), self.may(SEND)]


def way_of(sms: Mapping[str, Any]) -> tuple[str, str | None, str]:
    """Give role, external id and action of an SmsConfiguration: EumsSms goes before SNS."""
    eums = sms.get("EumsSms")
    if eums:
        return eums.get("CallerArn", ""), eums.get("ExternalId"), SEND
    return sms.get("SnsCallerArn", ""), sms.get("ExternalId"), PUBLISH


class Roles:
    """The roles of the account, by name."""

    def __init__(
        self, account: str, clock: Clock, *, partition: str = "aws", propagation_s: float = 0.0
    ) -> None:
        """Start without any; a change is seen `propagation_s` later."""
        self.account = account
        self._partition = partition
        self._clock = clock
        self._propagation_s = propagation_s
        self._roles: dict[str, Role] = {}

    def get(self, name: str) -> Role:
        """Give a role.

        Raises:
            CognitoError: NoSuchEntity.
        """
        if name not in self._roles:
            raise CognitoError("NoSuchEntity", f"The role with name {name} cannot be found.", 404)
        return self._roles[name]

    def arn(self, name: str, path: str = "/") -> str:
        """Give the ARN of a role: its own, or the one that it would get."""
        known = self._roles.get(name)
        return (
            known.arn if known is not None else f"arn:{self._partition}:iam::{self.account}:role{path}{name}"
        )

    def is_managed(self, arn: str) -> bool:
        """Say whether an AWS-managed policy of this partition has this ARN."""
        head, _, rest = arn.partition(":iam:")
        return head == f"arn:{self._partition}" and f"iam:{rest}" in MANAGED

    def by_arn(self, arn: str) -> Role | None:
        """Give the role with this ARN, if there is one."""
        role = self._roles.get(arn.rpartition("/")[2])
        return role if role is not None and role.arn == arn else None

    def create(self, name: str, path: str, trust: Document, description: str | None) -> Role:
        """Make a role.

        Raises:
            CognitoError: EntityAlreadyExists.
        """
        if name in self._roles:
            raise CognitoError("EntityAlreadyExists", f"Role with name {name} already exists.", 409)
        now = self._clock.epoch()
        role = Role(
            name, self.arn(name, path), trust, now, path, description, trusted_from=now + self._propagation_s
        )
        self._roles[name] = role
        return role

    def declare(self, sms: Mapping[str, Any]) -> None:
        """Add the role of a pool file's SmsConfiguration, as a valid one."""
        arn, external_id, action = way_of(sms)
        name = arn.rpartition("/")[2]
        if not arn or name in self._roles:
            return
        trust: Document = {"Effect": "Allow", "Principal": {"Service": PRINCIPAL}, "Action": "sts:AssumeRole"}
        if external_id is not None:
            trust["Condition"] = {"StringEquals": {"sts:ExternalId": external_id}}
        publish = {"Effect": "Allow", "Action": action, "Resource": "*"}
        role = Role(name, arn, {"Version": "2012-10-17", "Statement": [trust]}, self._clock.epoch())
        role.inline["publish"] = {"Version": "2012-10-17", "Statement": [publish]}
        self._roles[name] = role

    def change(self, role: Role, inline: dict[str, Document], attached: list[str]) -> None:
        """Replace the role's policies; a new right is seen later."""
        had = role.sends
        role.inline, role.attached = inline, attached
        if any(now and not before for before, now in zip(had, role.sends, strict=True)):
            role.permitted_from = self._clock.epoch() + self._propagation_s

    def delete(self, role: Role) -> None:
        """Forget a role.

        Raises:
            CognitoError: DeleteConflict while it holds policies.
        """
        if role.policies:
            raise CognitoError("DeleteConflict", "Cannot delete entity, must delete policies first.", 409)
        del self._roles[role.name]

    def check_sms(self, sms: Mapping[str, Any], pool_arn: str) -> None:
        """Refuse an SmsConfiguration whose role does not let Cognito send.

        Raises:
            CognitoError: InvalidSmsRoleTrustRelationshipException or
                InvalidSmsRoleAccessPolicyException.
        """
        arn, external_id, action = way_of(sms)
        if not arn:
            return
        role, now = self.by_arn(arn), self._clock.epoch()
        context = {"aws:SourceAccount": self.account, "aws:SourceArn": pool_arn}
        if external_id is not None:
            context["sts:ExternalId"] = external_id
        if role is None or now < role.trusted_from or not trusts(role.trust, PRINCIPAL, context):
            raise CognitoError(
                "InvalidSmsRoleTrustRelationshipException",
                "Role does not have a trust relationship allowing Cognito to assume the role",
            )
        if now < role.permitted_from or not role.may(action):
            raise CognitoError(
                "InvalidSmsRoleAccessPolicyException", "Role does not have permission to publish with SNS"
            )
