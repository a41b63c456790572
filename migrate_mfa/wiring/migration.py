"""plan and run: one run directory, one plan, one loop; a report whatever happens."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import structlog

from migrate_mfa.adapters.bugs import keep_traceback
from migrate_mfa.adapters.codec import pool_to_json
from migrate_mfa.adapters.journal import Journal
from migrate_mfa.adapters.logs import configure
from migrate_mfa.adapters.plan_store import PlanStore
from migrate_mfa.adapters.report_store import ReportStore
from migrate_mfa.adapters.roster import Roster, open_roster
from migrate_mfa.adapters.run_directory import default_run_dir, require_same
from migrate_mfa.adapters.work_store import WorkStore
from migrate_mfa.domain.decide import decide
from migrate_mfa.domain.errors import ExitCode, InputUnusable, MigrateMfaError, SmsLimitExceeded, UsageError
from migrate_mfa.domain.model import Decision, Policy, UserState
from migrate_mfa.domain.reasons import Outcome
from migrate_mfa.domain.rows import Work
from migrate_mfa.engine.execute import Executor
from migrate_mfa.engine.forecast import Forecast, forecast
from migrate_mfa.engine.guards import too_many
from migrate_mfa.engine.plan import Planner
from migrate_mfa.engine.preflight import require_policy, require_sms_mfa
from migrate_mfa.engine.settle import Tools
from migrate_mfa.engine.stop import SIGNAL_EXITS, StopCause, Stopped
from migrate_mfa.ports import Progress
from migrate_mfa.settings import Settings, policy_of, policy_options
from migrate_mfa.wiring.lane import Connection, connect
from migrate_mfa.wiring.logging import logged
from migrate_mfa.wiring.reporting import write_reports

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """A plan in numbers: rows by (outcome, reason), open rows by the reason they would end with, guesses."""

    meta: Mapping[str, Any]
    counts: list[tuple[str, str, int]]
    planned: dict[str, int]
    guesses: dict[str, int]
    forecast: Forecast


@dataclass(slots=True)
class Migration:
    """One pass over one run directory: what `plan` and `run` have in common."""

    connection: Connection
    journal: Journal
    work: WorkStore
    policy: Policy
    roster: Roster | None
    reads_only: int = 0
    planned_now: bool = False
    summary: dict[str, Any] = field(default_factory=dict)

    @property
    def plans(self) -> PlanStore:
        """The journal, as planning sees it."""
        return PlanStore(self.journal.database, case_sensitive=self.connection.pool.case_sensitive)

    def prepare(self) -> None:
        """Have a plan: make one, go on with the one there is, or give the failed rows another chance."""
        if self.journal.meta().get("phase") != "planned":
            self.make_plan()
        elif not self.work.open_rows() and self.work.finished_before():
            self._decide_failed_again()

    def make_plan(self) -> None:
        """Decide every row of the roster, from nothing."""
        connection, plans, roster = self.connection, self.plans, self.roster
        if roster is None:
            raise UsageError("There is no roster to plan.", "Give a ROSTER.")
        self.journal.set_meta({"phase": "planning"})
        plans.reset()
        planner = self._planner()
        rows = planner.ingest(roster)
        require_policy(connection.pool, sorted({self.policy.trust(each) for each in plans.vouchings()}))
        reading = planner.read_pool(rows)
        planner.decide_all()
        self.journal.set_meta(
            {
                "phase": "planned",
                "reading": reading.why,
                "roster_lines": roster.lines,
                "roster_records": roster.record_count,
                "roster_multi_line_records": roster.multi_line_records,
                "roster_encoding": roster.encoding,
                "roster_encoding_guessed": roster.guessed_encoding,
                "pool_facts": pool_to_json(connection.pool),
                "sms_expected": self.sms_sent() + self.forecast().sms,
            }
        )
        self.planned_now = True

    def _decide_failed_again(self) -> None:
        """After a finished run: rows that failed may have been mended in the pool since."""
        reopened = self.plans.reopen_failed()
        if reopened:
            planner = self._planner()
            planner.read_pool(reopened)
            planner.decide_all()

    def forecast(self) -> Forecast:
        """What is left to do."""
        return forecast(
            users=self.work.open_rows(),
            steps=self.plans.planned_steps(),
            pool=self.connection.pool,
            ceilings=self.connection.ceilings,
        )

    def sms_sent(self) -> int:
        """Writes of this run so far that made Cognito send a code, or may have."""
        return self.work.unverified_writes() if self.connection.pool.code_sms_on_unverified_write else 0

    def require_usable(self) -> None:
        """Refuse a roster of which too large a share failed when it was planned.

        Raises:
            InputUnusable: says how many rows.
        """
        counts = self.work.counts()
        failed, rows = counts.get(Outcome.FAILED, 0), sum(counts.values())
        if too_many(failed, rows, self.connection.settings.limits.max_failures):
            raise InputUnusable(
                f"{failed:,} of {rows:,} rows cannot be used, more than --max-failures allows.",
                f"Correct them, see {self.journal.directory / 'report' / 'failed.csv'},"
                " or raise --max-failures.",
            )

    def require_sms_allowance(self) -> None:
        """Refuse to send more SMS than was allowed.

        Raises:
            SmsLimitExceeded: says how many there would be.
        """
        allowed = self.connection.settings.max_sms
        expected = self.sms_sent() + self.forecast().sms
        if expected > allowed:
            raise SmsLimitExceeded(
                f"Cognito would send {expected:,} SMS with codes; --max-sms allows {allowed:,}.",
                "The pool verifies phone_number automatically, so storing an unverified number sends a code. "
                "Allow it with --max-sms, or use --verification attested for numbers that you vouch for.",
            )

    def require_ready(self) -> None:
        """Refuse what must not be applied: a roster that was just planned and is unusable, too many SMS."""
        if self.planned_now:
            self.require_usable()
        self.require_sms_allowance()

    def overview(self) -> Overview:
        """The plan in numbers."""
        store = ReportStore(self.journal.database)
        return Overview(
            meta=self.journal.meta(),
            counts=store.counts(),
            planned=store.planned(),
            guesses=store.guesses(),
            forecast=self.forecast(),
        )

    def plan_exit_code(self) -> ExitCode:
        """A plan is done whatever the outcomes; only a signal ends it otherwise."""
        cause = self.connection.stop.cause
        return SIGNAL_EXITS.get(cause, ExitCode.DONE) if cause else ExitCode.DONE

    def exit_code(self) -> ExitCode:
        """How this pass ended, for a script; known once it has ended."""
        cause = self.connection.stop.cause
        if cause in SIGNAL_EXITS:
            return SIGNAL_EXITS[cause]
        if cause is StopCause.LIMIT:
            return ExitCode.LIMIT
        failed = self.summary["counts"][Outcome.FAILED.value]
        return ExitCode.SOME_FAILED if failed else ExitCode.DONE

    def apply(self) -> None:
        """Do the open rows.

        Raises:
            MigrateMfaError: a failure that concerns every user, or too many failures.
        """
        connection = self.connection
        executor = Executor(
            Tools(
                directory=connection.directory,
                store=self.work,
                decide=self._decide,
                pool=connection.pool,
                clock=connection.clock,
                stop=connection.stop,
            ),
            connection.directory,
            connection.pacers,
            limits=connection.settings.limits,
            batch_size=connection.settings.batch_size,
            progress=connection.progress,
        )
        try:
            executor.run()
        finally:
            self.reads_only = executor.tally.reads_only

    def _decide(self, work: Work, state: UserState) -> Decision:
        return decide(
            work.candidate, state, pool=self.connection.pool, policy=self.policy, rivalry=work.rivalry
        )

    def _planner(self) -> Planner:
        connection = self.connection
        return Planner(
            self.plans,
            connection.directory,
            pool=connection.pool,
            policy=self.policy,
            clock=connection.clock,
            progress=connection.progress,
            stop=connection.stop,
        )


@contextmanager
def open_migration(settings: Settings, command: str, progress: Progress) -> Iterator[Migration]:
    """Open everything for one pass; on the way out the pass ends and the report is written, come what may.

    A run that was asked to end while it planned leaves quietly: see `Migration.exit_code`.
    """
    with ExitStack() as stack:
        stack.enter_context(configure(None))
        roster = _roster(settings, stack)
        directory = _directory(settings, roster)
        saved = _saved(directory) if roster is None else {}
        pool_id = settings.user_pool_id or saved.get("user_pool_id")
        if pool_id is None:
            raise UsageError(*_NO_POOL)
        policy = _policy(settings, saved)
        connection = stack.enter_context(connect(settings, pool_id, progress))
        require_sms_mfa(connection.pool)
        require_policy(connection.pool, [policy.verification])
        journal = stack.enter_context(Journal.create_or_open(directory))
        _bind(journal, settings, connection, roster, command)
        stack.enter_context(logged(settings, directory, pool_id, progress))
        work = WorkStore.begin(journal.database, command, connection.clock.now())
        migration = Migration(connection, journal, work, policy, roster)
        log.info("begin", command=command)
        try:
            yield migration
        except Stopped:
            pass
        except MigrateMfaError:
            raise
        except Exception as error:
            keep_traceback(error, directory)
            raise
        finally:
            _end(migration, command)


def _end(migration: Migration, command: str) -> None:
    connection = migration.connection
    migration.work.count_calls(connection.directory.calls)
    state = _state(migration, command)
    migration.work.end(state, connection.clock.now(), reads_only=migration.reads_only)
    log.info("end", command=command, state=state)
    migration.summary = write_reports(migration.journal)
    connection.progress.say(f"Report: {migration.journal.directory / 'report'}")


def _state(migration: Migration, command: str) -> str:
    if migration.connection.stop.cause in SIGNAL_EXITS:
        return "interrupted"
    if migration.journal.meta().get("phase") != "planned":
        return "stopped"
    if command == "plan":
        return "planned"
    return "stopped" if migration.work.open_rows() else "finished"


def _roster(settings: Settings, stack: ExitStack) -> Roster | None:
    if settings.roster is None:
        return None
    return stack.enter_context(open_roster(settings.roster, settings.roster_options))


_NO_POOL = ("--user-pool-id is missing.", "It looks like ap-northeast-1_AbCdEfGhI.")


def _directory(settings: Settings, roster: Roster | None) -> Path:
    if settings.run_dir is not None:
        return settings.run_dir
    if roster is None or settings.roster is None:
        hint = "Give a ROSTER and --user-pool-id, or the --run-dir of a plan."
        raise UsageError("There is nothing to work on.", hint)
    if settings.user_pool_id is None:
        raise UsageError(*_NO_POOL)
    return default_run_dir(settings.user_pool_id, settings.roster, roster.sha256)


def _saved(directory: Path) -> Mapping[str, Any]:
    with Journal.look_at(directory) as journal:
        meta = journal.meta()
    if meta.get("phase") != "planned":
        hint = "Give the ROSTER and --user-pool-id again."
        raise InputUnusable(f"{directory} holds no finished plan.", hint)
    return meta


def _policy(settings: Settings, saved: Mapping[str, Any]) -> Policy:
    if saved:
        known = policy_of(saved)
        if settings.policy is not None and settings.policy != known:
            require_same(saved, policy_options(settings.policy))
        return known
    settings.decisive()  # explains the choices where there is none
    if settings.policy is None:
        raise AssertionError("decisive() lets no missing policy through")
    return settings.policy


def _bind(
    journal: Journal, settings: Settings, connection: Connection, roster: Roster | None, command: str
) -> None:
    """Tie the directory to this pool and account, to the roster, and to the options that decide."""
    known = journal.meta()
    facts: dict[str, Any] = {"account": connection.lane.account, "user_pool_id": connection.pool.id}
    if roster is not None:
        facts["roster_sha256"] = roster.sha256
    require_same(known, facts)
    if command == "plan" and PlanStore(journal.database).has_writes():
        raise InputUnusable(
            f"{journal.directory} has writes already; a new plan would forget them.",
            "Use `run` to go on, or give another --run-dir.",
        )
    if roster is not None:
        options = settings.decisive()
        if command != "plan" and known.get("phase") == "planned":
            require_same(known, options)
        facts |= options | {"columns": list(roster.columns), "roster": settings.roster}
    facts |= {"run_id": known.get("run_id", uuid4().hex), "region": connection.lane.region}
    journal.set_meta(facts | {"pool_name": connection.pool.name})
