import random
import threading
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from migrate_mfa.pacing.adaptive_rate import FIRST, PAUSE, SLOWEST
from migrate_mfa.pacing.limiter import LAG, Permit, RateLimiter
from migrate_mfa.stop import Stopped
from tests.support.clock import FakeClock

everything = settings(derandomize=True, deadline=None, max_examples=150)


def busiest_second(sent: list[float]) -> int:
    """The most calls in any window [t, t + 1)."""
    ordered = sorted(sent)
    # A call exactly one second after another is outside its window; the tolerance is that of the floats.
    return max(sum(start <= at < start + 1.0 - 1e-9 for at in ordered) for start in ordered)


def a_pacer(ceiling: float, clock: FakeClock, seed: int = 1) -> RateLimiter:
    return RateLimiter(ceiling, clock, random.Random(seed).random)


def send_now(limiter: RateLimiter, clock: FakeClock) -> float:
    with limiter.acquire() as permit:
        permit.sent()
        return clock.monotonic()


def send_and_say(limiter: RateLimiter, clock: FakeClock, done: threading.Event) -> None:
    send_now(limiter, clock)
    done.set()


def sent_by(ceiling: float, calls: int, seed: int = 1) -> list[float]:
    clock = FakeClock()
    limiter = a_pacer(ceiling, clock, seed)
    return [send_now(limiter, clock) for _ in range(calls)]


@pytest.mark.parametrize("ceiling", [2, 5, 12, 25, 60])
def test_calls_are_spread_but_for_one_that_was_late(ceiling: int) -> None:
    sent = sent_by(ceiling, ceiling * 4)

    for intervals in range(1, ceiling):
        span = intervals / ceiling - 1e-6
        most = max(sum(start <= at < start + span for at in sent) for start in sent)
        assert most <= intervals + 1 + LAG
    assert sent[-1] - sent[0] == pytest.approx((len(sent) - 2) / ceiling, abs=2 / ceiling)


@pytest.mark.parametrize(("ceiling", "gap"), [(0.4, 2.5), (0.5, 2.0), (0.02, 50.0), (1.0, 1.0)])
def test_a_ceiling_below_one_makes_a_call_every_so_many_seconds(ceiling: float, gap: float) -> None:
    sent = sent_by(ceiling, 5)

    assert [later - earlier for earlier, later in pairwise(sent)] == pytest.approx([gap] * 4)


def test_the_whole_ceiling_is_used_when_there_is_enough_to_do() -> None:
    sent = sent_by(25, 25 * 20)

    assert sent[-1] - sent[0] <= 20.5


@pytest.mark.parametrize("ceiling", [0, -1, -0.5])
def test_a_ceiling_of_nothing_is_refused(ceiling: float) -> None:
    with pytest.raises(ValueError, match="above zero"):
        a_pacer(ceiling, FakeClock())


def test_late_callers_earn_back_two_intervals_and_no_more() -> None:
    clock = FakeClock()
    limiter = RateLimiter(10, clock, lambda: 0.0)
    send_now(limiter, clock)
    clock.advance(60.0)

    sent = [send_now(limiter, clock) for _ in range(5)]

    gaps = [later - earlier for earlier, later in pairwise(sent)]
    assert gaps[:2] == pytest.approx([0.0, 0.0])
    assert gaps[2:] == pytest.approx([0.1, 0.1], rel=0.01)


arrivals = st.lists(
    st.tuples(st.sampled_from([0.0, 0.0, 0.0, 0.001, 0.01, 0.3, 0.99, 1.0, 2.5]), st.integers(0, 3)),
    min_size=1,
    max_size=80,
)


@pytest.mark.promise(3)
@everything
@given(st.integers(1, 8), arrivals, st.randoms(use_true_random=False))
def test_no_second_holds_more_than_the_ceiling_however_late_calls_are_sent(
    ceiling: int, pattern: list[tuple[float, int]], random: object
) -> None:
    clock = FakeClock()
    limiter = a_pacer(ceiling, clock)
    held: list[Permit] = []
    taken: list[Permit] = []

    def send(permit: Permit) -> None:
        permit.sent()
        held.remove(permit)

    for pause, to_send in pattern:
        clock.advance(pause)
        if len(taken) >= ceiling and taken[-ceiling] in held:
            send(taken[-ceiling])  # else the next one would wait for it, in this only thread
        permit = limiter.acquire()
        held.append(permit)
        taken.append(permit)
        for _ in range(min(to_send, len(held))):
            send(random.choice(held))  # type: ignore[attr-defined]
    while held:
        send(held[-1])

    sent = [permit.sent_at for permit in taken]
    assert busiest_second([at for at in sent if at is not None]) <= ceiling


@everything
@given(st.sampled_from([0.1, 0.25, 0.4, 0.9]), st.lists(st.floats(0, 5), min_size=2, max_size=20))
def test_a_fraction_is_never_exceeded_however_late_calls_are_sent(
    ceiling: float, latencies: list[float]
) -> None:
    clock = FakeClock()
    limiter = a_pacer(ceiling, clock)

    sent = []
    for latency in latencies:
        with limiter.acquire() as permit:
            clock.advance(latency)
            permit.sent()
            sent.append(clock.monotonic())

    gaps = [later - earlier for earlier, later in pairwise(sent)]
    assert all(gap >= 1 / ceiling - 1e-6 for gap in gaps)


@pytest.mark.parametrize("latency", [0.0, 0.05, 0.7, 1.5])
def test_threads_share_one_ceiling(latency: float) -> None:
    clock = FakeClock()
    limiter = a_pacer(7, clock)
    sent: list[float] = []
    lock = threading.Lock()

    def work(number: int) -> None:
        for turn in range(10):
            with limiter.acquire() as permit:
                clock.advance(latency * ((number + turn) % 3))
                with lock:
                    permit.sent()
                    assert permit.sent_at is not None
                    sent.append(permit.sent_at)

    with ThreadPoolExecutor(6) as threads:
        list(threads.map(work, range(6)))

    assert len(sent) == 60
    assert busiest_second(sent) <= 7


@pytest.mark.promise(3)
def test_the_moment_of_sending_counts_and_not_the_moment_of_letting_go() -> None:
    clock = FakeClock()
    limiter = a_pacer(2, clock)
    late, prompt = limiter.acquire(), limiter.acquire()
    clock.advance(10.0)
    late.sent()
    prompt.sent()
    at = clock.monotonic()

    third = send_now(limiter, clock)

    assert third >= at + 1.0


def test_sending_is_counted_once() -> None:
    clock = FakeClock()
    permit = a_pacer(1, clock).acquire()
    permit.sent()
    first = permit.sent_at

    clock.advance(5.0)
    permit.sent()

    assert permit.sent_at == first


def test_a_call_that_was_never_sent_does_not_hold_up_the_others_for_ever() -> None:
    clock = FakeClock()
    limiter = a_pacer(1, clock)
    with pytest.raises(OSError, match="unplugged"), limiter.acquire():
        raise OSError("unplugged")
    done = threading.Event()

    thread = threading.Thread(target=send_and_say, args=(limiter, clock, done), daemon=True)
    thread.start()

    assert done.wait(10.0)


def test_a_waiting_caller_goes_on_when_the_one_before_is_sent() -> None:
    clock = FakeClock()
    limiter = a_pacer(1, clock)
    first = limiter.acquire()
    done = threading.Event()
    thread = threading.Thread(target=send_and_say, args=(limiter, clock, done), daemon=True)
    thread.start()
    waited = not done.wait(0.05)

    first.sent()

    assert waited
    assert done.wait(10.0)


def test_who_waits_for_a_call_that_has_not_left_yet_can_be_told_to_end() -> None:
    """Connecting, or new credentials, may take a call many seconds; a drain does not wait for that."""
    limiter = a_pacer(1, FakeClock())
    limiter.acquire()
    looks = iter([None, None, Stopped()])

    def check() -> None:
        if (stop := next(looks)) is not None:
            raise stop

    with pytest.raises(Stopped):
        limiter.acquire(check)


# Throttles


def throttle(limiter: RateLimiter, clock: FakeClock) -> bool:
    with limiter.acquire() as permit:
        permit.sent()
        clock.advance(0.01)
        return limiter.throttled(permit)


@pytest.mark.promise(13)
def test_a_throttle_cuts_the_rate() -> None:
    clock = FakeClock()
    limiter = a_pacer(20, clock)
    unslowed = limiter.slowed

    assert throttle(limiter, clock)

    assert not unslowed
    assert limiter.slowed
    assert limiter.rate() == pytest.approx(20 * FIRST * PAUSE)


def test_throttles_of_calls_sent_before_the_cut_say_nothing_new() -> None:
    clock = FakeClock()
    limiter = a_pacer(24, clock)
    tickets = [limiter.acquire() for _ in range(8)]
    for permit in tickets:
        permit.sent()
    clock.advance(0.2)

    cuts = [limiter.throttled(permit) for permit in tickets]

    assert cuts == [True] + [False] * 7
    assert limiter.rate() == pytest.approx(24 * FIRST * PAUSE)


def test_a_call_sent_after_the_cut_can_cut_again() -> None:
    clock = FakeClock()
    limiter = a_pacer(24, clock)
    throttle(limiter, clock)
    before = limiter.rate()

    assert throttle(limiter, clock)
    assert limiter.rate() < before


def test_calls_come_at_the_cut_rate_after_a_throttle() -> None:
    clock = FakeClock()
    limiter = a_pacer(20, clock)
    throttle(limiter, clock)
    at = clock.monotonic()

    sent = [send_now(limiter, clock) for _ in range(20)]

    assert sum(moment < at + 1.0 for moment in sent) <= 20 * FIRST  # the pause, and then the first hold


def test_many_throttles_leave_a_rate_at_which_a_free_quota_is_noticed() -> None:
    clock = FakeClock()
    limiter = a_pacer(25, clock)

    for _ in range(30):
        throttle(limiter, clock)

    assert limiter.rate() == pytest.approx(25 * SLOWEST)


@everything
@given(st.integers(1, 30), st.lists(st.tuples(st.floats(0, 3), st.booleans()), min_size=5, max_size=60))
def test_throttles_never_make_it_faster_than_the_ceiling(
    ceiling: int, calls: list[tuple[float, bool]]
) -> None:
    clock = FakeClock()
    limiter = a_pacer(ceiling, clock)

    sent = []
    for pause, refused in calls:
        clock.advance(pause)
        with limiter.acquire() as permit:
            permit.sent()
            sent.append(clock.monotonic())
            if refused:
                limiter.throttled(permit)
        assert ceiling * SLOWEST - 1e-9 <= limiter.rate() <= ceiling

    assert busiest_second(sent) <= ceiling
