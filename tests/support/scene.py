"""A whole run in memory and one real journal: users, a planned roster, and the tools to settle it."""

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from migrate_mfa.checks.preflight import require_sms_mfa
from migrate_mfa.domain.decide import decide
from migrate_mfa.domain.model import Candidate, Decision, Policy, PoolFacts, Rejection, UserState
from migrate_mfa.domain.quotas import Category
from migrate_mfa.domain.rows import Verb, Work
from migrate_mfa.engine.apply_row import Settled, Tools, settle
from migrate_mfa.engine.live_pool import LivePool
from migrate_mfa.engine.plan import Planner
from migrate_mfa.engine.refusals import Refusals
from migrate_mfa.engine.sms_allowance import SmsAllowance
from migrate_mfa.journal.database import Journal
from migrate_mfa.journal.plan_store import PlanStore
from migrate_mfa.journal.write_store import WorkStore
from migrate_mfa.pacing.limiter import Pacer
from migrate_mfa.pacing.user_pool import PacedDirectory
from migrate_mfa.ports import Directory
from migrate_mfa.stop import Stop
from tests.support.builders import a_policy, a_record
from tests.support.fakes import FakeClock, FakeDirectory, SilentProgress

if TYPE_CHECKING:
    from migrate_mfa.domain.errors import MigrateMfaError


def pacers(clock: FakeClock, rps: float = 1000.0) -> dict[Category, Pacer]:
    return {category: Pacer(rps, clock, lambda: 0.5) for category in Category}


class Scene:
    """One run directory. `reopen` is what a new process does after this one died."""

    def __init__(
        self, path: Path, directory: FakeDirectory, *, policy: Policy | None = None, fast: bool = True
    ) -> None:
        self.path = path
        self.directory = directory
        self.clock = directory.clock
        self.policy = policy or a_policy()
        self.progress = SilentProgress()
        self.max_sms = 1_000_000
        self.refuse: Callable[[PoolFacts], None] = require_sms_mfa
        self.ask: Callable[[], MigrateMfaError | None] = lambda: None
        self.fast = fast
        self._open()

    def _open(self) -> None:
        self.stop = Stop()
        self.journal = Journal.create_or_open(self.path)
        if self.fast:  # durability has tests of its own
            self.journal.database.query("PRAGMA synchronous = OFF")
        self.store = WorkStore.begin(self.journal.database, "run", self.clock.now())

    def close(self) -> None:
        self.journal.close()

    def reopen(self) -> None:
        self.journal.close()
        self._open()

    @property
    def plans(self) -> PlanStore:
        return PlanStore(self.journal.database, case_sensitive=self.directory.pool.case_sensitive)

    def planner(self, **options: Any) -> Planner:
        return Planner(
            self.plans,
            self.directory,
            pool=self.directory.pool,
            policy=self.policy,
            clock=self.clock,
            progress=self.progress,
            stop=self.stop,
            **options,
        )

    def plan(self, rows: Iterable[Candidate | Rejection], **options: Any) -> None:
        records = [a_record(row) for row in rows]
        self.journal.set_meta({"phone_conflict": self.policy.phone_conflict})
        self.plans.add_records(records, self.clock.now())
        planner = self.planner(**options)
        planner.read_pool(len(records))
        planner.decide_all()

    def decide(self, work: Work, state: UserState) -> Decision:
        return decide(
            work.candidate, state, pool=self.directory.pool, policy=self.policy, rivalry=work.rivalry
        )

    def tools(
        self, directory: Directory | None = None, *, limiters: Mapping[Category, Pacer] | None = None
    ) -> Tools:
        return Tools(
            directory=directory or self.directory,
            store=self.store,
            decide=self.decide,
            pool=self.live_pool(),
            clock=self.clock,
            stop=self.stop,
            sms=SmsAllowance(self.max_sms - self.store.unverified_rows()),
            refusals=Refusals(self.ask),
            pacers=limiters or {},
        )

    def live_pool(self) -> LivePool:
        made = LivePool(
            self.directory.pool,
            self.paced().describe,
            clock=self.clock,
            stop=self.stop,
            say=self.progress.say,
        )
        made.guard(self.refuse)
        return made

    def paced(
        self, rps: float = 1000.0, *, limiters: Mapping[Category, Pacer] | None = None
    ) -> PacedDirectory:
        assert isinstance(self.clock, FakeClock)
        return PacedDirectory(
            self.directory, limiters or pacers(self.clock, rps), clock=self.clock, stop=self.stop
        )

    def settle_open(self, directory: Directory | None = None) -> list[Settled]:
        return [settle(work, self.tools(directory)) for work in self.store.claim(tuple(Verb), 0, 1000)]

    def one(self, sql: str, *arguments: object) -> sqlite3.Row:
        found = self.journal.database.query(sql, *arguments)
        assert len(found) == 1, found
        return found[0]

    def row(self, number: int = 1) -> tuple[str, str | None]:
        found = self.one("SELECT outcome, reason FROM rows WHERE row = ?", number)
        return found["outcome"], found["reason"]

    def rows(self) -> dict[int, tuple[str, str | None]]:
        found = self.journal.database.query("SELECT row, outcome, reason FROM rows ORDER BY row")
        return {each["row"]: (each["outcome"], each["reason"]) for each in found}

    def writes(self, row: int = 1) -> list[str]:
        found = self.journal.database.query("SELECT result FROM writes WHERE row = ? ORDER BY id", row)
        return [each["result"] for each in found]


@contextmanager
def scene(path: Path, directory: FakeDirectory, **options: Any) -> Iterator[Scene]:
    made = Scene(path, directory, **options)
    try:
        yield made
    finally:
        made.close()
