import pytest

from migrate_mfa.domain.errors import MigrateMfaError, PoolNotReady
from migrate_mfa.domain.failure import OF_ONE_USER, UNANSWERED, ApiError
from migrate_mfa.domain.point_in_time_recovery import NobodyCanTellError
from migrate_mfa.engine.limits import LEAST_FAILURES
from migrate_mfa.engine.refusals import SEVERAL, Refusals

PAUSED = PoolNotReady("The pool takes no writes.")


def no(code: str = "InvalidParameterException") -> ApiError:
    return ApiError(operation="AdminUpdateUserAttributes", code=code, status=400)


class Asked:
    def __init__(self, *answers: MigrateMfaError | None) -> None:
        self.times = 0
        self._answers = list(answers)
        self.refusals = Refusals(self.ask)

    def ask(self) -> MigrateMfaError | None:
        self.times += 1
        return self._answers.pop(0) if self._answers else None


def test_several_users_in_a_row_are_reason_to_ask_and_then_the_pool_is_to_blame() -> None:
    asked = Asked(PAUSED)

    for row in range(1, SEVERAL):
        asked.refusals.refused(row, no())
    with pytest.raises(PoolNotReady):
        asked.refusals.refused(SEVERAL, no())
    with pytest.raises(PoolNotReady):  # those in flight
        asked.refusals.refused(SEVERAL + 1, no())

    assert asked.times == 1
    assert asked.refusals.rows == set(range(1, SEVERAL + 2))
    assert asked.refusals.pool_wide() is PAUSED


def test_it_asks_once_in_a_row_of_refusals_and_once_more_at_the_end() -> None:
    asked = Asked()

    for row in range(20):
        asked.refusals.refused(row, no())
    asked.refusals.pool_wide()

    assert asked.times == 2


def test_one_user_many_times_is_no_row_of_users() -> None:
    asked = Asked(PAUSED)

    for _ in range(20):
        asked.refusals.refused(7, no())

    assert asked.times == 0


def test_a_success_or_another_code_begins_anew() -> None:
    asked = Asked(PAUSED)

    for row in range(20):
        asked.refusals.refused(row, no(f"Code{row % 2}"))
    for row in range(20):
        asked.refusals.refused(row, no())
        if row % 2:
            asked.refusals.accepted()

    assert asked.times == 0
    assert asked.refusals.rows == set()


@pytest.mark.parametrize("code", sorted(UNANSWERED))
def test_a_call_without_an_answer_is_no_refusal(code: str) -> None:
    asked = Asked(PAUSED)

    for row in range(20):
        asked.refusals.refused(row, no(code))

    assert asked.times == 0
    assert not asked.refusals.rows


def nobody_can_tell() -> MigrateMfaError | None:
    raise NobodyCanTellError


def test_where_nobody_can_tell_a_longer_row_of_refusals_is_the_pools_fault() -> None:
    refusals = Refusals(nobody_can_tell)

    for row in range(1, LEAST_FAILURES):
        refusals.refused(row, no())
    with pytest.raises(PoolNotReady, match="5 users in a row with InvalidParameterException"):
        refusals.refused(LEAST_FAILURES, no())


def test_where_nobody_can_tell_a_run_that_ends_suspects_the_pool_sooner() -> None:
    refusals = Refusals(nobody_can_tell)

    for row in range(1, SEVERAL):
        refusals.refused(row, no())
    assert refusals.pool_wide() is None
    assert refusals.pool_wide(no("InternalErrorException")) is None
    assert isinstance(refusals.pool_wide(no()), PoolNotReady)
    refusals.refused(SEVERAL, no())

    assert isinstance(refusals.pool_wide(), PoolNotReady)


@pytest.mark.parametrize("code", sorted(OF_ONE_USER))
def test_a_code_that_speaks_of_one_user_blames_no_pool(code: str) -> None:
    refusals = Refusals(nobody_can_tell)

    for row in range(20):
        refusals.refused(row, no(code))

    assert refusals.pool_wide() is None


def test_a_pool_that_takes_writes_leaves_the_users_to_blame() -> None:
    refusals = Asked().refusals

    for row in range(20):
        refusals.refused(row, no())

    assert refusals.pool_wide() is None
