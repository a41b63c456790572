import re
import threading
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from migrate_mfa.domain.errors import (
    ExitCode,
    MigrateMfaError,
    NotAllowed,
    OutOfReach,
    PoolNotReady,
    TooManyFailures,
)
from migrate_mfa.domain.model import PhoneConflict, Policy, UserState, Verdict
from migrate_mfa.domain.quotas import Category
from migrate_mfa.domain.reasons import Outcome, Reason
from migrate_mfa.domain.rows import PlannedBy
from migrate_mfa.engine.execute import MOST_UNDER_WAY, Executor, window_size
from migrate_mfa.engine.limits import LEAST_USERS, Limits
from migrate_mfa.journal.write_store import WorkStore
from migrate_mfa.pacing.limiter import RateLimiter
from migrate_mfa.pacing.measure import MeasuredProgress
from migrate_mfa.stop import StopCause
from tests.support.builders import BY_CODE, OTHER_PHONE, PHONE, SMS_PREFERRED, a_candidate, a_policy, a_user
from tests.support.fakes import GET, MFA, UPDATE, Call, FakeClock, FakeUserPool
from tests.support.scene import Scene, make_limiters, scene
from tests.support.stepwise import StepwiseClock

PATIENCE_S = 20.0


@contextmanager
def planned(
    path: Path,
    users: int,
    *,
    policy: Policy | None = None,
    clock: FakeClock | None = None,
    **changes: Any,
) -> Iterator[Scene]:
    """So many users in the pool, each with a planned row; the calls of the plan are forgotten."""
    people = [a_user(f"u{number:04}", **changes) for number in range(1, users + 1)]
    user_pool = FakeUserPool(people, clock=clock or FakeClock())
    with scene(path, user_pool, policy=policy) as run:
        run.plan([a_candidate(user.username, row=number) for number, user in enumerate(people, 1)])
        user_pool.calls.clear()
        yield run


def perform(run: Scene, make: Callable[[], Executor]) -> None:
    """Let each user's way have its own time; with a `FakeClock`, one thread's waiting is everybody's."""
    assert isinstance(run.clock, StepwiseClock)
    run.clock.perform(lambda: make().run())


class Watched(WorkStore):
    """Knows how many users are under way."""

    def __init__(self, run: Scene) -> None:
        super().__init__(run.journal.database, run.store._pass)
        self._lock = threading.Lock()
        self.started: set[str] = set()
        self.finished = 0
        self.most_under_way = 0
        self.most_waiting = 0
        self.claims: list[int] = []

    def start(self, call: Call) -> None:
        with self._lock:
            if call.operation == GET:
                self.started.add(call.username)
            self.most_under_way = max(self.most_under_way, len(self.started) - self.finished)

    def claim(self, *arguments: Any, **named: Any) -> Any:
        # The batch before has been taken whole by now: all of it is done or waits for a thread.
        self.most_waiting = max(self.most_waiting, sum(self.claims) - self.finished)
        found = super().claim(*arguments, **named)
        self.claims.append(len(found))
        return found

    def finish(self, *arguments: Any, **named: Any) -> None:
        super().finish(*arguments, **named)
        with self._lock:
            self.finished += 1


def executor(
    run: Scene,
    *,
    limits: Limits | None = None,
    batch_size: int = 100,
    rps: float = 1000.0,
    store: WorkStore | None = None,
    verbs: Collection[PlannedBy] = (PlannedBy.RUN,),
) -> Executor:
    assert isinstance(run.clock, FakeClock)
    limiters = make_limiters(run.clock, rps)
    user_pool = run.paced(limiters=limiters)
    context = run.context(user_pool)
    if store is not None:
        context = replace(context, store=store)
    return Executor(
        context,
        limiters,
        limits=limits or Limits(max_failures=1.0),
        batch_size=batch_size,
        progress=MeasuredProgress(run.progress, user_pool, limiters, run.clock),
        begun=run.clock.monotonic(),
        verbs=verbs,
    )


def outcomes(run: Scene) -> dict[str, int]:
    return {outcome.value: count for outcome, count in run.store.counts().items()}


def enrolled(user: UserState) -> bool:
    return user.phone == PHONE and user.phone_verified and user.mfa == SMS_PREFERRED


def test_every_open_row_is_done(tmp_path: Path) -> None:
    with planned(tmp_path, 150) as run:
        execution = executor(run)

        execution.run()

        assert outcomes(run) == {"verified": 150}
        assert execution.tally.outcomes == {Outcome.VERIFIED: 150}
        assert all(enrolled(run.user_pool.true_state(f"u{number:04}")) for number in range(1, 151))
        assert sorted(run.user_pool.writes) == sorted([UPDATE, MFA] * 150)


def test_no_row_is_nothing_to_do(tmp_path: Path) -> None:
    with planned(tmp_path, 0) as run:
        executor(run).run()

        assert run.user_pool.calls == []


@pytest.mark.parametrize(
    ("update", "resource", "expected"),
    [(12.0, 12.0, 24), (25.0, 12.0, 24), (25.0, 25.0, 50), (0.4, 12.0, 4), (1.0, 1.0, 4), (500, 500, 64)],
)
def test_the_window_is_as_large_as_the_slowest_write_needs(
    update: float, resource: float, expected: int
) -> None:
    ceilings = {Category.USER_UPDATE: update, Category.USER_RESOURCE_UPDATE: resource}

    assert window_size(ceilings) == expected
    assert expected <= MOST_UNDER_WAY


def test_no_more_users_are_under_way_than_the_window_holds(tmp_path: Path) -> None:
    with planned(tmp_path, 60, clock=StepwiseClock()) as run:
        store = Watched(run)
        run.user_pool.hook = store.start

        perform(run, lambda: executor(run, rps=2.0, store=store, batch_size=7))

        assert len(store.started) == 60
        assert store.most_under_way <= window_size(dict.fromkeys(Category, 2.0)) == 4
        assert store.most_waiting <= 4


def test_rows_are_claimed_in_batches_and_never_all_at_once(tmp_path: Path) -> None:
    with planned(tmp_path, 25) as run:
        store = Watched(run)

        executor(run, store=store, batch_size=10).run()

        assert store.claims[:3] == [10, 10, 5]
        assert set(store.claims[3:]) == {0}
        assert outcomes(run) == {"verified": 25}


def test_a_slow_user_of_one_batch_does_not_hold_up_the_next(tmp_path: Path) -> None:
    with planned(tmp_path, 12) as run:
        others_done = threading.Event()
        seen: set[str] = set()
        lock = threading.Lock()

        def hold_the_first(call: Call) -> None:
            if call.operation == MFA:
                with lock:
                    seen.add(call.username)
                    if len(seen) == 11:
                        others_done.set()
            if call.operation == GET and call.username == "u0001":
                assert others_done.wait(PATIENCE_S)

        run.user_pool.hook = hold_the_first
        executor(run, batch_size=2).run()

        assert outcomes(run) == {"verified": 12}


def test_both_writes_are_under_way_at_the_same_time(tmp_path: Path) -> None:
    with planned(tmp_path, 8) as run:
        together = threading.Barrier(2)
        met: list[str] = []

        def meet(call: Call) -> None:
            first = call.operation == MFA and call.username == "u0001"
            if first or (call.operation == UPDATE and call.username == "u0004"):
                together.wait(PATIENCE_S)
                met.append(call.operation)

        run.user_pool.hook = meet
        executor(run).run()

        assert sorted(met) == sorted([UPDATE, MFA])


@pytest.mark.parametrize("cause", [StopCause.SIGINT, StopCause.SIGTERM])
def test_a_signal_lets_those_under_way_finish_and_takes_nobody_new(tmp_path: Path, cause: StopCause) -> None:
    with planned(tmp_path, 40, clock=StepwiseClock()) as run:
        store = Watched(run)

        def interrupt(call: Call) -> None:
            store.start(call)
            if len(store.started) == 5:
                run.stop.request(cause)

        run.user_pool.hook = interrupt
        perform(run, lambda: executor(run, rps=2.0, store=store))

        done = outcomes(run)
        assert done["verified"] == len(store.started) < 40
        assert done["unprocessed"] == 40 - len(store.started)
        for user in (f"u{number:04}" for number in range(1, 41)):
            assert enrolled(run.user_pool.true_state(user)) == (user in store.started)


def test_at_most_so_many_users_are_taken_and_the_next_invocation_goes_on(tmp_path: Path) -> None:
    with planned(tmp_path, 10) as run:
        executor(run, limits=Limits(max_failures=1.0, max_users=4), batch_size=3).run()
        first = outcomes(run)
        cause, detail = run.stop.cause, run.stop.detail
        run.reopen()
        executor(run, limits=Limits(max_failures=1.0, max_users=6)).run()

        assert first == {"verified": 4, "unprocessed": 6}
        assert (cause, detail) == (StopCause.LIMIT, "--max-users")
        assert outcomes(run) == {"verified": 10}
        assert run.stop.cause is None


def test_nobody_is_taken_once_the_time_is_up(tmp_path: Path) -> None:
    with planned(tmp_path, 40) as run:

        def let_time_pass(call: Call) -> None:
            if call.operation == MFA:
                run.clock.sleep(30)

        run.user_pool.hook = let_time_pass
        executor(run, limits=Limits(max_failures=1.0, stop_after_s=120), rps=1.0).run()

        done = outcomes(run)
        assert (run.stop.cause, run.stop.detail) == (StopCause.LIMIT, "--stop-after")
        assert done["verified"] + done["unprocessed"] == 40
        assert 1 <= done["verified"] <= 12


# Failures


def refuse(run: Scene, names: range) -> None:
    for number in names:
        run.user_pool.fail(MFA, "InvalidParameterException", username=f"u{number:04}")


def test_too_many_failures_stop_the_run_and_the_rest_stays_open(tmp_path: Path) -> None:
    with planned(tmp_path, 200) as run:
        refuse(run, range(1, 201))

        with pytest.raises(TooManyFailures) as stopped:
            executor(run, limits=Limits(max_failures=0.01), rps=2.0).run()

        done = outcomes(run)
        assert stopped.value.exit_code == ExitCode.STOPPED
        assert run.stop.cause is StopCause.FAILURES
        assert 20 <= done["failed"] <= 20 + window_size(dict.fromkeys(Category, 2.0))
        assert done["failed"] + done["unprocessed"] == 200


def test_four_failures_stop_nobody(tmp_path: Path) -> None:
    with planned(tmp_path, 40) as run:
        refuse(run, range(1, 5))

        executor(run, limits=Limits(max_failures=0.01)).run()

        assert outcomes(run) == {"failed": 4, "verified": 36}


def test_rows_that_failed_in_the_plan_do_not_count_as_failures_of_the_run(tmp_path: Path) -> None:
    with planned(tmp_path, 30) as run:
        run.journal.database.query("UPDATE rows SET outcome = 'failed', reason = 'rejected' WHERE row <= 8")

        executor(run, limits=Limits(max_failures=0.01)).run()

        assert outcomes(run) == {"failed": 8, "verified": 22}


def test_skipped_and_pending_users_are_no_failures(tmp_path: Path) -> None:
    with planned(tmp_path, 40) as run:
        for number in range(1, 41):
            name = f"u{number:04}"
            status = "RESET_REQUIRED" if number % 2 else "EXTERNAL_PROVIDER"
            run.user_pool.put(a_user(name, status=status))

        execution = executor(run, limits=Limits(max_failures=0.0))
        execution.run()

        assert outcomes(run) == {"pending": 20, "skipped": 20}
        assert execution.tally.reads_only == 40


@pytest.mark.parametrize(
    ("operation", "code", "error"),
    [
        (GET, "AccessDeniedException", NotAllowed),
        (UPDATE, "ExpiredTokenException", NotAllowed),
        (MFA, "ResourceNotFoundException", MigrateMfaError),
    ],
)
def test_a_problem_of_the_run_ends_it_once_the_others_under_way_are_done(
    tmp_path: Path, operation: str, code: str, error: type[MigrateMfaError]
) -> None:
    with planned(tmp_path, 40, clock=StepwiseClock()) as run:
        store = Watched(run)
        run.user_pool.hook = store.start
        run.user_pool.fail(operation, code, username="u0003")

        with pytest.raises(error):
            perform(run, lambda: executor(run, rps=2.0, store=store))

        done = outcomes(run)
        assert run.stop.cause is StopCause.PROBLEM
        assert run.row(3) == ("unprocessed", None)
        assert done["verified"] == len(store.started) - 1
        assert done["unprocessed"] == 40 - done["verified"]
        assert "failed" not in done


def test_a_bug_in_one_thread_ends_the_run_and_is_not_swallowed(tmp_path: Path) -> None:
    with planned(tmp_path, 10) as run:

        def broken(call: Call) -> None:
            if call.username == "u0002":
                raise KeyError("a bug")

        run.user_pool.hook = broken

        with pytest.raises(KeyError):
            executor(run).run()
        assert run.row(2) == ("unprocessed", None)


@pytest.mark.parametrize("code", ["ConnectFailed", "ConnectionLost"])
def test_when_the_network_goes_nobody_is_blamed_and_the_same_command_goes_on(
    tmp_path: Path, code: str
) -> None:
    with planned(tmp_path, 30) as run:
        for operation in (GET, UPDATE, MFA, "DescribeUserPool"):
            answers = 0 if operation == "DescribeUserPool" else 6
            run.user_pool.fail(operation, code, times=float("inf"), skip=answers)

        with pytest.raises(OutOfReach):
            executor(run, rps=4.0).run()
        cut = outcomes(run)
        run.user_pool._faults.clear()
        run.reopen()
        executor(run).run()

        assert "failed" not in cut
        assert outcomes(run) == {"verified": 30}


def test_a_second_invocation_does_only_what_is_left(tmp_path: Path) -> None:
    with planned(tmp_path, 10) as run:
        executor(run, limits=Limits(max_failures=1.0, max_users=4)).run()
        run.user_pool.calls.clear()
        run.reopen()

        execution = executor(run)
        execution.run()

        assert {call.username for call in run.user_pool.calls} == {f"u{n:04}" for n in range(5, 11)}
        assert execution.tally.outcomes == {Outcome.VERIFIED: 6}


def test_rows_of_another_command_are_left_alone(tmp_path: Path) -> None:
    with planned(tmp_path, 3) as run:
        run.journal.database.query("UPDATE rows SET verb = ? WHERE row = 2", PlannedBy.ROLLBACK)

        executor(run).run()

        assert run.rows() == {
            1: ("verified", "enrolled"),
            2: ("unprocessed", None),
            3: ("verified", "enrolled"),
        }


# What is told and kept


@pytest.mark.promise(9)
def test_users_who_were_only_read_are_counted(tmp_path: Path) -> None:
    with planned(tmp_path, 6) as run:
        for number in (1, 2):
            run.user_pool.put(a_user(f"u{number:04}", phone=PHONE, phone_verified=True, mfa=SMS_PREFERRED))

        execution = executor(run)
        execution.run()

        assert execution.tally.reads_only == 2


@pytest.mark.promise(13)
def test_a_throttle_is_told_by_the_name_of_its_category_and_the_rate_left(tmp_path: Path) -> None:
    with planned(tmp_path, 20, clock=StepwiseClock()) as run:
        run.user_pool.fail(UPDATE, "TooManyRequestsException", username="u0005")

        perform(run, lambda: executor(run, rps=24.0))

        told = {standing.slowed_by for standing in run.progress.shown}
        assert any(re.fullmatch(r"throttled by UserUpdate: (9|1\d)/s", each) for each in told)


def test_the_progress_ends_with_all_rows(tmp_path: Path) -> None:
    with planned(tmp_path, 20) as run:
        executor(run).run()

        last = run.progress.shown[-1]
        assert (last.done, last.total, last.outcomes) == (20, 20, (("verified", 20),))
        assert last.seconds_left == 0


def test_the_progress_is_shown_ten_times_a_second_however_many_users_end(tmp_path: Path) -> None:
    with planned(tmp_path, 150) as run:
        run.progress.shown.clear()
        began = run.clock.monotonic()

        executor(run).run()

        seconds = run.clock.monotonic() - began
        assert 2 <= len(run.progress.shown) <= 2 + 10 * seconds < 100


def test_the_progress_says_that_the_run_is_draining_once_it_is_to_end(tmp_path: Path) -> None:
    with planned(tmp_path, 20) as run:
        run.progress.shown.clear()
        run.user_pool.hook = lambda _: run.stop.request(StopCause.SIGTERM)

        executor(run).run()

        assert {each.stage for each in run.progress.shown} == {"draining"}
        assert {each.total for each in run.progress.shown} == {None}


@pytest.mark.parametrize("rps", [1.0, 3.0, 12.0])
def test_the_whole_run_keeps_every_category_within_its_ceiling(tmp_path: Path, rps: float) -> None:
    with planned(tmp_path, 40, clock=StepwiseClock()) as run:
        run.user_pool.fail(GET, "TooManyRequestsException", times=3, skip=5)
        run.user_pool.fail(UPDATE, "ConnectFailed", times=5, skip=3)
        run.user_pool.fail(MFA, "ConnectionLost", times=3, skip=3, executed=True)

        perform(run, lambda: executor(run, rps=rps))

        assert outcomes(run) == {"verified": 40}
        for operation in (GET, UPDATE, MFA):
            sent = sorted(call.at for call in run.user_pool.calls if call.operation == operation)
            for start in sent:
                assert sum(start <= at < start + 1.0 - 1e-9 for at in sent) <= rps


def test_a_conflict_option_reaches_the_decision_before_the_write(tmp_path: Path) -> None:
    policy = a_policy(conflict=PhoneConflict.KEEP)
    with planned(tmp_path, 2, policy=policy, phone="+819087654321", phone_verified=True) as run:
        executor(run).run()

        assert outcomes(run) == {"verified": 2}
        assert run.user_pool.made(UPDATE) == []


def test_one_limiter_serves_all_threads() -> None:
    assert len({id(limiter) for limiter in make_limiters(FakeClock()).values()}) == len(Category)
    assert all(isinstance(limiter, RateLimiter) for limiter in make_limiters(FakeClock()).values())


# What is not the users' fault, and what --max-sms does not allow


PAUSED = PoolNotReady("The pool takes no writes.")


@pytest.mark.parametrize(
    "code", ["InvalidParameterException", "NotAuthorizedException", "LimitExceededException"]
)
def test_who_was_refused_with_everybody_is_open_again_when_the_pool_is_to_blame(
    tmp_path: Path, code: str
) -> None:
    with planned(tmp_path, 12) as run:
        run.ask = lambda: PAUSED
        run.user_pool.fail(UPDATE, code, times=100, status=400)

        with pytest.raises(PoolNotReady):
            execute(run)

        assert outcomes(run) == {"unprocessed": 12}


def test_a_rollback_that_everybody_is_refused_in_leaves_the_users_to_the_next_one(tmp_path: Path) -> None:
    with planned(tmp_path, 60) as run:
        run.journal.database.query("UPDATE rows SET verb = ?", PlannedBy.ROLLBACK)
        run.user_pool.fail(UPDATE, "InvalidParameterException", times=100, status=400)

        with pytest.raises(TooManyFailures):
            executor(run, limits=Limits(max_failures=0.01), verbs=(PlannedBy.ROLLBACK,)).run()

        assert outcomes(run) == {"unprocessed": 60}


def test_where_nobody_can_tell_the_guard_ends_the_run_and_the_users_stay_failed(tmp_path: Path) -> None:
    with planned(tmp_path, 60) as run:
        run.user_pool.fail(UPDATE, "InvalidParameterException", times=100, status=400)

        with pytest.raises(TooManyFailures):
            executor(run, limits=Limits(max_failures=0.01)).run()

        assert outcomes(run)["failed"] >= 20


def test_what_a_pass_counts_as_failed_leaves_out_who_is_open_again(tmp_path: Path) -> None:
    with planned(tmp_path, 12) as run:
        run.ask = lambda: PAUSED
        run.user_pool.fail(UPDATE, "InvalidParameterException", times=100, status=400)
        execution = executor(run)

        with pytest.raises(PoolNotReady):
            execution.run()

        assert execution.tally.outcomes[Outcome.FAILED] == 0


def test_users_who_would_be_sent_a_code_stay_open_and_the_others_are_done(tmp_path: Path) -> None:
    with planned(tmp_path, 30, policy=a_policy(BY_CODE), phone=PHONE, phone_verified=True) as run:
        for number in (3, 9, 15):
            user = run.user_pool.true_state(f"u{number:04}")
            run.user_pool.put(replace(user, phone=OTHER_PHONE, phone_verified=False))
        run.user_pool.pool = replace(run.user_pool.pool, phone_auto_verified=True)
        run.max_sms = 1
        execution = executor(run)

        execution.run()

        assert outcomes(run) == {"pending": 1, "unprocessed": 2, "verified": 27}
        assert run.user_pool.sms.total() == 1
        assert (run.stop.cause, run.stop.detail) == (StopCause.LIMIT, "--max-sms")
        assert execution.tally.reads_only == 2
        assert "2 users stay unprocessed" in run.progress.said[-1]


def test_where_all_would_be_sent_a_code_not_all_are_read_for_nothing(tmp_path: Path) -> None:
    with planned(tmp_path, 400, policy=a_policy(BY_CODE)) as run:
        run.user_pool.pool = replace(run.user_pool.pool, phone_auto_verified=True)
        run.max_sms = 0

        executor(run).run()

        assert outcomes(run) == {"unprocessed": 400}
        assert len(run.user_pool.made(GET)) <= MOST_UNDER_WAY + 2 * LEAST_USERS
        assert run.user_pool.sms == {}


@pytest.mark.parametrize("verb", [PlannedBy.RUN, PlannedBy.ROLLBACK])
@pytest.mark.parametrize("reason", [reason for reason in Reason if reason.facts.left_by_rollback])
def test_what_a_rollback_cannot_restore_is_no_failure_of_the_rollback(
    tmp_path: Path, verb: PlannedBy, reason: Reason
) -> None:
    with planned(tmp_path, 30) as run:
        run.journal.database.query("UPDATE rows SET verb = ?", verb)
        execution = executor(run, limits=Limits(max_failures=0.01), verbs=(verb,))
        execution._context = replace(execution._context, decide=lambda _work, _state: Verdict(reason))

        with nullcontext() if verb is PlannedBy.ROLLBACK else pytest.raises(TooManyFailures):
            execution.run()

        assert outcomes(run)["failed"] >= (30 if verb is PlannedBy.ROLLBACK else 20)


def execute(run: Scene) -> None:
    executor(run).run()
