"""setup-pool: one pool and the account's roles. It does not use the quotas of users, so it needs no lane."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from migrate_mfa.aws.session import Aws
from migrate_mfa.clock import SystemClock
from migrate_mfa.domain.errors import UsageError
from migrate_mfa.domain.quotas import Lane
from migrate_mfa.pool_setup.apply import PoolSetup
from migrate_mfa.pool_setup.aws_mfa_config import CognitoPoolSettings
from migrate_mfa.pool_setup.aws_role import IamRoles
from migrate_mfa.pool_setup.plan import SetupPlan
from migrate_mfa.session import call_or_exit
from migrate_mfa.settings import Settings
from migrate_mfa.stop import Stop, on_signals


@dataclass(frozen=True, slots=True)
class Opened:
    """A setup that can begin, and its pool."""

    setup: PoolSetup
    lane: Lane
    settings: Settings

    def plan(self, *, read_only: bool) -> SetupPlan:
        """What would be written."""
        return self.setup.plan(self.settings.sms, read_only=read_only)


@contextmanager
def open_setup(settings: Settings, stop: Stop, say: Callable[[str], None]) -> Iterator[Opened]:
    """Identify the caller; a signal ends a wait.

    Args:
        settings: the command's.
        stop: gets the signals.
        say: prints what it waits for.

    Raises:
        UsageError: no pool is named.
        NotAllowed: there are no credentials.
        OutOfReach: AWS does not answer.
        Stopped: a signal came while it waited.
    """
    if settings.user_pool_id is None:
        raise UsageError("--user-pool-id is missing.", "It looks like ap-northeast-1_AbCdEfGhI.")
    clock = SystemClock()
    aws = Aws(settings.target(settings.user_pool_id))
    with on_signals(stop):
        lane = call_or_exit(aws.lane, clock, stop, say=say)
        setup = PoolSetup(CognitoPoolSettings(aws), IamRoles(aws), clock=clock, stop=stop, say=say)
        yield Opened(setup, lane, settings)
