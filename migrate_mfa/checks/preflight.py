"""Refusals before anything is planned: a pool in which a write would have no effect, or an unwanted one.

They are the failures of `check` that need no more than the pool's own settings.
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

    AdminSetUserMFAPreference answers 200 in such pools, without effect.

    Raises:
        PoolNotReady: says what is missing, and what to do.
    """
    _refuse(pool, (rule(pool, None) for rule in REFUSALS))


def require_settable_phone(pool: PoolFacts) -> None:
    """Refuse a pool in which phone numbers cannot be set.

    Raises:
        PoolNotReady: says so.
    """
    _refuse(pool, [phone_schema(pool, None)])


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
        PoolNotReady: says which policy, impact, and what to do.
    """
    _refuse(pool, (rule(pool, policy) for policy in policies for rule in POLICY_REFUSALS))


def require_password_recovery(pool: PoolFacts, despite: Collection[Reason]) -> None:
    """Refuse a pool in which nobody could reset a password any more, once on SMS MFA.

    Raises:
        PoolNotReady: says so.
    """
    _refuse(pool, [password_recovery(pool, despite)])


def require_prices(max_cost: Decimal | None, lacking: Sequence[str]) -> None:
    """Refuse to guard a cost that cannot be known.

    Raises:
        UsageError: names the options that would give what is lacking a price.
    """
    if max_cost is not None and lacking:
        raise UsageError(
            f"--max-cost cannot be kept without a price: {', '.join(lacking)} is missing.",
            "No price is known here: give those of your bill. 0 is a price; leave --max-cost out for counts.",
        )


def require_affordable(ahead: "Forecast", max_cost: Decimal | None) -> None:
    """Refuse work that may cost more now than `--max-cost`: codes by SMS, and users who become billed.

    Raises:
        UsageError: a price is lacking for something that the work would cost.
        CostLimitExceeded: says how much it may be.
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
