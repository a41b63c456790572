"""What the rate quotas are: provisioned limits, and the Service Quotas service.

Sources: Amazon Cognito API Reference, "GetProvisionedLimit"; Service Quotas API Reference,
"GetServiceQuota" and "GetAWSDefaultServiceQuota"; Developer Guide, "Quotas in Amazon Cognito".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from migrate_mfa.simulator.account.errors import CognitoError, constraint, invalid_parameter
from migrate_mfa.simulator.account.world import text
from migrate_mfa.simulator.operations.registry import SERVICE_QUOTAS, operation
from migrate_mfa.simulator.server.quotas import CATEGORIES, Category

if TYPE_CHECKING:
    from migrate_mfa.simulator.account.world import Params, World

_SERVICE = "cognito-idp"


@operation("GetProvisionedLimit", "LimitManagement")
def get_provisioned_limit(world: World, params: Params) -> dict[str, Any]:
    """Show the enforced rate of an adjustable category ("GetProvisionedLimit")."""
    definition = params.get("LimitDefinition")
    if not isinstance(definition, dict):
        raise constraint(None, "LimitDefinition", "Member must not be null")
    if definition.get("LimitClass") != "API_CATEGORY":
        rule = "Member must satisfy enum value set: [API_CATEGORY]"
        raise constraint(definition.get("LimitClass"), "LimitClass", rule)
    category = CATEGORIES.get(definition.get("Attributes", {}).get("Category", ""))
    if category is None:
        raise invalid_parameter("Unknown API category.")
    if not category.adjustable:
        code = world.unsettled.provisioned_limit_error
        raise CognitoError(code, f"The limit of {category.name} is not adjustable.")
    return {
        "Limit": {
            "LimitDefinition": definition,
            "ProvisionedLimitValue": int(world.limiter.reported(world.limiter.limits[category.name])),
            "FreeLimitValue": int(category.rps),
        }
    }


class _Listed(NamedTuple):
    """A quota of Service Quotas: a category's rate, or that of one operation on one pool."""

    category: Category
    per_pool: bool

    @property
    def name(self) -> str:
        name = f"Rate of {self.category.name} requests"
        if self.category.pool_rps is None:
            return name
        return f"{name} per user pool" if self.per_pool else f"{name} per account"

    @property
    def default(self) -> float:
        return (self.category.pool_rps or 0.0) if self.per_pool else self.category.rps


_LISTED = {row.code: _Listed(row, per_pool=False) for row in CATEGORIES.values() if row.code} | {
    row.pool_code: _Listed(row, per_pool=True) for row in CATEGORIES.values() if row.pool_code
}


@operation("GetServiceQuota", "ServiceQuotas", SERVICE_QUOTAS)
def get_service_quota(world: World, params: Params) -> dict[str, Any]:
    """Show the rate that this server enforces."""
    listed = _listed(params)
    value = listed.default if listed.per_pool else world.limiter.limits[listed.category.name]
    return {"Quota": _quota(world, params, listed, world.limiter.reported(value))}


@operation("GetAWSDefaultServiceQuota", "ServiceQuotas", SERVICE_QUOTAS)
def get_aws_default_service_quota(world: World, params: Params) -> dict[str, Any]:
    """Show the documented default."""
    listed = _listed(params)
    return {"Quota": _quota(world, params, listed, listed.default)}


def _listed(params: Params) -> _Listed:
    service, code = text(params, "ServiceCode", 63), text(params, "QuotaCode", 128)
    if service != _SERVICE or code not in _LISTED:
        raise CognitoError("NoSuchResourceException", "The specified quota does not exist.")
    return _LISTED[code]


def _quota(world: World, params: Params, listed: _Listed, value: float) -> dict[str, Any]:
    code = params["QuotaCode"]
    return {
        "ServiceCode": _SERVICE,
        "ServiceName": "Amazon Cognito User Pools",
        "QuotaArn": f"arn:{world.partition}:servicequotas:{world.region}:{world.account}:{_SERVICE}/{code}",
        "QuotaCode": code,
        "QuotaName": listed.name,
        "Value": float(value),
        "Unit": "None",
        "Adjustable": listed.category.adjustable,
        "GlobalQuota": False,
        "UsageMetric": usage_metric(listed.category),
        "QuotaAppliedAtLevel": "ACCOUNT",
    }


def usage_metric(category: Category) -> dict[str, Any]:
    """Name the usage metric ("User pool metrics in CloudWatch"); Class is not used."""
    return {
        "MetricNamespace": "AWS/Usage",
        "MetricName": "CallCount",
        "MetricDimensions": {
            "Service": "Cognito user pool",
            "Type": "API",
            "Resource": category.name,
            "Class": "None",
        },
        "MetricStatisticRecommendation": "Sum",
    }
