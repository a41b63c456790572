"""The AWS actions that each command needs, required or optional.

Only operations that are signed with AWS credentials are here: those authorized by a user's token
(UpdateUserAttributes, VerifyUserAttribute, RevokeToken, …) are not subject to IAM policies (Cognito Developer
Guide, "Actions, resources, and condition keys for Amazon Cognito User Pools").
"""

from dataclasses import dataclass
from enum import StrEnum


class Scope(StrEnum):
    """The resource of an action."""

    POOL = "pool"
    ACCOUNT = "account"
    """The action does not support resources: `*`."""
    SMS_ROLE = "sms role"
    """The IAM role with which Cognito sends text messages."""
    TOPIC = "topic"
    """The SNS topic that is notified when a command ends."""


class When(StrEnum):
    """When an action is needed, if not always; the value names its statement in a policy."""

    PASSKEYS = "RequiredWherePasskeysAreOffered"
    """The pool offers passkeys as a first factor, which users with SMS MFA cannot use."""
    DEEP = "RequiredForDeep"
    """`--deep` was given."""
    NOTIFY = "Notify"
    """`--notify-topic-arn` was given. If it is refused, the command prints that and does the rest."""


@dataclass(frozen=True, slots=True)
class Permission:
    """One action.

    Without an action that is not `required` the command still works, and says what it could not read. An
    action with a `when` is needed in that case.
    """

    action: str
    scope: Scope = Scope.POOL
    required: bool = True
    when: When | None = None


def _of_pool(*operations: str, when: When | None = None, required: bool = True) -> tuple[Permission, ...]:
    needed = required and when is None
    return tuple(Permission(f"cognito-idp:{name}", required=needed, when=when) for name in operations)


def _of_account(*actions: str) -> tuple[Permission, ...]:
    return tuple(Permission(action, Scope.ACCOUNT, required=False) for action in actions)


def _of_sms_role(*operations: str) -> tuple[Permission, ...]:
    return tuple(Permission(f"iam:{name}", Scope.SMS_ROLE) for name in operations)


_DESCRIBE = _of_pool("DescribeUserPool", "GetUserPoolMfaConfig")
_LIST = _of_pool("ListUsers")
_READ = _of_pool("AdminGetUser")
_READ_DEEP = _of_pool("AdminGetUser", when=When.DEEP)
_FACTORS = _of_pool("AdminGetUserAuthFactors", when=When.PASSKEYS)
_PREFER = _of_pool("AdminSetUserMFAPreference")
_UPDATE = _of_pool("AdminUpdateUserAttributes")
_SIGN_IN = _of_pool("AdminInitiateAuth", "AdminRespondToAuthChallenge")
_CLIENT = _of_pool("DescribeUserPoolClient", required=False)
_LIMITS = _of_account("cognito-idp:GetProvisionedLimit", "servicequotas:GetServiceQuota")

_MAKE_ROLE = _of_sms_role(
    "GetRole", "ListRolePolicies", "GetRolePolicy", "ListAttachedRolePolicies", "CreateRole", "PutRolePolicy"
)
"""Only if the pool has no SMS role and none is given."""
_PASS_ROLE = _of_sms_role("PassRole")
_RECOVERIES = _of_pool("ListPointInTimeRecoveries", required=False)
"""Called when several users in a row are refused: a recovery of the pool may be the cause."""
_AROUND = (
    *_of_pool("ListUserPoolReplicas", required=False),
    *_RECOVERIES,
    *_of_account(
        "iam:GetRole",
        "iam:SimulatePrincipalPolicy",
        "sms-voice:DescribeAccountAttributes",
        "sms-voice:DescribeSpendLimits",
        "sns:GetSMSAttributes",
        "sns:GetSMSSandboxAccountStatus",
    ),
)
"""Reads of a run before it begins; it says which ones were refused."""
_CHECK = (
    *_DESCRIBE,
    *_AROUND,
    *_of_pool("GetLogDeliveryConfiguration", "ListUserPoolClients", "DescribeUserPoolClient", required=False),
    *_LIMITS,
    *_of_account("cloudwatch:GetMetricData"),
)

PERMISSIONS: dict[str, tuple[Permission, ...]] = {
    "check": _CHECK,
    "plan": (*_DESCRIBE, *_LIST, *_LIMITS),
    "run": (*_DESCRIBE, *_LIST, *_READ, *_FACTORS, *_UPDATE, *_PREFER, *_AROUND, *_LIMITS),
    "audit": (*_DESCRIBE, *_LIST, *_READ_DEEP, *_LIMITS),
    "reconcile": (*_DESCRIBE, *_LIST, *_READ, *_FACTORS, *_UPDATE, *_PREFER, *_RECOVERIES, *_LIMITS),
    "rollback": (*_DESCRIBE, *_READ, *_UPDATE, *_PREFER, *_RECOVERIES, *_LIMITS),
    "disable": (*_DESCRIBE, *_LIST, *_READ, *_PREFER, *_RECOVERIES, *_LIMITS),
    "setup-pool": (*_DESCRIBE, *_of_pool("SetUserPoolMfaConfig"), *_MAKE_ROLE, *_PASS_ROLE),
    "canary": (
        *(*_DESCRIBE, *_LIST, *_READ, *_FACTORS, *_UPDATE, *_PREFER),
        *(*_SIGN_IN, *_CLIENT, *_LIMITS),
    ),
}
"""By command. A command that is not listed does not call AWS."""
NOTIFYING = {"plan", "run", "audit", "reconcile", "rollback", "disable"}
"""The commands that have `--notify-topic-arn`."""
PUBLISH = Permission("sns:Publish", Scope.TOPIC, required=False, when=When.NOTIFY)
