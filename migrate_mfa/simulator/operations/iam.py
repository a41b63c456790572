"""IAM, as far as the role for text messages needs it.

Source: IAM API Reference, the pages of these operations. Lists are never cut into pages.
"""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from migrate_mfa.simulator.account.errors import CognitoError
from migrate_mfa.simulator.account.policies import Document, decide, read_document
from migrate_mfa.simulator.account.roles import MANAGED, Role
from migrate_mfa.simulator.operations.registry import IAM, operation
from migrate_mfa.simulator.server.query import listed, required

if TYPE_CHECKING:
    from migrate_mfa.simulator.account.world import Params, World

_NAME = re.compile(r"[\w+=,.@-]{1,64}", re.ASCII)


def _role(world: World, params: Params) -> Role:
    return world.roles.get(required(params, "RoleName"))


def _written(document: Document) -> str:
    """Write a policy as IAM returns it: JSON, then percent-encoded."""
    return quote(json.dumps(document), safe="")


def _shown(role: Role) -> dict[str, Any]:
    created = datetime.fromtimestamp(role.created, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    described = {"Description": role.description} if role.description else {}
    return {
        "Path": role.path,
        "RoleName": role.name,
        "RoleId": role.id,
        "Arn": role.arn,
        "CreateDate": created,
        "AssumeRolePolicyDocument": _written(role.trust),
        "MaxSessionDuration": 3600,
        **described,
    }


@operation("CreateRole", "IAM", IAM)
def create_role(world: World, params: Params) -> dict[str, Any]:
    """Create a role without policies."""
    name, path = required(params, "RoleName"), params.get("Path", "/")
    if not _NAME.fullmatch(name) or not (path.startswith("/") and path.endswith("/")):
        raise CognitoError("ValidationError", "The name or path of the role is invalid.")
    trust = read_document(required(params, "AssumeRolePolicyDocument"), trust=True)
    return {"Role": _shown(world.roles.create(name, path, trust, params.get("Description")))}


@operation("GetRole", "IAM", IAM)
def get_role(world: World, params: Params) -> dict[str, Any]:
    """Show a role and its trust policy."""
    return {"Role": _shown(_role(world, params))}


@operation("DeleteRole", "IAM", IAM)
def delete_role(world: World, params: Params) -> dict[str, Any]:
    """Delete a role that holds no policies."""
    world.roles.delete(_role(world, params))
    return {}


@operation("PutRolePolicy", "IAM", IAM)
def put_role_policy(world: World, params: Params) -> dict[str, Any]:
    """Write an inline policy, in place of one of the same name."""
    role, name = _role(world, params), required(params, "PolicyName")
    document = read_document(required(params, "PolicyDocument"), trust=False)
    world.roles.change(role, {**role.inline, name: document}, role.attached)
    return {}


@operation("GetRolePolicy", "IAM", IAM)
def get_role_policy(world: World, params: Params) -> dict[str, Any]:
    """Show an inline policy."""
    role, name = _role(world, params), required(params, "PolicyName")
    document = _inline(role, name)
    return {"RoleName": role.name, "PolicyName": name, "PolicyDocument": _written(document)}


@operation("DeleteRolePolicy", "IAM", IAM)
def delete_role_policy(world: World, params: Params) -> dict[str, Any]:
    """Delete an inline policy."""
    role, name = _role(world, params), required(params, "PolicyName")
    _inline(role, name)
    world.roles.change(role, {k: v for k, v in role.inline.items() if k != name}, role.attached)
    return {}


def _inline(role: Role, name: str) -> Document:
    if name not in role.inline:
        message = f"The role policy with name {name} cannot be found."
        raise CognitoError("NoSuchEntity", message, 404)
    return role.inline[name]


@operation("ListRolePolicies", "IAM", IAM)
def list_role_policies(world: World, params: Params) -> dict[str, Any]:
    """List the names of the inline policies."""
    return {"PolicyNames": list(_role(world, params).inline), "IsTruncated": False}


@operation("AttachRolePolicy", "IAM", IAM)
def attach_role_policy(world: World, params: Params) -> dict[str, Any]:
    """Attach a managed policy, of those that are known here."""
    role, arn = _role(world, params), required(params, "PolicyArn")
    if not world.roles.is_managed(arn):
        raise CognitoError("NoSuchEntity", f"Policy {arn} does not exist or is not attachable.", 404)
    world.roles.change(role, role.inline, [*(other for other in role.attached if other != arn), arn])
    return {}


@operation("DetachRolePolicy", "IAM", IAM)
def detach_role_policy(world: World, params: Params) -> dict[str, Any]:
    """Take a managed policy off."""
    role, arn = _role(world, params), required(params, "PolicyArn")
    if arn not in role.attached:
        raise CognitoError("NoSuchEntity", f"Policy {arn} was not found.", 404)
    world.roles.change(role, role.inline, [other for other in role.attached if other != arn])
    return {}


@operation("ListAttachedRolePolicies", "IAM", IAM)
def list_attached_role_policies(world: World, params: Params) -> dict[str, Any]:
    """List the managed policies."""
    rows = [{"PolicyName": arn.rpartition("/")[2], "PolicyArn": arn} for arn in _role(world, params).attached]
    return {"AttachedPolicies": rows, "IsTruncated": False}


@operation("SimulatePrincipalPolicy", "IAM", IAM)
def simulate_principal_policy(world: World, params: Params) -> dict[str, Any]:
    """Say what a role's documents allow, or the caller's policy; without one the caller may do everything."""
    arn = required(params, "PolicySourceArn")
    role = world.roles.by_arn(arn)
    if role is None and arn != world.caller_arn:
        raise CognitoError("NoSuchEntity", f"The principal {arn} cannot be found.", 404)
    documents = [read_document(text, trust=False) for text in listed(params, "PolicyInputList")]
    own = list(MANAGED.values()) if world.caller_policy is None else [world.caller_policy]
    documents += role.policies if role is not None else own
    actions, resources = listed(params, "ActionNames"), listed(params, "ResourceArns") or ["*"]
    context = _context(params)
    results = [
        {
            "EvalActionName": action,
            "EvalResourceName": resource,
            "EvalDecision": decide(documents, action, resource, context),
        }
        for action in actions
        for resource in resources
    ]
    return {"EvaluationResults": results, "IsTruncated": False}


def _context(params: Params) -> dict[str, str]:
    """Read ContextEntries, the first value of each."""
    context: dict[str, str] = {}
    while (key := params.get(f"ContextEntries.member.{len(context) + 1}.ContextKeyName")) is not None:
        value = params.get(f"ContextEntries.member.{len(context) + 1}.ContextKeyValues.member.1", "")
        context[key] = value
    return context
