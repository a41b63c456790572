"""The only loop that writes to users: claims rows in batches and keeps a bounded window of them in flight.

Batches overlap, so no barrier leaves quota unused. The users in the window are at different steps, so both
write categories are used at the same time.
"""

from collections import Counter, deque
from collections.abc import Collection, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from math import ceil
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING

import structlog

from migrate_mfa.domain.errors import MigrateMfaError, PoolNotReady, TooManyFailures
from migrate_mfa.domain.formatting import counted
from migrate_mfa.domain.privacy import scrub
from migrate_mfa.domain.quotas import Category
from migrate_mfa.domain.reasons import Outcome, Reason
from migrate_mfa.domain.rows import PlannedBy
from migrate_mfa.engine.apply_row import RowResult, apply_row
from migrate_mfa.engine.limits import LEAST_USERS, Allowance, FailureGuard, Limits
from migrate_mfa.engine.row_context import RowContext
from migrate_mfa.engine.sms_allowance import OverMaxSmsError
from migrate_mfa.ports import Progress, ProgressUpdate, RowFailure
from migrate_mfa.stop import StopCause, Stopped

if TYPE_CHECKING:
    from migrate_mfa.domain.rows import PlannedRow
    from migrate_mfa.pacing.limiter import RateLimiter

_WORST_SECONDS_A_USER = 2.0
_LEAST = 4
MOST_UNDER_WAY = 64
_POLL_S = 0.25
_SHOW_EVERY_S = 0.1
_LAST_FAILURES = 3
_MAX_SMS = "--max-sms"
log = structlog.get_logger()


def window_size(ceilings: Mapping[Category, float]) -> int:
    """How many users to have in flight: rate × time in the system (Little's law).

    Enough to use the slowest write category even if every call is slow; more users would only wait.
    """
    users_per_s = min(ceilings[Category.USER_UPDATE], ceilings[Category.USER_RESOURCE_UPDATE])
    return max(_LEAST, min(MOST_UNDER_WAY, ceil(users_per_s * _WORST_SECONDS_A_USER)))


@dataclass(slots=True)
class Tally:
    """What this invocation has done so far."""

    outcomes: Counter[Outcome] = field(default_factory=Counter)
    failed_by: Counter[Reason] = field(default_factory=Counter)
    failures: deque[RowFailure] = field(default_factory=lambda: deque(maxlen=_LAST_FAILURES))
    reads_only: int = 0

    def add(self, result: RowResult) -> None:
        """Count one more user."""
        verdict = result.verdict
        self.outcomes[verdict.reason.outcome] += 1
        self.reads_only += result.read and not result.wrote
        if verdict.reason.outcome is Outcome.FAILED:
            self.failed_by[verdict.reason] += 1
            self.failures.append(RowFailure(result.row, verdict.reason.value, scrub(verdict.detail)))


class Executor:
    """Runs `apply_row` for the planned rows of a journal, until none is left or the run must end."""

    def __init__(
        self,
        context: RowContext,
        limiters: Mapping[Category, "RateLimiter"],
        *,
        limits: Limits,
        batch_size: int,
        progress: Progress,
        begun: float,
        verbs: Collection[PlannedBy] = (PlannedBy.RUN,),
    ) -> None:
        self._context = context
        self._verbs = verbs
        self._guard = FailureGuard(limits.max_failures)
        self._most_failures = float(limits.max_failures)
        self._allowance = Allowance(limits, context.clock, begun=begun)
        self._batch_size = batch_size
        self._progress = progress
        self._window = window_size({category: limiter.ceiling for category, limiter in limiters.items()})
        self._batch: list[PlannedRow] = []
        self._last_row = 0
        self._problem: BaseException | None = None
        self._held_back = self._held_back_in_a_row = 0
        self._shown_at = float("-inf")
        self.tally = Tally()

    def run(self) -> None:
        """Do the open rows. Users in flight are finished, even if the run must end.

        Raises:
            MigrateMfaError: a failure that concerns every user; raised after the users in flight have ended.
        """
        self._open = self._allowance.at_most(self._context.store.open_rows(self._verbs))
        under_way, ended = 0, SimpleQueue[Future[RowResult]]()
        with ThreadPoolExecutor(self._window, thread_name_prefix="user") as threads:
            while True:
                while under_way < self._window and (work := self._next()):
                    threads.submit(apply_row, work, self._context).add_done_callback(ended.put)
                    under_way += 1
                if not under_way:
                    break
                with suppress(Empty):
                    self._finish(ended.get(timeout=_POLL_S))
                    under_way -= 1
                self._show_now_and_then()
        self._show()
        if self._held_back:
            self._tell_held_back()
        problem = self._problem or self._context.refusals.unsettled()
        if problem is not None:
            raise self._whose_fault(problem)

    def _next(self) -> "PlannedRow | None":
        if self._context.stop.requested:
            return None
        if not self._batch:
            self._batch = self._context.store.claim(self._verbs, self._last_row, self._batch_size)
            if not self._batch:
                return None
            self._begin_batch()
        if option := self._allowance.exhausted():
            self._context.stop.request(StopCause.LIMIT, option)
            return None
        self._allowance.take()
        work = self._batch.pop(0)
        self._last_row = work.row
        return work

    def _begin_batch(self) -> None:
        log.info("batch", first_row=self._batch[0].row, last_row=self._batch[-1].row, users=len(self._batch))

    def _finish(self, future: Future[RowResult]) -> None:
        try:
            settled = future.result()
        except Stopped:
            return
        except OverMaxSmsError:
            self._hold_back()
            return
        except BaseException as error:  # noqa: BLE001 - kept, and raised once the others have ended
            self._problem = self._problem or error
            self._context.stop.request(StopCause.PROBLEM)
            return
        self._held_back_in_a_row = 0
        self.tally.add(settled)
        if self._guard.note(failed=self._went_wrong(settled.verdict.reason)):
            self._context.stop.request(StopCause.FAILURES, str(self._guard))
            self._problem = self._problem or TooManyFailures(
                f"Stopped: {self._guard}.",
                "See report/failed.csv for the reasons. --max-failures sets the limit.",
            )

    def _hold_back(self) -> None:
        """Leave a user open who would be sent a code, and continue with users who need none.

        After several in a row, stop: probably all need a code, and to read them would only make them billed.
        """
        self.tally.reads_only += 1
        self._held_back += 1
        self._held_back_in_a_row += 1
        if self._held_back_in_a_row >= LEAST_USERS:
            self._context.stop.request(StopCause.LIMIT, _MAX_SMS)

    def _tell_held_back(self) -> None:
        self._context.stop.request(StopCause.LIMIT, _MAX_SMS)
        users = counted(self._held_back, "user stays", "users stay")
        self._progress.say(
            f"{users} unprocessed: storing the number would send an SMS, and {_MAX_SMS} does not allow it. "
            "The user or the pool's settings have changed since the plan."
        )

    def _whose_fault(self, problem: BaseException) -> BaseException:
        """The error that ends the run. If the users are not the cause, reopen those refused last."""
        refusals = self._context.refusals
        if not isinstance(problem, MigrateMfaError):
            return problem
        if refusals.rows or isinstance(problem, PoolNotReady):
            problem = refusals.pool_wide(problem.__cause__) or problem
        # A rollback changes rows that had ended. If they fail with all others, reopen them too.
        if refusals.rows and (PlannedBy.ROLLBACK in self._verbs or not isinstance(problem, TooManyFailures)):
            self.tally.outcomes[Outcome.FAILED] -= self._context.store.reopen(refusals.rows)
        return problem

    def _went_wrong(self, reason: Reason) -> bool:
        """Whether a result counts towards --max-failures."""
        expected = PlannedBy.ROLLBACK in self._verbs and reason.facts.left_by_rollback
        return reason.outcome is Outcome.FAILED and not expected

    def _show_now_and_then(self) -> None:
        """Show the progress at intervals: users can end faster than a person reads."""
        now = self._context.clock.monotonic()
        if now - self._shown_at >= _SHOW_EVERY_S:
            self._shown_at = now
            self._show()

    def _show(self) -> None:
        draining, tally, sms = self._context.stop.requested, self.tally, self._context.sms
        self._progress.show(
            ProgressUpdate(
                stage="draining" if draining else "writing",
                done=tally.outcomes.total(),
                total=None if draining else self._open,
                outcomes=tuple((outcome.value, count) for outcome, count in tally.outcomes.items()),
                failed_by=tuple((reason.value, count) for reason, count in tally.failed_by.most_common()),
                failures=tuple(tally.failures),
                most_failures=self._most_failures,
                sms=(sms.used, sms.limit) if sms.used or sms.limit else None,
            )
        )
