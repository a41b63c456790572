"""Policy documents: IAM's grammar and limits, ARNs of every partition, statements by reason and resource."""

import json
import re

import botocore.session
import pytest

from migrate_mfa.checks.iam_policy import Ground, partition_of, permissions_of, policy
from migrate_mfa.checks.permissions import PERMISSIONS, Permission, Scope, When
from migrate_mfa.domain.errors import UsageError
from tests.support.sdk import know_recoveries

POOL = "ap-northeast-1_AbCdEfGhI"
ROLE = "arn:aws:iam::123456789012:role/service-role/cognito-sms"
GROUND = Ground(user_pool_id=POOL, region="ap-northeast-1", account="123456789012", sms_role_arn=ROLE)
_ARN = re.compile(r"\*|arn:aws:(cognito-idp:ap-northeast-1|iam:):123456789012:(userpool|role)/[\w/-]+")
LARGEST = 6144
"""Characters without white space in a managed policy ("IAM and AWS STS quotas")."""


@pytest.mark.parametrize("deep", [False, True])
@pytest.mark.parametrize("command", PERMISSIONS)
def test_every_document_is_one_that_iam_takes(command: str, deep: bool) -> None:
    document = policy(permissions_of(command, deep=deep), GROUND)

    assert list(document) == ["Version", "Statement"]
    assert document["Version"] == "2012-10-17"
    assert len(json.dumps(document, separators=(",", ":"))) <= LARGEST
    sids = [row["Sid"] for row in document["Statement"]]
    assert len(set(sids)) == len(sids)
    for row in document["Statement"]:
        assert set(row) - {"Condition"} == {"Sid", "Effect", "Action", "Resource"}
        assert row["Effect"] == "Allow"
        assert re.fullmatch(r"[A-Za-z0-9]+", row["Sid"])
        assert _ARN.fullmatch(row["Resource"])
        assert row["Action"]
        assert all(re.fullmatch(r"[a-z-]+:[A-Za-z]+", action) for action in row["Action"])


_SERVICES = {"servicequotas": "service-quotas", "sms-voice": "pinpoint-sms-voice-v2"}
"""The names that the SDK has for services, where they are not those of IAM."""


@pytest.mark.parametrize("command", PERMISSIONS)
def test_no_action_comes_twice_and_every_operation_is_known_to_the_sdk(
    command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    know_recoveries(monkeypatch)
    actions = [each.action for each in permissions_of(command, deep=True)]
    session = botocore.session.get_session()

    assert len(set(actions)) == len(actions)
    for action in actions:
        prefix, _, operation = action.partition(":")
        if action != "iam:PassRole":
            service = _SERVICES.get(prefix, prefix)
            assert operation in session.get_service_model(service).operation_names, action


def test_partitions_are_those_of_the_sdk() -> None:
    session = botocore.session.get_session()
    partitions = session.get_available_partitions()

    assert {"aws", "aws-cn", "aws-us-gov"} <= set(partitions)
    for partition in partitions:
        for region in session.get_available_regions("sts", partition, allow_non_regional=False):
            assert partition_of(region) == partition, region


def test_an_arn_has_the_partition_of_its_region() -> None:
    ground = Ground(user_pool_id="cn-north-1_Ab", region="cn-north-1", account="123456789012")

    assert ground.arn(Scope.POOL) == "arn:aws-cn:cognito-idp:cn-north-1:123456789012:userpool/cn-north-1_Ab"
    assert ground.arn(Scope.SMS_ROLE) == "arn:aws-cn:iam::123456789012:role/SMS-ROLE-NAME"


def test_a_statement_for_each_reason_and_resource() -> None:
    asked = (
        Permission("cognito-idp:SetUserPoolMfaConfig"),
        Permission("cognito-idp:ListUsers", required=False),
        Permission("iam:PassRole", Scope.SMS_ROLE),
        Permission("iam:GetRole", Scope.SMS_ROLE),
        Permission("sns:GetSMSAttributes", Scope.ACCOUNT, required=False),
        Permission("cognito-idp:AdminGetUser", required=False, when=When.DEEP),
    )
    rows = {row["Sid"]: row for row in policy(asked, GROUND)["Statement"]}

    pool = GROUND.arn(Scope.POOL)
    assert {sid: (row["Action"], row["Resource"]) for sid, row in rows.items()} == {
        "Required": (["cognito-idp:SetUserPoolMfaConfig"], pool),
        "Optional": (["cognito-idp:ListUsers"], pool),
        "RequiredOnTheSmsRoleForCognito": (["iam:PassRole"], ROLE),
        "RequiredOnTheSmsRole": (["iam:GetRole"], ROLE),
        "OptionalInTheAccount": (["sns:GetSMSAttributes"], "*"),
        "RequiredForDeep": (["cognito-idp:AdminGetUser"], pool),
    }
    passing = {"StringEquals": {"iam:PassedToService": "cognito-idp.amazonaws.com"}}
    assert {sid: row["Condition"] for sid, row in rows.items() if "Condition" in row} == {
        "RequiredOnTheSmsRoleForCognito": passing
    }


def test_what_is_optional_and_what_belongs_to_deep_can_be_left_out() -> None:
    every = {each.action for each in permissions_of("audit", deep=True)}
    least = {each.action for each in permissions_of("audit", optional=False)}

    assert every - least == {
        "cognito-idp:AdminGetUser",
        "cognito-idp:GetProvisionedLimit",
        "servicequotas:GetServiceQuota",
    }
    assert "cognito-idp:AdminGetUserAuthFactors" in {
        each.action for each in permissions_of("run", optional=False)
    }


@pytest.mark.parametrize("account", ["12345678901", "1234567890123", "\uff11" * 12, "account"])
def test_an_account_has_twelve_digits(account: str) -> None:
    with pytest.raises(UsageError, match="not an account's id"):
        Ground(user_pool_id=POOL, region="ap-northeast-1", account=account)
