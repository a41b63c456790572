"""CloudWatch, as far as the usage of quotas goes.

Sources: Amazon CloudWatch API Reference, "GetMetricData"; Cognito Developer Guide, "Tracking quotas and usage
in CloudWatch and Service Quotas". A metric is one exact combination of namespace, name and dimensions: a
query for any other gets no values. Expressions are not simulated.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from migrate_mfa.simulator.account.errors import CognitoError
from migrate_mfa.simulator.operations.limits import usage_metric
from migrate_mfa.simulator.operations.registry import CLOUDWATCH, operation
from migrate_mfa.simulator.server.quotas import CATEGORIES

if TYPE_CHECKING:
    from migrate_mfa.simulator.account.world import Params, World

_PERIOD_S = 300


@operation("GetMetricData", "CloudWatch", CLOUDWATCH)
def get_metric_data(world: World, params: Params) -> dict[str, Any]:
    """Show one busy and one quiet period of each requested metric."""
    queries, start, end = (params.get(name) for name in ("MetricDataQueries", "StartTime", "EndTime"))
    if not queries or start is None or end is None:
        raise CognitoError("ValidationError", "MetricDataQueries, StartTime and EndTime are required.")
    if start >= end:
        raise CognitoError("ValidationError", "The parameter StartTime must be less than EndTime.")
    return {"MetricDataResults": [_result(world, query, end) for query in queries], "Messages": []}


def _result(world: World, query: dict[str, Any], end: float) -> dict[str, Any]:
    stat = query.get("MetricStat")
    if not isinstance(stat, dict) or not stat.get("Stat") or stat.get("Period", 0) < 1:
        raise CognitoError("ValidationError", "MetricStat must have Metric, Period and Stat.")
    if stat["Period"] % 60:
        raise CognitoError("ValidationError", "Period must be a multiple of 60.")
    rate = _rate(world, stat["Metric"])
    at = end - end % _PERIOD_S - _PERIOD_S
    points = (
        [] if rate is None or stat["Stat"] != "Sum" else [(at, 0.0), (at - _PERIOD_S, rate * stat["Period"])]
    )
    return {
        "Id": query.get("Id", ""),
        "Label": stat["Metric"].get("MetricName", ""),
        "Timestamps": [moment for moment, _ in points],
        "Values": [value for _, value in points],
        "StatusCode": "Complete",
    }


def _rate(world: World, metric: dict[str, Any]) -> float | None:
    """Give the calls a second of the metric's category, None for a metric that is not there."""
    given = {row["Name"]: row["Value"] for row in metric.get("Dimensions", ())}
    for category in CATEGORIES.values():
        known = usage_metric(category)
        names = (known["MetricNamespace"], known["MetricName"], known["MetricDimensions"])
        if names == (metric.get("Namespace"), metric.get("MetricName"), given):
            return world.around.usage.get(category.name)
    return None
