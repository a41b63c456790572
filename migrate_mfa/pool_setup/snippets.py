"""A setup as AWS CLI commands, as a CloudFormation template and as a Terraform configuration.

For pools that belong to infrastructure code, and for operators who want to run each step themselves.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from shlex import quote
from typing import Any

from migrate_mfa.pool_setup.plan import (
    EMAIL,
    EUMS,
    MESSAGE,
    MODE,
    PASSKEYS,
    PATH,
    SMS,
    SNS_ROLE,
    TOTP,
    Members,
    SetupPlan,
)
from migrate_mfa.pool_setup.role import POLICY_NAME, PUBLISH, SmsRole

_OPTIONS = {
    SMS: "sms-mfa-configuration",
    TOTP: "software-token-mfa-configuration",
    EMAIL: "email-mfa-configuration",
    PASSKEYS: "web-authn-configuration",
}
_EMAIL_PROPERTIES = {"Message": "EmailAuthenticationMessage", "Subject": "EmailAuthenticationSubject"}
_PASSKEY_PROPERTIES = {
    "RelyingPartyId": "WebAuthnRelyingPartyID",
    "UserVerification": "WebAuthnUserVerification",
    "FactorConfiguration": "WebAuthnFactorConfiguration",
}
_SMS_ARGUMENTS = {"ExternalId": "external_id", SNS_ROLE: "sns_caller_arn", "SnsRegion": "sns_region"}
_EMAIL_ARGUMENTS = {"Message": "message", "Subject": "subject"}
_PASSKEY_ARGUMENTS = {"RelyingPartyId": "relying_party_id", "UserVerification": "user_verification"}


@dataclass(frozen=True, slots=True)
class Snippet:
    """One text: a short name, a title, and the content."""

    name: str
    title: str
    text: str


def snippets(plan: SetupPlan, region: str) -> tuple[Snippet, ...]:
    """The three texts of a plan."""
    return (
        Snippet("aws_cli", "AWS CLI", aws_cli(plan, region)),
        Snippet(
            "cloudformation", "CloudFormation: merge this into the pool's template", cloudformation(plan)
        ),
        Snippet("terraform", "Terraform: merge this into the pool's resource", terraform(plan)),
    )


def aws_cli(plan: SetupPlan, region: str) -> str:
    """Commands that do the same as `setup-pool`; the last one replaces all blocks, so it contains all."""
    commands = [] if plan.role is None else list(_role_commands(plan.role))
    after = plan.after
    parts = [f"--{_OPTIONS[name]} {_json(after[name])}" for name in _OPTIONS if name in after]
    where = f"--region {region} --user-pool-id {plan.pool.facts.id}"
    head = "aws cognito-idp set-user-pool-mfa-config"
    commands.append(_command(head, where, f"--mfa-configuration {after[MODE]}", *parts))
    return "\n".join(commands)


def _role_commands(role: SmsRole) -> Iterator[str]:
    name = f"--role-name {role.name}"
    yield _command("aws iam create-role", name, f"--assume-role-policy-document {_json(role.trust)}")
    yield _command(
        "aws iam put-role-policy", name, f"--policy-name {POLICY_NAME}", f"--policy-document {_json(PUBLISH)}"
    )
    yield "# Cognito refuses a role for some seconds after it was made (InvalidSmsRole...).\nsleep 15\n"


def _command(*parts: str) -> str:
    return " \\\n  ".join(parts) + "\n"


def _json(value: Mapping[str, object]) -> str:
    return quote(json.dumps(value, ensure_ascii=False, indent=2))


def cloudformation(plan: SetupPlan) -> str:
    """A template with the role and the pool's properties for MFA."""
    properties, resources = _properties(plan.after), {}
    if plan.role is not None:
        properties[PATH][SNS_ROLE] = {"Fn::GetAtt": ["SmsRole", "Arn"]}
        policies = [{"PolicyName": POLICY_NAME, "PolicyDocument": PUBLISH}]
        role = {"AssumeRolePolicyDocument": plan.role.trust, "Policies": policies}
        resources["SmsRole"] = {"Type": "AWS::IAM::Role", "Properties": role}
    resources["UserPool"] = {"Type": "AWS::Cognito::UserPool", "Properties": properties}
    template = {"AWSTemplateFormatVersion": "2010-09-09", "Resources": resources}
    return json.dumps(template, ensure_ascii=False, indent=2) + "\n"


def _properties(after: Members) -> dict[str, Any]:
    factors = {
        "SMS_MFA": True,
        "SOFTWARE_TOKEN_MFA": (after.get(TOTP) or {}).get("Enabled"),
        "EMAIL_OTP": after.get(EMAIL) is not None,
    }
    return {
        MODE: after[MODE],
        "EnabledMfas": [name for name, enabled in factors.items() if enabled],
        **{name: dict(value) if name == PATH else value for name, value in after[SMS].items()},
        **_renamed(after.get(EMAIL), _EMAIL_PROPERTIES),
        **_renamed(after.get(PASSKEYS), _PASSKEY_PROPERTIES),
    }


def _renamed(block: Mapping[str, object] | None, names: Mapping[str, str]) -> dict[str, object]:
    return {new: block[old] for old, new in names.items() if block and old in block}


def terraform(plan: SetupPlan) -> str:
    """The role and the arguments of the pool's resource; as comments, those the provider may not know."""
    after, lines = plan.after, []
    if plan.role is not None:
        lines += list(_role_resources(plan.role))
    lines += ['resource "aws_cognito_user_pool" "pool" {', "  # ... all that it has already ..."]
    lines += [f"  mfa_configuration = {_hcl(after[MODE])}"]
    if MESSAGE in after[SMS]:
        lines += [f"  sms_authentication_message = {_hcl(after[SMS][MESSAGE])}"]
    path = {key: _hcl(value) for key, value in _renamed(after[SMS][PATH], _SMS_ARGUMENTS).items()}
    if plan.role is not None:
        path["sns_caller_arn"] = "aws_iam_role.sms.arn"
    if path:
        lines += _block("sms_configuration", path)
    if TOTP in after:
        enabled = (after[TOTP] or {}).get("Enabled", False)
        lines += _block("software_token_mfa_configuration", {"enabled": json.dumps(enabled)})
    for name, block, names in (
        ("email_mfa_configuration", EMAIL, _EMAIL_ARGUMENTS),
        ("web_authn_configuration", PASSKEYS, _PASSKEY_ARGUMENTS),
    ):
        if block in after:
            arguments = _renamed(after[block], names)
            lines += _block(name, {key: _hcl(value) for key, value in arguments.items()})
    return "\n".join([*lines, *_missing(after), "}", ""])


def _role_resources(role: SmsRole) -> Iterator[str]:
    yield 'resource "aws_iam_role" "sms" {'
    yield f"  name = {_hcl(role.name)}"
    yield f"  assume_role_policy = jsonencode({_hcl(role.trust)})"
    yield "}\n"
    yield 'resource "aws_iam_role_policy" "sms" {'
    yield f"  name = {_hcl(POLICY_NAME)}"
    yield "  role = aws_iam_role.sms.id"
    yield f"  policy = jsonencode({_hcl(PUBLISH)})"
    yield "}\n"


def _missing(after: Members) -> Iterator[str]:
    """Comments for members without an argument in the provider's documentation at the time of writing."""
    passkeys = after.get(PASSKEYS) or {}
    found = {EUMS: after[SMS][PATH].get(EUMS), "FactorConfiguration": passkeys.get("FactorConfiguration")}
    for name, value in found.items():
        if value:
            yield f"  # {name} = {json.dumps(value)}"
            yield "  # Not every version of the provider has this: see its documentation."
            yield "  # Without it, applying may switch it off."


def _block(name: str, arguments: Mapping[str, str]) -> list[str]:
    return [f"  {name} {{", *(f"    {key} = {value}" for key, value in arguments.items()), "  }"]


def _hcl(value: Any) -> str:  # noqa: ANN401 - JSON of any kind
    """A value in HCL: JSON, with the beginnings of templates escaped."""
    text = json.dumps(value, ensure_ascii=False, indent=2).replace("${", "$${").replace("%{", "%%{")
    return text.replace("\n", "\n  ")
