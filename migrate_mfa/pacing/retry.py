"""When a failed call is repeated: one policy, for tenacity.

The documented budget: a call is given up after `ATTEMPTS` failures that were not throttles, or after
`BUDGET_S` seconds in all. Throttles cost time but no attempts, because yielding to live traffic is not a
failure. Waiting for the network (`pacing.network`) costs neither.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from tenacity import RetryCallState, Retrying, retry_if_exception, wait_random_exponential
from tenacity.wait import wait_random

from migrate_mfa.domain.failure import ApiError, Effect
from migrate_mfa.pacing.network import Network
from migrate_mfa.ports import Clock
from migrate_mfa.stop import Stop

T = TypeVar("T")
ATTEMPTS = 8
BUDGET_S = 600.0
IMPATIENT = 3
"""Failed connections after which an optional read gives up: a second or two."""
_LONGEST_WAIT_S = 20.0

READS = frozenset({Effect.THROTTLED, Effect.NOT_EXECUTED, Effect.UNKNOWN})
"""A read can always be repeated."""
WRITES = frozenset({Effect.THROTTLED, Effect.NOT_EXECUTED})
"""A write of unknown effect is not repeated before the user is read: it may have sent an SMS."""


@dataclass(slots=True)
class _Budget:
    started: float
    monotonic: Callable[[], float]
    connects: int
    network: "Network | None" = None
    failures: int = 0
    unconnected: int = 0

    def spent(self, state: RetryCallState) -> bool:
        error = _error(state)
        unconnected = error is not None and error.unconnected
        if unconnected and self.network is not None:
            if self.network.bears():
                self.started = self.monotonic() + state.upcoming_sleep
                return False
            if self.network.gone():
                return True
        self.failures += error is None or error.effect is not Effect.THROTTLED
        self.unconnected += unconnected
        elapsed = self.monotonic() - self.started + state.upcoming_sleep
        return self.failures >= ATTEMPTS or self.unconnected >= self.connects or elapsed >= BUDGET_S


def retrying(
    effects: frozenset[Effect],
    clock: Clock,
    stop: Stop,
    *,
    before_retry: Callable[[RetryCallState], None] | None = None,
    connects: int = ATTEMPTS,
    network: "Network | None" = None,
) -> Retrying:
    """A tenacity controller for one call: which failures to repeat, how long to wait, when to give up.

    The last failure is raised unchanged. `connects` is how many failed connections are allowed, unless
    `network` waits for the connection.
    """
    error_wait = wait_random_exponential(multiplier=0.5, max=_LONGEST_WAIT_S)
    throttle_wait = wait_random(0.1, 1.0)  # the limiter has slowed already; this only spreads the threads

    def wait(state: RetryCallState) -> float:
        error = _error(state)
        throttled = error is not None and error.effect is Effect.THROTTLED
        return throttle_wait(state) if throttled else error_wait(state)

    return Retrying(
        retry=retry_if_exception(lambda error: isinstance(error, ApiError) and error.effect in effects),
        wait=wait,
        stop=_Budget(clock.monotonic(), clock.monotonic, connects, network).spent,
        sleep=lambda seconds: stop.sleep(clock, seconds),
        before_sleep=before_retry,
        reraise=True,
    )


def _error(state: RetryCallState) -> ApiError | None:
    error = state.outcome.exception() if state.outcome else None
    return error if isinstance(error, ApiError) else None


def retry_read(
    call: Callable[[], T],
    clock: Clock,
    stop: Stop,
    *,
    connects: int = ATTEMPTS,
    say: Callable[[str], None] = lambda _: None,
) -> T:
    """Repeat a read until it is answered.

    Raises:
        ApiError: it is refused, or the retries are used up.
    """
    network = Network(clock, stop, say=say)

    def watched() -> T:
        try:
            return call()
        except ApiError as error:
            if error.unconnected:
                network.failed(error)
            raise

    return retrying(READS, clock, stop, connects=connects)(watched)
