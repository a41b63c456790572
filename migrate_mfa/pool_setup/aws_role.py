"""The SMS role in IAM: find it, make it, and allow it to publish."""

import json
from functools import cached_property
from typing import TYPE_CHECKING, Any

from migrate_mfa.aws.answers import Answer, reads
from migrate_mfa.aws.session import call
from migrate_mfa.domain.failure import ApiError
from migrate_mfa.pool_setup.role import POLICY_NAME, PUBLISH, FoundRole, SmsRole

if TYPE_CHECKING:
    from migrate_mfa.aws.session import Aws


class IamRoles:
    """`ports.SmsRoles` on a real endpoint."""

    def __init__(self, aws: "Aws") -> None:
        self._aws = aws

    @cached_property
    def _client(self) -> Any:  # noqa: ANN401 - boto3 makes its clients at run time
        return self._aws.client("iam")

    @reads("GetRole")
    def find(self, name: str) -> FoundRole | None:
        """GetRole and the role's policies; None if there is no such role."""
        try:
            role = call(self._client, "GetRole", need="Role", RoleName=name)["Role"]
        except ApiError as error:
            if error.code == "NoSuchEntity":
                return None
            raise
        inline = call(self._client, "ListRolePolicies", need="PolicyNames", RoleName=name)["PolicyNames"]
        attached = call(self._client, "ListAttachedRolePolicies", need="AttachedPolicies", RoleName=name)
        return FoundRole(
            trust=role["AssumeRolePolicyDocument"],
            inline={policy: self._policy(name, policy) for policy in inline},
            attached=tuple(each["PolicyArn"] for each in attached["AttachedPolicies"]),
        )

    @reads("GetRole")
    def trust(self, arn: str) -> Answer | None:
        """GetRole; None if no role has this ARN, even if a role of the same name has another path."""
        try:
            role = call(self._client, "GetRole", need="Role", RoleName=arn.rpartition("/")[2])["Role"]
        except ApiError as error:
            if error.code == "NoSuchEntity":
                return None
            raise
        trust: Answer = role["AssumeRolePolicyDocument"]
        return trust if role["Arn"] == arn else None

    def create(self, role: SmsRole) -> bool:
        """CreateRole; False if a role of that name exists already."""
        try:
            call(
                self._client,
                "CreateRole",
                need="Role",
                RoleName=role.name,
                AssumeRolePolicyDocument=json.dumps(role.trust),
                Description="Lets one Amazon Cognito user pool send text messages; made by migrate-mfa.",
            )
        except ApiError as error:
            if error.code == "EntityAlreadyExists":
                return False
            raise
        return True

    def allow_publish(self, role: SmsRole) -> None:
        """PutRolePolicy with only sns:Publish."""
        call(
            self._client,
            "PutRolePolicy",
            RoleName=role.name,
            PolicyName=POLICY_NAME,
            PolicyDocument=json.dumps(PUBLISH),
        )

    def _policy(self, role: str, name: str) -> Any:  # noqa: ANN401 - a policy document
        answer = call(self._client, "GetRolePolicy", need="PolicyDocument", RoleName=role, PolicyName=name)
        return answer["PolicyDocument"]
