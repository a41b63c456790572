# ruff: noqa: RUF001 - full-width signs are what is tested
import io

import pytest

from migrate_mfa.domain.errors import InputUnusable
from migrate_mfa.domain.model import Candidate
from migrate_mfa.roster.columns import Columns, Found, Kind, find_columns, find_identities
from migrate_mfa.roster.file import Roster, RosterOptions, open_roster
from migrate_mfa.roster.names import Names
from migrate_mfa.roster.sample import Sample

TEMPLATE = (
    "profile,address,birthdate,gender,preferred_username,updated_at,website,picture,phone_number,"
    "phone_number_verified,zoneinfo,locale,email,email_verified,given_name,family_name,middle_name,name,"
    "nickname,cognito:mfa_enabled,cognito:username"
)


def find(
    names: tuple[str, ...], *rows: list[str], id_column: str | None = None, phone_column: str | None = None
) -> Found:
    known = Names(names, "users.csv")
    identities = find_identities(known, id_column)
    return find_columns(known, identities, Sample(rows, len(names)), phone_column)


def first(text: str, options: RosterOptions | None = None) -> tuple[Roster, Candidate]:
    with open_roster("-", options or RosterOptions(), stdin=io.BytesIO(text.encode())) as roster:
        (record,) = roster.records()
    assert isinstance(record.row, Candidate), record.row
    return roster, record.row


@pytest.mark.parametrize(
    "name", ["id", "preferred_username", "email_verified", "outcome", "cognito:mfa_enabled", ""]
)
def test_other_columns_are_not_read(name: str) -> None:
    assert find(("username", name, name)).columns.used() == {Kind.USERNAME: 0}


def test_the_import_template_of_cognito_is_a_roster() -> None:
    cells = dict.fromkeys(TEMPLATE.split(","), "")
    cells |= {"cognito:username": "alice", "phone_number": "+819012345678", "phone_number_verified": "TRUE"}
    cells |= {"email": "alice@example.com", "cognito:mfa_enabled": "FALSE", "preferred_username": "ally"}

    roster, row = first(f"{TEMPLATE}\n{','.join(cells.values())}\n")

    assert roster.columns == tuple(TEMPLATE.split(","))
    assert (row.sub, row.username, row.email, row.claims_verified) == (
        None,
        "alice",
        "alice@example.com",
        True,
    )
    assert row.phone is not None


def test_a_report_of_the_tool_is_a_roster_and_keeps_its_columns() -> None:
    names = "username,phone,outcome,reason,detail,user_sub,updated_at"

    roster, row = first(f"\ufeff{names}\r\nalice,+819012345678,failed,gave_up,'=x,s-1,2026-01-01\r\n")

    assert roster.columns == tuple(names.split(","))
    assert (row.sub, row.username) == ("s-1", "alice")


@pytest.mark.parametrize(
    ("names", "told"),
    [
        (("username", "login"), 'for username: "username" and "login".'),
        (("email", "メール"), 'for email: "email" and "メール".'),
        (("Email", "E-Mail-Adresse"), 'for email: "Email" and "E-Mail-Adresse".'),
        (
            ("sAMAccountName", "userPrincipalName", "mail"),
            'username: "sAMAccountName" and "userPrincipalName".',
        ),
        (("sub", "sub"), 'for sub: column 1 ("sub") and column 2 ("sub").'),
    ],
)
def test_two_columns_that_name_users_alike_are_refused_by_name(names: tuple[str, ...], told: str) -> None:
    with pytest.raises(InputUnusable) as caught:
        find(names)

    assert told in caught.value.message
    assert "--id-column" in caught.value.hint


@pytest.mark.parametrize(
    ("names", "told"),
    [
        (("username", "phone_number_verified", "Phone Verified"), "phone_number_verified"),
        (("username", "phone", "country", "Land"), "country"),
        (("username", "phone", "dial code", "indicatif"), "dial_code"),
    ],
)
def test_two_columns_for_one_thing_of_the_number_are_refused(names: tuple[str, ...], told: str) -> None:
    with pytest.raises(InputUnusable, match=f"2 columns for {told}: "):
        find(names)


def test_an_option_settles_which_of_two_columns_it_is() -> None:
    names = ("username", "login", "sub", "tel", "mobile", "cell")

    found = find(names, id_column="login", phone_column="mobile")

    assert found.columns == Columns(names=names, username=1, phone=4)
    assert found.notes == ('Phone columns that are not read: "tel", "cell" (mobile).',)


@pytest.mark.parametrize(
    ("id_column", "kind"),
    [("sub", Kind.SUB), ("メール", Kind.EMAIL), ("社員番号", Kind.EITHER), ("phone", Kind.EITHER)],
)
def test_a_chosen_identity_keeps_the_meaning_of_its_name(id_column: str, kind: Kind) -> None:
    names = ("sub", "メール", "社員番号", "phone")

    columns = find(names, id_column=id_column).columns

    assert columns.used() == {kind: names.index(id_column), Kind.PHONE: 3}


@pytest.mark.parametrize(
    ("value", "username", "email"), [("4711", "4711", None), ("alice@example.com", None, "alice@example.com")]
)
def test_a_chosen_column_of_unknown_name_holds_addresses_or_usernames(
    value: str, username: str | None, email: str | None
) -> None:
    _, row = first(f"email,Staff No\nother@example.com,{value}\n", RosterOptions(id_column="staff no"))

    assert (row.sub, row.username, row.email) == (None, username, email)


def test_an_exact_name_comes_before_one_that_is_alike() -> None:
    assert find(("ID", "id"), id_column="id").columns.either == 1


@pytest.mark.parametrize("name", ["mobile-PHONE", "Column 2", "ＭｏｂｉｌｅＰｈｏｎｅ"])
def test_an_option_names_a_column_in_any_spelling_or_by_its_place(name: str) -> None:
    assert find(("email", "Mobile Phone", "tel", "cell"), phone_column=name).columns.phone == 1


@pytest.mark.parametrize("option", ["id_column", "phone_column"])
def test_an_option_that_names_no_column_is_refused_with_the_nearest_and_all_others(option: str) -> None:
    with pytest.raises(InputUnusable) as caught:
        find(("username", "Nickname", "NOTE"), **{option: "nick names"})

    assert (
        f'no column named "nick names", which --{option.replace("_", "-")} asks for' in caught.value.message
    )
    assert caught.value.message.endswith('The nearest is "Nickname".')
    assert caught.value.hint.splitlines() == [
        "Its columns are:",
        "   1  username",
        "   2  Nickname",
        "   3  NOTE",
    ]


@pytest.mark.parametrize("option", ["id_column", "phone_column"])
def test_an_option_that_names_two_columns_is_refused_with_their_places(option: str) -> None:
    with pytest.raises(InputUnusable) as caught:
        find(("username", "Note", "Note", "other"), **{option: "Note"})

    assert "2 columns named" in caught.value.message
    assert '"column 2": column 2 ("Note") or column 3 ("Note").' in caught.value.hint


def test_a_roster_that_names_nobody_is_refused_with_what_would_do() -> None:
    with pytest.raises(InputUnusable) as caught:
        find(("氏名", "phone"))

    assert "no column that is known to say who a user is" in caught.value.message
    assert "email, username or sub" in caught.value.hint
    assert "--id-column" in caught.value.hint
    assert caught.value.hint.splitlines()[-2:] == ["   1  氏名", "   2  phone"]


@pytest.mark.parametrize("options", [{}, {"id_column": "column 1"}, {"id_column": "user"}])
def test_a_first_user_is_not_taken_for_a_header(options: dict[str, str]) -> None:
    with pytest.raises(InputUnusable, match="no header line"):
        find(("taro@example.com", "user", "+81 90 1234 5678"), **options)


def test_a_file_without_a_header_does_not_show_its_first_user() -> None:
    with pytest.raises(InputUnusable) as caught:
        find(("taro@example.com", "+819012345678", "x" * 80, "", *map(str, range(50))))

    hint = caught.value.hint
    assert "no header line: its first line looks like a user's data" in caught.value.message
    assert '   1  column 1 ("[address]")\n   2  column 2 ("[number]")\n' in hint
    assert f'   3  column 3 ("{"x" * 60}…")\n   4  column 4 (no name)\n' in hint
    assert hint.endswith("and 14 more")


@pytest.mark.parametrize(
    ("names", "taken", "left"),
    [
        (("email", "phone", "country", "usageLocation"), "country", "usageLocation"),
        (("mail", "mobile", "c", "co", "countryCode"), "c", "countryCode"),
        (("email", "phone", "Country", "Phone Country"), "Phone Country", "Country"),
    ],
)
def test_of_several_countries_the_one_next_to_the_number_comes_first_as_is_said(
    names: tuple[str, ...], taken: str, left: str
) -> None:
    found = find(names)

    assert found.labels["country"] == taken
    told = f'Read only where "{taken}" is empty:'
    assert any(note.startswith(told) and left in note for note in found.notes)


@pytest.mark.parametrize("name", ["C", "Co.", "CO"])
def test_c_and_co_are_countries_only_as_the_attributes_of_a_directory(name: str) -> None:
    assert find(("email", "phone", name)).columns.country is None


@pytest.mark.parametrize(
    ("names", "vouches"),
    [
        (("email", "mobile", "phone_verified"), True),
        (("email", "phone_number", "fax", "phone_number_verified"), True),
        (("email", "Mobile Phone", "Office Phone", "mobilePhoneVerified"), True),
        (("email", "phone_number", "phone_number_verified", "mobile"), False),
        (("email", "mobile", "office phone", "phone verified"), False),
        (("email", "phone_number_verified"), True),
    ],
)
def test_a_column_that_vouches_for_another_number_is_not_read(names: tuple[str, ...], vouches: bool) -> None:
    found = find(names)

    assert (found.columns.phone_number_verified is not None) is vouches
    assert any("may be about another number" in note for note in found.notes) is not vouches


def test_without_numbers_only_the_columns_that_name_users_are_looked_for() -> None:
    names = Names(("email", "phone", "tel", "phone_number_verified", "country"), "users.csv")

    assert find_columns(names, find_identities(names), None).columns.used() == {Kind.EMAIL: 0}


def test_the_names_that_are_shown_hold_no_data() -> None:
    found = find(("email", "電話番号\n(090-1234-5678)"))

    assert found.labels == {"email": "email", "phone": 'column 2 ("電話番号 ([number])")'}
    assert found.columns.names[1] == "電話番号\n(090-1234-5678)"
