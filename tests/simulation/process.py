"""One process of the tool: a command at work on a run directory, on virtual time and over one line."""

import random
import sqlite3
from collections.abc import Callable, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from migrate_mfa.checks.preflight import require_sms_mfa
from migrate_mfa.cli.option_groups import Cost, Deciding, Wave
from migrate_mfa.domain.errors import MigrateMfaError
from migrate_mfa.domain.model import Candidate, Policy, Rejection, Step, UserState
from migrate_mfa.domain.quotas import Category, Lane
from migrate_mfa.engine.live_pool import LivePool
from migrate_mfa.invocation import Invocation
from migrate_mfa.journal.database import Journal
from migrate_mfa.journal.lock import Writer
from migrate_mfa.journal.meta import policy_options
from migrate_mfa.journal.run_files import JOURNAL
from migrate_mfa.journal.values import state_from_json, steps_from_text
from migrate_mfa.journal.write_store import WorkStore
from migrate_mfa.pacing.limiter import RateLimiter
from migrate_mfa.pacing.user_pool import PacedUserPool
from migrate_mfa.session import Session, call_or_exit
from migrate_mfa.settings import Settings
from migrate_mfa.stop import SIGNAL_EXITS, Stop, Stopped
from migrate_mfa.workflows.reconcile import Reconciliation
from migrate_mfa.workflows.rollback import Rollback
from migrate_mfa.workflows.roster_run import require_pool
from migrate_mfa.workflows.run import Run
from tests.simulation.line import Line
from tests.simulation.scheduler import Scheduler, VirtualClock
from tests.support.builders import a_record
from tests.support.fakes import SilentProgress

LANE = Lane(account="123456789012", region="ap-northeast-1", endpoint="simulated")


@dataclass(slots=True)
class RunDir:
    """A run directory, and what it was begun with."""

    name: str
    path: Path
    kind: str
    """`run` or `disable`."""
    policy: Policy
    roster: tuple[Candidate | Rejection, ...]
    max_sms: int
    lives: int = 0
    codes: dict[str, int] = field(default_factory=dict)
    """By sub, the SMS that writes of this directory have sent."""
    words: dict[str, int] = field(default_factory=dict)
    """By sub, how often the operator has asked to try again a user who was given up."""


class SimulatedRoster:
    """As much of a `Roster` as planning needs."""

    def __init__(self, rows: tuple[Candidate | Rejection, ...]) -> None:
        self._rows = rows
        self.used: Mapping[str, str] = {}
        self.labels: Mapping[str, str] = {}
        self.notes: tuple[str, ...] = ()
        self.lines = self.record_count = len(rows)
        self.multi_line_records = 0
        self.encoding, self.guessed_encoding = "utf-8", False

    def records(self) -> Any:
        return map(a_record, self._rows)


@dataclass(slots=True)
class Process:
    """Begun, worked, ended or killed; its journal stays."""

    run: RunDir
    command: str
    line: Line
    scheduler: Scheduler
    chance: random.Random
    ceilings: Mapping[Category, float]
    settings: Settings
    lane_writer: dict[str, Writer]
    number: int = 0
    stop: Stop = field(default_factory=Stop)
    journal: Journal | None = None
    state: str = "dead"
    problem: MigrateMfaError | None = None
    begun: float = 0.0
    facts_changed: bool = False

    def work(self) -> None:
        """The whole command. Errors that a person would see as such are kept in `problem`."""
        self.begun = self.scheduler.now
        try:
            with Journal.create_or_open(self.run.path) as journal:
                self.journal = journal
                self._work(journal)
        except MigrateMfaError as problem:
            self.problem = problem
            self.state = "refused" if self.state == "dead" else self.state

    def kill(self) -> None:
        """What is not committed is lost; nothing more is done."""
        self.line.die()
        if self.journal is not None:
            with suppress(Exception):
                self.journal.database._connection.close()
        self.scheduler.die()
        if self.journal is not None and self.journal._lock is not None:
            self.journal.close()
        self.state, self.problem = "killed", None

    def rows(self) -> list[dict[str, Any]]:
        return self.rows_of(self.run)

    @staticmethod
    def rows_of(run: RunDir) -> list[dict[str, Any]]:
        """The rows of a run directory, as its journal has them on disk."""
        if not (run.path / JOURNAL).exists():
            return []
        return _read(run, "SELECT * FROM rows ORDER BY row")

    def before(self, row: Mapping[str, Any]) -> tuple[UserState | None, list[Step]]:
        """What a row's user was before the first write, and what was written to it."""
        images = _read(self.run, "SELECT state FROM before_images WHERE user_sub = ?", row["user_sub"])
        writes = _read(self.run, "SELECT step FROM writes WHERE row = ? AND result <> 'refused'", row["row"])
        steps = [steps_from_text(each["step"])[0] for each in writes]
        return (state_from_json(images[0]["state"]) if images else None), steps

    def note_words(self) -> None:
        """Whoever starts a command again lets it try again those who were given up."""
        for row in self.rows():
            if row["reason"] == "gave_up" and row["user_sub"]:
                self.run.words[row["user_sub"]] = self.run.words.get(row["user_sub"], 0) + 1

    def _work(self, journal: Journal) -> None:
        session = self._connection()
        self._require(session, journal)
        clock = session.clock
        work = WorkStore.begin(journal.database, self.command, clock.now())
        invocation = Invocation(session, journal, work, self.command)
        came_through = False
        try:
            _COMMANDS[self.command](self, invocation)
            came_through = True
        except Stopped:
            came_through = True
        finally:
            cause = self.stop.cause
            open_rows = work.open_rows()
            self.state = "stopped" if not came_through or cause or open_rows else "finished"
            if cause in SIGNAL_EXITS:
                self.state = "interrupted"
            work.count_calls(session.user_pool.calls)
            work.end(self.state, clock.now(), reads_only=invocation.reads_only, extra={})

    def _require(self, session: Session, journal: Journal) -> None:
        if self.command in {"run", "disable"}:
            require_pool(session.pool, self.command, self.run.policy)
            journal.set_meta({"kind": self.run.kind, **policy_options(self.run.policy)})
        else:
            require_sms_mfa(session.pool)

    def _connection(self) -> Session:
        clock = VirtualClock(self.scheduler)
        limiters = {
            category: RateLimiter(rps, clock, self.chance.random) for category, rps in self.ceilings.items()
        }
        user_pool = PacedUserPool(self.line, limiters, clock=clock, stop=self.stop)
        facts = call_or_exit(user_pool.describe, clock, self.stop)
        nothing: Any = SimpleNamespace()
        return Session(
            settings=self.settings,
            clock=clock,
            stop=self.stop,
            progress=SilentProgress(),
            lane=LANE,
            live_pool=LivePool(facts, user_pool.describe, clock=clock, stop=self.stop),
            user_pool=user_pool,
            aws=nothing,
            begun=clock.monotonic(),
            limiters=limiters,
            limits=dict(self.ceilings),
            owns_lane=True,
        )

    def _migrate(self, invocation: Invocation) -> None:
        roster: Any = SimulatedRoster(self.run.roster)
        planning = Run(invocation, self.run.policy, roster)
        planning.prepare()
        planning.require_ready()
        if planning.forecast().users:
            planning.apply()

    def _reconcile(self, invocation: Invocation) -> None:
        reconciliation = Reconciliation(invocation, self.run.policy)
        reconciliation.compare(lambda *_: None)
        if self.chance.random() < 0.3:
            reconciliation.plan_repairs()
        if reconciliation.open_rows():
            reconciliation.apply()
        reconciliation.store.settle_repairs()
        reconciliation.drift_is_told()

    def _roll_back(self, invocation: Invocation) -> None:
        rollback = Rollback(invocation)
        rollback.choose(())
        rollback.select(())
        rollback.apply()


_COMMANDS: Mapping[str, Callable[[Process, Invocation], None]] = {
    "run": Process._migrate,
    "disable": Process._migrate,
    "reconcile": Process._reconcile,
    "rollback": Process._roll_back,
}


def _read(run: RunDir, sql: str, *arguments: object) -> list[dict[str, Any]]:
    with closing(sqlite3.connect(run.path / JOURNAL)) as db:
        db.row_factory = sqlite3.Row
        return [dict(row) for row in db.execute(sql, arguments)]


def settings_of(run: RunDir, chance: random.Random) -> Settings:
    return Settings(
        deciding=Deciding(
            verification=run.policy.verification,
            phone_conflict=run.policy.phone_conflict,
            despite=tuple(run.policy.despite),
        ),
        cost=Cost(max_sms=run.max_sms),
        wave=Wave(batch_size=chance.choice((1, 3, 100)), max_failures=1.0),
    )


def names_of(users: Mapping[str, UserState]) -> list[str]:
    return sorted(user.username for user in users.values())
