"""Cognito's rate categories: which operation belongs to which, and how many calls per second each allows.

Source of categories, default rates and codes: "Quotas in Amazon Cognito", Cognito Developer Guide. A quota
belongs to one account in one Region (a lane); all its pools and the live traffic share it.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from math import floor


class Category(StrEnum):
    """The categories that this tool uses."""

    USER_READ = "UserRead"
    USER_UPDATE = "UserUpdate"
    USER_RESOURCE_UPDATE = "UserResourceUpdate"
    USER_LIST = "UserList"
    USER_POOL_READ = "UserPoolRead"
    USER_POOL_RESOURCE_READ = "UserPoolResourceRead"


@dataclass(frozen=True, slots=True)
class Quota:
    """A category's documented default in calls per second, whether it can be raised, and its code."""

    default_rps: float
    adjustable: bool
    quota_code: str


QUOTAS = {
    Category.USER_READ: Quota(120, adjustable=True, quota_code="L-D6BD5178"),
    Category.USER_UPDATE: Quota(25, adjustable=False, quota_code="L-6621E65D"),
    Category.USER_RESOURCE_UPDATE: Quota(25, adjustable=False, quota_code="L-574C86AE"),
    Category.USER_LIST: Quota(30, adjustable=False, quota_code="L-259E3368"),
    Category.USER_POOL_READ: Quota(15, adjustable=False, quota_code="L-CFFBE34A"),
    Category.USER_POOL_RESOURCE_READ: Quota(20, adjustable=False, quota_code="L-A01C9633"),
}

CATEGORY_OF = {
    "AdminGetUser": Category.USER_READ,
    "AdminGetUserAuthFactors": Category.USER_READ,
    "AdminUpdateUserAttributes": Category.USER_UPDATE,
    "AdminSetUserMFAPreference": Category.USER_RESOURCE_UPDATE,
    "ListUsers": Category.USER_LIST,
    "DescribeUserPool": Category.USER_POOL_READ,
    "GetUserPoolMfaConfig": Category.USER_POOL_RESOURCE_READ,
}

PACED = (Category.USER_READ, Category.USER_UPDATE, Category.USER_RESOURCE_UPDATE, Category.USER_LIST)
"""The categories whose calls grow with the number of users."""


def ceiling(limit_rps: float, share: float, max_rps: float | None = None) -> float:
    """Our ceiling, in calls per second.

    It is a whole number, so that no second has more calls than the share. Below one it is a fraction: one
    call every `1 / (share * limit)` seconds.
    """
    rate = min(limit_rps * share, max_rps if max_rps is not None else limit_rps)
    return float(floor(rate)) if rate >= 1 else rate


@dataclass(frozen=True, slots=True)
class Lane:
    """The owner of a quota: one account in one Region, behind one endpoint."""

    endpoint: str
    account: str
    region: str
    caller: str = field(default="", compare=False)
    """The caller's ARN from STS; several callers can share a lane."""
