"""A rollback of many users who cannot be given back whole, and of one whose writes were never answered."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from migrate_mfa.domain.model import Decision, Plan, SetSmsMfa, StorePhone, UserState
from migrate_mfa.domain.reasons import Reason
from migrate_mfa.domain.rollback import restore
from migrate_mfa.domain.rows import PlannedBy, PlannedRow
from migrate_mfa.engine.apply_row import apply_row
from migrate_mfa.engine.execute import Executor
from migrate_mfa.engine.limits import Limits
from migrate_mfa.journal.rollback_store import RollbackStore
from tests.support.builders import OTHER_PHONE, PHONE, a_candidate, a_pool, a_user
from tests.support.fakes import FakeUserPool
from tests.support.scene import Scene, make_limiters, scene

if TYPE_CHECKING:
    from pathlib import Path

    from migrate_mfa.engine.row_context import RowContext

SENDS_CODES = a_pool(phone_auto_verified=True)
UNANSWERED = 100


def rolling_back(run: Scene) -> RowContext:
    """A new process that has planned to give everybody back."""
    run.clock.sleep(3600.0)
    run.reopen()
    store = RollbackStore(run.journal.database)
    for row, wrote in store.rollback_rows(0, 10_000, ended=False):
        assert wrote
        store.reopen([row], Plan((), Reason.RESTORED))

    def decide(work: PlannedRow, state: UserState) -> Decision:
        before = run.store.before_image(work.user_sub)
        assert before is not None
        return restore(before, state, run.store.writes_of(work.row), run.user_pool.pool)

    return replace(run.context(run.paced()), decide=decide)


def work_through(run: Scene, context: RowContext, verb: PlannedBy) -> None:
    Executor(
        context,
        make_limiters(run.clock),  # type: ignore[arg-type]
        limits=Limits(max_failures=0.01),
        batch_size=100,
        progress=run.progress,
        begun=run.clock.monotonic(),
        verbs=(verb,),
    ).run()


@pytest.mark.parametrize(("users", "unproved"), [(300, 300), (600, 30)])
def test_old_numbers_that_would_send_codes_let_a_rollback_end_in_one_pass(
    tmp_path: Path, users: int, unproved: int
) -> None:
    names = [f"u{number:03}" for number in range(users)]
    numbers = [OTHER_PHONE if at < unproved else None for at in range(users)]
    people = [a_user(name, phone=phone) for name, phone in zip(names, numbers, strict=True)]
    with scene(tmp_path, FakeUserPool(people, pool=SENDS_CODES)) as run:
        run.plan([a_candidate(name, row=row) for row, name in enumerate(names, 1)])
        work_through(run, run.context(run.paced()), PlannedBy.RUN)

        work_through(run, rolling_back(run), PlannedBy.ROLLBACK)

        ends = Counter(reason for _, reason in run.rows().values())
        left = {"restore_would_send_sms": unproved, "restored": users - unproved}
        assert ends == {reason: number for reason, number in left.items() if number}
        assert run.user_pool.sms == {}
        for name, phone in zip(names, numbers, strict=True):
            now = run.user_pool.true_state(name)
            assert now.mfa is not None
            assert not now.mfa.sms_on
            assert now.phone == (PHONE if phone else None)


def test_a_user_with_a_hundred_unanswered_writes_is_given_back_in_less_than_a_second(tmp_path: Path) -> None:
    with scene(tmp_path, FakeUserPool([a_user()])) as run:
        run.plan([a_candidate()])
        [work] = run.store.claim((PlannedBy.RUN,), 0, 1)
        steps = (StorePhone(a_candidate().phone, verified=True), SetSmsMfa(enabled=True, preferred=True))  # type: ignore[arg-type]
        for number in range(UNANSWERED):
            step = steps[number % 2]
            intent = run.store.record_intent(work, a_user(), Plan((step,), Reason.ENROLLED), run.clock.now())
            run.store.record_result(intent, "unknown", run.clock.now())
        run.user_pool.store_phone("ann", steps[0].phone, verified=True)
        run.user_pool.set_sms_mfa("ann", enabled=True, preferred=True)
        context = rolling_back(run)

        started = time.process_time()
        [work] = run.store.claim((PlannedBy.ROLLBACK,), 0, 1)
        verdict = apply_row(work, context).verdict

        assert verdict.reason is Reason.RESTORED
        assert time.process_time() - started < 1.0
        assert run.user_pool.true_state("ann").phone is None
