import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from migrate_mfa.domain.errors import InputUnusable, OutOfReach
from migrate_mfa.domain.failure import ApiError
from migrate_mfa.domain.model import (
    Candidate,
    Phone,
    PhoneConflict,
    PhoneSignIn,
    Plan,
    Policy,
    PoolFacts,
    Rejection,
    UserState,
    VerificationPolicy,
)
from migrate_mfa.domain.reasons import Reason
from migrate_mfa.domain.resolve import Naming
from migrate_mfa.domain.rows import PlannedBy
from migrate_mfa.engine.find_users import users_named
from migrate_mfa.engine.plan import choose_reading, count_lifted
from migrate_mfa.stop import StopCause, Stopped
from tests.support.builders import (
    AT_SIGN_IN,
    ATTESTED,
    BY_CODE,
    OTHER_PHONE,
    PHONE,
    THIRD_PHONE,
    a_candidate,
    a_policy,
    a_pool,
    a_record,
    a_rejection,
    a_user,
)
from tests.support.fakes import LIST, Call, FakeUserPool
from tests.support.scene import Scene

SMALL_POOL = 0
HUGE_POOL = 10**9
both_ways = pytest.mark.parametrize("scan", [True, False], ids=["scan", "look-ups"])


@dataclass
class Planned:
    """What a plan says of each row, and what it asked the pool."""

    reasons: dict[int, str | None]
    rows: dict[int, tuple[Any, ...]]
    user_pool: FakeUserPool
    users_kept: int
    said: list[str]

    @property
    def lookups(self) -> list[str]:
        asked: list[Any] = [call.value for call in self.user_pool.calls]
        return [f"{each.attribute}={each.value}" for each in asked if each is not None]


def plan(
    rows: Sequence[Candidate | Rejection],
    users: Iterable[UserState] = (),
    *,
    pool: PoolFacts | None = None,
    policy: Policy | None = None,
    scan: bool = True,
    page_size: int = 60,
    late: Iterable[UserState] = (),
    ignores_case: Mapping[str, bool] | None = None,
    phone_country: str | None = None,
) -> Planned:
    """Plan in a directory of its own; `late` users turn up when the scan has passed."""
    pool = replace(pool or a_pool(), estimated_users=SMALL_POOL if scan else HUGE_POOL)
    user_pool = FakeUserPool(users, pool, page_size=page_size)
    user_pool.ignores_case |= ignores_case or {}

    def turn_up(call: Call) -> None:
        if call.value is None:
            for user in late:
                user_pool.put(user)

    user_pool.after = turn_up
    with tempfile.TemporaryDirectory() as place:
        run = Scene(Path(place) / "run", user_pool, policy=policy)
        naming = Naming(phone_sign_in=pool.phone_sign_in, phone_country=phone_country)
        try:
            run.plan(rows, naming=naming)
            found = run.journal.database.query("SELECT * FROM rows ORDER BY row")
            return Planned(
                reasons={row["row"]: row["reason"] for row in found},
                rows={
                    row["row"]: tuple(row[n] for n in ("outcome", "reason", "detail", "steps", "user_sub"))
                    for row in found
                },
                user_pool=user_pool,
                users_kept=run.plans.count_users(),
                said=run.progress.said,
            )
        finally:
            run.close()


def row(number: int, name: str | None = None, **changes: Any) -> Candidate:
    return a_candidate(name, row=number, **changes)


FILLER = row(99, "nobody")  # makes two rows, so that a scan is the cheaper way


# The cheaper way


@pytest.mark.parametrize(
    ("rows", "users", "sign_in", "scan", "calls"),
    [
        (100, 5_999, PhoneSignIn.NO, False, (100, 100)),
        (101, 6_000, PhoneSignIn.NO, True, (100, 101)),
        (100, 6_001, PhoneSignIn.NO, False, (101, 100)),
        (51, 6_000, PhoneSignIn.ALIAS, True, (100, 102)),
        (50, 6_000, PhoneSignIn.USERNAME, False, (100, 100)),
        (1, 0, PhoneSignIn.NO, False, (1, 1)),
        (2, 0, PhoneSignIn.NO, True, (1, 2)),
        (0, 6_000, PhoneSignIn.NO, False, (100, 0)),
    ],
)
def test_the_cheaper_way_is_taken(
    rows: int, users: int, sign_in: PhoneSignIn, scan: bool, calls: tuple[int, int]
) -> None:
    reading = choose_reading(rows, a_pool(estimated_users=users, phone_sign_in=sign_in))

    assert (reading.scan, reading.scan_calls, reading.lookup_calls) == (scan, *calls)


def test_the_choice_is_told_with_its_cost() -> None:
    reading = choose_reading(1_000_000, a_pool(estimated_users=60_000))

    way = "The users are found by reading the whole pool: about 1,000 calls"
    assert reading.why == f"{way} (looking up each row would take 1,000,000)"


@pytest.mark.parametrize(
    ("scan", "told"),
    [
        (True, "reading the whole pool: about 1 call (looking up each row would take 2)."),
        (False, "looking up each row: about 2 calls (reading the whole pool would take "),
    ],
)
def test_a_plan_says_which_way_it_takes_and_why(scan: bool, told: str) -> None:
    planned = plan([row(1, "ann"), FILLER], [a_user("ann")], scan=scan)

    assert [text for text in planned.said if text.startswith(f"The users are found by {told}")], planned.said


def test_a_scan_reads_every_page_and_looks_nobody_up_again() -> None:
    people = [a_user(f"u{number:02}") for number in range(25)]

    planned = plan([row(1, "u00"), row(2, "u24")], people, page_size=10)

    assert planned.user_pool.made() == [LIST] * 3
    assert planned.lookups == []


@pytest.mark.promise(9)
@both_ways
def test_a_plan_makes_no_call_that_bills_anybody(scan: bool) -> None:
    pool = a_pool(phone_sign_in=PhoneSignIn.ALIAS, passkeys_at_risk=True)

    planned = plan([row(1, "ann"), FILLER], [a_user("ann")], pool=pool, scan=scan)

    assert set(planned.user_pool.made()) == {LIST}


def test_look_ups_ask_once_for_each_row_and_not_for_the_pool() -> None:
    planned = plan(
        [row(1, "ann"), row(2, email="bob@example.com")], [a_user("ann"), a_user("bob")], scan=False
    )

    assert sorted(planned.lookups) == ["email=bob@example.com", "username=ann"]
    assert planned.reasons == {1: None, 2: None}


def test_a_weaker_identity_that_agrees_costs_no_call() -> None:
    rows = [row(1, "ann", sub="sub-ann", email="ann@example.com")]

    planned = plan(rows, [a_user("ann")], scan=False)

    assert planned.lookups == ["sub=sub-ann"]


def test_a_weaker_identity_that_differs_is_looked_up() -> None:
    rows = [row(1, sub="sub-ann", email="bob@example.com")]

    planned = plan(rows, [a_user("ann"), a_user("bob")], scan=False)

    assert planned.lookups == ["sub=sub-ann", "email=bob@example.com"]
    assert planned.reasons == {1: "bad_row"}


def test_a_row_that_the_roster_condemns_costs_no_call() -> None:
    planned = plan([a_rejection(1), a_rejection(2, Reason.BAD_ROW)], scan=False)

    assert planned.user_pool.calls == []
    assert planned.reasons == {1: "invalid_phone", 2: "bad_row"}


def test_after_a_scan_only_those_whom_it_did_not_show_are_looked_up() -> None:
    rows = [row(1, "ann"), row(2, "gone"), row(3, email="late@example.com")]

    planned = plan(rows, [a_user("ann")], late=[a_user("late")])

    assert planned.lookups == ["username=gone", "email=late@example.com"]
    assert planned.reasons == {1: None, 2: "user_not_found", 3: None}


def test_only_users_whom_the_roster_concerns_are_kept() -> None:
    planned = plan([row(1, "u00"), FILLER], [a_user(f"u{number:02}") for number in range(25)])

    assert planned.users_kept == 1


def test_holders_of_a_number_are_looked_up_only_where_numbers_sign_people_in() -> None:
    people = [a_user("ann"), a_user("bob", phone=PHONE)]

    plain = plan([row(1, "ann")], people, scan=False)
    alias = plan([row(1, "ann")], people, scan=False, pool=a_pool(phone_sign_in=PhoneSignIn.ALIAS))

    assert plain.lookups == ["username=ann"]
    assert plain.reasons == {1: None}
    assert alias.lookups == ["username=ann", f"phone_number={PHONE}"]
    assert alias.reasons == {1: "phone_taken"}


# Rows 1 and 3: who is meant


@both_ways
def test_nobody_is_found(scan: bool) -> None:
    planned = plan([row(1, "ann"), row(2, sub="sub-x"), row(3, email="x@example.com")], scan=scan)

    assert set(planned.reasons.values()) == {"user_not_found"}


@both_ways
def test_a_sub_that_is_gone_is_not_replaced_by_whoever_has_the_address_now(scan: bool) -> None:
    rows = [row(1, sub="sub-old", email="ann@example.com"), FILLER]

    assert plan(rows, [a_user("ann")], scan=scan).reasons[1] == "user_not_found"


@both_ways
def test_an_address_that_two_local_users_share_is_ambiguous_unless_a_stronger_identity_tells(
    scan: bool,
) -> None:
    people = [a_user("ann"), a_user("bob", email="ann@example.com")]
    rows = [row(1, email="ann@example.com"), row(2, "bob", email="ann@example.com")]

    planned = plan(rows, people, scan=scan)

    assert planned.reasons == {1: "ambiguous_user", 2: None}
    assert planned.rows[2][4] == "sub-bob"


@both_ways
def test_a_federated_twin_does_not_count(scan: bool) -> None:
    twin = a_user("google_1", email="ann@example.com", status="EXTERNAL_PROVIDER")
    rows = [row(1, email="ann@example.com"), FILLER]

    planned = plan(rows, [twin, a_user("ann")], scan=scan)

    assert planned.rows[1][4] == "sub-ann"
    assert planned.reasons[1] is None


@both_ways
def test_a_federated_user_alone_is_skipped(scan: bool) -> None:
    twin = a_user("google_1", email="ann@example.com", status="EXTERNAL_PROVIDER")

    assert plan([row(1, email="ann@example.com"), FILLER], [twin], scan=scan).reasons[1] == "federated_user"


@both_ways
def test_an_address_in_the_username_column_is_looked_up_as_an_address(scan: bool) -> None:
    rows = [row(1, "ann@example.com"), FILLER]

    planned = plan(rows, [a_user("u-1", email="ann@example.com")], scan=scan)

    assert planned.rows[1][4] == "sub-u-1"


@both_ways
def test_an_address_can_be_a_username_where_that_is_how_users_are_called(scan: bool) -> None:
    rows = [row(1, "ann@example.com"), FILLER]

    planned = plan(rows, [a_user("ann@example.com", email=None)], scan=scan)

    assert planned.rows[1][4] == "sub-ann@example.com"


@both_ways
def test_an_address_that_names_one_user_by_username_and_another_by_email_is_ambiguous(scan: bool) -> None:
    people = [a_user("ann@example.com", email=None), a_user("bob", email="ann@example.com")]

    assert plan([row(1, "ann@example.com"), FILLER], people, scan=scan).reasons[1] == "ambiguous_user"


@both_ways
@pytest.mark.parametrize(("case_sensitive", "reason"), [(True, "user_not_found"), (False, None)])
def test_cases_are_told_apart_only_where_the_pool_does(
    scan: bool, case_sensitive: bool, reason: str | None
) -> None:
    rows = [row(1, "ANN"), row(2, email="ANN@Example.com")]

    planned = plan([rows[0], FILLER], [a_user("ann")], scan=scan, pool=a_pool(case_sensitive=case_sensitive))
    by_email = plan([rows[1], FILLER], [a_user("ann")], scan=scan, pool=a_pool(case_sensitive=case_sensitive))

    assert planned.reasons[1] == reason
    assert by_email.reasons[2] == reason


@both_ways
def test_in_a_case_sensitive_pool_two_users_may_differ_by_case_alone(scan: bool) -> None:
    people = [a_user("bob"), a_user("Bob")]
    rows = [row(1, "bob"), row(2, "Bob"), row(3, "bob", sub="sub-Bob")]

    planned = plan(rows, people, scan=scan)

    assert planned.rows[1][4] == "sub-bob"
    assert planned.rows[2][4] == "sub-Bob"
    assert planned.reasons[3] == "bad_row"


def test_a_weaker_identity_that_differs_by_case_alone_is_looked_up_in_a_case_sensitive_pool() -> None:
    people = [a_user("bob"), a_user("Bob")]

    planned = plan([row(1, "bob", sub="sub-Bob")], people, scan=False)

    assert planned.lookups == ["sub=sub-Bob", "username=bob"]
    assert planned.reasons == {1: "bad_row"}


# Row 4: several rows for one user


@both_ways
def test_rows_that_ask_the_same_of_one_user_are_one_row_and_its_duplicates(scan: bool) -> None:
    rows = [row(1, "ann"), row(2, email="ann@example.com"), row(3, sub="sub-ann")]

    planned = plan(rows, [a_user("ann")], scan=scan)

    assert planned.reasons == {1: None, 2: "duplicate_row", 3: "duplicate_row"}
    assert planned.rows[2][0] == "skipped"


@both_ways
@pytest.mark.parametrize(
    "second",
    [{"phone": OTHER_PHONE}, {"claims_verified": False}, {"phone": None}],
    ids=["another number", "less trust", "no number"],
)
def test_rows_that_ask_different_things_of_one_user_all_fail(scan: bool, second: dict[str, Any]) -> None:
    rows = [row(1, "ann"), row(2, email="ann@example.com", **second), row(3, "ann")]

    planned = plan(rows, [a_user("ann")], scan=scan)

    assert set(planned.reasons.values()) == {"conflicting_rows"}


def test_an_empty_number_asks_the_same_as_the_one_that_the_pool_has_verified() -> None:
    rows = [row(1, "ann"), row(2, "ann", phone=None)]

    planned = plan(rows, [a_user("ann", phone=PHONE, phone_verified=True)])

    assert planned.reasons == {1: None, 2: "duplicate_row"}


def test_under_keep_rows_with_different_numbers_ask_the_same_of_a_user_with_a_verified_one() -> None:
    rows = [row(1, "ann"), row(2, "ann", phone=THIRD_PHONE)]

    planned = plan(
        rows,
        [a_user("ann", phone=OTHER_PHONE, phone_verified=True)],
        policy=a_policy(conflict=PhoneConflict.KEEP),
    )

    assert planned.reasons == {1: None, 2: "duplicate_row"}


def test_rows_that_cannot_be_used_take_no_part_in_the_comparison() -> None:
    rows: list[Candidate | Rejection] = [
        a_rejection(1, Reason.INVALID_PHONE),
        row(2, sub="sub-ann", email="bob@example.com", phone=OTHER_PHONE),
        row(3, "ann"),
        row(4, "ann"),
    ]

    planned = plan(rows, [a_user("ann"), a_user("bob")])

    assert planned.reasons == {1: "invalid_phone", 2: "bad_row", 3: None, 4: "duplicate_row"}


def test_duplicates_of_a_row_come_before_what_the_user_is_like() -> None:
    rows = [row(1, "ann"), row(2, "ann")]

    planned = plan(rows, [a_user("ann", status="UNCONFIRMED")])

    assert planned.reasons == {1: "awaiting_confirmation", 2: "duplicate_row"}


# Row 10: numbers that sign people in


@both_ways
@pytest.mark.parametrize("sign_in", [PhoneSignIn.ALIAS, PhoneSignIn.USERNAME])
def test_a_number_that_two_users_wish_for_goes_to_neither(scan: bool, sign_in: PhoneSignIn) -> None:
    rows = [row(1, "ann"), row(2, "bob"), row(3, "cat", phone=OTHER_PHONE)]
    people = [a_user(name) for name in ("ann", "bob", "cat")]

    planned = plan(rows, people, scan=scan, pool=a_pool(phone_sign_in=sign_in))

    assert planned.reasons == {1: "phone_taken", 2: "phone_taken", 3: None}


@both_ways
def test_a_number_that_another_user_holds_is_taken_verified_or_not(scan: bool) -> None:
    rows = [row(1, "ann"), row(2, "bob", phone=OTHER_PHONE)]
    people = [a_user("ann"), a_user("bob"), a_user("x", phone=PHONE)]
    people.append(a_user("y", phone=OTHER_PHONE, phone_verified=True))

    planned = plan(rows, people, scan=scan, pool=a_pool(phone_sign_in=PhoneSignIn.ALIAS))

    assert planned.reasons == {1: "phone_taken", 2: "phone_taken"}


@both_ways
def test_the_number_of_the_user_himself_is_not_taken(scan: bool) -> None:
    people = [a_user("ann", phone=PHONE, phone_verified=True)]

    planned = plan([row(1, "ann"), FILLER], people, scan=scan, pool=a_pool(phone_sign_in=PhoneSignIn.ALIAS))

    assert planned.reasons[1] is None


@both_ways
@pytest.mark.parametrize("conflict", [PhoneConflict.FAIL, PhoneConflict.KEEP])
def test_a_number_that_the_row_does_not_name_is_looked_for_too(scan: bool, conflict: PhoneConflict) -> None:
    # The wish is the user's own verified number, because the row is empty or because it is kept.
    phone = None if conflict is PhoneConflict.FAIL else THIRD_PHONE
    people = [a_user("ann", phone=PHONE, phone_verified=True), a_user("x", phone=PHONE)]

    planned = plan(
        [row(1, "ann", phone=phone), FILLER],
        people,
        scan=scan,
        pool=a_pool(phone_sign_in=PhoneSignIn.ALIAS),
        policy=a_policy(conflict=conflict),
    )

    assert planned.reasons[1] == "phone_taken"


@both_ways
def test_a_shared_number_is_nobodys_business_where_it_signs_nobody_in(scan: bool) -> None:
    rows = [row(1, "ann"), row(2, "bob")]

    planned = plan(rows, [a_user("ann"), a_user("bob"), a_user("x", phone=PHONE)], scan=scan)

    assert planned.reasons == {1: None, 2: None}


# Both ways, one plan

names = ["ann", "Ann", "aNN", "bob", "ann@x.jp", "Zoé", "Zoe\u0301", PHONE, "090-8765-4321"]
addresses = ["ann@x.jp", "Ann@x.jp", "ANN@X.JP", "bob@x.jp", "zoé@x.jp"]
numbers = [PHONE, OTHER_PHONE, None]


@st.composite
def pools_and_rosters(draw: st.DrawFn) -> tuple[PoolFacts, list[UserState], list[Candidate], Policy]:
    case_sensitive = draw(st.booleans())
    pool = a_pool(phone_sign_in=draw(st.sampled_from(list(PhoneSignIn))), case_sensitive=case_sensitive)
    called = draw(st.lists(st.sampled_from(names), unique_by=str if case_sensitive else str.casefold))
    users = [
        a_user(
            name,
            sub=f"sub-{number}",
            status=draw(st.sampled_from(["CONFIRMED", "CONFIRMED", "UNCONFIRMED", "EXTERNAL_PROVIDER"])),
            email=draw(st.sampled_from([*addresses, None])),
            phone=(phone := draw(st.sampled_from(numbers))),
            phone_verified=phone is not None and draw(st.booleans()),
        )
        for number, name in enumerate(called)
    ]
    candidates = []
    for number in range(1, draw(st.integers(2, 6)) + 1):
        sub = draw(st.sampled_from([None, None, "sub-0", "sub-1", "sub-gone"]))
        email = draw(st.sampled_from([None, *addresses]))
        name = draw(st.sampled_from([None, *names, "gone"]))
        if not (sub or email or name):
            name = "ann"
        candidates.append(
            row(
                number,
                name,
                sub=sub,
                email=email,
                phone=draw(st.sampled_from(numbers)),
                claims_verified=draw(st.sampled_from([None, True, False])),
            )
        )
    policy = a_policy(
        draw(st.sampled_from([ATTESTED, BY_CODE, AT_SIGN_IN])),
        conflict=draw(st.sampled_from(list(PhoneConflict))),
    )
    return pool, users, candidates, policy


filters = st.fixed_dictionaries({"username": st.booleans(), "email": st.booleans()})


@settings(derandomize=True, deadline=None, max_examples=100)
@given(pools_and_rosters(), filters, st.sampled_from([1, 2, 60]), st.sampled_from([None, "JP"]))
def test_a_scan_and_look_ups_lead_to_the_same_plan_whatever_filters_make_of_case(
    world: tuple[PoolFacts, list[UserState], list[Candidate], Policy],
    ignores_case: dict[str, bool],
    page_size: int,
    phone_country: str | None,
) -> None:
    pool, users, candidates, policy = world
    how: dict[str, Any] = {
        "pool": pool,
        "policy": policy,
        "ignores_case": ignores_case,
        "page_size": page_size,
        "phone_country": phone_country,
    }

    scanned = plan(candidates, users, scan=True, **how)
    looked_up = plan(candidates, users, scan=False, **how)

    assert None in [call.value for call in scanned.user_pool.calls]
    assert None not in [call.value for call in looked_up.user_pool.calls]
    assert looked_up.rows == scanned.rows


@settings(derandomize=True, deadline=None, max_examples=50)
@given(pools_and_rosters())
def test_no_two_rows_plan_writes_to_one_user_and_every_row_is_planned_or_ended(
    world: tuple[PoolFacts, list[UserState], list[Candidate], Policy],
) -> None:
    pool, users, candidates, policy = world

    planned = plan(candidates, users, pool=pool, policy=policy)

    subs = [sub for outcome, _, _, _, sub in planned.rows.values() if outcome == "unprocessed"]
    assert len(set(subs)) == len(subs)
    assert len(planned.rows) == len(candidates)
    for outcome, reason, _, steps, _ in planned.rows.values():
        assert (outcome == "unprocessed") == (reason is None) == (steps is not None)


# Taking a roster in, stopping, and deciding again


class ShortRoster:
    def __init__(self, rows: Sequence[Any]) -> None:
        self._rows = rows

    def records(self) -> Iterable[Any]:
        return iter(self._rows)


def test_a_roster_is_taken_in_whole(tmp_path: Path) -> None:
    run = Scene(tmp_path, FakeUserPool())
    rows = [a_record(row(number, f"u{number}")) for number in range(1, 2502)]

    count = run.planner().ingest(ShortRoster(rows))  # type: ignore[arg-type]

    assert count == 2501
    assert run.journal.database.value("SELECT COUNT(*) FROM rows") == 2501
    run.close()


def test_a_stop_ends_the_planning(tmp_path: Path) -> None:
    run = Scene(tmp_path, FakeUserPool([a_user("ann")]))
    run.stop.request(StopCause.SIGINT)

    with pytest.raises(Stopped):
        run.plan([row(1, "ann")])
    run.close()


def test_failed_rows_are_decided_again_and_verified_ones_are_left(tmp_path: Path) -> None:
    user_pool = FakeUserPool([a_user("ann"), a_user("dis", enabled=False)])
    run = Scene(tmp_path, user_pool)
    run.plan([row(1, "ann"), row(2, "gone"), row(3, "dis"), a_rejection(4)])
    run.settle_open()
    before = run.rows()
    user_pool.put(a_user("gone"))

    reopened = run.plans.reopen_failed()
    planner = run.planner()
    planner.read_pool(reopened)
    planner.decide_all()

    assert before == {
        1: ("verified", "enrolled"),
        2: ("failed", "user_not_found"),
        3: ("skipped", "disabled_user"),
        4: ("failed", "invalid_phone"),
    }
    assert reopened == 1
    assert run.rows() == {**before, 2: ("unprocessed", None)}
    run.close()


def test_whom_despite_lets_in_is_counted_by_the_reason_that_it_lifts(tmp_path: Path) -> None:
    people = [
        a_user("ann", email_verified=False),
        a_user("bob", email_verified=False),
        a_user("cat", enabled=False),
        a_user("dan"),
        a_user("eve", status="UNCONFIRMED", enabled=False),
    ]
    despite = (Reason.NO_RECOVERY_LEFT, Reason.DISABLED_USER, Reason.HAS_TOTP)
    run = Scene(tmp_path, FakeUserPool(people), policy=a_policy(despite=despite))
    run.plan(
        a_candidate(None, row=row, sub=user.sub, phone=f"+81901234{row:04}")
        for row, user in enumerate(people, 1)
    )
    pool = run.user_pool.pool

    lifted = count_lifted(run.plans, pool=pool, policy=run.policy)
    nothing = count_lifted(run.plans, pool=pool, policy=a_policy())

    assert lifted == {Reason.NO_RECOVERY_LEFT: 2, Reason.DISABLED_USER: 1}
    assert nothing == {}
    run.settle_open()
    assert count_lifted(run.plans, pool=pool, policy=run.policy) == {}
    run.close()


@pytest.mark.parametrize(("case_sensitive", "users"), [(True, 1), (False, 2)])
def test_a_name_given_by_hand_is_of_all_users_who_have_it_told_apart_as_the_pool_does(
    tmp_path: Path, case_sensitive: bool, users: int
) -> None:
    pool = a_pool(case_sensitive=case_sensitive)
    run = Scene(tmp_path, FakeUserPool([a_user("ann"), a_user("ANN"), a_user("bob")], pool))
    run.plan(
        a_candidate(None, row=row, sub=f"sub-{name}") for row, name in enumerate(("ann", "ANN", "bob"), 1)
    )

    assert len(users_named("ann", run.plans)) == users
    assert users_named(a_user("bob").sub, run.plans) == users_named("bob@example.com", run.plans)
    assert users_named("nobody", run.plans) == set()
    run.close()


def test_the_steps_of_the_plan_are_counted_by_kind(tmp_path: Path) -> None:
    people = [a_user(name) for name in ("ann", "bob", "cat")]
    people.append(a_user("dan", phone=PHONE, phone_verified=True))
    run = Scene(tmp_path, FakeUserPool(people))
    run.plan(
        [
            row(1, "ann"),
            row(2, "bob", claims_verified=False),
            row(3, "cat", claims_verified=True),
            row(4, "dan"),
            row(5, "x"),
        ]
    )

    assert run.plans.planned_steps() == {"store_verified": 2, "store_unverified": 1, "set_sms_mfa": 3}
    assert run.plans.planned_steps((PlannedBy.RECONCILE,)) == {}
    assert run.plans.claims_made() == {None, True, False}
    run.close()


@pytest.mark.parametrize("verification", [BY_CODE, AT_SIGN_IN])
def test_an_sms_is_counted_once_whether_it_was_sent_or_is_still_to_be_sent(
    tmp_path: Path, verification: VerificationPolicy
) -> None:
    people = [a_user(f"u{number}") for number in range(6)]
    user_pool = FakeUserPool(people, a_pool(phone_auto_verified=True))
    run = Scene(tmp_path, user_pool, policy=a_policy(verification))
    run.plan([row(number + 1, user.username) for number, user in enumerate(people)])

    def expected() -> int:
        return run.store.unverified_writes() + run.plans.planned_steps().get("store_unverified", 0)

    counted = [expected()]
    for work, result in zip(
        run.store.claim(tuple(PlannedBy), 0, 4), [None, "unknown", "done", "refused"], strict=True
    ):
        state = user_pool.user(work.username)
        plan_now = run.decide(work, state)
        assert isinstance(plan_now, Plan)
        intent = run.store.record_intent(work, state, plan_now, run.clock.now())
        if result == "done":
            user_pool.store_phone(work.username, Phone(PHONE), verified=False)
        if result is not None:
            run.store.record_result(intent, result, run.clock.now())
        counted.append(expected())
    run.settle_open()
    counted.append(expected())

    assert counted == [6] * 6
    assert user_pool.sms.total() == 5, "what may have been sent once is not sent again unasked"
    run.close()


# What cannot be looked up, and a roster of another pool


def test_a_row_whose_identity_cognito_does_not_search_for_is_bad_and_nobody_is_missing(
    tmp_path: Path,
) -> None:
    user_pool = FakeUserPool([a_user("ann")], a_pool(estimated_users=HUGE_POOL))

    def only_the_odd(call: Call) -> None:
        only: Any = call.value
        if only.value == "odd":
            raise ApiError(operation=LIST, code="InvalidParameterException", status=400)

    user_pool.hook = only_the_odd
    run = Scene(tmp_path, user_pool)
    run.plan([row(1, "odd"), row(2, "ann")])

    assert tuple(run.one("SELECT reason, detail FROM rows WHERE row = 1")) == (
        "bad_row",
        "Cognito refuses to search for the Username o… (InvalidParameterException).",
    )
    assert run.row(2) == ("unprocessed", None)
    run.close()


def test_where_look_ups_are_refused_the_plan_ends_and_no_row_does(tmp_path: Path) -> None:
    user_pool = FakeUserPool([a_user("ann")], a_pool(estimated_users=HUGE_POOL))
    user_pool.fail(LIST, "InvalidParameterException", times=99, skip=1, status=400)
    run = Scene(tmp_path, user_pool)

    with pytest.raises(OutOfReach, match="refuses ListUsers"):
        run.plan([row(1, "ann"), row(2, "ann"), row(3, "ann")])

    assert set(run.rows().values()) == {("unprocessed", None)}
    run.close()


def other_users(count: int) -> list[Candidate]:
    return [row(number, f"stranger{number}") for number in range(1, count + 1)]


@both_ways
@pytest.mark.parametrize("count", [100, 400])
def test_a_roster_of_another_pool_is_noticed_before_every_row_has_cost_a_call(scan: bool, count: int) -> None:
    pool = a_pool(name="members", id="xx-y_1")

    with pytest.raises(InputUnusable, match=r"another pool.* pool members \(xx-y_1\)") as refused:
        plan(other_users(count), [a_user("ann")], scan=scan, pool=pool)

    assert (
        "among the 1 user of a scan" in refused.value.message or "1 user of a scan" in refused.value.message
    ) is scan
    assert "--max-failures 100%" in refused.value.hint


def test_a_roster_of_another_pool_costs_some_200_look_ups_at_most(tmp_path: Path) -> None:
    user_pool = FakeUserPool([a_user("ann")], a_pool(estimated_users=HUGE_POOL))
    run = Scene(tmp_path, user_pool)

    with pytest.raises(InputUnusable):
        run.plan(other_users(3000))

    assert len(user_pool.calls) <= 260
    run.close()


@both_ways
@pytest.mark.parametrize("first", [1, 100, 101, 250, 301])
def test_a_roster_of_leavers_and_others_goes_on_however_it_is_sorted(scan: bool, first: int) -> None:
    here = range(first, first + 100)

    planned = plan(other_users(400), [a_user(f"stranger{number}") for number in here], scan=scan)

    assert [n for n, reason in planned.reasons.items() if reason is None] == list(here)


def test_after_a_scan_one_user_of_the_roster_is_enough() -> None:
    planned = plan(other_users(400), [a_user("stranger400")])

    assert planned.reasons[400] is None


@both_ways
def test_a_small_roster_of_nobody_is_told_row_by_row(scan: bool) -> None:
    assert set(plan(other_users(99), scan=scan).reasons.values()) == {"user_not_found"}


def test_who_lets_all_rows_fail_is_not_stopped(tmp_path: Path) -> None:
    run = Scene(tmp_path, FakeUserPool())

    run.plan(other_users(150), may_find_nobody=True)

    assert set(run.rows().values()) == {("failed", "user_not_found")}
    run.close()


def test_rows_that_failed_are_looked_up_again_however_many_beside_others_that_did_not(tmp_path: Path) -> None:
    run = Scene(tmp_path, FakeUserPool([a_user("ann")]))
    run.plan([*other_users(150), row(151, "ann")])
    run.settle_open()

    planner = run.planner()
    planner.read_pool(run.plans.reopen_failed())
    planner.decide_all()

    assert run.plans.count_unresolved() == 0
    assert run.row(1) == ("failed", "user_not_found")
    run.close()


def test_how_many_rows_are_left_to_look_up_after_a_scan_is_told() -> None:
    planned = plan([row(1, "ann"), row(2, "bob"), row(3, "cat")], [a_user("ann")])

    assert "2 rows match no user of the scan. Looking each one up, in case the user is new." in planned.said
