"""A pool's settings, replicas and app clients, read from AWS. Writes nothing."""

from typing import TYPE_CHECKING

from migrate_mfa.aws.answers import Answer, reads
from migrate_mfa.aws.user_pool import pool_facts
from migrate_mfa.checks.aws_pool_details import app_client, pool_details
from migrate_mfa.domain.point_in_time_recovery import LIST, Recovery

if TYPE_CHECKING:
    from migrate_mfa.aws.clients import Calls
    from migrate_mfa.checks.snapshot import AppClient, PoolDetails
    from migrate_mfa.domain.model import PoolFacts

_COGNITO = "cognito-idp"
_MOST_LISTED = 60
"""The largest page of ListUserPoolClients (API reference)."""


class PoolReader:
    """One pool. Every method makes one or two calls and raises `ApiError`."""

    def __init__(self, calls: "Calls", pool_id: str, region: str) -> None:
        self._call = calls
        self._pool_id = pool_id
        self._region = region

    @reads("DescribeUserPool")
    def settings(self) -> "tuple[PoolFacts, PoolDetails]":
        """DescribeUserPool and GetUserPoolMfaConfig."""
        found = self._call(_COGNITO, "DescribeUserPool", need="UserPool", UserPoolId=self._pool_id)
        mfa = self._call(_COGNITO, "GetUserPoolMfaConfig", UserPoolId=self._pool_id)
        pool = found["UserPool"]
        return pool_facts(pool, mfa), pool_details(pool, mfa, self._region)

    @reads("ListUserPoolReplicas")
    def replica(self) -> str:
        """ListUserPoolReplicas: this Region's role, PRIMARY or SECONDARY; empty if there are no replicas."""
        answer = self._call(
            _COGNITO, "ListUserPoolReplicas", need="UserPoolReplicas", UserPoolId=self._pool_id
        )
        parts = {each.get("RegionName"): each.get("Role") for each in answer["UserPoolReplicas"]}
        return str(parts.get(self._region) or "")

    @reads(LIST)
    def recoveries(self) -> tuple[Recovery, ...]:
        """ListPointInTimeRecoveries: all recoveries, the newest first."""
        answer = self._call(_COGNITO, LIST, need="Restorations", UserPoolId=self._pool_id)
        return tuple(_recovery(each) for each in answer["Restorations"])

    @reads("GetLogDeliveryConfiguration")
    def logs_delivery(self) -> bool:
        """GetLogDeliveryConfiguration: whether message errors (userNotification) are logged."""
        answer = self._call(
            _COGNITO,
            "GetLogDeliveryConfiguration",
            need="LogDeliveryConfiguration",
            UserPoolId=self._pool_id,
        )
        rows = answer["LogDeliveryConfiguration"].get("LogConfigurations") or []
        return any(row.get("EventSource") == "userNotification" for row in rows)

    @reads("ListUserPoolClients")
    def client_ids(self) -> tuple[list[str], bool]:
        """ListUserPoolClients: the ids of the first page, and whether there are more."""
        answer = self._call(
            _COGNITO,
            "ListUserPoolClients",
            need="UserPoolClients",
            UserPoolId=self._pool_id,
            MaxResults=_MOST_LISTED,
        )
        return [each["ClientId"] for each in answer["UserPoolClients"]], bool(answer.get("NextToken"))

    @reads("DescribeUserPoolClient")
    def client(self, client_id: str) -> "AppClient":
        """DescribeUserPoolClient; the secret is not kept."""
        answer = self._call(
            _COGNITO,
            "DescribeUserPoolClient",
            need="UserPoolClient",
            UserPoolId=self._pool_id,
            ClientId=client_id,
        )
        return app_client(answer["UserPoolClient"])


def _recovery(row: Answer) -> Recovery:
    return Recovery(row["RestoreId"], row["RestoreStatus"], row["RestoreTimestamp"].timestamp())
