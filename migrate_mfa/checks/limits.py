"""The rate quotas of the lane: which rate is enforced, and how much of it others use.

Sources: "Quotas in Amazon Cognito" and "Tracking quotas and usage in CloudWatch and Service Quotas", Cognito
Developer Guide. Usage is recorded every five minutes: it shows the usual head-room, not the present load.
"""

import re

from migrate_mfa.checks.findings import Code, Finding, Level, Unknown
from migrate_mfa.checks.snapshot import PoolSnapshot, QuotaUse
from migrate_mfa.domain.quotas import QUOTAS, Category


def quota_findings(snapshot: PoolSnapshot) -> list[Finding]:
    """Two findings for each category that was read: its quota, and its other users."""
    share = snapshot.scope.quota_share
    return [finding for use in snapshot.quotas for finding in (_enforced(use), _others(use, share))]


def _enforced(use: QuotaUse) -> Finding:
    code = Code(f"quota_{_snake(use.category.value)}")
    documented = QUOTAS[use.category].default_rps
    name = use.category.value
    if use.enforced is None:
        observed = f"{name}: the enforced quota cannot be read; the default is {documented:g}/s."
        impact = "A run uses the documented default, and slows down if it is throttled."
        remedy = "Allow cognito-idp:GetProvisionedLimit and servicequotas:GetServiceQuota."
        return Finding(code, Level.UNCHECKED, observed, impact, remedy)
    if use.enforced < documented:
        observed = f"{name}: the quota is {use.enforced:g}/s, less than the default of {documented:g}/s."
        return Finding(
            code, Level.WARNING, observed, "A run takes longer.", "Ask AWS Support why it is lower."
        )
    return Finding(code, Level.OK, f"{name}: the quota is {use.enforced:g}/s (default {documented:g}/s).")


def _others(use: QuotaUse, share: float) -> Finding:
    code = Code(f"usage_{_snake(use.category.value)}")
    limit = use.enforced or QUOTAS[use.category].default_rps
    name, busiest = use.category.value, use.busiest
    impact = _SHARED_BY[use.category]
    if isinstance(busiest, Unknown):
        remedy = "Allow servicequotas:GetServiceQuota and cloudwatch:GetMetricData."
        return busiest.finding(code, impact, remedy)
    if busiest is None:
        return Finding(code, Level.INFO, f"{name}: CloudWatch shows no use in the last day.", impact)
    observed = f"{name}: up to {busiest:.1f}/s of {limit:g}/s were used in the last day (mean of 5 minutes)."
    if busiest + share * limit > limit:
        remedy = "Use a smaller --quota-share, or run at a quieter time."
        return Finding(code, Level.WARNING, f"{observed} A run would take {share:.0%}.", impact, remedy)
    return Finding(code, Level.OK, observed)


_SHARED_BY = {
    Category.USER_READ: "Your applications read users with the same quota (AdminGetUser, GetUser). The run "
    "reads each user before and after a write.",
    Category.USER_UPDATE: "Your applications change users with the same quota (UpdateUserAttributes, "
    "VerifyUserAttribute). The run stores each number with one call.",
    Category.USER_RESOURCE_UPDATE: "Your applications change users' settings with the same quota (such as "
    "SetUserMFAPreference). The run switches SMS MFA on with one call for each user.",
    Category.USER_LIST: "Your applications list and search users with the same quota (ListUsers). The run "
    "finds the users of the roster with it while it plans.",
}
"""Who else uses the quota of a category, and what the run uses it for."""


def _snake(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()
