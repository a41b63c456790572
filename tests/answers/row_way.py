"""One user's way through the real adapter and engine, while one operation goes wrong in one way."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from migrate_mfa.domain.errors import MigrateMfaError
from migrate_mfa.domain.model import Decision, Plan, UserState, Verdict
from migrate_mfa.domain.reasons import Reason
from migrate_mfa.domain.rollback import restore
from migrate_mfa.domain.rows import PlannedBy, PlannedRow
from migrate_mfa.engine.apply_row import apply_row
from migrate_mfa.engine.live_pool import OLDEST_S
from migrate_mfa.journal.rollback_store import RollbackStore
from tests.commands.support import WRITES, a_member, phone_of
from tests.support.builders import a_candidate, a_policy
from tests.support.scene import Scene
from tests.support.wire import Wire

if TYPE_CHECKING:
    from pathlib import Path

    from migrate_mfa.domain.model import VerificationPolicy

UPDATE, PREFER = "AdminUpdateUserAttributes", "AdminSetUserMFAPreference"
READ, FACTORS, LIST = "AdminGetUser", "AdminGetUserAuthFactors", "ListUsers"
POOL, POOL_MFA = "DescribeUserPool", "GetUserPoolMfaConfig"
CONFIG: Final[dict[str, dict[str, Any]]] = {
    FACTORS: {"Policies": {"SignInPolicy": {"AllowedFirstAuthFactors": ["PASSWORD", "WEB_AUTHN"]}}},
    LIST: {"AliasAttributes": ["email", "phone_number"]},
}
"""What a pool has to be like for an operation to be called on a user's way."""
OF_A_ROW: Final = (POOL, POOL_MFA, LIST, READ, FACTORS, UPDATE, PREFER)
_LATER_S: Final = 3600.0


@dataclass(frozen=True, slots=True)
class End:
    """How one row ended in one process: a reason, or the exit code of what ended the run."""

    reason: Reason | None
    exit_code: int
    detail: str

    @property
    def told(self) -> str:
        return self.reason.value if self.reason else f"exit {self.exit_code}"


class Ways:
    """As many users without a number of their own as there are cases, one row each, planned."""

    def __init__(self, path: Path, cases: int, policy: VerificationPolicy, config: dict[str, Any]) -> None:
        self.names = [f"user{number}" for number in range(1, cases + 1)]
        self.wire = Wire([a_member(name) for name in self.names], **config)
        self.before = dict(self.wire.users())
        self.run = Scene(path, self.wire.user_pool, policy=a_policy(policy))  # type: ignore[arg-type]
        candidates = [
            a_candidate(name, row=row, phone=phone_of(row)) for row, name in enumerate(self.names, 1)
        ]
        self.run.plan(candidates)

    def close(self) -> None:
        self.run.close()

    def go(self, row: int) -> End:
        """What `run` does with one row, after the pool's settings have grown old."""
        [work] = self.run.store.claim((PlannedBy.RUN,), row - 1, 1)
        assert work.row == row
        context = self.run.context(self.run.paced())
        self.run.clock.sleep(OLDEST_S + 1.0)
        return _end(work, context)

    def again(self) -> dict[int, End]:
        """The same command some time later, when nothing goes wrong: how each row ends that it opens."""
        self._begin_anew()
        undecided = self.run.plans.reopen_failed()
        planner = self.run.planner()
        planner.read_pool(undecided)
        planner.decide_all()
        return self._settle_all(PlannedBy.RUN)

    def roll_back(self) -> dict[int, End]:
        """`rollback` some time later."""
        self._begin_anew()
        store = RollbackStore(self.run.journal.database)
        for row, wrote in store.rollback_rows(0, len(self.names) + 1, ended=False):
            if wrote:
                store.reopen([row], Plan((), Reason.RESTORED))
        return self._settle_all(PlannedBy.ROLLBACK)

    def executed(self, name: str) -> Counter[str]:
        """The writes to a user that were carried out."""
        sub = next(sub for sub, user in self._subs().items() if user == name)
        calls = self.wire.service.ledger.entries
        return Counter(call.op for call in calls if call.user == sub and call.executed and call.op in WRITES)

    def results(self, row: int) -> list[str]:
        """What the journal says of the writes to a row's user."""
        return self.run.writes(row)

    def _subs(self) -> dict[str, str]:
        pool = self.wire.service.world.pools[self.run.user_pool.pool.id]
        return {sub: user.username for sub, user in pool.by_sub.items()}

    def _begin_anew(self) -> None:
        self.wire.service.load_faults({})
        self.wire.spoil = lambda _, reply: reply
        self.run.clock.sleep(_LATER_S)
        self.run.reopen()

    def _settle_all(self, verb: PlannedBy) -> dict[int, End]:
        works = self.run.store.claim((verb,), 0, len(self.names) + 1)
        context = self.run.context(self.run.paced())
        if verb is PlannedBy.ROLLBACK:
            context = replace(context, decide=self._restore)
        return {work.row: _end(work, context) for work in works}

    def _restore(self, work: PlannedRow, state: UserState) -> Decision:
        before = self.run.store.before_image(work.user_sub)
        if before is None:
            return Verdict(Reason.NOTHING_TO_RESTORE)
        return restore(before, state, self.run.store.writes_of(work.row), self.run.user_pool.pool)


def _end(work: PlannedRow, context: Any) -> End:
    try:
        verdict = apply_row(work, context).verdict
    except MigrateMfaError as error:
        return End(None, int(error.exit_code), error.message)
    return End(verdict.reason, 7 if verdict.reason.outcome.value == "failed" else 0, verdict.detail)
