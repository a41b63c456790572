from itertools import permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from migrate_mfa.domain.model import UserState, Verdict
from migrate_mfa.domain.reasons import Reason
from migrate_mfa.domain.resolve import resolve
from tests.support.builders import a_user

ANN = a_user("ann")
BOB = a_user("bob")
CAT = a_user("cat")
TWIN = a_user("google_1", status="EXTERNAL_PROVIDER")
OTHER_TWIN = a_user("google_2", status="EXTERNAL_PROVIDER")


def reason_of(found: UserState | Verdict) -> Reason:
    assert isinstance(found, Verdict), found
    return found.reason


@pytest.mark.parametrize(
    ("found", "user"),
    [
        ([[ANN]], ANN),
        ([[ANN], [ANN], [ANN]], ANN),
        ([[ANN], []], ANN),
        ([[ANN], [], [ANN]], ANN),
        ([[ANN], [ANN, BOB]], ANN),
        ([[ANN, BOB], [BOB]], BOB),
        ([[TWIN, ANN]], ANN),
        ([[TWIN]], TWIN),
        ([[OTHER_TWIN, TWIN]], TWIN),
        ([[ANN, ANN]], ANN),
    ],
)
def test_the_user_on_whom_all_identities_agree_is_meant(
    found: list[list[UserState]], user: UserState
) -> None:
    assert resolve(found) == user


@pytest.mark.parametrize(
    ("found", "reason"),
    [
        ([], Reason.USER_NOT_FOUND),
        ([[]], Reason.USER_NOT_FOUND),
        ([[], [ANN]], Reason.USER_NOT_FOUND),
        ([[], [ANN], [ANN]], Reason.USER_NOT_FOUND),
        ([[ANN], [BOB]], Reason.BAD_ROW),
        ([[ANN], [], [BOB]], Reason.BAD_ROW),
        ([[ANN, BOB], [BOB], [ANN]], Reason.BAD_ROW),
        ([[ANN], [TWIN]], Reason.BAD_ROW),
        ([[ANN, BOB]], Reason.AMBIGUOUS_USER),
        ([[ANN, BOB, TWIN], [BOB, ANN]], Reason.AMBIGUOUS_USER),
    ],
)
def test_identities_that_find_nobody_or_disagree_end_the_row(
    found: list[list[UserState]], reason: Reason
) -> None:
    assert reason_of(resolve(found)) is reason


def test_a_verdict_names_nobody() -> None:
    hopeless: list[list[list[UserState]]] = [[[ANN], [BOB]], [[ANN, BOB]], [[]]]
    for found in hopeless:
        verdict = resolve(found)
        assert isinstance(verdict, Verdict)
        assert "ann" not in verdict.detail
        assert "bob" not in verdict.detail


groups = st.lists(st.lists(st.sampled_from([ANN, BOB, CAT, TWIN, OTHER_TWIN]), max_size=3), max_size=3)


@settings(derandomize=True, deadline=None, max_examples=300)
@given(groups)
def test_the_order_of_search_results_changes_nothing(found: list[list[UserState]]) -> None:
    answers = [
        resolve([list(each) for each in order]) for order in zip(*map(permutations, found), strict=False)
    ]

    assert all(answer == resolve(found) for answer in answers)


@settings(derandomize=True, deadline=None, max_examples=300)
@given(groups)
def test_a_local_user_is_only_chosen_when_no_other_local_user_fits(found: list[list[UserState]]) -> None:
    answer = resolve(found)

    if isinstance(answer, UserState):
        fitting = {user.sub for user in found[0] if all(not others or user in others for others in found[1:])}
        local = {sub for sub in fitting if sub not in {TWIN.sub, OTHER_TWIN.sub}}
        assert answer.sub in fitting
        assert len(local) <= 1
        assert not local or not answer.federated
