import io
from collections.abc import Iterator

import pytest

from migrate_mfa.domain.errors import InputUnusable
from migrate_mfa.domain.model import Candidate
from migrate_mfa.roster.file import RosterOptions, open_roster
from migrate_mfa.roster.header import Header, read_header


def header(text: str, *chosen: str) -> Header:
    def lines() -> Iterator[tuple[int, str]]:
        yield from enumerate(io.StringIO(text, newline=""), 1)

    return read_header(lines(), "users.csv", chosen)


def rows(text: str) -> list[tuple[tuple[str, ...], object]]:
    with open_roster("-", RosterOptions(), stdin=io.BytesIO(text.encode())) as roster:
        return [(record.cells, record.row) for record in roster.records()]


@pytest.mark.parametrize(
    ("line", "delimiter"),
    [
        ("username,phone", ","),
        ("username;phone", ";"),
        ("username\tphone", "\t"),
        ("username|phone", "|"),
        ("username", ","),
        ("note,a;username;phone", ";"),
        ('"username";"phone"', ";"),
        ('"last, first";username;phone', ";"),
        ("'=x\tユーザー名\t携帯", "\t"),
        ('E-Mail-Adresse; "Mobiltelefon [mobile]"', ";"),
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
    ((_, row),) = rows("sep=;\r\nusername;phone\r\nalice;+819012345678\r\n")

    assert isinstance(row, Candidate)
    assert (row.at.row, row.at.first_line) == (1, 3)


def test_a_guarded_name_is_read_as_it_was() -> None:
    assert header("username,'=x, '+a \n").names == ("username", "=x", "'+a")


def test_a_header_with_a_stray_quote_is_taken_as_it_is() -> None:
    assert header('"user"name,phone\n').names == ('"user"name', "phone")


def test_empty_columns_at_the_end_are_nothing_and_one_in_the_middle_stays() -> None:
    assert header("email,,phone,, ,\n").names == ("email", "", "phone")


def test_rows_of_delimiters_before_the_header_are_blank() -> None:
    assert header(",,\r\n;;\r\n\r\nemail,phone,\r\n") == Header(",", ("email", "phone"), 4)


@pytest.mark.parametrize(
    "text",
    [
        'email, "phone", "note"\na@example.com, "+819012345678", "Tokyo, Japan"\n',
        'email, phone, note\na@example.com, "+819012345678", "Tokyo, Japan"\n',
        '"email", "phone", "note"\n"a@example.com", "+819012345678", "Tokyo, Japan"\n',
    ],
)
def test_a_blank_behind_the_delimiter_belongs_to_no_cell(text: str) -> None:
    ((cells, row),) = rows(text)

    assert cells == ("a@example.com", "+819012345678", "Tokyo, Japan")
    assert isinstance(row, Candidate)
    assert row.phone is not None


def test_a_quote_behind_a_blank_opens_a_cell_over_several_lines() -> None:
    found = rows(
        'email, "note", "phone"\na@example.com, "one\ntwo", "+819012345678"\nb@example.com, "", ""\n'
    )

    assert [cells for cells, _ in found] == [
        ("a@example.com", "one\ntwo", "+819012345678"),
        ("b@example.com", "", ""),
    ]


def test_in_other_files_a_quote_behind_a_blank_is_text() -> None:
    ((cells, _),) = rows('email,note\na@example.com, "so called\n')

    assert cells == ("a@example.com", ' "so called')


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("Users export 2026-11-27\n\nemail,phone_number\nuser01@example.com,+819012340001\n", 3),
        ("version:v1.0,,\nName [displayName] Required,User name [userPrincipalName] Required\nA,a\n", 2),
        ('Export;;\r\n"by taro@example.com";;\r\nE-Mail;Handy;Name\r\na@example.com;+4915123456781;A\r\n', 3),
        ("会員一覧\nメールアドレス\na@example.com\n", 2),
        ("List\n社員番号,氏名,電話番号\n1,A,+819012345678\n", 2),
    ],
)
def test_a_header_below_a_title_is_refused_and_named(text: str, line: int) -> None:
    with pytest.raises(InputUnusable) as caught:
        header(text, "社員番号")

    assert "is not its first line. Line 1 is" in caught.value.message
    assert f"line {line} names the columns: " in caught.value.message
    assert caught.value.hint == f"Delete the lines above line {line}."
    assert "2026-11-27" not in caught.value.message


def test_a_title_is_shown_without_what_may_be_data() -> None:
    with pytest.raises(InputUnusable) as caught:
        header("From taro@example.com 090-1234-5678\nemail,phone\n")

    assert 'Line 1 is "From [address] [number]"' in caught.value.message


def test_a_file_without_any_header_is_not_said_to_have_one() -> None:
    text = "taro@example.com,+819012345678\njiro@example.com,+819012345679\n"
    with pytest.raises(InputUnusable, match="no header line: its first line"):
        rows(text)


@pytest.mark.parametrize(
    ("text", "title", "line"),
    [
        ("User\nemail,phone\na@example.com,+819012340001\n", 1, 2),
        ("User,,\n\nname,email,\nA,a@example.com,\n", 1, 3),
        ("sep=;\nUser\nemail;phone\na@example.com;+819012340001\n", 2, 3),
        ("ユーザー名\nメールアドレス,携帯番号\na@example.com,+819012340001\n", 1, 2),
    ],
)
def test_a_title_that_happens_to_be_a_name_is_no_header(text: str, title: int, line: int) -> None:
    with pytest.raises(InputUnusable, match=f"is not its first line. Line {title} is .*; line {line} names"):
        rows(text)


@pytest.mark.parametrize("users", ["alice\nbob\n", "email\nuser\n", "alice,bob\n", "a@example.com,phone\n"])
def test_a_header_of_one_name_is_followed_by_users(users: str) -> None:
    assert len(rows(f"username\n{users}")) == users.count("\n")
