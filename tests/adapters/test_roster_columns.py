# ruff: noqa: RUF001 - full-width signs are what is tested
import io
from collections.abc import Iterator

import pytest

from migrate_mfa.adapters.roster import Roster, RosterOptions, open_roster
from migrate_mfa.adapters.roster_columns import (
    ALIASES,
    Columns,
    Header,
    Kind,
    canonical,
    find_columns,
    read_header,
)
from migrate_mfa.domain.errors import InputUnusable
from migrate_mfa.domain.model import Candidate

TEMPLATE = (
    "profile,address,birthdate,gender,preferred_username,updated_at,website,picture,phone_number,"
    "phone_number_verified,zoneinfo,locale,email,email_verified,given_name,family_name,middle_name,name,"
    "nickname,cognito:mfa_enabled,cognito:username"
)
NAMES = {
    Kind.SUB: ["sub", "Sub", " SUB "],
    Kind.USER_SUB: ["user_sub"],
    Kind.USERNAME: [
        *("username", "user", "login", "login_id", "user_name", "cognito:username"),
        *(
            "ユーザー名",
            "ユーザ名",
            "ログインID",
            "ユーザーID",
            "User Name",
            "login-id",
            "ログインｉｄ",
            "ﾕｰｻﾞｰ名",
        ),
    ],
    Kind.EMAIL: [
        *("email", "mail", "e-mail", "email_address", "Email Address", "E-Mail"),
        *("メール", "メールアドレス", "Eメール", "Ｅメール", "eメール", "\ufeffメール"),
    ],
    Kind.PHONE: [
        *(
            "phone",
            "phone_number",
            "phone number",
            "Phone-Number",
            "tel",
            "Telephone",
            "mobile",
            "cell",
            "ＴＥＬ",
        ),
        *("電話番号", "携帯電話", "携帯番号", "携帯電話番号", "携帯", "\u3000電話番号\u3000"),
    ],
    Kind.VERIFIED: ["phone_number_verified", "PHONE_NUMBER_VERIFIED"],
    Kind.SURPLUS: ["surplus_cells"],
}


def header(text: str, *chosen: str) -> Header:
    def lines() -> Iterator[tuple[int, str]]:
        yield from enumerate(io.StringIO(text, newline=""), 1)

    return read_header(lines(), "users.csv", chosen)


def first(text: str, options: RosterOptions | None = None) -> tuple[Roster, Candidate]:
    with open_roster("-", options or RosterOptions(), stdin=io.BytesIO(text.encode())) as roster:
        (record,) = roster.records()
    assert isinstance(record.row, Candidate), record.row
    return roster, record.row


@pytest.mark.parametrize(("kind", "name"), [(kind, name) for kind, names in NAMES.items() for name in names])
def test_a_column_is_known_by_each_of_its_names(kind: Kind, name: str) -> None:
    who = "sub" if kind not in {Kind.SUB, Kind.USER_SUB} else "username"

    columns = find_columns((who, "note", name), "users.csv")

    assert getattr(columns, kind) == 2
    assert columns.used().keys() == {Kind(who), kind}


def test_every_name_that_messages_offer_is_tried_above() -> None:
    for kind, aliases in ALIASES.items():
        assert set(map(canonical, aliases.split())) <= set(map(canonical, NAMES[kind]))


@pytest.mark.parametrize(
    "name", ["id", "preferred_username", "email_verified", "home_phone", "outcome", "cognito:mfa_enabled", ""]
)
def test_other_columns_are_not_read(name: str) -> None:
    assert find_columns(("username", name, name), "users.csv").used() == {Kind.USERNAME: 0}


def test_the_import_template_of_cognito_is_a_roster() -> None:
    cells = dict.fromkeys(TEMPLATE.split(","), "")
    cells |= {"cognito:username": "alice", "phone_number": "+819012345678", "phone_number_verified": "TRUE"}
    cells |= {"email": "alice@example.com", "cognito:mfa_enabled": "FALSE", "preferred_username": "ally"}

    roster, row = first(f"{TEMPLATE}\n{','.join(cells.values())}\n")

    assert roster.columns == tuple(TEMPLATE.split(","))
    assert (row.sub, row.username, row.email, row.vouched) == (None, "alice", "alice@example.com", True)
    assert row.phone is not None


def test_a_report_of_the_tool_is_a_roster_and_keeps_its_columns() -> None:
    names = "username,phone,outcome,reason,detail,user_sub,updated_at"

    roster, row = first(f"\ufeff{names}\r\nalice,+819012345678,failed,gave_up,'=x,s-1,2026-01-01\r\n")

    assert roster.columns == tuple(names.split(","))
    assert (row.sub, row.username) == ("s-1", "alice")


@pytest.mark.parametrize(
    ("names", "kind", "settled_by"),
    [
        (("username", "login"), "username", "--id-column"),
        (("email", "メール"), "email", "--id-column"),
        (("sub", "SUB"), "sub", "--id-column"),
        (("username", "tel", "mobile"), "phone", "--phone-column"),
        (("username", "phone", "phone"), "phone", "--phone-column"),
        (("username", "phone_number_verified", "Phone_Number_Verified"), "phone_number_verified", "Remove"),
    ],
)
def test_two_columns_of_one_kind_are_refused_by_name(
    names: tuple[str, ...], kind: str, settled_by: str
) -> None:
    with pytest.raises(InputUnusable) as caught:
        find_columns(names, "users.csv")

    assert caught.value.message == f"users.csv has two columns for {kind}: {names[-2]!r} and {names[-1]!r}."
    assert settled_by in caught.value.hint


def test_an_option_settles_which_of_two_columns_it_is() -> None:
    names = ("username", "login", "sub", "tel", "mobile")

    columns = find_columns(names, "users.csv", id_column="login", phone_column="mobile")

    assert columns == Columns(names=names, username=1, phone=4)


@pytest.mark.parametrize(
    ("id_column", "kind"),
    [("sub", Kind.SUB), ("メール", Kind.EMAIL), ("社員番号", Kind.EITHER), ("phone", Kind.EITHER)],
)
def test_a_chosen_identity_keeps_the_meaning_of_its_name(id_column: str, kind: Kind) -> None:
    names = ("sub", "メール", "社員番号", "phone")

    columns = find_columns(names, "users.csv", id_column=id_column)

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
    assert find_columns(("ID", "id"), "users.csv", id_column="id").either == 1


@pytest.mark.parametrize("option", ["id_column", "phone_column"])
@pytest.mark.parametrize(("name", "trouble"), [("nickname", "no column"), ("Note", "more than one column")])
def test_an_option_that_names_no_one_column_is_refused(option: str, name: str, trouble: str) -> None:
    with pytest.raises(InputUnusable) as caught:
        find_columns(("username", "note", "NOTE"), "users.csv", **{option: name})

    assert trouble in caught.value.message
    assert f"--{option.replace('_', '-')}" in caught.value.message
    assert "'username', 'note', 'NOTE'" in caught.value.hint


def test_a_roster_that_names_nobody_is_refused_with_the_names_that_would_do() -> None:
    with pytest.raises(InputUnusable) as caught:
        find_columns(("氏名", "phone"), "users.csv")

    assert "'氏名', 'phone'" in caught.value.message
    for name in ("sub", "username", "ユーザー名", "cognito:username", "email", "--id-column"):
        assert name in caught.value.hint


def test_a_file_without_a_header_does_not_show_its_first_user() -> None:
    with pytest.raises(InputUnusable) as caught:
        find_columns(("taro@example.com", "+819012345678", "x" * 50, *map(str, range(40))), "users.csv")

    assert "It has (column 1), (column 2), (column 3), '0', " in caught.value.message
    assert caught.value.message.endswith("'26', ….")


@pytest.mark.parametrize(
    ("line", "delimiter"),
    [
        ("username,phone", ","),
        ("username;phone", ";"),
        ("username\tphone", "\t"),
        ("username", ","),
        ("note,a;username;phone", ";"),
        ('"username";"phone"', ";"),
        ('"last, first";username;phone', ";"),
        ("'=x\tユーザー名\t携帯", "\t"),
    ],
)
def test_the_delimiter_is_the_one_that_makes_names_known(line: str, delimiter: str) -> None:
    assert header(f"{line}\r\nalice\r\n").delimiter == delimiter


def test_a_column_that_an_option_names_counts_for_the_delimiter() -> None:
    assert header("社員番号;氏名\n", "社員番号") == Header(";", ("社員番号", "氏名"), 1)


@pytest.mark.parametrize("mark", [",", ";", "\t", "|"])
@pytest.mark.parametrize("line", ["sep={}\r\n", "SEP={}\n", '"sep={}"\r\n', "sep={0}{0}{0}\n"])
def test_the_sep_line_of_excel_names_the_delimiter_and_is_no_header(mark: str, line: str) -> None:
    found = header(f"{line.format(mark)}\nusername{mark}a;b,c\n")

    assert (found.delimiter, found.last_line) == (mark, 3)
    assert found.names[0] == "username"


def test_rows_after_a_sep_line_have_their_own_line_numbers() -> None:
    _, row = first("sep=;\r\nusername;phone\r\nalice;+819012345678\r\n")

    assert (row.at.row, row.at.first_line) == (1, 3)


def test_a_guarded_name_is_read_as_it_was() -> None:
    assert header("username,'=x, '+a \n").names == ("username", "=x", "'+a")


def test_a_header_with_a_stray_quote_is_taken_as_it_is() -> None:
    assert header('"user"name,phone\n').names == ('"user"name', "phone")
