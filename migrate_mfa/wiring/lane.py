"""One command's way into AWS: who we are, how fast we may go, and the pool itself."""

import os
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

from migrate_mfa.adapters.aws import Aws, Lane
from migrate_mfa.adapters.clock import SystemClock
from migrate_mfa.adapters.cognito import CognitoDirectory
from migrate_mfa.adapters.run_directory import lock_lane
from migrate_mfa.domain.errors import OutOfReach
from migrate_mfa.domain.failure import ApiError, Effect, run_problem
from migrate_mfa.domain.model import PoolFacts
from migrate_mfa.domain.quotas import PACED, QUOTAS, Category, ceiling
from migrate_mfa.engine.execute import MOST_UNDER_WAY
from migrate_mfa.engine.paced import PacedDirectory
from migrate_mfa.engine.pacer import Pacer
from migrate_mfa.engine.retry import READS, retrying
from migrate_mfa.engine.slowdown import NamesSlowdowns
from migrate_mfa.engine.stop import Stop, on_signals
from migrate_mfa.ports import Clock, Directory, Progress
from migrate_mfa.settings import Settings

_SPARE_CONNECTIONS = 8
T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """Everything that a command needs to work on one pool."""

    settings: Settings
    clock: Clock
    stop: Stop
    progress: Progress
    lane: Lane
    pool: PoolFacts
    directory: PacedDirectory
    pacers: Mapping[Category, Pacer]
    credentials_end: float | None = None
    """When the credentials end, in seconds since the epoch; None where they do not say."""

    @property
    def ceilings(self) -> dict[Category, float]:
        """Calls per second that we allow ourselves, by category."""
        return {category: pacer.ceiling for category, pacer in self.pacers.items()}


@contextmanager
def connect(settings: Settings, user_pool_id: str, progress: Progress) -> Iterator[Connection]:
    """Identify the caller, own the lane, learn the limits, describe the pool; signals drain from here on.

    Raises:
        NotAllowed: credentials or permissions are missing.
        RunDirectoryError: another migrate-mfa works in this lane.
        OutOfReach: AWS does not answer.
        PoolNotReady: there is no such pool.
    """
    clock, stop = SystemClock(), Stop()
    aws = Aws(settings.target(user_pool_id), connections=_MOST_CONNECTIONS)
    with on_signals(stop):
        lane = _patiently(aws.lane, clock, stop)
        lock = lock_lane(lane)
        try:
            inner = CognitoDirectory(aws)
            pacers = _pacers(inner, settings, clock)
            directory = PacedDirectory(inner, pacers, clock=clock, stop=stop)
            yield Connection(
                settings=settings,
                clock=clock,
                stop=stop,
                progress=NamesSlowdowns(progress, pacers),
                lane=lane,
                pool=_patiently(directory.describe, clock, stop),
                directory=directory,
                pacers=pacers,
                credentials_end=aws.credentials_end(),
            )
        finally:
            os.close(lock)


def _pacers(directory: Directory, settings: Settings, clock: Clock) -> dict[Category, Pacer]:
    with ThreadPoolExecutor(
        len(PACED)
    ) as threads:  # a network without these services costs one time-out, not four
        limits = dict(zip(PACED, threads.map(directory.enforced_limit, PACED), strict=True))
    pacers = {}
    for category, quota in QUOTAS.items():
        limit = limits.get(category) or quota.default_rps
        pacers[category] = Pacer(ceiling(limit, settings.quota_share, settings.max_rps.get(category)), clock)
    return pacers


def _patiently(call: Callable[[], T], clock: Clock, stop: Stop) -> T:
    """Start-up calls meet faults like all others; without them nothing can begin."""
    controller = retrying(
        READS,
        monotonic=clock.monotonic,
        sleep=lambda seconds: stop.sleep(clock, seconds),
        before_retry=lambda _: None,
    )
    try:
        return controller(call)
    except ApiError as error:
        if error.effect is Effect.FATAL:
            raise run_problem(error) from error
        raise OutOfReach(
            f"AWS does not answer {error.operation} ({error.code}).",
            "Check --region, --endpoint-url and the network; then run the same command again.",
        ) from error


_MOST_CONNECTIONS = MOST_UNDER_WAY + _SPARE_CONNECTIONS
