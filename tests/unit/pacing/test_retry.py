from collections.abc import Callable, Iterable

import pytest
from tenacity import RetryCallState

from migrate_mfa.domain.failure import ApiError, Effect
from migrate_mfa.pacing.retry import ATTEMPTS, BUDGET_S, IMPATIENT, READS, WRITES, retrying
from migrate_mfa.ports import Clock
from migrate_mfa.stop import Stop, StopCause, Stopped
from tests.support.clock import FakeClock

CODES = {
    Effect.THROTTLED: "TooManyRequestsException",
    Effect.NOT_EXECUTED: "ConnectFailed",
    Effect.UNKNOWN: "ConnectionLost",
    Effect.REFUSED: "InvalidParameterException",
    Effect.FATAL: "AccessDeniedException",
}


class Service:
    """Fails with the given effects, one call after the other, then answers."""

    def __init__(self, *effects: Effect, for_ever: Effect | None = None) -> None:
        self._effects = list(effects)
        self._for_ever = for_ever
        self.calls = 0

    def __call__(self) -> str:
        self.calls += 1
        effect = self._effects.pop(0) if self._effects else self._for_ever
        if effect is not None:
            raise ApiError(operation="Op", code=CODES[effect])
        return "answer"


class InOneNap(Stop):
    """Waits without looking up, so that a wait is one nap of the clock."""

    def sleep(self, clock: Clock, seconds: float) -> None:
        clock.sleep(seconds)


def attempt(
    service: Callable[[], str],
    effects: frozenset[Effect],
    clock: FakeClock | None = None,
    *,
    connects: int = ATTEMPTS,
) -> tuple[str | ApiError, list[int]]:
    clock = clock or FakeClock()
    noted: list[int] = []

    def note(state: RetryCallState) -> None:
        noted.append(state.attempt_number)

    controller = retrying(effects, clock, InOneNap(), before_retry=note, connects=connects)
    try:
        return controller(service), noted
    except ApiError as error:
        return error, noted


@pytest.mark.parametrize(
    ("effects", "repeated"),
    [
        (READS, {Effect.THROTTLED, Effect.NOT_EXECUTED, Effect.UNKNOWN}),
        (WRITES, {Effect.THROTTLED, Effect.NOT_EXECUTED}),
    ],
    ids=["reads", "writes"],
)
@pytest.mark.parametrize("effect", list(Effect))
def test_only_what_is_safe_to_repeat_is_repeated(
    effects: Iterable[Effect], repeated: set[Effect], effect: Effect
) -> None:
    service = Service(effect)

    answer, noted = attempt(service, frozenset(effects))

    if effect in repeated:
        assert (answer, service.calls, noted) == ("answer", 2, [1])
    else:
        assert isinstance(answer, ApiError)
        assert answer.effect is effect
        assert (service.calls, noted) == (1, [])


@pytest.mark.parametrize("effect", [Effect.NOT_EXECUTED, Effect.UNKNOWN])
def test_a_call_is_given_up_after_the_documented_number_of_failures(effect: Effect) -> None:
    service = Service(for_ever=effect)

    answer, _ = attempt(service, READS)

    assert isinstance(answer, ApiError)
    assert service.calls == ATTEMPTS == 8


def test_a_look_that_nothing_depends_on_bears_fewer_failures_to_connect_and_as_many_others() -> None:
    clock, nobody = FakeClock(), Service(for_ever=Effect.NOT_EXECUTED)
    started = clock.monotonic()

    answer, _ = attempt(nobody, READS, clock, connects=IMPATIENT)
    other, _ = attempt(Service(*[Effect.UNKNOWN] * (ATTEMPTS - 1)), READS, connects=IMPATIENT)

    assert isinstance(answer, ApiError)
    assert nobody.calls == IMPATIENT == 3
    assert clock.monotonic() - started < 3
    assert other == "answer"


def test_throttles_cost_no_attempts() -> None:
    service = Service(*[Effect.THROTTLED] * 50, *[Effect.UNKNOWN] * 7)

    answer, noted = attempt(service, READS)

    assert answer == "answer"
    assert len(noted) == 57


def test_a_throttle_that_never_ends_is_given_up_after_the_documented_time() -> None:
    clock, service = FakeClock(), Service(for_ever=Effect.THROTTLED)
    started = clock.monotonic()

    answer, _ = attempt(service, READS, clock)

    assert isinstance(answer, ApiError)
    assert BUDGET_S == 600
    assert BUDGET_S - 2 <= clock.monotonic() - started <= BUDGET_S


def test_the_waits_after_failures_grow_and_are_bounded() -> None:
    clock = FakeClock()

    attempt(Service(for_ever=Effect.UNKNOWN), READS, clock)

    assert len(clock.naps) == ATTEMPTS - 1
    assert all(0 <= nap <= min(20.0, 0.5 * 2**number) for number, nap in enumerate(clock.naps))


def test_the_waits_after_throttles_only_spread_the_threads() -> None:
    clock = FakeClock()

    attempt(Service(*[Effect.THROTTLED] * 20), READS, clock)

    assert len(clock.naps) == 20
    assert all(0.1 <= nap <= 1.0 for nap in clock.naps)


def test_the_last_failure_is_raised_as_it_is() -> None:
    service = Service(*[Effect.UNKNOWN] * 7, for_ever=Effect.NOT_EXECUTED)

    answer, _ = attempt(service, READS)

    assert isinstance(answer, ApiError)
    assert answer.code == CODES[Effect.NOT_EXECUTED]


def test_a_stop_ends_the_waiting() -> None:
    stop = Stop()
    stop.request(StopCause.SIGINT)
    controller = retrying(READS, FakeClock(), stop)

    with pytest.raises(Stopped):
        controller(Service(for_ever=Effect.UNKNOWN))


def test_an_error_of_our_own_is_no_reason_to_try_again() -> None:
    calls = []

    def broken() -> str:
        calls.append(1)
        raise KeyError("x")

    with pytest.raises(KeyError):
        attempt(broken, READS)
    assert len(calls) == 1
