"""Refusals before planning: pools in which a write would have no effect, or a harmful one.

They are the failures of `check` that depend only on the pool's own settings.
"""

from collections.abc import Collection, Iterable, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING

from migrate_mfa.checks.findings import Finding
from migrate_mfa.checks.pool import POLICY_REFUSALS, REFUSALS, password_recovery, phone_schema
from migrate_mfa.checks.rules import refusal
from migrate_mfa.domain.errors import CostLimitExceeded, PoolNotReady, UsageError
from migrate_mfa.domain.formatting import counted
from migrate_mfa.domain.model import MfaMode, PoolFacts, VerificationPolicy
from migrate_mfa.domain.reasons import Reason

if TYPE_CHECKING:
    from migrate_mfa.domain.forecast import Forecast


def require_sms_mfa(pool: PoolFacts) -> None:
    """Refuse a pool that does not offer SMS MFA, or whose phone numbers cannot be set.

    In such pools AdminSetUserMFAPreference answers 200 and has no effect.

    Raises:
        PoolNotReady: names what is missing and what to do.
    """
    _refuse(pool, (rule(pool, None) for rule in REFUSALS))


def require_settable_phone(pool: PoolFacts) -> None:
    """Refuse a pool in which phone numbers cannot be set.

    Raises:
        PoolNotReady: says so.
    """
    _refuse(pool, [phone_schema(pool, None)])


def require_optional_mfa(pool: PoolFacts) -> None:
    """Refuse to switch a user's MFA off if the pool requires MFA: Cognito answers 200 and does nothing.

    Raises:
        PoolNotReady: the pool requires MFA.
    """
    if pool.mfa is MfaMode.ON:
        raise PoolNotReady(
            f"Pool {pool.name} requires MFA; a user's SMS MFA cannot be switched off in it.",
            "Change the user's number instead, or make MFA optional in the pool.",
        )


def require_policy(pool: PoolFacts, policies: Iterable[VerificationPolicy]) -> None:
    """Refuse verification policies that would do harm in this pool. `by-column` counts as by-code.

    Raises:
        PoolNotReady: names the policy, its impact, and what to do.
    """
    _refuse(pool, (rule(pool, policy) for policy in policies for rule in POLICY_REFUSALS))


def require_password_recovery(pool: PoolFacts, despite: Collection[Reason]) -> None:
    """Refuse a pool in which no user with SMS MFA could reset a password.

    Raises:
        PoolNotReady: users recover passwords by SMS only.
    """
    _refuse(pool, [password_recovery(pool, despite)])


def require_prices(max_cost: Decimal | None, lacking: Sequence[str]) -> None:
    """Refuse `--max-cost` if a price is missing that it needs.

    Raises:
        UsageError: names the options that give the missing prices.
    """
    if max_cost is not None and lacking:
        raise UsageError(
            f"--max-cost cannot be kept without a price: {', '.join(lacking)} is missing.",
            "No price is known here: give those of your bill. 0 is a price; leave --max-cost out for counts.",
        )


def require_affordable(ahead: "Forecast", max_cost: Decimal | None) -> None:
    """Refuse work whose SMS codes and newly billed users may cost more now than `--max-cost`.

    Raises:
        UsageError: a price that the work needs is missing.
        CostLimitExceeded: names the possible cost.
    """
    cost = ahead.cost
    require_prices(max_cost, cost.without_price)
    if max_cost is not None and cost.high > max_cost:
        raise CostLimitExceeded(
            f"This may cost up to {cost.high:,f} now; --max-cost allows {max_cost:,f}.",
            f"That is {f'{ahead.sms:,} SMS and ' if ahead.sms else ''}"
            f"up to {counted(ahead.most_billed, 'user')} billed this month. "
            "Allow it with --max-cost, or ask for less.",
            cost.high,
        )


def _refuse(pool: PoolFacts, findings: Iterable[Finding]) -> None:
    if problem := refusal(pool, findings):
        raise problem
