from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest

from migrate_mfa.domain.errors import ExitCode, MigrateMfaError, NotAllowed, OutOfReach
from migrate_mfa.domain.failure import ApiError, Effect
from migrate_mfa.domain.model import Phone
from migrate_mfa.domain.quotas import Category
from migrate_mfa.pacing.call_count import CallCount
from migrate_mfa.pacing.limiter import RateLimiter
from migrate_mfa.pacing.retry import ATTEMPTS
from migrate_mfa.pacing.user_pool import PacedUserPool
from migrate_mfa.ports import before_write, sending
from migrate_mfa.stop import Stop, StopCause, Stopped
from tests.support.builders import PHONE, a_user
from tests.support.fakes import DESCRIBE, FACTORS, GET, LIST, MFA, UPDATE, FakeClock, FakeUserPool

THROTTLE = "TooManyRequestsException"


class World:
    def __init__(self, rps: float = 1000.0) -> None:
        self.clock = FakeClock()
        self.stop = Stop()
        self.inner = FakeUserPool([a_user(phone=PHONE)], clock=self.clock)
        self.limiters = {category: RateLimiter(rps, self.clock, lambda: 0.5) for category in Category}
        self.paced = PacedUserPool(self.inner, self.limiters, clock=self.clock, stop=self.stop)

    def call(self, operation: str) -> Any:
        return CALLS[operation](self.paced)

    def counted(self, category: Category) -> tuple[int, int, int]:
        count = self.paced.calls[category]
        return count.sent, count.throttled, count.retried


CALLS: dict[str, Callable[[PacedUserPool], Any]] = {
    DESCRIBE: lambda paced: paced.describe(),
    LIST: lambda paced: paced.page(None, None),
    GET: lambda paced: paced.user("ann"),
    FACTORS: lambda paced: paced.has_passkey("ann"),
    UPDATE: lambda paced: paced.store_phone("ann", Phone(PHONE), verified=True),
    MFA: lambda paced: paced.set_sms_mfa("ann", enabled=True, preferred=True),
}
CATEGORIES = {
    DESCRIBE: Category.USER_POOL_READ,
    LIST: Category.USER_LIST,
    GET: Category.USER_READ,
    FACTORS: Category.USER_READ,
    UPDATE: Category.USER_UPDATE,
    MFA: Category.USER_RESOURCE_UPDATE,
}
READ_OPERATIONS = [DESCRIBE, LIST, GET, FACTORS]
WRITE_OPERATIONS = [UPDATE, MFA]


@pytest.fixture
def world() -> World:
    return World()


@pytest.mark.parametrize("operation", CALLS)
def test_each_call_spends_its_own_category_and_no_other(world: World, operation: str) -> None:
    world.call(operation)

    spent = {category for category, count in world.paced.calls.items() if count != CallCount()}
    second_half = {Category.USER_POOL_RESOURCE_READ} if operation == DESCRIBE else set()
    assert spent == {CATEGORIES[operation]} | second_half
    assert world.inner.made() == [operation]


@pytest.mark.parametrize("operation", CALLS)
def test_every_attempt_is_counted_repeats_included(world: World, operation: str) -> None:
    world.inner.fail(operation, THROTTLE, times=2)
    world.inner.fail(operation, "ConnectFailed", times=1)

    world.call(operation)

    assert world.counted(CATEGORIES[operation]) == (4, 2, 3)
    assert len(world.inner.calls) == 4


@pytest.mark.parametrize("operation", CALLS)
def test_every_attempt_passes_the_limiter_repeats_included(operation: str) -> None:
    world = World(rps=1.0)
    world.inner.fail(operation, "ConnectFailed", times=5)

    world.call(operation)

    sent = [call.at for call in world.inner.calls]
    assert len(sent) == 6
    assert all(later - earlier >= 1.0 for earlier, later in pairwise(sent))


@pytest.mark.parametrize("operation", READ_OPERATIONS)
def test_a_read_is_repeated_when_its_effect_is_unknown(world: World, operation: str) -> None:
    world.inner.fail(operation, "ConnectionLost", executed=True)

    world.call(operation)

    assert len(world.inner.calls) == 2


@pytest.mark.parametrize("operation", WRITE_OPERATIONS)
@pytest.mark.parametrize("code", ["ConnectionLost", "InternalErrorException", "GarbledAnswer"])
def test_a_write_whose_effect_is_unknown_is_never_repeated_here(
    world: World, operation: str, code: str
) -> None:
    world.inner.fail(operation, code, executed=True)

    with pytest.raises(ApiError) as failure:
        world.call(operation)

    assert failure.value.effect is Effect.UNKNOWN
    assert world.inner.made() == [operation]


@pytest.mark.parametrize("operation", WRITE_OPERATIONS)
def test_a_write_that_is_made_again_after_an_unknown_end_counts_as_a_repeat(
    world: World, operation: str
) -> None:
    world.inner.fail(operation, "InternalErrorException", times=2)
    for _ in range(2):
        with pytest.raises(ApiError):
            world.call(operation)

    world.call(operation)
    world.call(operation)

    assert world.counted(CATEGORIES[operation]) == (4, 0, 2)


@pytest.mark.parametrize("operation", WRITE_OPERATIONS)
@pytest.mark.parametrize("code", [THROTTLE, "ConnectFailed"])
def test_a_write_that_was_certainly_not_executed_is_repeated(world: World, operation: str, code: str) -> None:
    world.inner.fail(operation, code)

    world.call(operation)

    assert len(world.inner.calls) == 2


@pytest.mark.parametrize("operation", CALLS)
def test_a_refusal_is_raised_at_once(world: World, operation: str) -> None:
    world.inner.fail(operation, "InvalidParameterException")

    with pytest.raises(OutOfReach if operation == DESCRIBE else ApiError):
        world.call(operation)

    assert len(world.inner.calls) == 1


@pytest.mark.parametrize("operation", CALLS)
@pytest.mark.parametrize(
    ("code", "exit_code"),
    [
        ("AccessDeniedException", ExitCode.NOT_ALLOWED),
        ("ExpiredTokenException", ExitCode.NOT_ALLOWED),
        ("ResourceNotFoundException", ExitCode.POOL_NOT_READY),
    ],
)
def test_what_concerns_every_user_becomes_the_runs_error_at_once(
    world: World, operation: str, code: str, exit_code: ExitCode
) -> None:
    world.inner.fail(operation, code)

    with pytest.raises(MigrateMfaError) as failure:
        world.call(operation)

    assert failure.value.exit_code == exit_code
    assert len(world.inner.calls) == 1


def test_a_throttle_slows_its_own_category_down_and_no_other(world: World) -> None:
    world.inner.fail(UPDATE, THROTTLE)

    world.call(UPDATE)

    slow = {category for category, limiter in world.limiters.items() if limiter.rate() < limiter.ceiling}
    assert slow == {Category.USER_UPDATE}


def test_an_adapter_that_sends_late_is_counted_when_it_sends() -> None:
    world = World(rps=2.0)
    announced: list[bool] = []

    def slow(_: object) -> None:
        announced.append(sending.get() is not None)
        world.clock.advance(0.4)

    world.inner.hook = slow
    for _ in range(6):
        world.call(GET)

    sent = [call.at for call in world.inner.calls]
    assert all(announced)
    assert all(later - earlier >= 1.0 for earlier, later in zip(sent, sent[2:], strict=False))


def test_nothing_announces_itself_once_a_call_is_over(world: World) -> None:
    world.call(GET)

    assert sending.get() is None


# Nobody is to blame for the network.


@pytest.mark.parametrize("operation", [GET, FACTORS])
def test_a_read_that_fails_while_the_pool_answers_is_given_up_for_this_user(
    world: World, operation: str
) -> None:
    world.inner.fail(operation, "InternalErrorException", times=1000)

    with pytest.raises(ApiError) as failure:
        world.call(operation)

    assert failure.value.code == "InternalErrorException"
    assert world.inner.made(operation) == [operation] * ATTEMPTS
    assert world.inner.made(DESCRIBE) == [DESCRIBE]


@pytest.mark.parametrize("operation", [LIST, GET, FACTORS, UPDATE, MFA])
def test_when_the_pool_does_not_answer_either_aws_is_out_of_reach(world: World, operation: str) -> None:
    for each in CALLS:
        world.inner.fail(each, "ConnectFailed", times=1000)

    with pytest.raises(OutOfReach) as failure:
        world.call(operation)

    assert failure.value.exit_code == ExitCode.STOPPED
    assert operation in failure.value.message


@pytest.mark.parametrize("operation", [LIST, DESCRIBE])
def test_where_there_is_no_user_to_blame_aws_is_out_of_reach(world: World, operation: str) -> None:
    world.inner.fail(operation, "InternalErrorException", times=ATTEMPTS)

    with pytest.raises(OutOfReach):
        world.call(operation)


@pytest.mark.parametrize("operation", CALLS)
def test_a_throttle_without_end_is_no_users_fault(world: World, operation: str) -> None:
    world.inner.fail(operation, THROTTLE, times=100_000)

    with pytest.raises(OutOfReach, match="throttled"):
        world.call(operation)


def test_a_write_that_never_leaves_while_the_pool_answers_is_given_up_for_this_user(world: World) -> None:
    world.inner.fail(UPDATE, "ConnectFailed", times=1000)

    with pytest.raises(ApiError) as failure:
        world.call(UPDATE)

    assert failure.value.effect is Effect.NOT_EXECUTED
    assert world.inner.made(UPDATE) == [UPDATE] * ATTEMPTS


def read(world: World, username: str) -> type[Exception] | None:
    try:
        world.paced.user(username)
    except (ApiError, OutOfReach) as error:
        return type(error)
    return None


def test_what_fails_for_several_users_is_no_users_fault(world: World) -> None:
    world.inner.fail(GET, "InternalErrorException", times=1000)

    ends = [read(world, name) for name in ("ann", "bob", "cat")]

    assert ends == [ApiError, ApiError, OutOfReach]


def test_a_success_in_between_shows_that_the_operation_works(world: World) -> None:
    world.inner.put(a_user("dan"))
    for name in ("ann", "bob", "cat"):
        world.inner.fail(GET, "InternalErrorException", times=1000, username=name)

    ends = [read(world, name) for name in ("ann", "bob", "dan", "cat")]

    assert ends == [ApiError, ApiError, None, ApiError]


def test_what_is_not_authorized_for_several_users_in_a_row_is_no_users_fault(world: World) -> None:
    world.inner.put(a_user("dan"))
    for name in ("ann", "bob", "cat", "eve"):
        world.inner.fail(GET, "NotAuthorizedException", times=1000, username=name)

    ends = [read(world, name) for name in ("ann", "bob", "dan", "cat", "ann", "ann", "eve", "bob")]

    assert ends == [ApiError, ApiError, None, ApiError, ApiError, ApiError, OutOfReach, OutOfReach]
    assert DESCRIBE not in world.inner.made()


def test_a_user_whom_cognito_refuses_is_to_blame_however_many_there_are(world: World) -> None:
    world.inner.fail(GET, "InvalidParameterException", times=1000)

    assert [read(world, name) for name in ("ann", "bob", "cat", "dan")] == [ApiError] * 4


def test_credentials_that_end_while_the_pool_is_looked_at_are_the_problem_that_is_named(
    world: World,
) -> None:
    world.inner.fail(GET, "ConnectionLost", times=1000)
    world.inner.fail(DESCRIBE, "ExpiredTokenException")

    with pytest.raises(NotAllowed):
        world.call(GET)


def test_a_pool_that_throttles_is_in_reach(world: World) -> None:
    world.inner.fail(GET, "InternalErrorException", times=1000)
    world.inner.fail(DESCRIBE, THROTTLE)

    with pytest.raises(ApiError):
        world.call(GET)


# Stopping


@pytest.mark.parametrize("operation", CALLS)
def test_a_run_that_is_ending_does_not_wait_for_another_try(world: World, operation: str) -> None:
    world.inner.fail(operation, "ConnectFailed", times=1000)
    world.inner.hook = lambda _: world.stop.request(StopCause.SIGTERM)

    with pytest.raises(Stopped):
        world.call(operation)

    assert len(world.inner.calls) == 1


@pytest.mark.parametrize("operation", CALLS)
def test_a_run_that_is_ending_still_makes_a_call_that_needs_no_waiting(world: World, operation: str) -> None:
    world.stop.request(StopCause.SIGTERM)

    world.call(operation)

    assert world.inner.made() == [operation]


def test_the_enforced_limit_is_asked_for_once_and_not_paced(world: World) -> None:
    world.inner.limits[Category.USER_READ] = 200.0

    assert world.paced.enforced_limit(Category.USER_READ) == 200.0
    assert world.paced.enforced_limit(Category.USER_LIST) is None
    assert all(count == CallCount() for count in world.paced.calls.values())


def test_both_halves_of_a_description_are_paced_by_their_own_category() -> None:
    world = World()
    slow = Category.USER_POOL_RESOURCE_READ
    world.limiters[slow] = RateLimiter(1.0, world.clock, lambda: 0.5)
    began = world.clock.monotonic()

    for _ in range(4):
        world.paced.describe()

    assert world.clock.monotonic() - began >= 3.0
    assert world.counted(slow) == (4, 0, 0)


@pytest.mark.parametrize("operation", CALLS)
def test_a_write_can_be_prevented_when_its_turn_comes_and_counts_for_nothing(
    world: World, operation: str
) -> None:
    def prevent() -> None:
        raise LookupError

    token = before_write.set(prevent)
    try:
        if operation in WRITE_OPERATIONS:
            with pytest.raises(LookupError):
                world.call(operation)
        else:
            world.call(operation)
    finally:
        before_write.reset(token)

    sent = operation not in WRITE_OPERATIONS
    assert world.inner.made() == [operation] * sent
    assert world.counted(CATEGORIES[operation]) == (int(sent), 0, 0)


def test_calls_are_counted_by_the_second_until_they_are_taken_down(world: World) -> None:
    begun = int(world.clock.now())
    world.inner.fail(UPDATE, THROTTLE)

    world.call(UPDATE)
    world.call(GET)
    taken = world.paced.take_moments()

    of_updates = {second: counts for (category, second), counts in taken.items() if category == "UserUpdate"}
    assert min(of_updates) == begun
    assert [sum(each) for each in zip(*of_updates.values(), strict=True)] == [2, 1]
    assert sum(sent for (category, _), (sent, _) in taken.items() if category == "UserRead") == 1
    assert world.paced.take_moments() == {}
