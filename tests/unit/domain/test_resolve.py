from dataclasses import replace
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from migrate_mfa.domain.model import Candidate, PhoneSignIn, UserState, Verdict
from migrate_mfa.domain.reasons import Reason
from migrate_mfa.domain.resolve import IdentityKind, Naming, identities, resolve
from tests.support.builders import a_candidate, a_user

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


# What the detail says

COLUMNS = {"sub": "ID", "username": "User", "email": "Mail", "phone": "Tel"}


def detail(found: list[list[UserState]], candidate: Candidate, **naming: Any) -> str:
    verdict = resolve(found, identities(candidate, Naming(columns=COLUMNS, **naming)))
    assert isinstance(verdict, Verdict)
    return verdict.detail


def who(**members: Any) -> Candidate:
    return replace(a_candidate(None), **members)


@pytest.mark.parametrize(
    ("candidate", "told"),
    [
        (who(email="ann@example.com"), 'Looked for the e-mail address a…@example.com of column "Mail".'),
        (who(sub="0123-4567"), 'Looked for the sub 0123… of column "ID".'),
        (who(username="ann"), 'Looked for the Username a… of column "User".'),
        (
            who(username="ann@example.com"),
            'Looked for the e-mail address or Username a…@example.com of column "User".',
        ),
        (
            who(username="Ann Lee", email="ann@example.com"),
            (
                'Looked for the Username A… of column "User". It has a blank, as a display name has. '
                'To find users by column "Mail" alone, use --id-column.'
            ),
        ),
        (
            who(username="+819012345678"),
            (
                'Looked for the Username +81********78 of column "User". '
                "It looks like a phone number, but users of this pool do not sign in with numbers."
            ),
        ),
    ],
)
def test_who_is_not_found_is_told_with_the_column_and_masked(candidate: Candidate, told: str) -> None:
    assert detail([[]], candidate) == told


def test_a_number_without_its_country_is_told_as_one_where_numbers_sign_people_in() -> None:
    told = detail([[]], who(username="090-1234-5678", phone=None), phone_sign_in=PhoneSignIn.USERNAME)

    assert told.endswith("It looks like a phone number, but cannot be read as one: does --phone-country fit?")


def test_a_fixed_line_that_lost_its_plus_sign_is_told_as_that_where_numbers_sign_people_in() -> None:
    told = [detail([[]], who(username="493012345678", phone=None), phone_sign_in=how) for how in PhoneSignIn]

    assert ["With a plus sign it would be a number of DE (+49)" in each for each in told] == [
        how is not PhoneSignIn.NO for how in PhoneSignIn
    ]


@pytest.mark.parametrize(
    ("name", "number"),
    [
        ("+81 3-1234-5678", "+81312345678"),
        ("03-1234-5678", "+81312345678"),
        ("+49 30 123456", "+4930123456"),
        ("0049 30 123456", "+4930123456"),
        ("090-1234-5678", "+819012345678"),
    ],
)
def test_a_name_that_is_a_number_is_one_whatever_its_line(name: str, number: str) -> None:
    def asks(*, strict_e164: bool) -> list[tuple[IdentityKind, str]]:
        naming = Naming(phone_sign_in=PhoneSignIn.USERNAME, phone_country="JP", strict_e164=strict_e164)
        [identity] = identities(who(username=name, phone=None), naming)
        return list(identity.asks)

    assert (IdentityKind.PHONE, number) in asks(strict_e164=False)
    assert asks(strict_e164=True) == [(IdentityKind.USERNAME, name)]


def test_a_number_that_signs_people_in_is_told_as_one() -> None:
    told = detail([[]], who(username="+819012345678"), phone_sign_in=PhoneSignIn.ALIAS)

    assert told == 'Looked for the phone number or Username +81********78 of column "User".'


def test_identities_that_differ_and_users_who_share_one_are_told() -> None:
    both = who(username="ann", email="bob@example.com")

    assert detail([[ANN], [BOB]], both) == (
        'Its identities name different users: the Username a… of column "User", '
        'the e-mail address b…@example.com of column "Mail".'
    )
    assert detail([[ANN, BOB]], who(email="ann@example.com")) == (
        '2 users fit the e-mail address a…@example.com of column "Mail".'
    )


@settings(derandomize=True, deadline=None)
@given(st.text(min_size=2), st.sampled_from(["sub", "username", "email"]))
def test_no_detail_has_an_identity_in_full(value: str, kind: str) -> None:
    given = f"{value}@example.com" if kind == "email" else f"secret{value}"

    told = detail([[]], who(**{kind: given}))

    assert given not in told
