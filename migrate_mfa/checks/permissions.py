"""What each command asks of AWS: the actions that its caller must, or had better, be allowed.

Only operations that are signed with AWS credentials are here: those that go with a user's token
(UpdateUserAttributes, VerifyUserAttribute, RevokeToken, …) are not subject to IAM policies (Cognito Developer
Guide, "Actions, resources, and condition keys for Amazon Cognito User Pools").
"""

from dataclasses import dataclass
from enum import StrEnum


class Scope(StrEnum):
    """What the resource of an action is."""

    POOL = "pool"
    ACCOUNT = "account"
    """The action knows no resources: `*`."""
    SMS_ROLE = "sms role"
    """The IAM role that Cognito sends text messages with."""
    TOPIC = "topic"
    """The SNS topic that is told how a command ended."""


class When(StrEnum):
    """When an action is needed that is not needed always; the value names its statement in a policy."""

    PASSKEYS = "RequiredWherePasskeysAreOffered"
    """The pool offers passkeys as a first factor, and SMS MFA would be in their way."""
    DEEP = "RequiredForDeep"
    """`--deep` was given."""
    NOTIFY = "Notify"
    """`--notify-topic-arn` was given; where it is refused the command does the same, and says so."""


@dataclass(frozen=True, slots=True)
class Permission:
    """One action.

    Where it is not `required` the command does without, and says what it then cannot know; unless it is a
    case of `when`: then it cannot do without.
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
"""Only where the pool has no SMS role and none is given."""
_PASS_ROLE = _of_sms_role("PassRole")
_RECOVERIES = _of_pool("ListPointInTimeRecoveries", required=False)
"""Asked when one user after another is refused: then the pool may be to blame."""
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
"""What a run looks at before it begins, and says where it cannot."""
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
"""By command; a command that is not here asks nothing of AWS."""
NOTIFYING = {"plan", "run", "audit", "reconcile", "rollback", "disable"}
"""The commands that have `--notify-topic-arn`."""
PUBLISH = Permission("sns:Publish", Scope.TOPIC, required=False, when=When.NOTIFY)
