"""check: are the pool, its SMS path, its quotas and the caller ready? Turns facts into findings. Pure."""

from collections.abc import Iterable

from migrate_mfa.checks import caller, limits, pool, sign_in, sms
from migrate_mfa.checks.findings import Code, Finding, by_weight, failures
from migrate_mfa.checks.snapshot import PoolSnapshot
from migrate_mfa.domain.errors import MigrateMfaError, NotAllowed, PoolNotReady
from migrate_mfa.domain.model import PoolFacts

_RULES = (pool.pool_writable, pool.owner, pool.recovery, *pool.RECOVERIES, *sms.RULES, *sign_in.RULES)
_GROUPS = (sms.role_findings, sign_in.client_findings, limits.quota_findings, caller.caller_findings)


def examine(snapshot: PoolSnapshot) -> list[Finding]:
    """Every finding about a pool, the most serious first."""
    policy = snapshot.scope.verification
    found = [rule(snapshot.facts, policy) for rule in pool.FACT_RULES]
    found += [finding for rule in _RULES if (finding := rule(snapshot)) is not None]
    found += [finding for group in _GROUPS for finding in group(snapshot)]
    return by_weight(found)


def refusal(where: PoolFacts, findings: Iterable[Finding]) -> MigrateMfaError | None:
    """The error for the first failure, which ends a command that writes; None if there is no failure."""
    for finding in failures(findings):
        if finding.code is Code.CALLER_PERMISSIONS:
            return NotAllowed(finding.observed, finding.remedy)
        message = f"Pool {where.name} ({where.id}) is not ready. {finding.observed} {finding.impact}"
        return PoolNotReady(message.rstrip(), finding.remedy)
    return None
