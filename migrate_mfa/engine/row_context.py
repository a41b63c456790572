"""What a user's way needs of the command and of the run."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from migrate_mfa.domain.model import Decision, UserState
from migrate_mfa.domain.quotas import Category
from migrate_mfa.domain.rows import PlannedRow
from migrate_mfa.engine.live_pool import LivePool
from migrate_mfa.engine.refusals import Refusals
from migrate_mfa.engine.sms_allowance import SmsAllowance
from migrate_mfa.ports import Clock, UserPool

if TYPE_CHECKING:
    from migrate_mfa.journal.write_store import WorkStore
    from migrate_mfa.pacing.limiter import RateLimiter
    from migrate_mfa.stop import Stop


@dataclass(frozen=True, slots=True, kw_only=True)
class RowContext:
    """What it takes to apply a row; `decide` says what this command wants of one."""

    user_pool: UserPool
    store: "WorkStore"
    decide: Callable[[PlannedRow, UserState], Decision]
    pool: LivePool
    clock: Clock
    stop: "Stop"
    sms: SmsAllowance
    refusals: Refusals = field(default_factory=Refusals)
    limiters: Mapping[Category, "RateLimiter"] = field(default_factory=dict)
    """The limiters behind `user_pool`, by which a write waits before the read that decides it."""
