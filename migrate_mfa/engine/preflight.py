"""Refusals before anything is planned: a pool in which a write would have no effect, or an unwanted one.

They are the failures of `check` that need no more than the pool's own settings.
"""

from collections.abc import Iterable

from migrate_mfa.domain.errors import PoolNotReady
from migrate_mfa.domain.findings import Finding
from migrate_mfa.domain.model import MfaMode, PoolFacts, VerificationPolicy
from migrate_mfa.engine.check import refusal
from migrate_mfa.engine.checks.pool import POLICY_REFUSALS, REFUSALS


def require_sms_mfa(pool: PoolFacts) -> None:
    """Refuse a pool that does not offer SMS MFA, or whose phone numbers cannot be set.

    AdminSetUserMFAPreference answers 200 in such pools, without effect.

    Raises:
        PoolNotReady: says what is missing, and what to do.
    """
    _refuse(pool, (rule(pool, None) for rule in REFUSALS))


def require_optional_mfa(pool: PoolFacts) -> None:
    """Refuse to switch a user's MFA off where the pool requires it: Cognito answers 200 and does nothing.

    Raises:
        PoolNotReady: says so.
    """
    if pool.mfa is MfaMode.ON:
        raise PoolNotReady(
            f"Pool {pool.name} requires MFA; a user's SMS MFA cannot be switched off in it.",
            "Change the user's number instead, or make MFA optional in the pool.",
        )


def require_policy(pool: PoolFacts, policies: Iterable[VerificationPolicy]) -> None:
    """Refuse verification policies that would do harm in this pool. `by-column` counts as by-code.

    Raises:
        PoolNotReady: says which policy, why, and what to do.
    """
    _refuse(pool, (rule(pool, policy) for policy in policies for rule in POLICY_REFUSALS))


def _refuse(pool: PoolFacts, findings: Iterable[Finding]) -> None:
    if problem := refusal(pool, findings):
        raise problem
