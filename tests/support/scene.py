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
from migrate_mfa.domain.rows import PlannedBy, PlannedRow
from migrate_mfa.engine.apply_row import RowResult, apply_row
from migrate_mfa.engine.live_pool import LivePool
from migrate_mfa.engine.plan import Planner
from migrate_mfa.engine.refusals import Refusals
from migrate_mfa.engine.row_context import RowContext
from migrate_mfa.engine.sms_allowance import SmsAllowance
from migrate_mfa.journal.database import Journal
from migrate_mfa.journal.plan_store import PlanStore
from migrate_mfa.journal.write_store import WorkStore
from migrate_mfa.pacing.limiter import RateLimiter
from migrate_mfa.pacing.user_pool import PacedUserPool
from migrate_mfa.ports import UserPool
from migrate_mfa.stop import Stop
from tests.support.builders import a_policy, a_record
from tests.support.fakes import FakeClock, FakeUserPool, SilentProgress

if TYPE_CHECKING:
    from migrate_mfa.domain.errors import MigrateMfaError


def make_limiters(clock: FakeClock, rps: float = 1000.0) -> dict[Category, RateLimiter]:
    return {category: RateLimiter(rps, clock, lambda: 0.5) for category in Category}


class Scene:
    """One run directory. `reopen` is what a new process does after this one died."""

    def __init__(
        self, path: Path, user_pool: FakeUserPool, *, policy: Policy | None = None, fast: bool = True
    ) -> None:
        self.path = path
        self.user_pool = user_pool
        self.clock = user_pool.clock
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
        return PlanStore(self.journal.database, case_sensitive=self.user_pool.pool.case_sensitive)

    def planner(self, **options: Any) -> Planner:
        return Planner(
            self.plans,
            self.user_pool,
            pool=self.user_pool.pool,
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

    def decide(self, work: PlannedRow, state: UserState) -> Decision:
        return decide(work.candidate, state, pool=self.user_pool.pool, policy=self.policy, claims=work.claims)

    def context(
        self, user_pool: UserPool | None = None, *, limiters: Mapping[Category, RateLimiter] | None = None
    ) -> RowContext:
        return RowContext(
            user_pool=user_pool or self.user_pool,
            store=self.store,
            decide=self.decide,
            pool=self.live_pool(),
            clock=self.clock,
            stop=self.stop,
            sms=SmsAllowance(self.max_sms, self.store.unverified_rows()),
            refusals=Refusals(self.ask),
            limiters=limiters or {},
        )

    def live_pool(self) -> LivePool:
        made = LivePool(
            self.user_pool.pool,
            self.paced().describe,
            clock=self.clock,
            stop=self.stop,
            say=self.progress.say,
        )
        made.guard(self.refuse)
        return made

    def paced(
        self, rps: float = 1000.0, *, limiters: Mapping[Category, RateLimiter] | None = None
    ) -> PacedUserPool:
        assert isinstance(self.clock, FakeClock)
        return PacedUserPool(
            self.user_pool, limiters or make_limiters(self.clock, rps), clock=self.clock, stop=self.stop
        )

    def settle_open(self, user_pool: UserPool | None = None) -> list[RowResult]:
        return [
            apply_row(work, self.context(user_pool)) for work in self.store.claim(tuple(PlannedBy), 0, 1000)
        ]

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
def scene(path: Path, user_pool: FakeUserPool, **options: Any) -> Iterator[Scene]:
    made = Scene(path, user_pool, **options)
    try:
        yield made
    finally:
        made.close()
