"""The decision after a target's command has ended, and the exit code of the fleet."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from migrate_mfa.domain.errors import ExitCode
from migrate_mfa.fleet.retry import Again, Ended, after, exit_code_of
from migrate_mfa.fleet.unit import Patience, State

PATIENCE = Patience(tries=3, pause_s=30.0, busy_s=180.0)


def ended(
    code: int, *, asked: bool = False, began: bool = True, by: str = "", needs_run: bool = False
) -> Ended:
    return Ended(exit_code=code, asked=asked, began=began, ended_by=by, needs_run=needs_run)


BUSY = ended(6, by="Busy")


@pytest.mark.parametrize(
    ("last", "state"),
    [
        (ended(0), State.FINISHED),
        (ended(7), State.FINISHED),
        (ended(9), State.FINISHED),
        (ended(0, asked=True), State.FINISHED),
        (ended(10), State.LIMITED),
        (ended(1), State.SET_ASIDE),
        (ended(2), State.SET_ASIDE),
        (ended(3), State.SET_ASIDE),
        (ended(4), State.NOT_READY),
        (ended(0, by="NoRun", needs_run=True), State.NO_RUN),
        (ended(0, by="NoRun"), State.FINISHED),
        (ended(5), State.SET_ASIDE),
        (ended(5, began=False), State.UNREACHABLE),
        (ended(143, asked=True), State.INTERRUPTED),
        (ended(-9, asked=True), State.INTERRUPTED),
        (ended(137, asked=True), State.INTERRUPTED),
        (ended(8, asked=True), State.INTERRUPTED),
        (ended(6, asked=True, by="Busy"), State.INTERRUPTED),
        (ended(3, asked=True), State.SET_ASIDE),
        (ended(1, asked=True), State.SET_ASIDE),
        (ended(5, asked=True, began=False), State.UNREACHABLE),
        (ended(6, asked=True, by="RunDirectoryError"), State.SET_ASIDE),
        (ended(8, asked=True, by="TooManyFailures"), State.SET_ASIDE),
        (ended(7, asked=True), State.FINISHED),
        (ended(9, asked=True), State.FINISHED),
        (ended(10, asked=True), State.LIMITED),
        (ended(6, by="RunDirectoryError"), State.SET_ASIDE),
        (ended(6, by="NoRun"), State.SET_ASIDE),
        (ended(6, by="NoRun", needs_run=True), State.NO_RUN),
        (ended(3, by="NotPlanned", needs_run=True), State.NO_RUN),
        (ended(3, by="InputUnusable", needs_run=True), State.SET_ASIDE),
        (ended(6, by="RunDirectoryError", needs_run=True), State.SET_ASIDE),
        (ended(8, by="TooManyFailures"), State.SET_ASIDE),
        (ended(8, by="SmsLimitExceeded"), State.SET_ASIDE),
        (ended(8, by="CostLimitExceeded"), State.SET_ASIDE),
    ],
)
def test_what_is_final_the_first_time(last: Ended, state: State) -> None:
    assert after([last], PATIENCE) is state


@pytest.mark.parametrize("code", [-9, -15, 137, 143, 130, 8, 6])
def test_a_loss_is_tried_again_and_in_the_end_set_aside(code: int) -> None:
    assert after([ended(code)] * 1, PATIENCE) == Again(30.0)
    assert after([ended(code)] * 2, PATIENCE) == Again(30.0)
    assert after([ended(code)] * 3, PATIENCE) is State.SET_ASIDE


def test_a_command_that_was_asked_to_end_is_interrupted_however_often_it_was_lost_before() -> None:
    assert after([ended(8), ended(-9), ended(143, asked=True)], PATIENCE) is State.INTERRUPTED
    assert after([ended(8), ended(8), ended(8, asked=True)], PATIENCE) is State.SET_ASIDE


def test_an_endpoint_that_never_answers_is_unreachable_after_some_tries() -> None:
    assert after([ended(8, began=False)], PATIENCE) == Again(30.0)
    assert after([ended(8, began=False)] * 3, PATIENCE) is State.UNREACHABLE


def test_somebody_else_is_waited_for_longer_than_a_dead_owners_lease_lasts() -> None:
    assert after([BUSY] * 6, PATIENCE) == Again(30.0)
    assert after([BUSY] * 7, PATIENCE) is State.SET_ASIDE


@given(st.lists(st.sampled_from([-9, 6, 8, 143]), min_size=1, max_size=12), st.integers(1, 5))
def test_no_target_is_tried_for_ever(codes: list[int], tries: int) -> None:
    patience = Patience(tries=tries, pause_s=30.0, busy_s=180.0)
    history: list[Ended] = []
    for code in codes * 20:
        history.append(BUSY if code == 6 else ended(code))
        if after(history, patience) != Again(30.0):
            break
    else:
        raise AssertionError(codes)

    assert len(history) <= tries + 7


@pytest.mark.parametrize(
    ("targets", "code"),
    [
        ([(State.FINISHED, 0), (State.FINISHED, 0)], 0),
        ([(State.FINISHED, 0), (State.LIMITED, 10)], 10),
        ([(State.LIMITED, 10), (State.FINISHED, 9)], 9),
        ([(State.FINISHED, 9), (State.FINISHED, 7)], 7),
        ([(State.FINISHED, 7), (State.SET_ASIDE, 3)], 8),
        ([(State.FINISHED, 7), (State.UNREACHABLE, 5)], 8),
        ([(State.FINISHED, 7), (State.NOT_READY, 4)], 8),
        ([(State.FINISHED, 0), (State.NO_RUN, None)], 0),
        ([(State.NO_RUN, None), (State.SET_ASIDE, 6)], 8),
        ([(State.NO_RUN, None), (State.NO_RUN, None)], 6),
        ([], 0),
    ],
)
def test_the_gravest_target_decides_the_exit_code(targets: list[tuple[State, int | None]], code: int) -> None:
    assert exit_code_of(targets) is ExitCode(code)


def test_who_works_on_the_target_itself_is_waited_for_until_the_end() -> None:
    owned = Ended(exit_code=ExitCode.RUN_DIRECTORY, ended_by="Busy", owned=True)

    assert after([owned] * 1000, PATIENCE) == Again(30.0)
    assert after([owned] * 1000 + [BUSY], PATIENCE) == Again(30.0), (
        "the end of the other one is not seen at once"
    )
    assert after([owned, ended(0)], PATIENCE) is State.FINISHED
