"""How long a run that was asked to end lets what is in flight wait."""

import pytest

from migrate_mfa.engine.pacer import Pacer
from migrate_mfa.engine.stop import DRAIN_S, Stop, StopCause, Stopped
from tests.support.clock import FakeClock


def test_nobody_is_hurried_while_a_run_goes_on_or_ends_at_a_limit() -> None:
    clock, stop = FakeClock(), Stop()
    stop.check_drain(clock)
    stop.request(StopCause.LIMIT)

    stop.check_drain(clock)
    clock.advance(10 * DRAIN_S)

    stop.check_drain(clock)


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
    pacer = Pacer(0.05, clock, lambda: 0.5)
    with pacer.acquire() as ticket:
        ticket.sent()
    stop.request(StopCause.SIGTERM)
    began = clock.monotonic()

    for _ in range(24):
        with pytest.raises(Stopped):
            pacer.acquire(lambda: stop.check_drain(clock))

    assert DRAIN_S <= clock.monotonic() - began <= DRAIN_S + 1
