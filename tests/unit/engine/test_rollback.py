"""Giving users back through the loop that writes: late reads, lost answers, two run directories."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from itertools import product
from typing import TYPE_CHECKING

import pytest

from migrate_mfa.domain.model import Decision, Plan, UserState, Verdict
from migrate_mfa.domain.reasons import Reason
from migrate_mfa.domain.rollback import restore
from migrate_mfa.domain.rows import PlannedBy, PlannedRow
from migrate_mfa.engine.apply_row import READ_BACK_WAITS_S, apply_row
from migrate_mfa.journal.rollback_store import RollbackStore
from tests.support.builders import (
    AT_SIGN_IN,
    ATTESTED,
    OTHER_PHONE,
    PHONE,
    SMS_PREFERRED,
    a_candidate,
    a_policy,
    a_pool,
    a_user,
    mfa,
)
from tests.support.fakes import GET, MFA, UPDATE, Call, FakeUserPool
from tests.support.scene import Scene, scene

if TYPE_CHECKING:
    from pathlib import Path

    from migrate_mfa.domain.model import VerificationPolicy

EVERYBODY = 1000


def enrolled(run: Scene, **changes: object) -> None:
    """A finished run, long ago."""
    run.plan([a_candidate(**changes)])  # type: ignore[arg-type]
    run.settle_open()
    run.clock.sleep(3600.0)


def roll_back(run: Scene, *, named: bool = False) -> Verdict:
    """What `rollback` does with the row of the scene's one user, also with `--user`."""
    run.reopen()
    store = RollbackStore(run.journal.database)
    store.choose([run.user_pool.true_state("ann").sub])
    found = [
        row
        for ended in (False, True)
        for row in store.rollback_rows(0, EVERYBODY, ended=ended, only_chosen=named)
    ]
    if not found:
        return Verdict(Reason.RESTORED)
    [(row, wrote)] = found
    if not wrote:
        run.plans.decide([(row, Verdict(Reason.NOTHING_TO_RESTORE))], run.clock.now(), PlannedBy.ROLLBACK)
        return Verdict(Reason.NOTHING_TO_RESTORE)
    store.reopen([row], Plan((), Reason.RESTORED))

    def decide(work: PlannedRow, state: UserState) -> Decision:
        before = run.store.before_image(work.user_sub)
        assert before is not None
        return restore(before, state, run.store.writes_of(work.row), run.user_pool.pool)

    [work] = run.store.claim((PlannedBy.ROLLBACK,), 0, EVERYBODY)
    return apply_row(work, replace(run.context(run.paced()), decide=decide)).verdict


def looks(user: UserState) -> tuple[object, ...]:
    return (user.phone, user.phone_verified, user.mfa)


# Late reads


@pytest.mark.parametrize(
    "before",
    [a_user(), a_user(phone=PHONE), a_user(phone=OTHER_PHONE)],
    ids=["no number", "same", "another"],
)
@pytest.mark.parametrize("lag_s", [0.0, 0.2, sum(READ_BACK_WAITS_S) - 0.1])
def test_what_a_rollback_reads_late_is_not_the_change_of_somebody_else(
    tmp_path: Path, before: UserState, lag_s: float
) -> None:
    with scene(tmp_path, FakeUserPool([before])) as run:
        enrolled(run)
        run.user_pool.lag_s = lag_s

        verdict = roll_back(run)

        assert verdict == Verdict(Reason.RESTORED)
        assert looks(run.user_pool.true_state("ann")) == looks(before)


def test_a_restore_that_does_not_show_in_time_is_blamed_on_nobody(tmp_path: Path) -> None:
    with scene(tmp_path, FakeUserPool([a_user()])) as run:
        enrolled(run)
        run.user_pool.lag_s = 30.0

        assert roll_back(run).reason is Reason.NOT_EFFECTIVE

        run.clock.sleep(60.0)
        assert roll_back(run) == Verdict(Reason.RESTORED), "the next rollback sees it"


def test_what_somebody_else_changes_while_a_rollback_writes_is_theirs(tmp_path: Path) -> None:
    with scene(tmp_path, FakeUserPool([a_user()])) as run:
        enrolled(run)
        theirs = a_user(phone=OTHER_PHONE, phone_verified=True)

        def changes(call: Call) -> None:
            if call.operation == UPDATE:
                run.user_pool.put(theirs)

        run.user_pool.after = changes

        assert roll_back(run).reason is Reason.CHANGED_BY_OTHERS
        assert run.user_pool.true_state("ann") == theirs


# Writes without an answer


def test_a_user_with_a_hundred_unanswered_writes_is_given_back(tmp_path: Path) -> None:
    with scene(tmp_path, FakeUserPool([a_user()])) as run:
        run.plan([a_candidate()])
        for _ in range(13):
            run.user_pool.fail(UPDATE, "InternalErrorException", times=8, status=500)
            run.settle_open()
            run.plans.reopen_failed()
            run.reopen()
            run.clock.sleep(60.0)
        run.settle_open()
        assert run.writes().count("unknown") == 104

        assert roll_back(run) == Verdict(Reason.RESTORED)
        assert looks(run.user_pool.true_state("ann")) == looks(a_user())


# A row that has written keeps its user


@pytest.mark.parametrize("step", [UPDATE, MFA])
def test_a_row_that_has_written_keeps_its_user_whatever_its_address_means_by_now(
    tmp_path: Path, step: str
) -> None:
    ann = a_user()
    with scene(tmp_path, FakeUserPool([ann])) as run:
        run.plan([a_candidate(None, email=ann.email)])
        code, times = ("InvalidParameterException", 1) if step == MFA else ("ConnectionLost", 8)
        run.user_pool.fail(step, code, times=times, status=400 if step == MFA else 0)
        run.settle_open()
        run.user_pool.put(a_user("bob", email=ann.email))

        again = run.plans.reopen_failed()
        planner = run.planner()
        planner.read_pool(again)
        planner.decide_all()

        found = run.one("SELECT user_sub, outcome, steps FROM rows")
        assert (found["user_sub"], found["outcome"], again) == (ann.sub, "unprocessed", 0)
        assert run.store.open_rows() == len(run.store.claim(tuple(PlannedBy), 0, EVERYBODY)) == 1
        run.settle_open()
        assert run.row() == ("verified", "enrolled")
        assert roll_back(run) == Verdict(Reason.RESTORED)
        assert looks(run.user_pool.true_state("ann")) == looks(ann)
        assert run.user_pool.true_state("bob").phone is None


def test_a_row_whose_only_write_was_refused_is_looked_up_anew(tmp_path: Path) -> None:
    with scene(tmp_path, FakeUserPool([a_user(sub="old")])) as run:
        run.plan([a_candidate(None, email="ann@example.com")])
        run.user_pool.fail(UPDATE, "UserNotFoundException", status=400)
        run.settle_open()
        run.user_pool.put(a_user(sub="new"))

        planner, again = run.planner(), run.plans.reopen_failed()
        planner.read_pool(again)
        planner.decide_all()

        assert run.one("SELECT user_sub FROM rows")["user_sub"] == "new"


# Two run directories over one user


@pytest.mark.parametrize(
    ("first", "second", "number", "order"),
    list(product([ATTESTED, AT_SIGN_IN], [ATTESTED, AT_SIGN_IN], [PHONE, OTHER_PHONE], [(0, 1), (1, 0)])),
    ids={PHONE: "same", OTHER_PHONE: "other", (0, 1): "in order", (1, 0): "in reverse"}.get,
)
def test_two_runs_undone_in_any_order_end_as_before_the_first_or_say_what_stays(
    tmp_path: Path,
    first: VerificationPolicy,
    second: VerificationPolicy,
    number: str,
    order: tuple[int, int],
) -> None:
    before = a_user()
    user_pool = FakeUserPool([before])
    with ExitStack() as stack:
        runs: list[Scene] = []
        for name, policy, phone in (("one", first, PHONE), ("two", second, number)):
            chosen = a_policy(policy, conflict="replace")  # type: ignore[arg-type]
            runs.append(stack.enter_context(scene(tmp_path / name, user_pool, policy=chosen)))
            enrolled(runs[-1], phone=phone)

        said = [roll_back(runs[at]) for at in order]

        ended = user_pool.true_state("ann")
        if looks(ended) != looks(before):
            assert any("another run directory" in verdict.detail for verdict in said)
            assert ended.mfa == mfa() or any(v.reason is Reason.CHANGED_BY_OTHERS for v in said)
        assert not ended.phone_verified, "nobody has proved it"
        for at in order:
            roll_back(runs[at], named=True)
        assert looks(user_pool.true_state("ann")) == looks(before), "the same commands once more"


def test_where_the_old_number_would_send_an_sms_two_runs_say_so(tmp_path: Path) -> None:
    user_pool = FakeUserPool([a_user()], a_pool(phone_auto_verified=True))
    with scene(tmp_path / "one", user_pool, policy=a_policy(AT_SIGN_IN)) as one:
        enrolled(one)
        with scene(tmp_path / "two", user_pool) as two:
            enrolled(two)

            said = [roll_back(two), roll_back(one)]

    assert said[0].reason is Reason.RESTORE_WOULD_SEND_SMS
    assert "another run directory" in said[1].detail
    assert user_pool.true_state("ann").mfa != SMS_PREFERRED
    assert user_pool.made(GET)


def test_a_row_that_is_planned_again_has_no_reason_until_it_ends_again(tmp_path: Path) -> None:
    with scene(tmp_path, FakeUserPool([a_user()])) as run:
        enrolled(run)
        [(row, _)] = RollbackStore(run.journal.database).rollback_rows(0, EVERYBODY, ended=False)

        RollbackStore(run.journal.database).reopen([row], Plan((), Reason.RESTORED))

        found = run.journal.database.query("SELECT outcome, reason, detail, was FROM rows")
        assert [tuple(each) for each in found] == [("unprocessed", None, "", "enrolled")]
