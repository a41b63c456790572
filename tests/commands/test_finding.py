"""Finding users: the same answer however it is looked for, and never "no such user" for a refused look."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.commands.support import (
    a_member,
    assert_code,
    calls,
    endings,
    ends,
    phone_of,
    report,
    roster_of,
    untouched,
    words,
    write_roster,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.commands.conftest import Site

ATTESTED = ("--verification", "attested")
BY_NUMBER = {"AliasAttributes": None, "UsernameAttributes": ["phone_number"]}
REFUSED = {"kind": "error", "message": "Invalid pagination token.", "ops": ["ListUsers"]}
CROWD = [a_member(f"user{number:04}") for number in range(300)]


@pytest.mark.parametrize("ignores_case", [False, True], ids=["tells cases apart", "ignores case"])
def test_usernames_in_another_case_are_found_by_look_ups(
    raise_site: Callable[..., Site], ignores_case: bool
) -> None:
    """Case 21b: a few rows in a pool that does not tell cases apart."""
    people = [a_member(name) for name in ("CaseA", "CaseB", "Mixed.Case")]
    unsettled = {"username_filter_ignores_case": ignores_case}
    site = raise_site([*people, *CROWD], unsettled=unsettled)
    rows = [("casea", phone_of(1)), ("CASEB", phone_of(2)), ("mixed.case", phone_of(3))]
    roster = write_roster(site.folder / "roster.csv", rows, ("username", "phone_number"))

    done = site.cli.run(roster, site.folder / "run", *ATTESTED)

    assert_code(done, 0)
    assert set(endings(site.folder / "run").values()) == {("verified", "enrolled")}


def test_a_twin_whose_address_differs_by_case_makes_a_row_ambiguous_by_look_ups_too(
    raise_site: Callable[..., Site],
) -> None:
    twin = a_member("twin")
    twin["Attributes"] |= {"email": "Ann@Example.com", "email_verified": "false"}
    site = raise_site([a_member("ann"), twin, *CROWD], unsettled={"email_filter_tells_cases": True})
    roster = write_roster(site.folder / "roster.csv", [("ann@example.com", phone_of(1))])

    done = site.cli.plan(roster, site.folder / "run", *ATTESTED, "--max-failures", "100%")

    assert_code(done, 0)
    [row] = report(site.folder / "run", "failed")
    assert row["reason"] == "ambiguous_user"
    assert row["detail"].endswith('2 users fit the e-mail address a…@example.com of column "email".')


@pytest.mark.parametrize(
    ("header", "options"),
    [(("username",), ()), (("phone_number",), ("--id-column", "phone_number"))],
    ids=["username column", "number column alone"],
)
def test_users_are_found_by_the_numbers_that_sign_them_in(
    raise_site: Callable[..., Site], header: tuple[str, ...], options: tuple[str, ...]
) -> None:
    """Case 23, and numbers as people write them."""
    people = [a_member(f"u{number}", phone=phone_of(number), verified=True) for number in range(3)]
    site = raise_site(people, config=BY_NUMBER)
    rows = [(phone_of(0),), ("090-1000-0001",), ("+81 90 1000 0002",)]
    roster = write_roster(site.folder / "roster.csv", rows, header)

    done = site.cli.run(roster, site.folder / "run", *ATTESTED, "--phone-country", "JP", *options)

    assert_code(done, 0)
    assert ends(site.folder / "run") == {("verified", "enrolled"): 3}


def test_users_are_found_by_the_fixed_lines_that_sign_them_in(raise_site: Callable[..., Site]) -> None:
    lines = ["+81312345678", "+4930123456", "+81312345679"]
    people = [a_member(f"u{at}", phone=line, verified=True) for at, line in enumerate(lines)]
    site = raise_site(people, config=BY_NUMBER)
    named = ["+81 3-1234-5678", "+49 30 123456", "03-1234-5679"]
    rows = [(name, phone_of(at)) for at, name in enumerate(named)]
    roster = write_roster(site.folder / "roster.csv", rows, ("username", "mobile"))

    done = site.cli.run(
        roster, site.folder / "run", *ATTESTED, "--phone-country", "JP", "--phone-conflict", "replace"
    )

    assert_code(done, 0)
    assert ends(site.folder / "run") == {("verified", "enrolled"): 3}


@pytest.mark.parametrize("rows", [2, 60], ids=["look-ups", "scan"])
def test_where_cognito_refuses_to_list_users_no_row_is_blamed(
    raise_site: Callable[..., Site], rows: int
) -> None:
    """Case 30: every ListUsers after the first few is refused."""
    faults = {"rules": [{**REFUSED, "after_calls": 1}]}
    site = raise_site(CROWD, faults=faults)
    roster = roster_of(site.folder, [f"user{number:04}" for number in range(rows)])

    done = site.cli.run(roster, site.folder / "run", *ATTESTED)

    assert_code(done, 8)
    assert "No user is to blame" in words(done.err)
    assert ends(site.folder / "run") == {("unprocessed", ""): rows}
    assert len(report(site.folder / "run", "unprocessed")) == rows
    assert untouched(site.running)


def test_a_scan_whose_next_page_is_refused_begins_anew(raise_site: Callable[..., Site]) -> None:
    site = raise_site(CROWD, faults={"rules": [{**REFUSED, "after_calls": 9, "times": 2}]})
    roster = roster_of(site.folder, [f"user{number:04}" for number in range(0, 300, 5)])

    done = site.cli.plan(roster, site.folder / "run", *ATTESTED)

    assert_code(done, 0)
    assert ends(site.folder / "run") == {("unprocessed", ""): 60}


def test_a_display_name_in_a_username_column_says_what_was_looked_for(
    raise_site: Callable[..., Site],
) -> None:
    """Case 17."""
    site = raise_site([a_member("user01")])
    rows = [("Aki Ito", "user01@example.com", phone_of(1))]
    roster = write_roster(site.folder / "roster.csv", rows, ("User", "Email", "Phone"))

    done = site.cli.plan(roster, site.folder / "run", *ATTESTED, "--max-failures", "100%")

    assert_code(done, 0)
    [row] = report(site.folder / "run", "failed")
    assert 'Looked for the Username A… of column "User". It has a blank' in row["detail"]
    assert 'column "Email"' in row["detail"]
    assert "--id-column" in row["detail"]


@pytest.mark.parametrize("users", [CROWD, CROWD[:50]], ids=["look-ups", "scan"])
def test_a_roster_of_another_pool_ends_with_3_after_some_look_ups(
    raise_site: Callable[..., Site], users: list[dict[str, Any]]
) -> None:
    site = raise_site(users, config={"EstimatedNumberOfUsers": 10**6} if users is CROWD else None)
    roster = roster_of(site.folder, [f"stranger{number}" for number in range(1500)])

    done = site.cli.plan(roster, site.folder / "run", *ATTESTED)

    assert_code(done, 3)
    said = words(done.err)
    assert "seems to belong to another pool" in said
    assert "members (ap-northeast-1_Members01)" in said
    assert 'Users were looked up by column "email".' in said
    assert calls(site.running)["ListUsers"] < 900  # three a row, where filters might tell cases apart
    assert ends(site.folder / "run") == {("unprocessed", ""): 1500}
