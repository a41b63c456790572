"""A network that is away: waited for once it had answered, told, and given up in the end."""

from collections.abc import Callable

import pytest

from migrate_mfa.domain.errors import ExitCode, OutOfReach
from migrate_mfa.domain.failure import ApiError
from migrate_mfa.domain.model import Phone
from migrate_mfa.domain.quotas import Category
from migrate_mfa.pacing.limiter import RateLimiter
from migrate_mfa.pacing.measure import MeasuredProgress
from migrate_mfa.pacing.network import Network
from migrate_mfa.pacing.retry import ATTEMPTS
from migrate_mfa.pacing.user_pool import PacedUserPool
from migrate_mfa.ports import ProgressUpdate
from migrate_mfa.stop import Stop, StopCause, Stopped
from tests.support.builders import PHONE, a_user
from tests.support.fakes import DESCRIBE, GET, UPDATE, FakeClock, FakeUserPool, SilentProgress

CALLS: dict[str, Callable[[PacedUserPool], object]] = {
    GET: lambda paced: paced.user("ann"),
    UPDATE: lambda paced: paced.store_phone("ann", Phone(PHONE), verified=True),
}
AWAY = ["ConnectFailed", "ProxyFailed", "TlsFailed"]


class World:
    """A pool behind a network that may be away, on a clock that nobody waits for."""

    def __init__(self, patience_s: float = 900.0) -> None:
        self.clock, self.stop, self.said = FakeClock(), Stop(), list[str]()
        self.inner = FakeUserPool([a_user(phone=PHONE)], clock=self.clock)
        limiters = {category: RateLimiter(1000.0, self.clock, lambda: 0.5) for category in Category}
        self.network = Network(self.clock, self.stop, patience_s=patience_s, say=self.said.append)
        self.paced = PacedUserPool(
            self.inner, limiters, clock=self.clock, stop=self.stop, network=self.network
        )

    def reached(self) -> "World":
        self.paced.describe()
        return self


@pytest.mark.parametrize("code", AWAY)
def test_a_network_that_comes_back_costs_no_attempts(code: str) -> None:
    world = World().reached()
    world.inner.fail(GET, code, times=4 * ATTEMPTS)

    assert world.paced.user("ann").username == "ann"
    assert world.said[0].startswith("AWS cannot be reached: ")
    assert "at most 15 min 00 s (--wait-for-network)" in world.said[0]
    assert world.said[1].startswith("AWS answers again, after ")
    assert len(world.said) == 2


def test_a_write_that_was_not_sent_waits_too_and_is_made_once() -> None:
    world = World().reached()
    world.inner.fail(UPDATE, "ConnectFailed", times=4 * ATTEMPTS)

    world.paced.store_phone("ann", Phone(PHONE), verified=True)

    assert world.inner.made().count(UPDATE) == 4 * ATTEMPTS + 1


@pytest.mark.parametrize("operation", CALLS)
def test_it_ends_after_so_long_with_8_names_what_does_not_answer_and_blames_nobody(operation: str) -> None:
    world = World().reached()
    before = world.clock.monotonic()
    world.inner.fail(operation, "ConnectFailed", times=10_000, message="nothing answers at https://idp")

    with pytest.raises(OutOfReach, match=r"\(ConnectFailed\)\. Nothing answers at https://idp\.") as raised:
        CALLS[operation](world.paced)

    assert raised.value.exit_code is ExitCode.STOPPED
    assert 900 <= world.clock.monotonic() - before < 960


def test_what_never_answered_is_not_waited_for() -> None:
    world = World()
    world.inner.fail(GET, "ConnectFailed", times=10_000)
    world.inner.fail(DESCRIBE, "ConnectFailed", times=10_000)

    with pytest.raises(OutOfReach):
        world.paced.user("ann")

    assert world.inner.made().count(GET) == ATTEMPTS
    assert world.said == ["AWS cannot be reached: ConnectFailed. Trying again …"]


def test_nobody_waits_with_0s() -> None:
    world = World(patience_s=0.0).reached()
    world.inner.fail(GET, "ConnectFailed", times=10_000)
    world.inner.fail(DESCRIBE, "ConnectFailed", times=10_000)

    with pytest.raises(OutOfReach):
        world.paced.user("ann")

    assert world.inner.made().count(GET) == ATTEMPTS


def test_a_signal_ends_the_wait_at_once() -> None:
    world = World().reached()
    world.inner.fail(GET, "ConnectFailed", times=10_000)
    until = world.clock.monotonic() + 60

    class Signalled(FakeClock):
        def sleep(self, seconds: float) -> None:
            world.clock.sleep(seconds)
            if world.clock.monotonic() >= until:
                world.stop.request(StopCause.SIGINT)

        def monotonic(self) -> float:
            return world.clock.monotonic()

    world.paced._clock = Signalled()

    with pytest.raises(Stopped):
        world.paced.user("ann")
    assert world.clock.monotonic() - until < 1


def test_each_outage_has_its_own_time() -> None:
    world = World(patience_s=60.0).reached()
    for _ in range(3):
        world.inner.fail(GET, "ConnectFailed", times=5)
        world.paced.user("ann")
        world.clock.advance(3600)

    assert len(world.said) == 6


def test_a_refusal_is_an_answer() -> None:
    world = World().reached()
    world.network.failed(ApiError(operation=GET, code="ConnectFailed"))
    world.inner.fail(GET, "UserNotFoundException", status=400)

    with pytest.raises(ApiError, match="UserNotFoundException"):
        world.paced.user("ann")

    assert str(world.network) == ""


def test_status_is_told_since_when() -> None:
    world = World().reached()
    noted: list[ProgressUpdate] = []
    watched = MeasuredProgress(
        SilentProgress(), world.paced, {}, world.clock, noted.append, network=world.network
    )
    world.network.say = watched.say_of_network
    watched.show(ProgressUpdate(stage="writing", done=1, total=2))

    world.network.failed(ApiError(operation=GET, code="ConnectFailed"))
    assert noted[-1].slowed_by.startswith("waiting for the network since ")
    assert noted[-1].slowed_by.endswith(" UTC")

    world.network.answered()
    assert noted[-1].slowed_by == ""
