"""What a plan will cost: calls, time, messages. Pure arithmetic on the counts of the plan."""

from collections.abc import Mapping
from dataclasses import dataclass

from migrate_mfa.domain.model import MfaMode, PhoneSignIn, PoolFacts
from migrate_mfa.domain.quotas import Category

_LOOKS_PER_USER = 2  # before the first write and after the last


@dataclass(frozen=True, slots=True)
class Forecast:
    """The work that a plan leaves to do.

    `seconds` is the time of the slowest category at its ceiling; `rows_to_read` are the rows whose MFA
    settings only the read before the write can tell.
    """

    users: int
    calls: dict[Category, int]
    seconds: float
    slowest: Category | None
    sms: int
    rows_to_read: int


def forecast(
    *, users: int, steps: Mapping[str, int], pool: PoolFacts, ceilings: Mapping[Category, float]
) -> Forecast:
    """Foretell the run of a plan.

    Args:
        users: planned rows.
        steps: planned writes by kind, as `PlanStore.planned_steps` counts them.
        pool: what the pool is.
        ceilings: calls per second that we allow ourselves.
    """
    reads = users * (_LOOKS_PER_USER + (1 if pool.passkeys_at_risk else 0))
    calls = {
        Category.USER_READ: reads,
        Category.USER_UPDATE: steps.get("store_verified", 0) + steps.get("store_unverified", 0),
        Category.USER_RESOURCE_UPDATE: steps.get("set_sms_mfa", 0),
    }
    if pool.phone_sign_in is not PhoneSignIn.NO:  # who has the number, right before it is stored
        calls[Category.USER_LIST] = steps.get("store_verified", 0)
    seconds = {category: count / ceilings[category] for category, count in calls.items()}
    slowest = max(seconds, key=lambda category: seconds[category])
    return Forecast(
        users=users,
        calls=calls,
        seconds=seconds[slowest],
        slowest=slowest if seconds[slowest] else None,
        sms=steps.get("store_unverified", 0) if pool.code_sms_on_unverified_write else 0,
        rows_to_read=0 if pool.mfa is MfaMode.ON else users,
    )
