"""What is asked of the account, where, and what becomes of the answers."""

from typing import Any

import pytest

from migrate_mfa.checks.aws_account import Account
from migrate_mfa.checks.aws_pool_details import app_client, sms_path
from migrate_mfa.checks.principals import ROLE, USER, Principal
from migrate_mfa.checks.snapshot import Decision
from migrate_mfa.domain.failure import ApiError
from migrate_mfa.domain.quotas import Category

PRINCIPAL = Principal(ROLE, "arn:aws:iam::1:role/Ops")


class Answers:
    """In place of `Calls`: answers by operation, in order; what was asked is kept."""

    def __init__(self, **answers: Any) -> None:
        self._answers = {op: list(rows) if isinstance(rows, list) else [rows] for op, rows in answers.items()}
        self.asked: list[tuple[str, str, dict[str, Any]]] = []

    def __call__(self, service: str, operation: str, **arguments: Any) -> Any:
        arguments.pop("need", None)
        self.asked.append((service, operation, arguments))
        if not self._answers.get(operation):
            raise ApiError(operation=operation, code="AccessDenied")
        return self._answers[operation].pop(0)


def account(**answers: Any) -> tuple[Account, Answers]:
    calls = Answers(**answers)
    made: Any = calls
    return Account(made), calls


def row(action: str, decision: str, *missing: str) -> dict[str, Any]:
    return {"EvalActionName": action, "EvalDecision": decision, "MissingContextValues": list(missing)}


def test_decisions_of_all_pages_are_read_and_a_conditional_denial_decides_nothing() -> None:
    first = {"EvaluationResults": [row("a:One", "allowed")], "IsTruncated": True, "Marker": "m"}
    last = {
        "EvaluationResults": [
            row("a:Two", "explicitDeny"),
            row("a:Three", "implicitDeny", "aws:SourceIp"),
            row("a:Four", "allowed", "aws:SourceIp"),
        ]
    }
    asked, calls = account(SimulatePrincipalPolicy=[first, last])

    found = asked.decisions("arn", ["a:One", "a:Two", "a:Three", "a:Four"], "*")

    assert found == {
        "a:One": Decision.ALLOWED,
        "a:Two": Decision.DENIED,
        "a:Three": Decision.UNSURE,
        "a:Four": Decision.ALLOWED,
    }
    assert [arguments.get("Marker") for _, _, arguments in calls.asked] == [None, "m"]


def test_a_roles_path_is_asked_for_and_done_without() -> None:
    role = {"Arn": "arn:aws:iam::1:role/teams/Ops", "AssumeRolePolicyDocument": {}}

    assert account(GetRole={"Role": role})[0].source_arn(PRINCIPAL) == role["Arn"]
    assert account()[0].source_arn(PRINCIPAL) == PRINCIPAL.arn
    assert account()[0].source_arn(Principal(USER, "arn:u")) == "arn:u"


@pytest.mark.parametrize(
    "written", [{"Statement": []}, '{"Statement": []}', "%7B%22Statement%22%3A%20%5B%5D%7D"]
)
def test_a_trust_policy_is_read_however_it_is_written(written: Any) -> None:
    asked, _ = account(GetRole={"Role": {"Arn": "arn", "AssumeRolePolicyDocument": written}})

    assert asked.role("r") == ("arn", {"Statement": []})


def test_text_messaging_is_asked_in_the_region_that_sends() -> None:
    tiers = [
        {"Name": "DEFAULT_PROTECT_CONFIGURATION_ID", "Value": "x"},
        {"Name": "ACCOUNT_TIER", "Value": "SANDBOX"},
    ]
    limits = [
        {"Name": "VOICE_MESSAGE_MONTHLY_SPEND_LIMIT", "EnforcedLimit": 1},
        {"Name": "TEXT_MESSAGE_MONTHLY_SPEND_LIMIT", "EnforcedLimit": 70},
    ]
    asked, calls = account(
        GetSMSSandboxAccountStatus={"IsInSandbox": False},
        GetSMSAttributes=[{"attributes": {"MonthlySpendLimit": "20"}}, {"attributes": {}}],
        DescribeAccountAttributes={"AccountAttributes": tiers},
        DescribeSpendLimits={"SpendLimits": limits},
    )

    assert asked.sns_sandbox("ap-northeast-2") is False
    assert [asked.sns_limit_usd("ap-northeast-2"), asked.sns_limit_usd("ap-northeast-2")] == [20, None]
    assert asked.eums_sandbox("ap-northeast-2") is True
    assert asked.eums_limit_usd("ap-northeast-2") == 70
    assert {arguments["region"] for _, _, arguments in calls.asked} == {"ap-northeast-2"}


def test_an_account_without_a_tier_is_not_taken_for_production() -> None:
    with pytest.raises(ApiError, match="NoAccountTier"):
        account(DescribeAccountAttributes={"AccountAttributes": []})[0].eums_sandbox("r")


def metric(**dimensions: str) -> dict[str, Any]:
    named = {"MetricNamespace": "AWS/Usage", "MetricName": "CallCount", "MetricDimensions": dimensions}
    return {"Quota": {"UsageMetric": named}}


def test_the_metric_is_the_one_that_service_quotas_names() -> None:
    data = {"MetricDataResults": [{"Values": [300.0, 1500.0]}]}
    asked, calls = account(GetServiceQuota=metric(Service="Odd Spelling", Type="API"), GetMetricData=data)

    assert asked.busiest_rps(Category.USER_UPDATE, 1e9) == 5
    (_, _, arguments) = calls.asked[-1]
    dimensions = arguments["MetricDataQueries"][0]["MetricStat"]["Metric"]["Dimensions"]
    assert dimensions == [{"Name": "Service", "Value": "Odd Spelling"}, {"Name": "Type", "Value": "API"}]
    assert (arguments["EndTime"] - arguments["StartTime"]).total_seconds() == 86400
    assert calls.asked[0][2]["QuotaCode"] == "L-6621E65D"


def test_no_data_is_not_zero_and_no_metric_not_known() -> None:
    nothing: Any = {"MetricDataResults": [{"Values": []}]}

    assert (
        account(GetServiceQuota=metric(), GetMetricData=nothing)[0].busiest_rps(Category.USER_LIST, 1) is None
    )
    with pytest.raises(ApiError, match="NoUsageMetric"):
        account(GetServiceQuota={"Quota": {}})[0].busiest_rps(Category.USER_LIST, 1)


def test_sns_sends_from_its_own_region_or_the_pools() -> None:
    sns = {"SnsCallerArn": "arn:aws:iam::1:role/path/r", "ExternalId": "x"}
    eums = {"EumsSms": {"CallerArn": "arn:aws:iam::1:role/e", "Region": "us-east-1"}}

    paths = [sms_path(c, "eu-west-1") for c in (sns, sns | {"SnsRegion": "ap-northeast-1"}, eums, {})]

    assert [path and path.region for path in paths] == ["eu-west-1", "ap-northeast-1", "us-east-1", None]
    assert [path and (path.role_name, path.action) for path in paths] == [
        ("r", "sns:Publish"),
        ("r", "sns:Publish"),
        ("e", "sms-voice:SendTextMessage"),
        None,
    ]


def test_pools_in_seoul_send_from_tokyo() -> None:
    path = sms_path({"SnsCallerArn": "arn:aws:iam::1:role/r"}, "ap-northeast-2")

    assert path is not None
    assert path.region == "ap-northeast-1"


@pytest.mark.parametrize(
    ("client", "days"),
    [
        ({}, 30),
        ({"RefreshTokenValidity": 60}, 60),
        ({"RefreshTokenValidity": 48, "TokenValidityUnits": {"RefreshToken": "hours"}}, 2),
        ({"RefreshTokenValidity": 7200, "TokenValidityUnits": {"RefreshToken": "minutes"}}, 5),
    ],
)
def test_refresh_tokens_are_counted_in_days(client: dict[str, Any], days: float) -> None:
    found = app_client(client)

    assert found.refresh_days == days
    assert found.session_min == 3
    assert "ALLOW_USER_SRP_AUTH" in found.flows
