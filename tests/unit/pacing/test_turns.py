"""The turn of a write is taken before the read that decides it, so the gap between them is a round trip."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from migrate_mfa.domain.model import (
    ClearPhone,
    MarkUnverified,
    Phone,
    PreferFactor,
    SetSmsMfa,
    Step,
    StorePhone,
)
from migrate_mfa.domain.quotas import Category
from migrate_mfa.engine.execute import Executor
from migrate_mfa.engine.limits import Limits
from migrate_mfa.pacing.limiter import TURN_LASTS_S, RateLimiter
from migrate_mfa.pacing.turns import Turns, held
from tests.support.builders import PHONE, a_candidate, a_user
from tests.support.clock import FakeClock
from tests.support.fakes import GET, MFA, UPDATE, Call, FakeUserPool
from tests.support.scene import Scene, make_limiters, scene
from tests.support.stepwise import StepwiseClock

STORE = StorePhone(Phone(PHONE), verified=True)
SMS_ON = SetSmsMfa(enabled=True, preferred=True)
U, R = Category.USER_UPDATE, Category.USER_RESOURCE_UPDATE


def some_pacers(clock: FakeClock, rps: float = 10.0) -> dict[Category, RateLimiter]:
    return {category: RateLimiter(rps, clock, lambda: 0.0) for category in Category}


def took(steps: Iterable[Step]) -> set[Category]:
    with Turns(some_pacers(FakeClock()), lambda: None) as turns:
        turns.take(steps)
        return {category for category in Category if turns.use(category) is not None}


@pytest.mark.parametrize(
    ("steps", "categories"),
    [
        ((), set()),
        ((STORE,), {U}),
        ((MarkUnverified(Phone(PHONE)),), {U}),
        ((ClearPhone(),), {U}),
        ((SMS_ON,), {R}),
        ((PreferFactor("SOFTWARE_TOKEN_MFA"),), {R}),
        ((SMS_ON, STORE), {U, R}),
    ],
)
def test_a_turn_is_taken_for_each_category_that_the_writes_need(
    steps: tuple[Step, ...], categories: set[Category]
) -> None:
    assert took(steps) == categories


def test_a_turn_covers_one_write() -> None:
    with Turns(some_pacers(FakeClock()), lambda: None) as turns:
        turns.take([STORE])
        assert turns.cover([STORE])
        assert not turns.cover([STORE, SMS_ON])
        turns.use(U)
        assert not turns.cover([STORE])


def test_without_limiters_nothing_is_waited_for() -> None:
    with Turns({}, lambda: None) as turns:
        turns.take([STORE, SMS_ON])
        assert turns.cover([STORE, SMS_ON])


def test_turns_are_known_to_the_thread_until_the_user_is_done() -> None:
    assert held.get() is None
    with Turns({}, lambda: None) as turns:
        assert held.get() is turns
    assert held.get() is None


def test_a_turn_that_is_not_needed_goes_to_whoever_comes_next() -> None:
    clock = FakeClock()
    limiters = some_pacers(clock)
    with Turns(limiters, lambda: None) as turns:
        turns.take([STORE])
    begun = clock.monotonic()

    for _ in range(10):
        limiters[U].acquire().sent()

    # Ten calls take nine intervals and the first; the turn before them cost nothing.
    assert clock.monotonic() - begun <= 10 * 0.1 * 1.01


def test_what_was_given_back_counts_neither_as_sent_nor_in_the_window() -> None:
    clock = FakeClock()
    limiter = RateLimiter(1.0, clock, lambda: 0.0)
    permit = limiter.acquire()
    permit.give_back()
    permit.sent()
    begun = clock.monotonic()

    limiter.acquire().sent()

    assert permit.sent_at == float("-inf")
    assert clock.monotonic() == begun


def test_turns_that_were_held_for_long_do_not_go_all_at_once() -> None:
    clock = FakeClock()
    limiter = RateLimiter(10.0, clock, lambda: 0.0)
    turns = [limiter.turn() for _ in range(8)]
    clock.advance(TURN_LASTS_S + 0.1)
    sent = []
    for turn in turns:
        turn.go().sent()
        sent.append(clock.monotonic())

    assert sent[-1] - sent[0] >= 5 * 0.1


def test_turns_from_before_a_cut_wait_for_the_pause_after_it() -> None:
    clock = FakeClock()
    limiter = RateLimiter(10.0, clock, lambda: 0.0)
    first, second, *_ = [limiter.turn() for _ in range(8)]
    assert limiter.throttled(first.go())
    cut_at, paused = clock.monotonic(), limiter.rate()

    second.go().sent()

    assert paused <= 1.0
    assert clock.monotonic() - cut_at >= 0.5


class Slow(FakeUserPool):
    """Each call takes a while, half of it before it is executed."""

    latency_s = 0.1

    def _call(self, *arguments: Any, **named: Any) -> Any:
        self.clock.sleep(self.latency_s / 2)
        try:
            return super()._call(*arguments, **named)
        finally:
            self.clock.sleep(self.latency_s / 2)


def enrol(path: Path, users: int, *, rps: float, latency_s: float, reads_rps: float = 60.0) -> Scene:
    clock = StepwiseClock()
    people = [a_user(f"u{number:04}") for number in range(users)]
    user_pool = Slow(people, clock=clock)
    with scene(path, user_pool) as run:
        user_pool.latency_s = 0.0
        clock.perform(lambda: run.plan([a_candidate(u.username, row=n) for n, u in enumerate(people, 1)]))
        user_pool.calls.clear()
        user_pool.latency_s = latency_s

        def work() -> None:
            limiters = make_limiters(clock, rps)
            limiters[Category.USER_READ] = RateLimiter(reads_rps, clock, lambda: 0.5)
            context = run.context(run.paced(limiters=limiters), limiters=limiters)
            Executor(
                context,
                limiters,
                limits=Limits(max_failures=1.0),
                batch_size=100,
                progress=run.progress,
                begun=clock.monotonic(),
            ).run()

        clock.perform(work)
        assert set(run.rows().values()) == {("verified", "enrolled")}
        return run


def gaps(calls: list[Call]) -> list[float]:
    """From the read that decided it to each write."""
    read: dict[str, float] = {}
    found = []
    for call in sorted(calls, key=lambda each: each.at):
        if call.operation == GET:
            read[call.username] = call.at
        elif call.operation in {UPDATE, MFA}:
            found.append(call.at - read[call.username])
    return found


def test_the_gap_between_read_and_write_is_round_trips_and_the_rate_is_all_that_is_allowed(
    tmp_path: Path,
) -> None:
    latency_s = 0.06
    run = enrol(tmp_path, 80, rps=12.0, latency_s=latency_s)

    assert len(run.user_pool.made(GET)) == 160
    assert max(gaps(run.user_pool.calls)) <= 0.3  # 2 s, where the read comes before the turn
    for operation in (UPDATE, MFA):
        sent = sorted(call.at for call in run.user_pool.calls if call.operation == operation)[12:-12]
        window = 1.0 + latency_s / 2  # a second from when a call was sent, which it is half-way
        assert (len(sent) - 1) / (sent[-1] - sent[0]) >= 0.98 * 12.0 / window


def test_beside_live_traffic_the_gap_stays_as_short(tmp_path: Path) -> None:
    """The queue before a throttled limiter is seconds long; nobody waits in it with a decision."""
    clock = StepwiseClock()
    people = [a_user(f"u{number:04}") for number in range(40)]
    user_pool = Slow(people, clock=clock)
    turn = iter(range(10_000))
    with scene(tmp_path, user_pool) as run:
        clock.perform(lambda: run.plan([a_candidate(u.username, row=n) for n, u in enumerate(people, 1)]))
        user_pool.calls.clear()

        def refuse(call: Call) -> None:
            if call.operation == MFA and next(turn) % 3 == 0:
                user_pool.fail(MFA, "TooManyRequestsException", username=call.username, status=400)

        user_pool.hook = refuse

        def work() -> None:
            limiters = make_limiters(clock, 4.0)
            context = run.context(run.paced(limiters=limiters), limiters=limiters)
            Executor(
                context,
                limiters,
                limits=Limits(max_failures=1.0),
                batch_size=100,
                progress=run.progress,
                begun=clock.monotonic(),
            ).run()

        clock.perform(work)

        assert set(run.rows().values()) == {("verified", "enrolled")}
        assert len(user_pool.made(MFA)) > 45
        assert max(gaps(user_pool.calls)) <= 2.5


def test_a_limiter_of_reads_that_is_far_slower_holds_up_the_writes_and_no_more(tmp_path: Path) -> None:
    run = enrol(tmp_path, 12, rps=12.0, latency_s=0.06, reads_rps=1.0)

    assert len(run.user_pool.made(GET)) <= 12 * 3
    assert max(gaps(run.user_pool.calls)) <= 2.5
