"""The lane's rate quotas: what is enforced, and who else uses it.

Sources: "Quotas in Amazon Cognito" and "Tracking quotas and usage in CloudWatch and Service Quotas", Cognito
Developer Guide: usage comes in points of five minutes, so that it shows head-room, not the moment.
"""

import re

from migrate_mfa.checks.findings import Code, Finding, Level, Unknown
from migrate_mfa.checks.snapshot import PoolSnapshot, QuotaUse
from migrate_mfa.domain.quotas import QUOTAS


def quota_findings(snapshot: PoolSnapshot) -> list[Finding]:
    """One for each category that was looked at, and one for its other users."""
    share = snapshot.scope.quota_share
    return [finding for use in snapshot.quotas for finding in (_enforced(use), _others(use, share))]


def _enforced(use: QuotaUse) -> Finding:
    code = Code(f"quota_{_snake(use.category.value)}")
    documented = QUOTAS[use.category].default_rps
    name = use.category.value
    if use.enforced is None:
        observed = f"{name}: AWS does not say what it enforces; the default is {documented:g}/s."
        impact = "A run then works with the documented default, and slows down when it is throttled."
        remedy = "Allow cognito-idp:GetProvisionedLimit and servicequotas:GetServiceQuota."
        return Finding(code, Level.UNCHECKED, observed, impact, remedy)
    if use.enforced < documented:
        observed = f"{name}: {use.enforced:g}/s are enforced, less than the default of {documented:g}/s."
        return Finding(
            code, Level.WARNING, observed, "A run takes longer.", "Ask AWS support why it is less."
        )
    return Finding(code, Level.OK, f"{name}: {use.enforced:g}/s are enforced (default {documented:g}/s).")


def _others(use: QuotaUse, share: float) -> Finding:
    code = Code(f"usage_{_snake(use.category.value)}")
    limit = use.enforced or QUOTAS[use.category].default_rps
    name, busiest = use.category.value, use.busiest
    impact = (
        "The whole account in this Region shares the quota, applications and the run alike. "
        "Usage is an average of five minutes."
    )
    if isinstance(busiest, Unknown):
        remedy = "Allow servicequotas:GetServiceQuota and cloudwatch:GetMetricData."
        return busiest.finding(code, impact, remedy)
    if busiest is None:
        return Finding(code, Level.INFO, f"{name}: CloudWatch has recorded no use in the last day.", impact)
    observed = f"{name}: up to {busiest:.1f}/s of {limit:g}/s were used in the last day."
    if busiest + share * limit > limit:
        remedy = "Give a smaller --quota-share, or run at a quieter time."
        return Finding(code, Level.WARNING, f"{observed} A run would take {share:.0%}.", impact, remedy)
    return Finding(code, Level.OK, observed)


def _snake(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()
