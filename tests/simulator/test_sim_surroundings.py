"""What is around the pools: who calls, End User Messaging, CloudWatch's usage metrics, replicas."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from migrate_mfa.simulator import Running, background
from migrate_mfa.simulator.account.surroundings import Surroundings
from tests.simulator.sim_site import ROLE, client_of

if TYPE_CHECKING:
    from collections.abc import Iterator

START, END = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC)
CALLER = "arn:aws:sts::123456789012:assumed-role/Ops/me"
SENDER = "arn:aws:iam::123456789012:role/sender"
EUMS = {"EumsSms": {"CallerArn": SENDER, "ExternalId": "x"}}


@pytest.fixture(scope="module")
def account() -> Iterator[Running]:
    document = {
        "caller": CALLER,
        "eums": {"tier": "SANDBOX", "monthly_spend_limit_usd": 30},
        "sns": {"sandbox": True},
        "usage": {"UserUpdate": 7},
        "pools": [
            {
                "name": "twin",
                "config": {
                    "SmsConfiguration": EUMS,
                    "Domain": "members",
                    "Replicas": [{"RegionName": "us-east-1", "Role": "PRIMARY"}],
                },
            }
        ],
    }
    with background(document) as running:
        yield running


def test_the_caller_is_whom_the_pool_file_names(account: Running) -> None:
    assert client_of(account, "sts").get_caller_identity()["Arn"] == CALLER


def test_end_user_messaging_tells_its_tier_and_limits(account: Running) -> None:
    client = client_of(account, "pinpoint-sms-voice-v2")

    limits = {row["Name"]: row["EnforcedLimit"] for row in client.describe_spend_limits()["SpendLimits"]}

    assert client.describe_account_attributes()["AccountAttributes"] == [
        {"Name": "ACCOUNT_TIER", "Value": "SANDBOX"}
    ]
    assert limits["TEXT_MESSAGE_MONTHLY_SPEND_LIMIT"] == 30
    assert limits["VOICE_MESSAGE_MONTHLY_SPEND_LIMIT"] == 1


def usage_metric(account: Running, code: str = "L-6621E65D") -> dict[str, Any]:
    quotas = client_of(account, "service-quotas")
    named = quotas.get_service_quota(ServiceCode="cognito-idp", QuotaCode=code)["Quota"]["UsageMetric"]
    return {
        "Namespace": named["MetricNamespace"],
        "MetricName": named["MetricName"],
        "Dimensions": [{"Name": n, "Value": v} for n, v in named["MetricDimensions"].items()],
    }


def values(account: Running, metric: dict[str, Any], **members: Any) -> list[float]:
    stat = {"Metric": metric, "Period": 300, "Stat": "Sum"} | members
    answer = client_of(account, "cloudwatch").get_metric_data(
        MetricDataQueries=[{"Id": "q", "MetricStat": stat}], StartTime=START, EndTime=END
    )
    (result,) = answer["MetricDataResults"]
    found: list[float] = result["Values"]
    return found


def test_usage_comes_as_sums_of_five_minutes(account: Running) -> None:
    assert max(values(account, usage_metric(account))) == 7 * 300
    assert values(account, usage_metric(account, "L-259E3368")) == []


@pytest.mark.parametrize(
    "change",
    [
        {"Namespace": "AWS/Cognito"},
        {"MetricName": "ThrottleCount"},
        {"Dimensions": [{"Name": "Resource", "Value": "UserUpdate"}]},
    ],
)
def test_a_metric_that_is_spelt_otherwise_has_no_values(account: Running, change: dict[str, Any]) -> None:
    metric = usage_metric(account)
    other_case = [{**row, "Value": row["Value"].upper()} for row in metric["Dimensions"]]

    assert values(account, metric | change) == []
    assert values(account, metric | {"Dimensions": other_case}) == []


def test_a_period_is_whole_minutes_and_time_goes_forward(account: Running) -> None:
    metric = usage_metric(account)

    with pytest.raises(ClientError, match="multiple of 60"):
        values(account, metric, Period=301)
    with pytest.raises(ClientError, match="StartTime"):
        client_of(account, "cloudwatch").get_metric_data(
            MetricDataQueries=[{"Id": "q", "MetricStat": {"Metric": metric, "Period": 60, "Stat": "Sum"}}],
            StartTime=END,
            EndTime=START,
        )


def test_replicas_are_listed_and_the_domain_described(account: Running) -> None:
    client, pool_id = client_of(account), account.pools[0]["id"]

    (replica,) = client.list_user_pool_replicas(UserPoolId=pool_id)["UserPoolReplicas"]
    pool = client.describe_user_pool(UserPoolId=pool_id)["UserPool"]

    assert (replica["RegionName"], replica["Role"]) == ("us-east-1", "PRIMARY")
    assert pool["Domain"] == "members"
    assert "SmsConfigurationFailure" not in pool, "End User Messaging knows no SNS sandbox"


def test_end_user_messaging_needs_a_right_of_its_own(account: Running) -> None:
    client, iam, pool_id = client_of(account), client_of(account, "iam"), account.pools[0]["id"]

    def use(configuration: dict[str, Any]) -> str:
        members = {"MfaConfiguration": "OPTIONAL", "SmsMfaConfiguration": {"SmsConfiguration": configuration}}
        try:
            client.set_user_pool_mfa_config(UserPoolId=pool_id, **members)
        except ClientError as error:
            return str(error.response["Error"]["Code"])
        return "ok"

    assert use(EUMS) == "ok"
    assert use(ROLE | {"SnsCallerArn": SENDER}) == "InvalidSmsRoleAccessPolicyException"
    allow = {"Statement": [{"Effect": "Allow", "Action": "sns:Publish", "Resource": "*"}]}
    iam.put_role_policy(RoleName="sender", PolicyName="publish", PolicyDocument=json.dumps(allow))
    assert use(EUMS) == "InvalidSmsRoleAccessPolicyException"
    assert use(ROLE | {"SnsCallerArn": SENDER}) == "ok"


@pytest.mark.parametrize(
    ("document", "what"),
    [
        ({"usage": {"Users": 1}}, "Users"),
        ({"eums": {"tier": "GOLD"}}, "tier"),
        ({"eums": {"sandbox": True}}, "sandbox"),
    ],
)
def test_a_wrong_document_is_refused(document: dict[str, Any], what: str) -> None:
    with pytest.raises(ValueError, match=what):
        Surroundings.from_document(document)
