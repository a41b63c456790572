"""A command's session in AWS: the caller, the limits, and the pool."""

import os
import platform
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from importlib.metadata import version
from typing import TypeVar

from migrate_mfa import __version__
from migrate_mfa.aws.endpoints import AWS
from migrate_mfa.aws.session import Aws, AwsTarget
from migrate_mfa.aws.user_pool import CognitoUserPool
from migrate_mfa.cli.located import lane_in_bucket
from migrate_mfa.clock import SystemClock
from migrate_mfa.domain.errors import (
    ExitCode,
    InputUnusable,
    Interrupted,
    MigrateMfaError,
    OutOfReach,
    RunDirectoryError,
)
from migrate_mfa.domain.failure import ApiError, Effect, run_problem
from migrate_mfa.domain.forecast import Rate
from migrate_mfa.domain.model import PoolFacts
from migrate_mfa.domain.quotas import PACED, QUOTAS, Category, Lane, ceiling
from migrate_mfa.engine.execute import MOST_UNDER_WAY
from migrate_mfa.engine.live_pool import LivePool
from migrate_mfa.journal.pass_store import PassContext
from migrate_mfa.journal.run_dir import lock_lane
from migrate_mfa.pacing.limiter import RateLimiter
from migrate_mfa.pacing.network import Network
from migrate_mfa.pacing.retry import ATTEMPTS, IMPATIENT, retry_read
from migrate_mfa.pacing.user_pool import PacedUserPool
from migrate_mfa.ports import Clock, Progress, UserPool
from migrate_mfa.settings import Settings
from migrate_mfa.stop import SIGNAL_EXITS, Stop, StopCause, Stopped, on_signals

_SPARE_CONNECTIONS = 8
T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """Everything that a command needs to work on one pool."""

    settings: Settings
    clock: Clock
    stop: Stop
    progress: Progress
    lane: Lane
    live_pool: LivePool
    user_pool: PacedUserPool
    aws: Aws
    begun: float
    """When the command began, on the monotonic clock: time limits count from it."""
    limiters: Mapping[Category, RateLimiter]
    limits: Mapping[Category, float]
    """The enforced quotas, or their documented defaults, in calls per second."""
    owns_lane: bool = False
    """Whether no other command works in the lane."""
    network: Network | None = None
    """The state of the network, from the calls about the pool."""
    credentials_end: float | None = None
    """When the credentials expire, in seconds since 1970; None if they do not tell."""

    @property
    def pool(self) -> PoolFacts:
        """The pool's settings as last read."""
        return self.live_pool.facts

    @property
    def rates(self) -> dict[Category, Rate]:
        """The quota and our ceiling, by category."""
        return {
            category: Rate(self.limits[category], limiter.ceiling)
            for category, limiter in self.limiters.items()
        }

    @property
    def ceilings(self) -> dict[Category, float]:
        """Our ceilings in calls per second, by category."""
        return {category: limiter.ceiling for category, limiter in self.limiters.items()}

    @property
    def context(self) -> PassContext:
        """The record of a pass: caller, host, versions, rates and options."""
        return PassContext(
            account=self.lane.account,
            region=self.lane.region,
            endpoint=self.lane.endpoint,
            caller_arn=self.lane.caller,
            host=platform.node(),
            versions={
                "migrate_mfa": __version__,
                "python": platform.python_version(),
                "botocore": version("botocore"),
            },
            rates={category.value: rate._asdict() for category, rate in self.rates.items()},
            options=self.settings.of_pass(),
        )


@contextmanager
def connect(
    settings: Settings, user_pool_id: str, progress: Progress, *, exclusive: bool = True
) -> Iterator[Session]:
    """Identify the caller, lock the lane, read the quotas and the pool; from here on a signal drains.

    Without `exclusive`, another command may work in the lane: this one makes only a few calls, and says so.

    Raises:
        NotAllowed: credentials or permissions are missing.
        RunDirectoryError: another migrate-mfa works in this lane.
        OutOfReach: AWS does not answer.
        PoolNotReady: there is no such pool.
    """
    clock, stop = SystemClock(), Stop()
    begun = clock.monotonic()
    aws = Aws(settings.target(user_pool_id), connections=_MOST_CONNECTIONS)
    with on_signals(stop, progress.say):
        lane = call_or_exit(aws.lane, clock, stop, say=progress.say)
        if not exclusive:
            _look_at_lock(lane, progress)
        with _owned(lane, settings, progress) if exclusive else nullcontext():
            inner = CognitoUserPool(aws)
            limits = _limits(inner)
            limiters = _pacers(limits, settings, clock)
            network = Network(clock, stop, patience_s=settings.pace.wait_for_network, say=progress.say)
            user_pool = PacedUserPool(inner, limiters, clock=clock, stop=stop, network=network)
            yield Session(
                settings=settings,
                clock=clock,
                stop=stop,
                progress=progress,
                lane=lane,
                live_pool=LivePool(
                    call_or_exit(user_pool.describe, clock, stop),
                    user_pool.describe,
                    clock=clock,
                    stop=stop,
                    say=progress.say,
                ),
                user_pool=user_pool,
                aws=aws,
                begun=begun,
                limiters=limiters,
                limits=limits,
                owns_lane=exclusive,
                network=network,
                credentials_end=aws.credentials_end(),
            )


@contextmanager
def _owned(lane: Lane, settings: Settings, progress: Progress) -> Iterator[None]:
    """Lock the lane on this machine, and with `--lane-lock` for all machines."""
    lock = lock_lane(lane)
    try:
        with ExitStack() as stack:
            if (url := settings.pace.lane_lock) is not None:
                stack.enter_context(lane_in_bucket(url, lane, settings.aws, progress.say))
            yield
    finally:
        os.close(lock)


def _look_at_lock(lane: Lane, progress: Progress) -> None:
    """Check the lock and release it at once: a person may take minutes to answer a question."""
    try:
        os.close(lock_lane(lane))
    except RunDirectoryError as busy:
        progress.say(f"{busy.message} This command adds only a few calls.")


def account_of(target: AwsTarget, *, connects: int = IMPATIENT) -> str:
    """The account of the credentials; `connects` is how many failed connections are allowed.

    Raises:
        NotAllowed: there are no credentials, or AWS does not accept them.
        OutOfReach: AWS does not answer.
    """
    return call_or_exit(Aws(target).lane, SystemClock(), Stop(), connects=connects).account


def _limits(user_pool: UserPool) -> dict[Category, float]:
    with ThreadPoolExecutor(
        len(PACED)
    ) as threads:  # if these services cannot be reached: one time-out, not four
        limits = dict(zip(PACED, threads.map(user_pool.enforced_limit, PACED), strict=True))
    return {category: limits.get(category) or quota.default_rps for category, quota in QUOTAS.items()}


def _pacers(
    limits: Mapping[Category, float], settings: Settings, clock: Clock
) -> dict[Category, RateLimiter]:
    return {
        category: RateLimiter(
            ceiling(limit, settings.pace.quota_share, settings.pace.limits.get(category)), clock
        )
        for category, limit in limits.items()
    }


def call_or_exit(
    call: Callable[[], T],
    clock: Clock,
    stop: Stop,
    *,
    connects: int = ATTEMPTS,
    say: Callable[[str], None] = lambda _: None,
) -> T:
    """Make a call at the start of a command, with retries; if it fails, the command ends.

    Args:
        call: the call.
        clock: the time.
        stop: gets the signals.
        connects: how many failed connections are allowed; fewer if a person is waiting and nothing is lost.
        say: prints at once that nothing answers.

    Raises:
        MigrateMfaError: the call was refused, or AWS does not answer.
        Interrupted: a signal came before it succeeded.
    """
    try:
        return retry_read(call, clock, stop, connects=connects, say=say)
    except Stopped:
        cause = stop.cause or StopCause.SIGINT
        raise Interrupted(SIGNAL_EXITS.get(cause, ExitCode.SIGINT)) from None
    except ApiError as error:
        raise problem_of(error) from error


def require_endpoint(began: str | None, lane: Lane) -> None:
    """Refuse to continue a run at another endpoint: it has other users with the same names.

    A run directory of an older version, without an endpoint, fits every endpoint.

    Raises:
        InputUnusable: names both endpoints.
    """
    if began not in {None, lane.endpoint}:
        raise InputUnusable(
            f"This run began at {_endpoint(began)}, but this command would use {_endpoint(lane.endpoint)}.",
            "Check --endpoint-url, AWS_ENDPOINT_URL, AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER, and the "
            "profile's endpoint_url and services; or give another --run-dir.",
        )


def _endpoint(name: object) -> str:
    return "AWS's own endpoint" if name == AWS else f"the endpoint {name}"


def problem_of(error: ApiError) -> MigrateMfaError:
    """The error that ends the command for a start-up call that failed."""
    if error.effect is Effect.FATAL:
        return run_problem(error)
    return OutOfReach(
        f"AWS does not answer {error.operation} ({error.code}).{error.why_unconnected}",
        "Check --region, --endpoint-url, the network and its proxy; then run the same command again.",
    )


_MOST_CONNECTIONS = MOST_UNDER_WAY + _SPARE_CONNECTIONS
