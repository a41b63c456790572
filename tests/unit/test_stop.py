"""How long a run that was asked to end lets what is in flight wait."""

import os
import signal
import threading
from collections.abc import Callable, Iterator

import pytest

from migrate_mfa.aws import session
from migrate_mfa.pacing.limiter import RateLimiter
from migrate_mfa.stop import (
    DRAIN_S,
    SILENT_DRAIN_S,
    Stop,
    StopCause,
    Stopped,
    at_a_question,
    drain,
    on_signals,
)
from tests.support.clock import FakeClock


def test_nobody_is_hurried_while_a_run_goes_on_or_ends_at_a_limit() -> None:
    clock, stop = FakeClock(), Stop()
    stop.check_drain(clock)
    stop.request(StopCause.LIMIT)

    stop.check_drain(clock)
    clock.advance(10 * DRAIN_S)

    stop.check_drain(clock)


def test_a_process_that_asks_itself_to_end_says_why_and_names_no_signal() -> None:
    stop, said = Stop(), list[str]()
    with on_signals(stop, said.append):
        drain("The lease of s3://bucket/run")

    assert stop.cause is StopCause.SIGTERM
    assert said[0].startswith("The lease of s3://bucket/run: finishing the calls in flight")
    with on_signals(Stop(), said.append):
        os.kill(os.getpid(), signal.SIGTERM)
    assert said[1].startswith("SIGTERM: finishing")


def test_what_is_in_flight_has_some_seconds_after_a_signal() -> None:
    clock, stop = FakeClock(), Stop()
    clock.advance(1000)
    stop.request(StopCause.SIGTERM)
    stop.check_drain(clock)
    clock.advance(DRAIN_S - 0.1)
    stop.check_drain(clock)
    clock.advance(0.1)

    with pytest.raises(Stopped):
        stop.check_drain(clock)


def test_a_wait_for_a_turn_at_next_to_no_rate_ends_with_the_drain() -> None:
    """Throttled to its lowest, a pacer would keep two dozen users waiting for minutes."""
    clock, stop = FakeClock(), Stop()
    limiter = RateLimiter(0.05, clock, lambda: 0.5)
    with limiter.acquire() as permit:
        permit.sent()
    stop.request(StopCause.SIGTERM)
    began = clock.monotonic()

    for _ in range(24):
        with pytest.raises(Stopped):
            limiter.acquire(lambda: stop.check_drain(clock))

    assert DRAIN_S <= clock.monotonic() - began <= DRAIN_S + 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_is_answered_at_once(number: signal.Signals) -> None:
    stop, said, heard = Stop(), list[str](), threading.Event()

    def say(text: str) -> None:
        said.append(text)
        heard.set()

    with on_signals(stop, say):
        os.kill(os.getpid(), number)
        assert heard.wait(10)

    assert stop.requested
    text = "".join(said)
    assert text.startswith(
        f"{number.name}: finishing the calls in flight, at most 15 s (40 s if AWS does not"
    )
    assert text.endswith("\nA second signal stops at once, without a report. Nothing is lost by that.")


def test_nothing_is_answered_where_no_signal_came() -> None:
    said = list[str]()

    with on_signals(Stop(), said.append):
        pass

    assert said == []
    assert "herald" not in {thread.name for thread in threading.enumerate()}


class Careful(Stop):
    """A stop that no signal handler may ask: the main thread may be asking just then, and hold the lock."""

    def request(self, cause: StopCause, detail: str = "") -> None:
        assert threading.current_thread() is not threading.main_thread()
        super().request(cause, detail)


def test_a_handler_takes_no_lock_that_it_may_have_interrupted() -> None:
    stop = Careful()
    with on_signals(stop):
        signal.raise_signal(signal.SIGINT)

    assert stop.cause is StopCause.SIGINT


HEEDED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@pytest.mark.parametrize("number", HEEDED)
def test_a_signal_at_a_question_ends_it_where_it_is_looked_for_and_nowhere_else(
    ignores_hang_ups: Callable[[bool], None], number: signal.Signals
) -> None:
    ignores_hang_ups(False)
    stop = Stop()
    with at_a_question(stop) as check:
        check()
        signal.raise_signal(number)
        assert not stop.requested
        with pytest.raises(Stopped):
            check()

    assert stop.cause is (StopCause.SIGINT if number is signal.SIGINT else StopCause.SIGTERM)


def test_a_signal_that_comes_with_the_answer_is_not_lost() -> None:
    stop = Stop()
    with at_a_question(stop):
        signal.raise_signal(signal.SIGTERM)

    assert stop.cause is StopCause.SIGTERM


def test_a_signal_before_the_question_ends_it_at_the_first_look() -> None:
    stop = Stop()
    stop.request(StopCause.SIGINT)

    with at_a_question(stop) as check, pytest.raises(Stopped):
        check()


def test_a_question_leaves_the_handling_of_signals_as_it_was() -> None:
    handlers = [signal.getsignal(number) for number in HEEDED]
    with at_a_question(Stop()) as check:
        signal.raise_signal(signal.SIGTERM)
        with pytest.raises(Stopped):
            check()

    assert handlers == [signal.getsignal(number) for number in HEEDED]


def test_the_longest_drain_that_is_told_is_the_longest_there_is() -> None:
    assert SILENT_DRAIN_S == DRAIN_S + session._CONNECT_TIMEOUT_S + session._READ_TIMEOUT_S


def test_a_hang_up_ends_it_once_however_often_it_comes(ignores_hang_ups: Callable[[bool], None]) -> None:
    ignores_hang_ups(False)
    stop = Stop()
    with on_signals(stop):
        for _ in range(3):
            signal.raise_signal(signal.SIGHUP)

    assert stop.cause is StopCause.SIGTERM


def test_a_hang_up_that_it_was_started_to_survive_is_survived(
    ignores_hang_ups: Callable[[bool], None],
) -> None:
    ignores_hang_ups(True)
    stop = Stop()
    with on_signals(stop):
        signal.raise_signal(signal.SIGHUP)

    assert stop.cause is None


@pytest.fixture
def ignores_hang_ups() -> Iterator[Callable[[bool], None]]:
    """Say whether this process was started by nohup."""
    before = signal.getsignal(signal.SIGHUP)

    def start(ignores: bool) -> None:
        signal.signal(signal.SIGHUP, signal.SIG_IGN if ignores else signal.SIG_DFL)

    yield start
    signal.signal(signal.SIGHUP, before)
