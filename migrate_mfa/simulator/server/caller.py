"""The caller, and whether a policy allows its requests.

Sources: Service Authorization Reference, "Actions, resources, and condition keys for Amazon Cognito User
Pools"; IAM User Guide, "Grant a user permissions to pass a role to an AWS service". Requests with a user's
token, or with only an app client's id, are not signed and need no policy, and neither does
GetCallerIdentity (AWS STS API Reference).
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from migrate_mfa.simulator.account.errors import CognitoError
from migrate_mfa.simulator.account.policies import ALLOWED, decide, read_document
from migrate_mfa.simulator.account.roles import PRINCIPAL
from migrate_mfa.simulator.operations.registry import (
    CLOUDWATCH,
    COGNITO,
    EUMS,
    IAM,
    SERVICE_QUOTAS,
    SNS,
    STS,
    Operation,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from migrate_mfa.simulator.account.policies import Document
    from migrate_mfa.simulator.account.world import Params, World

_PREFIX = {
    COGNITO: "cognito-idp",
    SERVICE_QUOTAS: "servicequotas",
    IAM: "iam",
    SNS: "sns",
    STS: "sts",
    EUMS: "sms-voice",
    CLOUDWATCH: "cloudwatch",
}
ASKS_NO_POLICY = {
    "GetCallerIdentity",
    "GetUser",
    "GetUserAttributeVerificationCode",
    "GlobalSignOut",
    "InitiateAuth",
    "RespondToAuthChallenge",
    "RevokeToken",
    "SetUserMFAPreference",
    "UpdateUserAttributes",
    "VerifyUserAttribute",
}
"""Operations that everybody may call."""
_FORBIDDEN = 403


def read_caller_policy(document: Mapping[str, Any]) -> Document | None:
    """Read the member `caller_policy` of a pool file; an empty one lets the caller do everything.

    Raises:
        CognitoError: MalformedPolicyDocument.
    """
    return read_document(json.dumps(document), trust=False) if document else None


def require_allowed(world: World, operation: Operation, params: Params) -> None:
    """Refuse a call that the caller's policy does not allow, also to pass a role.

    Raises:
        CognitoError: AccessDeniedException, or AccessDenied from a service of the query protocol.
    """
    if world.caller_policy is None or operation.name in ASKS_NO_POLICY:
        return
    for action, resource, context in _asked(world, operation, params):
        if decide([world.caller_policy], action, resource, context) != ALLOWED:
            code = "AccessDenied" if operation.is_query else "AccessDeniedException"
            raise CognitoError(code, denial(world, action, resource), _FORBIDDEN)


def denial(world: World, action: str, resource: str) -> str:
    """Say what was refused, in the words of AWS."""
    return f"User: {world.caller_arn} is not authorized to perform: {action} on resource: {resource}"


def _asked(
    world: World, operation: Operation, params: Params
) -> Iterator[tuple[str, str, Mapping[str, str]]]:
    yield f"{_PREFIX[operation.service]}:{operation.name}", _resource(world, operation, params), {}
    sms = params.get("SmsMfaConfiguration", params) if operation.service == COGNITO else {}
    if role := (sms.get("SmsConfiguration") or {}).get("SnsCallerArn"):
        yield "iam:PassRole", str(role), {"iam:PassedToService": PRINCIPAL}


def _resource(world: World, operation: Operation, params: Params) -> str:
    if operation.service == COGNITO and params.get("UserPoolId"):
        return world.arn(params["UserPoolId"])
    if operation.service != IAM:
        return "*"
    if operation.name == "SimulatePrincipalPolicy":
        return str(params.get("PolicySourceArn", "*"))
    return world.roles.arn(params.get("RoleName", ""), params.get("Path", "/"))
