"""Looking users up: whom a scan would show, whatever a filter makes of case."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from migrate_mfa.domain.errors import OutOfReach
from migrate_mfa.domain.failure import ApiError
from migrate_mfa.domain.model import Candidate, PhoneSignIn, PoolFacts, UserState, Verdict
from migrate_mfa.domain.reasons import Reason
from migrate_mfa.domain.resolve import IdentityKind, Naming, identities, names, resolve
from migrate_mfa.engine.find_users import Finder, found_by, named_by, users_named
from migrate_mfa.journal.database import Journal
from migrate_mfa.journal.plan_store import PlanStore
from migrate_mfa.ports import Filter, Page
from tests.support.builders import OTHER_PHONE, PHONE, a_candidate, a_policy, a_pool, a_rejection, a_user
from tests.support.fakes import LIST, FakeUserPool

EITHER_WAY = pytest.mark.parametrize("ignores_case", [True, False], ids=["ignores case", "tells cases apart"])
FOLDS = a_pool(case_sensitive=False)
TELLS = a_pool(case_sensitive=True)


def a_finder(user_pool: FakeUserPool, **naming: Any) -> Finder:
    pool = user_pool.pool
    return Finder(
        user_pool, pool=pool, policy=a_policy(), naming=Naming(phone_sign_in=pool.phone_sign_in, **naming)
    )


def a_directory(
    users: Sequence[UserState], pool: PoolFacts, page_size: int = 60, **ignores_case: bool
) -> FakeUserPool:
    user_pool = FakeUserPool(users, pool, page_size=page_size)
    user_pool.ignores_case |= ignores_case
    return user_pool


def found(user_pool: FakeUserPool, candidate: Candidate, **naming: Any) -> set[str]:
    users = a_finder(user_pool, **naming).users_of(candidate)
    assert not isinstance(users, Verdict)
    return {user.username for user in users}


def asked(user_pool: FakeUserPool) -> list[str]:
    values: list[Any] = [call.value for call in user_pool.calls]
    return [f"{each.attribute} {'^=' if each.prefix else '='} {each.value}" for each in values]


# Each way to name a user

PEOPLE = [
    a_user("ann", phone=PHONE, phone_verified=True),
    a_user("bob", phone=OTHER_PHONE),
    a_user("Cem", email="Cem@Example.com"),
    a_user("eve@example.com", email="old@example.com"),
    a_user("fay", email="eve@example.com"),
    a_user("federated", email="ann@example.com", status="EXTERNAL_PROVIDER"),
]
NUMBERS = a_pool(phone_sign_in=PhoneSignIn.ALIAS)
ALL_NUMBERS = a_pool(phone_sign_in=PhoneSignIn.USERNAME)
WAYS: dict[str, tuple[PoolFacts, dict[str, Any], str | Reason]] = {
    "a sub": (TELLS, {"sub": "sub-ann"}, "ann"),
    "a sub that is gone, and an address": (
        TELLS, {"sub": "sub-gone", "email": "ann@example.com"}, Reason.USER_NOT_FOUND,
    ),
    "a Username": (TELLS, {"username": "bob"}, "bob"),
    "a Username in another case": (TELLS, {"username": "cem"}, Reason.USER_NOT_FOUND),
    "a Username in another case, in a pool that does not tell": (FOLDS, {"username": "cem"}, "Cem"),
    "a Username that is no sub": (TELLS, {"username": "sub-ann"}, Reason.USER_NOT_FOUND),
    "an address": (TELLS, {"email": "bob@example.com"}, "bob"),
    "an address in another case": (TELLS, {"email": "cem@example.com"}, Reason.USER_NOT_FOUND),
    "an address in another case, in a pool that does not tell": (FOLDS, {"email": "cem@EXAMPLE.com"}, "Cem"),
    "an address in the column of Usernames": (TELLS, {"username": "bob@example.com"}, "bob"),
    "an address that is one user's Username and another's address": (
        TELLS, {"username": "eve@example.com"}, Reason.AMBIGUOUS_USER,
    ),
    "an address of a local and a federated user": (TELLS, {"email": "ann@example.com"}, "ann"),
    "a number that signs in": (NUMBERS, {"username": PHONE}, "ann"),
    "a number as people write it": (NUMBERS, {"username": "090-1234-5678"}, "ann"),
    "a number that is not verified, as an alias": (NUMBERS, {"username": OTHER_PHONE}, Reason.USER_NOT_FOUND),
    "a number that is not verified, as the Username": (ALL_NUMBERS, {"username": OTHER_PHONE}, "bob"),
    "a number where numbers sign nobody in": (TELLS, {"username": PHONE}, Reason.USER_NOT_FOUND),
    "a Username and an address that agree": (TELLS, {"username": "bob", "email": "bob@example.com"}, "bob"),
    "a Username and an address of nobody": (TELLS, {"username": "bob", "email": "gone@example.com"}, "bob"),
    "a Username and another's address": (
        TELLS, {"username": "bob", "email": "ann@example.com"}, Reason.BAD_ROW,
    ),
    "all three": (TELLS, {"sub": "sub-bob", "username": "bob", "email": "bob@example.com"}, "bob"),
    "nothing": (TELLS, {}, Reason.USER_NOT_FOUND),
}  # fmt: skip
"""What a row says of its user, in which pool, and whom that means, or why nobody."""


@pytest.mark.parametrize("way", WAYS)
def test_a_scan_and_look_ups_find_the_same_user_in_each_way(tmp_path: Path, way: str) -> None:
    pool, named, meant = WAYS[way]
    candidate = a_candidate(None, phone=None, **named)
    naming = Naming(phone_sign_in=pool.phone_sign_in, phone_country="JP")

    with Journal.create_or_open(tmp_path / "scan") as scan, Journal.create_or_open(tmp_path / "few") as few:
        everybody, some = (
            PlanStore(each.database, case_sensitive=pool.case_sensitive) for each in (scan, few)
        )
        everybody.add_users(PEOPLE)
        answer = a_finder(a_directory(PEOPLE, pool), phone_country="JP").users_of(candidate)
        assert not isinstance(answer, Verdict)
        some.add_users(answer)

        for store in (everybody, some):
            store.index_users()
            user = resolve(found_by(candidate, store, naming))
            assert (user.username if isinstance(user, UserState) else user.reason) == meant
            by_row = named_by(candidate, store, naming)
            assert (by_row.username if by_row else None) == (meant if isinstance(user, UserState) else None)


@pytest.mark.parametrize(
    ("name", "subs"),
    [
        ("sub-bob", {"sub-bob"}),
        ("bob", {"sub-bob"}),
        ("BOB@example.com", {"sub-bob"}),
        ("ann@example.com", {"sub-ann", "sub-federated"}),
        ("eve@example.com", {"sub-eve@example.com", "sub-fay"}),
        (PHONE, set()),
        ("gone", set()),
    ],
)
def test_an_operator_names_a_user_by_sub_username_or_address(
    tmp_path: Path, name: str, subs: set[str]
) -> None:
    with Journal.create_or_open(tmp_path) as journal:
        store = PlanStore(journal.database, case_sensitive=False)
        store.add_users(PEOPLE)
        store.index_users()

        assert users_named(name, store) == subs


def test_a_row_that_the_roster_rejects_names_nobody(tmp_path: Path) -> None:
    with Journal.create_or_open(tmp_path) as journal:
        assert named_by(a_rejection(), PlanStore(journal.database), Naming()) is None


def test_the_sub_that_agrees_with_the_other_identities_costs_one_call() -> None:
    user_pool = a_directory(PEOPLE, TELLS)

    assert found(user_pool, a_candidate("bob", sub="sub-bob", email="bob@example.com")) == {"bob"}
    assert asked(user_pool) == ["sub = sub-bob"]


def test_whoever_holds_the_rows_number_is_found_too_where_numbers_sign_people_in() -> None:
    user_pool = a_directory(PEOPLE, NUMBERS)

    assert found(user_pool, a_candidate("bob", phone=PHONE)) == {"ann", "bob"}
    assert found(a_directory(PEOPLE, TELLS), a_candidate("bob", phone=PHONE)) == {"bob"}


# Case


@EITHER_WAY
@pytest.mark.parametrize("stored", ["casea", "CaseA", "CASEA", "cASEa"])
@pytest.mark.parametrize("written", ["casea", "CASEA", "Casea"])
def test_a_username_is_found_in_any_case_where_the_pool_does_not_tell_cases_apart(
    stored: str, written: str, ignores_case: bool
) -> None:
    crowd = [a_user(f"case{number}") for number in range(200)]
    user_pool = a_directory([a_user(stored), *crowd], FOLDS, username=ignores_case)

    assert found(user_pool, a_candidate(written)) == {stored}


@EITHER_WAY
def test_a_username_in_another_case_is_nobody_where_the_pool_tells_cases_apart(ignores_case: bool) -> None:
    user_pool = a_directory([a_user("Ann"), a_user("ANN")], TELLS, username=ignores_case)

    assert found(user_pool, a_candidate("ann")) == set()
    assert found(user_pool, a_candidate("ANN")) == {"ANN"}


@EITHER_WAY
def test_all_who_have_an_address_in_any_case_are_found_though_one_has_it_as_written(
    ignores_case: bool,
) -> None:
    twins = [a_user("ann", email="ann@example.com"), a_user("twin", email="Ann@Example.com")]
    user_pool = a_directory(twins, FOLDS, email=ignores_case)

    assert found(user_pool, a_candidate(None, email="ann@example.com")) == {"ann", "twin"}


def test_a_username_that_is_there_as_written_costs_one_call() -> None:
    user_pool = a_directory([a_user("Ann")], FOLDS, username=False)

    found(user_pool, a_candidate("Ann"))

    assert asked(user_pool) == ["username = Ann"]


def test_that_filters_ignore_case_is_learned_once() -> None:
    user_pool = a_directory([a_user("ann"), a_user("bob")], FOLDS, email=True)
    finder = a_finder(user_pool)

    for name in ("ann", "bob", "gone"):
        finder.users_of(a_candidate(None, email=f"{name}@example.com"))

    assert asked(user_pool) == [
        "email = ann@example.com",
        "email ^= A",
        "email = bob@example.com",
        "email = gone@example.com",
    ]


def test_nobody_is_sought_by_the_beginning_after_a_scan() -> None:
    user_pool = a_directory([a_user("ann")], FOLDS, username=False)

    assert a_finder(user_pool).users_of(a_candidate("Gone"), scanned=True) == []
    assert asked(user_pool) == ["username = Gone", "username = gone"]


def test_a_name_that_nobody_has_ends_where_no_spelling_goes_on() -> None:
    crowd = [a_user(f"user{number:04}") for number in range(1000)]
    user_pool = a_directory(crowd, FOLDS, username=False)

    assert found(user_pool, a_candidate("User0500x")) == set()
    assert len(user_pool.calls) < 20


@pytest.mark.parametrize("pool", [FOLDS, TELLS], ids=["folds", "tells"])
@pytest.mark.parametrize(("stored", "written"), [("Zoé", "Zoe\u0301"), ("Zoe\u0301", "Zoé")])
def test_an_accent_is_the_same_however_it_is_made(pool: PoolFacts, stored: str, written: str) -> None:
    user_pool = a_directory([a_user(stored)], pool, username=False)

    assert found(user_pool, a_candidate(written)) == {stored}


@EITHER_WAY
@pytest.mark.parametrize("stored", ["İSTANBUL", "I\u0307STANBUL", "i\u0307stanbul", "i\u0307STANBUL"])
@pytest.mark.parametrize("written", ["i\u0307stanbul", "İSTANBUL", "İstanbul", "I\u0307stanbul"])
def test_a_capital_with_a_dot_is_found_as_a_scan_finds_it(
    stored: str, written: str, ignores_case: bool
) -> None:
    crowd = [a_user(f"istanbul{number}") for number in range(100)]
    user_pool = a_directory([a_user(stored), a_user("istanbul"), *crowd], FOLDS, username=ignores_case)
    asks = (IdentityKind.USERNAME, written)

    assert names(*asks, a_user(stored), FOLDS)
    assert found(user_pool, a_candidate(written)) == {stored}


@pytest.mark.parametrize(("stored", "written"), [("straße", "STRASSE"), ("strasse", "straße")])
def test_one_letter_is_not_taken_for_two(stored: str, written: str) -> None:
    user_pool = a_directory([a_user(stored)], FOLDS, username=True)

    assert found(user_pool, a_candidate(written)) == set()


# Numbers


def by_number(how: PhoneSignIn) -> PoolFacts:
    return a_pool(phone_sign_in=how)


@pytest.mark.parametrize("how", [PhoneSignIn.USERNAME, PhoneSignIn.ALIAS])
@pytest.mark.parametrize("written", [PHONE, "+81 90-1234-5678", "090-1234-5678", "９０１２３４５６７８"])  # noqa: RUF001
def test_a_user_may_be_named_by_the_number_that_signs_in(how: PhoneSignIn, written: str) -> None:
    user_pool = a_directory([a_user("uuid", phone=PHONE, phone_verified=True)], by_number(how))

    assert found(user_pool, a_candidate(written, phone=None), phone_country="JP") == {"uuid"}


def test_a_number_is_read_for_the_country_of_the_rows_own_number() -> None:
    user_pool = a_directory([a_user("uuid", phone=PHONE)], by_number(PhoneSignIn.USERNAME))

    assert found(user_pool, a_candidate("090-1234-5678", phone=OTHER_PHONE)) == {"uuid"}
    assert found(user_pool, a_candidate("090-1234-5678", phone=None)) == set()


def test_a_landline_names_its_user_too() -> None:
    user_pool = a_directory([a_user("uuid", phone="+81312345678")], by_number(PhoneSignIn.USERNAME))

    assert found(user_pool, a_candidate("+81312345678", phone=None)) == {"uuid"}


def test_an_alias_that_is_not_verified_names_nobody() -> None:
    users = [a_user("ann", phone=PHONE), a_user("bob", phone=OTHER_PHONE, phone_verified=True)]
    user_pool = a_directory(users, by_number(PhoneSignIn.ALIAS))

    assert found(user_pool, a_candidate(PHONE, phone=None)) == set()
    assert found(user_pool, a_candidate(OTHER_PHONE, phone=None)) == {"bob"}


def test_a_number_names_nobody_where_numbers_sign_nobody_in() -> None:
    user_pool = a_directory([a_user("ann", phone=PHONE, phone_verified=True), a_user(OTHER_PHONE)], TELLS)

    assert found(user_pool, a_candidate(PHONE)) == set()
    assert found(user_pool, a_candidate(OTHER_PHONE)) == {OTHER_PHONE}


# What Cognito refuses


def test_an_identity_that_cannot_be_searched_for_is_a_bad_row() -> None:
    class Picky(FakeUserPool):
        def page(self, only: Filter | None, token: str | None) -> Page:
            if only and "odd" in only.value:
                raise ApiError(operation=LIST, code="InvalidParameterException", status=400)
            return super().page(only, token)

    finder = a_finder(Picky([a_user("ann")], TELLS), columns={"username": "User"})

    assert finder.users_of(a_candidate("odd one")) == Verdict(
        Reason.BAD_ROW,
        'Cognito refuses to search for the Username o… of column "User" (InvalidParameterException).',
    )
    assert finder.users_of(a_candidate("ann")) == [a_user("ann", mfa=None)]


def test_a_search_that_was_refused_once_is_made_again() -> None:
    user_pool = a_directory([a_user("ann")], TELLS)
    user_pool.fail(LIST, "InvalidParameterException", status=400)

    assert found(user_pool, a_candidate("ann")) == {"ann"}


@pytest.mark.parametrize(
    "pool", [TELLS, FOLDS, by_number(PhoneSignIn.ALIAS)], ids=["tells", "folds", "number"]
)
@pytest.mark.parametrize("skip", range(4))
def test_where_every_search_is_refused_nobody_is_missing(pool: PoolFacts, skip: int) -> None:
    user_pool = a_directory([a_user("x", email="X@example.com", phone=PHONE)], pool, email=False)
    user_pool.fail(LIST, "InvalidParameterException", times=99, skip=skip, status=400)
    finder = a_finder(user_pool)

    with pytest.raises(OutOfReach, match="InvalidParameterException"):
        [finder.users_of(a_candidate(None, email="x@example.com")) for _ in range(9)]


# In general

CASED = ["ann", "Ann", "aNN", "annx", "Annx", "zoé", "ZOE\u0301", "1a", "1A", PHONE, "09012345678"]


@st.composite
def worlds(draw: st.DrawFn) -> tuple[PoolFacts, list[UserState]]:
    case_sensitive = draw(st.booleans())
    pool = a_pool(
        case_sensitive=case_sensitive,
        phone_sign_in=draw(st.sampled_from(list(PhoneSignIn))),
    )
    unique = str if case_sensitive else str.casefold
    called = draw(st.lists(st.sampled_from(CASED), min_size=1, unique_by=unique))
    users = [
        a_user(
            name,
            email=f"{draw(st.sampled_from(CASED))}@x.jp",
            phone=draw(st.sampled_from([None, PHONE, OTHER_PHONE])),
            phone_verified=draw(st.booleans()),
        )
        for name in called
    ]
    return pool, users


@settings(derandomize=True, deadline=None, max_examples=500)
@given(
    worlds(),
    st.fixed_dictionaries({"username": st.booleans(), "email": st.booleans()}),
    st.integers(1, 3),
    st.sampled_from([{"username": name} for name in [*CASED, "ann@x.jp", "ANN@x.jp"]])
    | st.sampled_from([{"email": f"{name}@x.jp"} for name in CASED]),
)
def test_look_ups_find_whom_a_scan_would_show(
    world: tuple[PoolFacts, list[UserState]],
    ignores_case: Mapping[str, bool],
    page_size: int,
    named: Mapping[str, Any],
) -> None:
    pool, users = world
    user_pool = a_directory(users, pool, page_size, **ignores_case)
    candidate = a_candidate(None, phone=None, **named)
    naming = Naming(phone_sign_in=pool.phone_sign_in, phone_country="JP")
    asks = [ask for each in identities(candidate, naming) for ask in each.asks]

    answer = a_finder(user_pool, phone_country="JP").users_of(candidate)

    assert not isinstance(answer, Verdict)
    meant = {user.sub for user in answer if any(names(*ask, user, pool) for ask in asks)}
    assert meant == {user.sub for user in users if any(names(*ask, user, pool) for ask in asks)}
