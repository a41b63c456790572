"""One pass over one run directory: opened, worked on, ended, reported, come what may."""

from collections.abc import Callable, Collection, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import structlog

from migrate_mfa.checks.preflight import require_affordable
from migrate_mfa.checks.recoveries import recovery_in_the_way
from migrate_mfa.cli.kept_pace import note_pace
from migrate_mfa.domain.errors import (
    CostLimitExceeded,
    ExitCode,
    InputUnusable,
    MigrateMfaError,
    SmsLimitExceeded,
)
from migrate_mfa.domain.forecast import Forecast, forecast, forecast_reading
from migrate_mfa.domain.model import Decision, PoolFacts, UserState
from migrate_mfa.domain.reasons import Outcome
from migrate_mfa.domain.rows import Verb, Work
from migrate_mfa.engine.apply_row import READ_BACK_WAITS_S, Tools
from migrate_mfa.engine.execute import Executor
from migrate_mfa.engine.refusals import Refusals
from migrate_mfa.engine.sms_allowance import SmsAllowance
from migrate_mfa.engine.uncounted_codes import UncountedCodes
from migrate_mfa.journal.database import Journal
from migrate_mfa.journal.log import logged
from migrate_mfa.journal.plan_store import PlanStore
from migrate_mfa.journal.run_dir import last_lane_writer, name_lane_holder, note_lane_writer
from migrate_mfa.journal.traceback_file import keep_traceback
from migrate_mfa.journal.write_store import WorkStore
from migrate_mfa.pacing.measure import WatchedProgress
from migrate_mfa.ports import Standing
from migrate_mfa.reports.files import remove_drafts
from migrate_mfa.reports.from_journal import DIRECTORY, write_reports
from migrate_mfa.session import Connection
from migrate_mfa.stop import SIGNAL_EXITS, StopCause, Stopped

_DRAFT_S = 600.0
"""What nobody has written to for so long, nobody is writing: also not a `report` beside this command."""
log = structlog.get_logger()


@dataclass(slots=True)
class Pass:
    """One command at work on one run directory."""

    connection: Connection
    journal: Journal
    work: WorkStore
    command: str
    reads_only: int = 0
    failed: int = 0
    complete: bool = False
    """Whether a command without rows has done all that it was asked for."""
    cause: StopCause | None = None
    """What had asked it to end early when it ended: a signal that comes later changes nothing any more."""
    extra: dict[str, Any] = field(default_factory=dict)
    """What this command adds to its summary."""
    summary: dict[str, Any] = field(default_factory=dict)
    """The summary, once the pass has ended."""

    @property
    def plans(self) -> PlanStore:
        """The journal, as planning sees it."""
        return PlanStore(self.journal.database, case_sensitive=self.connection.pool.case_sensitive)

    @property
    def report(self) -> Path:
        """Where the reports are."""
        return self.journal.directory / DIRECTORY

    def forecast(self, verbs: Collection[Verb]) -> Forecast:
        """What is left to do for some verbs."""
        connection = self.connection
        return forecast(
            users=self.work.open_rows(verbs),
            steps=self.plans.planned_steps(verbs),
            pool=connection.pool,
            rates=connection.rates,
            now=connection.clock.now(),
            by_country=self.plans.planned_countries(verbs),
            prices=connection.settings.prices,
        )

    def require_affordable(self, verbs: Collection[Verb]) -> None:
        """Refuse what is left to do for some verbs where it may cost more than `--max-cost`.

        Raises:
            CostLimitExceeded: it may.
            UsageError: there is no price to tell.
        """
        if self.connection.settings.cost.max_cost is not None:
            require_affordable(self.forecast(verbs), self.connection.settings.cost.max_cost)

    def forecast_reading(self, users: int) -> Forecast:
        """What a deep look at so many users comes to."""
        connection = self.connection
        return forecast_reading(
            users=users,
            rates=connection.rates,
            now=connection.clock.now(),
            prices=connection.settings.prices,
        )

    def apply(
        self,
        decide: Callable[[Work, UserState], Decision],
        verbs: Collection[Verb],
        refuse: Callable[[PoolFacts], None],
    ) -> None:
        """Do the open rows of these verbs.

        Args:
            decide: what to do with one user.
            verbs: whose rows.
            refuse: raises for settings of the pool with which this command does not begin.

        Raises:
            MigrateMfaError: a failure that concerns every user, or too many failures.
        """
        connection = self.connection
        sms = SmsAllowance(connection.settings.cost.max_sms - self.work.unverified_rows())
        codes = UncountedCodes(self.work, sms, connection.progress.say)
        connection.live_pool.guard(refuse, codes.came)
        executor = Executor(
            Tools(
                directory=connection.directory,
                store=self.work,
                decide=decide,
                pool=connection.live_pool,
                clock=connection.clock,
                stop=connection.stop,
                sms=sms,
                refusals=Refusals(partial(recovery_in_the_way, connection.aws, connection.pool.id)),
                pacers=connection.pacers,
            ),
            connection.pacers,
            limits=connection.settings.limits,
            batch_size=connection.settings.wave.batch_size,
            progress=connection.progress,
            begun=connection.begun,
            verbs=verbs,
        )
        try:
            with self._known_as_writer(verbs):
                executor.run()
        finally:
            codes.look_back(connection.live_pool)
            if codes.users:
                self.extra["uncounted_codes"] = codes.users
            self.reads_only += executor.tally.reads_only
            self.failed += executor.tally.outcomes[Outcome.FAILED]

    @contextmanager
    def _known_as_writer(self, verbs: Collection[Verb]) -> Iterator[None]:
        """Let reads show what another run directory wrote just now, and let the next one know of us."""
        connection, directory = self.connection, self.journal.directory
        if not (connection.owns_lane and self.work.open_rows(verbs)):
            yield
            return
        before = last_lane_writer(connection.lane)
        if before is not None and before.run_dir != str(directory.absolute()):
            # A process that was killed had let go of the lane when this pass began.
            ended = self.work.begun if before.ended is None else before.ended
            age = max(0.0, connection.clock.now() - ended)
            connection.stop.sleep(connection.clock, max(0.0, sum(READ_BACK_WAITS_S) - age))
        elif before is not None:
            self._say_if_older(before.ended)
        note_lane_writer(connection.lane, directory)
        try:
            yield
        finally:
            note_lane_writer(connection.lane, directory, connection.clock.now())

    def _say_if_older(self, wrote_until: float | None) -> None:
        """Say where the journal knows less than its own command did, as after a backup was put in its place.

        Args:
            wrote_until: when a command of this directory had last ended to write, as the lane has it.
        """
        knows_until = self.work.ended_before()
        if wrote_until is None or knows_until is None or knows_until >= wrote_until:
            return
        log.warning("older_than_its_writes")
        self.connection.progress.say(
            f"{self.journal.directory} ends before the last writes that were made from it: it looks like an "
            "older copy. What was written after it was made cannot be rolled back from here; stop, and use "
            "the newest copy if there is one."
        )

    def exit_code(self, otherwise: ExitCode) -> ExitCode:
        """130, 143 or 10 where something ended the pass early, else what the command says."""
        if self.cause in SIGNAL_EXITS:
            return SIGNAL_EXITS[self.cause]
        return ExitCode.LIMIT if self.cause is StopCause.LIMIT else otherwise


@contextmanager
def open_pass(
    connection: Connection,
    directory: Path,
    command: str,
    bind: Callable[[Journal], None],
    state_of: Callable[["Pass"], str] | None = None,
) -> Iterator[Pass]:
    """Open the run directory for one command.

    A pass that a signal ends while it reads leaves quietly: see `Pass.exit_code`.

    Args:
        connection: the pool that it works on.
        directory: the run directory.
        command: the command's name, for the journal and the reports.
        bind: refuses a directory that belongs to something else, and writes down what it belongs to.
        state_of: says how the pass ended where no signal ended it; by the rows of the journal unless given.
    """
    with ExitStack() as stack:
        journal = stack.enter_context(Journal.create_or_open(directory))
        bind(journal)
        note_pace(journal, command, connection.settings.pace)
        if connection.owns_lane:
            name_lane_holder(connection.lane, directory)
        stack.enter_context(
            logged(
                directory,
                level=connection.settings.output.log_level,
                pool_id=connection.pool.id,
                say=connection.progress.say,
            )
        )
        work = WorkStore.begin(journal.database, command, connection.clock.now())
        one = Pass(_watched(connection, work), journal, work, command)
        log.info("begin", command=command)
        remove_drafts(one.report, connection.clock.now() - _DRAFT_S)
        came_through = False
        try:
            yield one
            came_through = True
        except Stopped:
            pass
        except (SmsLimitExceeded, CostLimitExceeded, InputUnusable):
            came_through = command == "plan"  # refused for what the plan says, which stands
            raise
        except MigrateMfaError:
            raise
        except Exception as error:
            keep_traceback(error, directory)
            raise
        finally:
            _end(one, (state_of or state_of_rows)(one) if came_through else "stopped")


def _watched(connection: Connection, work: WorkStore) -> Connection:
    """The same connection, with a progress that `status` can see from another process."""

    def note(standing: Standing) -> None:
        work.note(standing, connection.directory.calls, connection.clock.now())

    network = connection.network
    progress = WatchedProgress(
        connection.progress, connection.directory, connection.pacers, connection.clock, note, network=network
    )
    if network is not None:
        network.say = progress.say_of_network
    return replace(connection, progress=progress)


def _end(one: Pass, state: str) -> None:
    connection = one.connection
    one.cause = connection.stop.cause
    state = "interrupted" if one.cause in SIGNAL_EXITS else state
    one.work.count_calls(connection.directory.calls)
    one.work.end(state, connection.clock.now(), reads_only=one.reads_only, extra=one.extra)
    log.info("end", command=one.command, state=state)
    one.summary = write_reports(one.journal)
    connection.progress.say(f"Report: {one.report}")


def state_of_rows(one: Pass) -> str:
    """How a pass over a roster ended."""
    if one.journal.meta().get("phase") != "planned":
        return "stopped"
    if one.command == "plan":
        return "planned"
    return "stopped" if one.connection.stop.cause or one.work.open_rows() else "finished"


Agree = Callable[[Connection, Forecast], None]
"""Asks the operator whether so many users may become billed; raises when not."""


def agree_to_read(one: Pass, users: int, agree: Agree) -> None:
    """Have a deep look at so many users allowed: by `--max-cost`, then by the operator.

    Raises:
        CostLimitExceeded: it may cost more than that.
        UsageError: there is no price to tell.
    """
    ahead = one.forecast_reading(users)
    require_affordable(ahead, one.connection.settings.cost.max_cost)
    agree(one.connection, ahead)
