"""The texts of --print-only, each by the rules of the tool that reads it."""

import json
import re
from typing import Any

import pytest

from migrate_mfa.pool_setup.plan import PoolMfa, SetupPlan
from migrate_mfa.pool_setup.role import POLICY_NAME, PUBLISH, SmsRole, role_for
from migrate_mfa.pool_setup.snippets import aws_cli, cloudformation, snippets, terraform
from tests.support.aws_cli import requests_of
from tests.support.builders import a_pool

POOL_ID = "ap-northeast-1_Test00001"
ARN = f"arn:aws:cognito-idp:ap-northeast-1:123456789012:userpool/{POOL_ID}"
ROLE = role_for(ARN, "an-id")
PATH = {"SnsCallerArn": ROLE.arn, "ExternalId": "an-id"}
AWKWARD = 'It\'s "your" code: ${x} %{y} $HOME `id` \\ {####} コード'
PASSKEYS = {
    "RelyingPartyId": "example.com",
    "UserVerification": "required",
    "FactorConfiguration": "MULTI_FACTOR_WITH_USER_VERIFICATION",
}
EVERYTHING: dict[str, Any] = {
    "SmsMfaConfiguration": {
        "SmsConfiguration": {**PATH, "SnsRegion": "ap-northeast-1"},
        "SmsAuthenticationMessage": AWKWARD,
    },
    "SoftwareTokenMfaConfiguration": {"Enabled": True},
    "EmailMfaConfiguration": {"Message": f"<b>{AWKWARD}</b>\nbye", "Subject": AWKWARD},
    "WebAuthnConfiguration": PASSKEYS,
}
EUMS = {"EumsSms": {"CallerArn": ROLE.arn, "ExternalId": "an-id", "Region": "ap-northeast-1"}}


def a_plan(role: SmsRole | None = ROLE, **after: Any) -> SetupPlan:
    sms = {"SmsMfaConfiguration": {"SmsConfiguration": PATH}}
    pool = PoolMfa(a_pool(), ARN, {"MfaConfiguration": "OFF"}, {})
    return SetupPlan(pool, {"MfaConfiguration": "OPTIONAL", **sms, **after}, role)


PLANS = pytest.mark.parametrize(
    "plan",
    [
        a_plan(),
        a_plan(None),
        a_plan(**EVERYTHING),
        a_plan(None, **EVERYTHING),
        a_plan(None, SmsMfaConfiguration={"SmsConfiguration": EUMS}),
        a_plan(SoftwareTokenMfaConfiguration={"Enabled": False}),
    ],
    ids=["new role", "own role", "everything", "everything, own role", "end user messaging", "no token"],
)


# --- the AWS CLI -----------------------------------------------------------------------------------------


@PLANS
def test_the_last_command_sends_every_block(plan: SetupPlan) -> None:
    service, operation, request = requests_of(aws_cli(plan, "ap-northeast-1"))[-1]

    assert (service, operation) == ("cognito-idp", "SetUserPoolMfaConfig")
    assert request == {"UserPoolId": POOL_ID, **plan.after}


def test_the_commands_before_it_make_the_role() -> None:
    create, put, _ = requests_of(aws_cli(a_plan(), "ap-northeast-1"))

    assert create[:2] == ("iam", "CreateRole")
    assert create[2]["RoleName"] == put[2]["RoleName"] == ROLE.name
    assert json.loads(create[2]["AssumeRolePolicyDocument"]) == ROLE.trust
    assert put[:2] == ("iam", "PutRolePolicy")
    assert json.loads(put[2]["PolicyDocument"]) == PUBLISH
    assert len(requests_of(aws_cli(a_plan(None), "ap-northeast-1"))) == 1


# --- CloudFormation --------------------------------------------------------------------------------------


def properties(plan: SetupPlan) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(cloudformation(plan))["Resources"]["UserPool"]["Properties"]
    return found


@PLANS
def test_cfn_lint_finds_nothing(plan: SetupPlan) -> None:
    from cfnlint import lint  # it takes as long to import as half of this folder to run
    from cfnlint.config import ManualArgs

    found = lint(cloudformation(plan), config=ManualArgs(regions=["ap-northeast-1"]))

    assert [str(each) for each in found] == []


def test_the_template_has_the_role_and_its_documents() -> None:
    resources = json.loads(cloudformation(a_plan()))["Resources"]

    assert resources["SmsRole"]["Properties"] == {
        "AssumeRolePolicyDocument": ROLE.trust,
        "Policies": [{"PolicyName": POLICY_NAME, "PolicyDocument": PUBLISH}],
    }
    path = resources["UserPool"]["Properties"]["SmsConfiguration"]
    assert path == {"SnsCallerArn": {"Fn::GetAtt": ["SmsRole", "Arn"]}, "ExternalId": "an-id"}


def test_the_template_s_pool_has_all_that_the_plan_has() -> None:
    assert properties(a_plan(None, **EVERYTHING)) == {
        "MfaConfiguration": "OPTIONAL",
        "EnabledMfas": ["SMS_MFA", "SOFTWARE_TOKEN_MFA", "EMAIL_OTP"],
        "SmsConfiguration": {**PATH, "SnsRegion": "ap-northeast-1"},
        "SmsAuthenticationMessage": AWKWARD,
        "EmailAuthenticationMessage": EVERYTHING["EmailMfaConfiguration"]["Message"],
        "EmailAuthenticationSubject": AWKWARD,
        "WebAuthnRelyingPartyID": "example.com",
        "WebAuthnUserVerification": "required",
        "WebAuthnFactorConfiguration": "MULTI_FACTOR_WITH_USER_VERIFICATION",
    }


def test_factors_that_are_off_are_not_switched_on() -> None:
    plan = a_plan(SoftwareTokenMfaConfiguration={"Enabled": False})

    assert properties(plan)["EnabledMfas"] == ["SMS_MFA"]


# --- Terraform -------------------------------------------------------------------------------------------

_STRING = re.compile(r'"(?:[^"\\\n]|\\.)*"')


def unescaped(text: str) -> Any:
    return json.loads(text.replace("$${", "${").replace("%%{", "%{"))


def blocks_of(text: str) -> dict[str, dict[str, Any]]:
    """Blocks of a Terraform text by name, with their arguments; fails where it is not well formed."""
    found: dict[str, dict[str, Any]] = {}
    path: list[str] = []
    lines = iter(line for line in text.splitlines() if line.strip() and not line.strip().startswith("#"))
    for line in lines:
        if opened := re.fullmatch(r'\s*((?:resource "\w+" "\w+")|\w+) \{', line):
            path.append(opened[1])
            found[" > ".join(path)] = {}
        elif line.strip() == "}":
            path.pop()
        elif encoded := re.fullmatch(r"\s*(\w+) = jsonencode\((.*)", line):
            body = [encoded[2]]
            while not body[-1].endswith("})"):
                body.append(next(lines))
            found[" > ".join(path)][encoded[1]] = unescaped("\n".join(body)[:-1])
        else:
            name, value = re.fullmatch(r"\s*(\w+) = (.+)", line).groups()  # type: ignore[union-attr]
            if value.startswith('"'):
                assert _STRING.fullmatch(value), line
                assert not re.search(r"(?<!\$)\$\{|(?<!%)%\{", value), "an open template"
                value = unescaped(value)
            found[" > ".join(path)][name] = value
    assert path == []
    return found


POOL = 'resource "aws_cognito_user_pool" "pool"'


def test_the_resources_of_the_role() -> None:
    found = blocks_of(terraform(a_plan()))

    assert found['resource "aws_iam_role" "sms"'] == {"name": ROLE.name, "assume_role_policy": ROLE.trust}
    assert found['resource "aws_iam_role_policy" "sms"'] == {
        "name": POLICY_NAME,
        "role": "aws_iam_role.sms.id",
        "policy": PUBLISH,
    }
    path = {"external_id": "an-id", "sns_caller_arn": "aws_iam_role.sms.arn"}
    assert found[POOL] == {"mfa_configuration": "OPTIONAL"}
    assert found[f"{POOL} > sms_configuration"] == path


def test_the_pool_s_resource_has_all_that_the_provider_knows() -> None:
    found = blocks_of(terraform(a_plan(None, **EVERYTHING)))

    email = EVERYTHING["EmailMfaConfiguration"]
    assert found == {
        POOL: {"mfa_configuration": "OPTIONAL", "sms_authentication_message": AWKWARD},
        f"{POOL} > sms_configuration": {
            "external_id": "an-id",
            "sns_caller_arn": ROLE.arn,
            "sns_region": "ap-northeast-1",
        },
        f"{POOL} > software_token_mfa_configuration": {"enabled": "true"},
        f"{POOL} > email_mfa_configuration": {"message": email["Message"], "subject": email["Subject"]},
        f"{POOL} > web_authn_configuration": {
            "relying_party_id": "example.com",
            "user_verification": "required",
        },
    }


@pytest.mark.parametrize(
    ("plan", "named"),
    [
        (a_plan(None, SmsMfaConfiguration={"SmsConfiguration": EUMS}), "EumsSms"),
        (a_plan(WebAuthnConfiguration=PASSKEYS), "FactorConfiguration"),
    ],
)
def test_what_the_provider_may_not_know_is_a_remark(plan: SetupPlan, named: str) -> None:
    assert f"  # {named} = " in terraform(plan)
    assert "sms_configuration {}" not in terraform(plan)


@PLANS
def test_every_text_is_well_formed_and_names_are_apart(plan: SetupPlan) -> None:
    blocks_of(terraform(plan))

    assert [each.name for each in snippets(plan, "ap-northeast-1")] == [
        "aws_cli",
        "cloudformation",
        "terraform",
    ]
