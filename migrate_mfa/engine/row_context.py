"""What `apply_row` needs from the command and the run."""

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
    """The parts needed to apply a row; `decide` is the command's decision function."""

    user_pool: UserPool
    store: "WorkStore"
    decide: Callable[[PlannedRow, UserState], Decision]
    pool: LivePool
    clock: Clock
    stop: "Stop"
    sms: SmsAllowance
    refusals: Refusals = field(default_factory=Refusals)
    limiters: Mapping[Category, "RateLimiter"] = field(default_factory=dict)
    """The limiters behind `user_pool`; a write takes its turn before the read that decides it."""
