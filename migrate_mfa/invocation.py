"""One pass over one run directory: opened, worked on, ended, and reported in any case."""

from collections.abc import Callable, Collection, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from migrate_mfa.checks.point_in_time_recovery import recovery_in_the_way
from migrate_mfa.checks.preflight import require_affordable
from migrate_mfa.cli.kept_pace import note_pace
from migrate_mfa.cli.traceback_file import keep_traceback, tell_of_page
from migrate_mfa.domain.errors import (
    CostLimitExceeded,
    Declined,
    ExitCode,
    InputUnusable,
    MigrateMfaError,
    SmsLimitExceeded,
)
from migrate_mfa.domain.forecast import Forecast, forecast, forecast_reading
from migrate_mfa.domain.model import Decision, PoolFacts, UserState
from migrate_mfa.domain.reasons import Outcome
from migrate_mfa.domain.rows import PlannedBy, PlannedRow
from migrate_mfa.engine.apply_row import READ_BACK_WAITS_S
from migrate_mfa.engine.execute import Executor
from migrate_mfa.engine.refusals import Refusals
from migrate_mfa.engine.row_context import RowContext
from migrate_mfa.engine.sms_allowance import SmsAllowance
from migrate_mfa.engine.uncounted_codes import UncountedCodes
from migrate_mfa.journal.database import Journal
from migrate_mfa.journal.log import logged
from migrate_mfa.journal.meta import RunMeta
from migrate_mfa.journal.plan_store import PlanStore
from migrate_mfa.journal.report_store import ReportStore
from migrate_mfa.journal.run_dir import last_lane_writer, name_lane_holder, note_lane_writer, shown
from migrate_mfa.journal.write_store import WorkStore
from migrate_mfa.pacing.measure import MeasuredProgress
from migrate_mfa.ports import ProgressUpdate
from migrate_mfa.reports.command_results import CommandResult
from migrate_mfa.reports.files import remove_drafts
from migrate_mfa.reports.from_journal import DIRECTORY, tell_of_killed, write_reports
from migrate_mfa.reports.headline import DECLINED, UNCHANGED, ending
from migrate_mfa.reports.summary import Summary
from migrate_mfa.session import Session
from migrate_mfa.stop import SIGNAL_EXITS, StopCause, Stopped

if TYPE_CHECKING:
    from migrate_mfa.reports.headline import Headline

_WRITES = frozenset({"run", "disable", "reconcile", "rollback"})
"""The commands that change users only through `Invocation.apply`."""
_DRAFT_S = 600.0
"""An unfinished file that is this old belongs to no running process, not even to a `report`."""
log = structlog.get_logger()


@dataclass(slots=True)
class Invocation:
    """One command at work on one run directory."""

    session: Session
    journal: Journal
    work: WorkStore
    command: str
    reads_only: int = 0
    failed: int = 0
    complete: bool = False
    """Whether a command without rows has done all its work."""
    cause: StopCause | None = None
    """What had asked it to end early by its end; a later signal does not change this."""
    problem: MigrateMfaError | None = None
    """The error that ended it."""
    result: CommandResult = field(default_factory=CommandResult)
    """The command's own members of the summary."""
    users_done: int | None = None
    """How many users this pass has ended with a write; None for a command that does not write to users."""
    uncounted_codes: int = 0
    """Users whose numbers were stored since the last read of the pool that showed that no codes are sent."""
    summary: Summary | None = None
    """The summary, once the pass has ended."""
    headline: "Headline | None" = None
    """The headline of its report, once the pass has ended."""
    has_page: bool = False
    """Whether its report has a page."""

    @property
    def plans(self) -> PlanStore:
        """The journal's store for planning."""
        return PlanStore(self.journal.database, case_sensitive=self.session.pool.case_sensitive)

    @property
    def report(self) -> Path:
        """The folder of the reports."""
        return self.journal.directory / DIRECTORY

    def meta(self) -> RunMeta:
        """The present facts of the run directory."""
        return RunMeta.read(self.journal)

    def forecast(self, verbs: Collection[PlannedBy]) -> Forecast:
        """The forecast of the remaining work of some verbs."""
        session = self.session
        return forecast(
            users=self.work.open_rows(verbs),
            steps=self.plans.planned_steps(verbs),
            pool=session.pool,
            rates=session.rates,
            now=session.clock.now(),
            by_country=self.plans.planned_countries(verbs),
            prices=session.settings.prices,
        )

    def require_affordable(self, verbs: Collection[PlannedBy]) -> None:
        """Refuse the remaining work of some verbs if it may cost more than `--max-cost`.

        Raises:
            CostLimitExceeded: it may cost more.
            UsageError: a price is missing.
        """
        if self.session.settings.cost.max_cost is not None:
            require_affordable(self.forecast(verbs), self.session.settings.cost.max_cost)

    def forecast_reading(self, users: int) -> Forecast:
        """The forecast of a deep read of this many users."""
        session = self.session
        return forecast_reading(
            users=users,
            rates=session.rates,
            now=session.clock.now(),
            prices=session.settings.prices,
        )

    def apply(
        self,
        decide: Callable[[PlannedRow, UserState], Decision],
        verbs: Collection[PlannedBy],
        refuse: Callable[[PoolFacts], None],
    ) -> None:
        """Do the open rows of these verbs.

        Args:
            decide: the decision function for one user.
            verbs: the commands whose rows are done.
            refuse: raises for settings of the pool with which this command would not begin.

        Raises:
            MigrateMfaError: a failure that concerns every user, or too many failures.
        """
        session = self.session
        sms = SmsAllowance(session.settings.cost.max_sms, self.work.unverified_rows())
        codes = UncountedCodes(self.work, sms, session.progress.say)
        session.live_pool.guard(refuse, codes.came)
        executor = Executor(
            RowContext(
                user_pool=session.user_pool,
                store=self.work,
                decide=decide,
                pool=session.live_pool,
                clock=session.clock,
                stop=session.stop,
                sms=sms,
                refusals=Refusals(partial(recovery_in_the_way, session.aws, session.pool.id)),
                limiters=session.limiters,
            ),
            session.limiters,
            limits=session.settings.limits,
            batch_size=session.settings.wave.batch_size,
            progress=session.progress,
            begun=session.begun,
            verbs=verbs,
        )
        try:
            with self._known_as_writer(verbs):
                executor.run()
        finally:
            codes.look_back(session.live_pool)
            self.uncounted_codes = codes.users
            self.reads_only += executor.tally.reads_only
            self.failed += executor.tally.outcomes[Outcome.FAILED]
            self.users_done = executor.tally.outcomes.total()

    @contextmanager
    def _known_as_writer(self, verbs: Collection[PlannedBy]) -> Iterator[None]:
        """Wait until reads show the last writes of another run directory; note that this one writes now."""
        session, directory = self.session, self.journal.directory
        if not (session.owns_lane and self.work.open_rows(verbs)):
            yield
            return
        before = last_lane_writer(session.lane)
        if before is not None and before.run_dir != shown(directory.absolute()):
            # A killed process had released the lane before this pass began.
            ended = self.work.begun if before.ended is None else before.ended
            age = max(0.0, session.clock.now() - ended)
            session.stop.sleep(session.clock, max(0.0, sum(READ_BACK_WAITS_S) - age))
        elif before is not None:
            self._say_if_older(before.ended)
        note_lane_writer(session.lane, directory)
        try:
            yield
        finally:
            note_lane_writer(session.lane, directory, session.clock.now())

    def _say_if_older(self, wrote_until: float | None) -> None:
        """Warn if the journal ends before `wrote_until`: the end of its last writer, by the lane's note."""
        knows_until = self.work.ended_before()
        if wrote_until is None or knows_until is None or knows_until >= wrote_until:
            return
        log.warning("older_than_its_writes")
        self.session.progress.say(
            f"{shown(self.journal.directory)} ends before the last writes that were made from it: it looks "
            "like an older copy. What was written after it was made cannot be rolled back from here; stop, "
            "and use the newest copy if there is one."
        )

    def exit_code(self, otherwise: ExitCode) -> ExitCode:
        """130, 143 or 10 if something ended the pass early, else the command's own exit code."""
        if self.cause in SIGNAL_EXITS:
            return SIGNAL_EXITS[self.cause]
        return ExitCode.LIMIT if self.cause is StopCause.LIMIT else otherwise


@contextmanager
def open_invocation(
    session: Session,
    directory: Path,
    command: str,
    bind: Callable[[Journal], None],
    state_of: Callable[["Invocation"], str] | None = None,
) -> Iterator[Invocation]:
    """Open the run directory for one command.

    If a signal ends a pass while it reads, no error is raised: see `Invocation.exit_code`.

    Args:
        session: the session, with the pool.
        directory: the run directory.
        command: the command's name, for the journal and the reports.
        bind: refuses a directory of another run, and records what it belongs to.
        state_of: the state of a pass that no signal ended (default: by the rows of the journal).
    """
    with ExitStack() as stack:
        journal = stack.enter_context(Journal.create_or_open(directory))
        bind(journal)
        tell_of_killed(journal)
        note_pace(journal, command, session.settings.pace)
        if session.owns_lane:
            name_lane_holder(session.lane, directory)
        level, say = session.settings.output.log_level, session.progress.say
        stack.enter_context(logged(directory, level=level, pool_id=session.pool.id, say=say))
        work = WorkStore.begin(journal.database, command, session.clock.now(), session.context)
        invocation = Invocation(_watched(session, work), journal, work, command)
        log.info("begin", command=command)
        remove_drafts(invocation.report, session.clock.now() - _DRAFT_S)
        came_through = False
        try:
            yield invocation
            came_through = True
        except Stopped:
            pass
        except MigrateMfaError as error:
            refused = isinstance(error, SmsLimitExceeded | CostLimitExceeded | InputUnusable)
            came_through = refused and command == "plan"  # the plan is refused but stays
            invocation.problem = error
            raise
        except Exception as error:
            keep_traceback(error, directory)
            raise
        finally:
            _end(invocation, (state_of or state_of_rows)(invocation) if came_through else "stopped")


def _watched(session: Session, work: WorkStore) -> Session:
    """The same session, with a progress that `status` can read in another process."""

    def note(standing: ProgressUpdate) -> None:
        pool = session.user_pool
        work.note(standing, pool.calls, session.clock.now(), pool.take_moments())

    network = session.network
    progress = MeasuredProgress(
        session.progress,
        session.user_pool,
        session.limiters,
        session.clock,
        note,
        limits=session.limits,
        credentials_end=session.credentials_end,
        network=network,
    )
    if network is not None:
        network.say = progress.say_of_network
    return replace(session, progress=progress)


def _end(invocation: Invocation, state: str) -> None:
    session, problem = invocation.session, invocation.problem
    invocation.cause = session.stop.cause
    state = "interrupted" if invocation.cause in SIGNAL_EXITS else state
    invocation.work.count_calls(session.user_pool.calls, session.user_pool.take_moments())
    extra = invocation.result.as_dict()
    if invocation.users_done is not None:
        extra["users_done"] = invocation.users_done
        extra["ended_now"] = ReportStore(invocation.journal.database).ended_since(invocation.work.begun)
    elif invocation.command in _WRITES and state in {"stopped", "interrupted"}:
        extra[UNCHANGED] = DECLINED if isinstance(problem, Declined) else state
    if invocation.uncounted_codes:
        extra["uncounted_codes"] = invocation.uncounted_codes
    extra |= ending(problem, session.stop.detail if invocation.cause is StopCause.LIMIT else "")
    invocation.work.end(state, session.clock.now(), reads_only=invocation.reads_only, extra=extra)
    log.info("end", command=invocation.command, state=state)
    written = write_reports(invocation.journal)
    invocation.summary, invocation.headline = written.summary, written.headline
    invocation.has_page = written.fault is None
    if written.fault is not None:
        session.progress.close()
        tell_of_page(written.fault, invocation.journal.directory)


def state_of_rows(invocation: Invocation) -> str:
    """How a pass over a roster ended."""
    if invocation.meta().phase != "planned":
        return "stopped"
    if invocation.command == "plan":
        return "planned"
    return "stopped" if invocation.session.stop.cause or invocation.work.open_rows() else "finished"
