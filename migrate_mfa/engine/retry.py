"""When a failed call is made again, and when not: one policy, given to tenacity.

The documented budget: a call is given up after `ATTEMPTS` failures that were not throttles, or after
`BUDGET_S` seconds in all. Throttles cost time but no attempts, because yielding to live traffic is no
failure.
"""

from collections.abc import Callable
from dataclasses import dataclass

from tenacity import RetryCallState, Retrying, retry_if_exception, wait_random_exponential
from tenacity.wait import wait_random

from migrate_mfa.domain.failure import ApiError, Effect

ATTEMPTS = 8
BUDGET_S = 600.0
_LONGEST_WAIT_S = 20.0

READS = frozenset({Effect.THROTTLED, Effect.NOT_EXECUTED, Effect.UNKNOWN})
"""A read can be repeated whatever became of it."""
WRITES = frozenset({Effect.THROTTLED, Effect.NOT_EXECUTED})
"""A write whose effect is unknown is first read back: it may have sent an SMS."""


@dataclass(slots=True)
class _Budget:
    started: float
    monotonic: Callable[[], float]
    failures: int = 0

    def spent(self, state: RetryCallState) -> bool:
        if _effect(state) is not Effect.THROTTLED:
            self.failures += 1
        elapsed = self.monotonic() - self.started + state.upcoming_sleep
        return self.failures >= ATTEMPTS or elapsed >= BUDGET_S


def retrying(
    effects: frozenset[Effect],
    *,
    monotonic: Callable[[], float],
    sleep: Callable[[float], None],
    before_retry: Callable[[RetryCallState], None],
) -> Retrying:
    """A tenacity controller for one call: which failures to repeat, how long to wait, when to give up.

    The last failure is raised as it is.
    """
    error_wait = wait_random_exponential(multiplier=0.5, max=_LONGEST_WAIT_S)
    throttle_wait = wait_random(0.1, 1.0)  # the limiter has slowed already; this only spreads the threads

    def wait(state: RetryCallState) -> float:
        return throttle_wait(state) if _effect(state) is Effect.THROTTLED else error_wait(state)

    return Retrying(
        retry=retry_if_exception(lambda error: isinstance(error, ApiError) and error.effect in effects),
        wait=wait,
        stop=_Budget(monotonic(), monotonic).spent,
        sleep=sleep,
        before_sleep=before_retry,
        reraise=True,
    )


def _effect(state: RetryCallState) -> Effect | None:
    error = state.outcome.exception() if state.outcome else None
    return error.effect if isinstance(error, ApiError) else None
