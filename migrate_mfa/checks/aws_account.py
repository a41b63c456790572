"""The account around a pool, read only: IAM roles and policies, text messaging, use of the quotas.

Sources: API references of IAM ("GetRole", "SimulatePrincipalPolicy"), Amazon SNS ("GetSMSAttributes",
"GetSMSSandboxAccountStatus"), AWS End User Messaging SMS ("DescribeAccountAttributes",
"DescribeSpendLimits"), Service Quotas ("GetServiceQuota") and Amazon CloudWatch ("GetMetricData").
"""

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from migrate_mfa.aws.answers import Answer, reads
from migrate_mfa.checks.principals import ROLE, Principal
from migrate_mfa.checks.snapshot import Decision
from migrate_mfa.domain.failure import ApiError
from migrate_mfa.domain.quotas import QUOTAS, Category

if TYPE_CHECKING:
    from migrate_mfa.aws.clients import Calls

_IAM, _SNS, _EUMS = "iam", "sns", "pinpoint-sms-voice-v2"
_QUOTAS, _METRICS = "service-quotas", "cloudwatch"
_PERIOD_S = 300
"""Usage metrics come every five minutes ("Tracking quotas and usage in CloudWatch and Service Quotas")."""
_DAY_S = 86400.0


class Account:
    """One account. Every method raises `ApiError` if AWS refuses or does not answer."""

    def __init__(self, calls: "Calls") -> None:
        self._call = calls

    # --- IAM ---

    @reads("GetRole")
    def role(self, name: str) -> tuple[str, Answer]:
        """GetRole: the role's ARN with its path, and its trust policy."""
        role = self._call(_IAM, "GetRole", need="Role", RoleName=name)["Role"]
        return role["Arn"], _document(role["AssumeRolePolicyDocument"])

    def source_arn(self, principal: Principal) -> str:
        """The ARN for SimulatePrincipalPolicy: a role's ARN includes its path, which only GetRole returns.

        If the caller may not read its own role, the ARN is used without a path: most roles have none.
        """
        if principal.kind != ROLE:
            return principal.arn
        try:
            return self.role(principal.role_name)[0]
        except ApiError:
            return principal.arn

    @reads("SimulatePrincipalPolicy")
    def decisions(self, source_arn: str, actions: Iterable[str], resource: str) -> dict[str, Decision]:
        """SimulatePrincipalPolicy: what the policies of a user or role allow on one resource."""
        found: dict[str, Decision] = {}
        arguments: Any = {
            "PolicySourceArn": source_arn,
            "ActionNames": list(actions),
            "ResourceArns": [resource],
        }
        marker: dict[str, str] = {}
        while True:
            answer = self._call(
                _IAM, "SimulatePrincipalPolicy", need="EvaluationResults", **arguments, **marker
            )
            found |= {row["EvalActionName"]: _decision(row) for row in answer["EvaluationResults"]}
            if not answer.get("IsTruncated"):
                return found
            marker = {"Marker": answer["Marker"]}

    # --- text messages ---

    @reads("GetSMSSandboxAccountStatus")
    def sns_sandbox(self, region: str) -> bool:
        """GetSMSSandboxAccountStatus."""
        answer = self._call(_SNS, "GetSMSSandboxAccountStatus", need="IsInSandbox", region=region)
        return bool(answer["IsInSandbox"])

    @reads("GetSMSAttributes")
    def sns_limit_usd(self, region: str) -> float | None:
        """GetSMSAttributes: MonthlySpendLimit, None if it was never set."""
        wanted = ["MonthlySpendLimit"]
        answer = self._call(_SNS, "GetSMSAttributes", need="attributes", region=region, attributes=wanted)
        limit = answer["attributes"].get("MonthlySpendLimit")
        return None if limit is None else float(limit)

    @reads("DescribeAccountAttributes")
    def eums_sandbox(self, region: str) -> bool:
        """DescribeAccountAttributes: ACCOUNT_TIER."""
        answer = self._call(_EUMS, "DescribeAccountAttributes", need="AccountAttributes", region=region)
        tiers = [row["Value"] for row in answer["AccountAttributes"] if row["Name"] == "ACCOUNT_TIER"]
        if not tiers:
            raise ApiError(operation="DescribeAccountAttributes", code="NoAccountTier")
        return str(tiers[0]) == "SANDBOX"

    @reads("DescribeSpendLimits")
    def eums_limit_usd(self, region: str) -> float | None:
        """DescribeSpendLimits: the enforced limit for text messages."""
        answer = self._call(_EUMS, "DescribeSpendLimits", need="SpendLimits", region=region)
        name = "TEXT_MESSAGE_MONTHLY_SPEND_LIMIT"
        limits = [float(row["EnforcedLimit"]) for row in answer["SpendLimits"] if row["Name"] == name]
        return limits[0] if limits else None

    # --- quotas ---

    @reads("GetMetricData")
    def busiest_rps(self, category: Category, now: float) -> float | None:
        """Calls per second in a category's busiest five minutes of the day before `now` (seconds since 1970).

        None if nothing was recorded. The metric is the one that Service Quotas names for the quota:
        CloudWatch compares dimensions exactly, and AWS's own pages spell them differently.
        """
        metric = self._usage_metric(QUOTAS[category].quota_code)
        dimensions = [{"Name": name, "Value": value} for name, value in metric["MetricDimensions"].items()]
        stat = {
            "Metric": {
                "Namespace": metric["MetricNamespace"],
                "MetricName": metric["MetricName"],
                "Dimensions": dimensions,
            },
            "Period": _PERIOD_S,
            "Stat": "Sum",
        }
        answer = self._call(
            _METRICS,
            "GetMetricData",
            need="MetricDataResults",
            MetricDataQueries=[{"Id": "calls", "MetricStat": stat}],
            StartTime=datetime.fromtimestamp(now - _DAY_S, UTC),
            EndTime=datetime.fromtimestamp(now, UTC),
        )
        values = [value for row in answer["MetricDataResults"] for value in row.get("Values") or ()]
        return max(values) / _PERIOD_S if values else None

    def _usage_metric(self, code: str) -> Answer:
        operation = "GetServiceQuota"
        quota = self._call(_QUOTAS, operation, need="Quota", ServiceCode="cognito-idp", QuotaCode=code)
        metric: Answer | None = quota["Quota"].get("UsageMetric")
        if not metric:
            raise ApiError(operation=operation, code="NoUsageMetric")
        return metric


def _decision(row: Answer) -> Decision:
    """The decision; a denial that depends on values of a real request counts as unsure."""
    if row["EvalDecision"] == "allowed":
        return Decision.ALLOWED
    return Decision.UNSURE if row.get("MissingContextValues") else Decision.DENIED


def _document(policy: Any) -> Answer:  # noqa: ANN401 - text or what botocore made of it
    """A policy document. Botocore usually decodes it; some endpoints send it in another form."""
    document: Answer = json.loads(unquote(policy)) if isinstance(policy, str) else policy
    return document
