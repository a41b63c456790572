import pytest

from migrate_mfa.engine.limits import Allowance, FailureGuard, Limits, too_many
from tests.support.clock import FakeClock


@pytest.mark.parametrize(
    ("failed", "of", "limit", "expected"),
    [
        (4, 4, 0.01, False),
        (5, 5, 0.01, True),
        (5, 499, 0.01, True),
        (5, 500, 0.01, False),
        (6, 500, 0.01, True),
        (5, 5, 1.0, False),
        (5, 1000, 0.0, True),
        (0, 0, 0.0, False),
    ],
)
def test_too_many_is_above_the_share_and_at_least_five(
    failed: int, of: int, limit: float, expected: bool
) -> None:
    assert too_many(failed, of, limit) is expected


def tripped_at(guard: FailureGuard, users: list[bool]) -> int | None:
    """The number of the user at whom the guard trips."""
    return next((number for number, failed in enumerate(users, 1) if guard.note(failed=failed)), None)


def test_the_guard_judges_nothing_before_twenty_users() -> None:
    assert tripped_at(FailureGuard(0.01), [True] * 19) is None
    assert tripped_at(FailureGuard(0.01), [True] * 20) == 20


def test_the_guard_lets_four_failures_pass() -> None:
    assert tripped_at(FailureGuard(0.01), [True] * 4 + [False] * 96) is None
    assert tripped_at(FailureGuard(0.01), [True] * 5 + [False] * 95) == 20


def test_the_guard_trips_at_the_first_failure_above_the_share() -> None:
    users = [False] * 400 + [True] * 5

    assert tripped_at(FailureGuard(0.01), users) == 405


def test_the_guard_forgets_all_but_the_last_thousand_users() -> None:
    old = [True] * 4 + [False] * 996
    new = [True] * 10 + [False] * 90

    guard = FailureGuard(0.01)
    assert tripped_at(guard, old) is None
    assert tripped_at(guard, new) is None
    assert guard.note(failed=True)
    assert str(guard) == "11 of the last 1000 users failed"


def test_a_limit_of_one_allows_everything() -> None:
    assert tripped_at(FailureGuard(1.0), [True] * 100) is None


def test_no_limits_never_end_a_run() -> None:
    clock = FakeClock()
    allowance = Allowance(Limits(), clock, begun=0.0)

    for _ in range(1000):
        allowance.take()
    clock.advance(1e9)

    assert allowance.exhausted() is None


def test_at_most_so_many_users_are_allowed() -> None:
    allowance = Allowance(Limits(max_users=2), FakeClock(), begun=0.0)
    seen = []

    for _ in range(2):
        seen.append(allowance.exhausted())
        allowance.take()

    assert seen == [None, None]
    assert allowance.exhausted() == "--max-users"


def test_nobody_is_allowed_where_the_limit_is_zero() -> None:
    assert Allowance(Limits(max_users=0), FakeClock(), begun=0.0).exhausted() == "--max-users"


def test_no_new_user_is_allowed_once_the_time_is_up() -> None:
    clock = FakeClock()
    allowance = Allowance(Limits(stop_after_s=60), clock, begun=clock.monotonic() - 20)
    clock.advance(39.9)
    before = allowance.exhausted()

    clock.advance(0.1)

    assert before is None
    assert allowance.exhausted() == "--stop-after"


def test_the_documented_default_is_one_per_cent() -> None:
    assert Limits() == Limits(max_failures=0.01, max_users=None, stop_after_s=None)
