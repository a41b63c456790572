"""Refusals before anything is written: a pool in which a write would have no effect, or an unwanted one."""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING

from migrate_mfa.domain.errors import CostLimitExceeded, PoolNotReady, UsageError
from migrate_mfa.domain.model import MfaMode, PoolFacts, VerificationPolicy

if TYPE_CHECKING:
    from migrate_mfa.engine.forecast import Forecast

_SETUP = "migrate-mfa setup-pool switches the pool to MFA OPTIONAL with SMS, after asking; then try again."


def require_sms_mfa(pool: PoolFacts) -> None:
    """Refuse a pool that does not offer SMS MFA, or whose phone numbers cannot be set.

    AdminSetUserMFAPreference answers 200 in such pools, without effect.

    Raises:
        PoolNotReady: says what is missing, and what to do.
    """
    where = f"Pool {pool.name} ({pool.id})"
    if pool.mfa is MfaMode.OFF:
        raise PoolNotReady(f"{where} has MFA switched off: enrolling users would have no effect.", _SETUP)
    if not pool.sms_configured:
        raise PoolNotReady(f"{where} has no SMS configuration: it cannot send codes.", _SETUP)
    if pool.sms_failure and pool.sms_failure.startswith("InvalidSmsRole"):
        raise PoolNotReady(
            f"{where} cannot send SMS: {pool.sms_failure}.",
            "Mend the role in SmsConfiguration first; enrolled users could not sign in.",
        )
    require_settable_phone(pool)


def require_settable_phone(pool: PoolFacts) -> None:
    """Refuse a pool in which phone numbers cannot be set.

    Raises:
        PoolNotReady: says so.
    """
    if not pool.phone_mutable:
        raise PoolNotReady(
            f"Pool {pool.name} ({pool.id}) does not allow changes of phone_number (its schema says "
            "Mutable=false).",
            "Nothing can be done in this pool: the schema is fixed when a pool is made.",
        )


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
    for policy in policies:
        attested = policy is VerificationPolicy.ATTESTED
        if pool.phone_needs_proof and not attested:
            raise PoolNotReady(
                f"Pool {pool.name} holds numbers back until they are verified "
                f"(AttributesRequireVerificationBeforeUpdate), so {policy} would store nothing.",
                "Only numbers that somebody vouches for can be stored here: --verification attested.",
            )
        if pool.mfa is MfaMode.ON and policy in {VerificationPolicy.BY_CODE, VerificationPolicy.BY_COLUMN}:
            raise PoolNotReady(
                f"Pool {pool.name} requires MFA, so an unproven number would be used for it at once; "
                f"{policy} promises that this does not happen.",
                "Use --verification attested, or at-sign-in if you accept that a wrong number locks out.",
            )


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
            f"That is {ahead.sms:,} SMS and up to {ahead.most_billed:,} users who become billed this month. "
            "Allow it with --max-cost, or give fewer users.",
        )
