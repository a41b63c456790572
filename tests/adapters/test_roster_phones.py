# ruff: noqa: RUF001 - columns are named in Japanese
import pytest

from migrate_mfa.adapters.roster_columns import Found, find_columns, find_identities
from migrate_mfa.adapters.roster_names import Names
from migrate_mfa.adapters.roster_sample import Sample
from migrate_mfa.domain.errors import InputUnusable

A, B = "+81 90 1234 0001", "+81 3 1234 0001"


def find(header: str, *rows: str, phone_column: str | None = None) -> Found:
    names = Names(tuple(header.split(",")), "users.csv")
    cells = [row.split(",") for row in rows] or [["a@example.com", *[A] * (len(names.written) - 1)]]
    return find_columns(names, find_identities(names), Sample(cells, len(names.written)), phone_column)


def refusal(header: str, *rows: str) -> str:
    with pytest.raises(InputUnusable) as caught:
        find(header, *rows)
    assert "--phone-column none" in caught.value.hint
    return caught.value.message


@pytest.mark.parametrize(
    ("header", "taken", "left"),
    [
        ("Email,Phone,MobilePhone", "MobilePhone", '"Phone"'),
        ("メールアドレス,TEL,携帯番号（本人）", "携帯番号（本人）", '"TEL"'),
        (
            "email,Office Phone,Mobile Phone,Fax",
            "Mobile Phone",
            '"Office Phone" (office, home or other), "Fax" (fax',
        ),
        (
            "email,電話番号（自宅）,電話番号（携帯）",
            "電話番号（携帯）",
            '"電話番号（自宅）" (office, home or other)',
        ),
        ("email,Telefon privat,Handy", "Handy", '"Telefon privat" (office, home or other)'),
        ("email,Phone,Fax", "Phone", '"Fax" (fax, pager or somebody else\'s)'),
        (
            "mail,telephoneNumber,mobile,otherMobile,pager",
            "mobile",
            '"telephoneNumber", "otherMobile" (office',
        ),
    ],
)
def test_the_one_that_its_name_tells_is_taken_and_the_others_are_said(
    header: str, taken: str, left: str
) -> None:
    found = find(header)

    assert found.labels["phone"] == taken
    assert any(note.startswith(f"Phone columns that are not read: {left}") for note in found.notes)


@pytest.mark.parametrize(
    ("header", "named"),
    [
        ("email,Handy,Mobil", '"Handy" and "Mobil"'),
        ("email,phone,tel", '"phone" and "tel"'),
        ("email,Phone,Office Phone", '"Phone" and "Office Phone"'),
        ("email,phone,phone", 'column 2 ("phone") and column 3 ("phone")'),
        ("email,携帯番号（本人）,携帯番号（会社）", '"携帯番号（本人）" and "携帯番号（会社）"'),
        ("email,tel,mobile,cell", '"mobile" and "cell"'),
    ],
)
def test_several_that_their_names_do_not_tell_apart_are_refused_by_name(header: str, named: str) -> None:
    assert refusal(header) == f"users.csv has several phone columns: {named}."


@pytest.mark.parametrize(
    ("header", "named"),
    [
        ("email,Business Phone", '"Business Phone" looks'),
        ("email,Fax", '"Fax" looks'),
        ("email,Home Phone,Office Phone", '"Home Phone" and "Office Phone" look'),
        ("email,Kontakt", '"Kontakt" looks'),
        ("email,Kontakt,Kennung", '"Kontakt" and "Kennung" look'),
        ("email,", "column 2 (no name) looks"),
        ("email,Call 090-1234-5678", 'column 2 ("Call [number]") looks'),
    ],
)
def test_without_a_mobile_column_those_with_numbers_are_refused_by_name(header: str, named: str) -> None:
    told = f"users.csv: no column is known to hold mobile numbers, but {named} like phone numbers."

    assert refusal(header) == told


def test_a_phone_column_that_is_empty_is_refused_beside_one_with_numbers() -> None:
    told = refusal("email,MobilePhone,Phone", *[f"a@example.com,,{B}"] * 3)

    assert told.startswith(
        'users.csv: the phone column "MobilePhone" is empty in the first 3 rows, but "Phone"'
    )
    assert '"Kontakt" looks' in refusal("email,phone,Kontakt", *[f"a@example.com,n/a,{B}"] * 3)


def test_a_phone_column_that_is_mostly_empty_is_taken_and_said() -> None:
    rows = [f"a@example.com,{A if row == 0 else ''},{B}" for row in range(3)]

    (_, note) = find("email,MobilePhone,Phone", *rows).notes

    assert note.startswith('"MobilePhone" is filled in 1 of the first 3 rows, "Phone" in more.')


@pytest.mark.parametrize("header", ["email,phone,Fax", "email,phone,note"])
def test_a_phone_column_may_be_empty_where_no_other_could_be_meant(header: str) -> None:
    found = find(header, "a@example.com,,hello" if "note" in header else f"a@example.com,,{B}")

    assert found.labels["phone"] == "phone"


def test_an_unknown_column_with_numbers_beside_a_known_one_is_said() -> None:
    assert find("email,Telefon,Kontakt").notes == (
        'Columns that look like phone numbers and are not read: "Kontakt".',
    )


def test_the_option_takes_a_column_whatever_the_others_hold() -> None:
    found = find("email,phone,tel,Kontakt", phone_column="Kontakt")

    assert found.labels["phone"] == "Kontakt"
    assert found.notes == ('Phone columns that are not read: "phone", "tel".',)


@pytest.mark.parametrize("none", ["none", "None", "NONE"])
@pytest.mark.parametrize("header", ["email,phone,tel", "email,Kontakt,none", "email,note,Fax"])
def test_none_means_the_numbers_of_the_pool_on_purpose(header: str, none: str) -> None:
    found = find(header, phone_column=none)

    assert found.columns.phone is None
    assert found.notes[0] == "No column gives numbers: the number that the pool has verified is used."


def test_a_column_called_none_is_named_by_its_place() -> None:
    assert find("email,Kontakt,none", phone_column="column 3").labels["phone"] == "none"


def test_without_anything_that_looks_like_numbers_it_is_said_that_the_pools_are_used() -> None:
    found = find("email,note", "a@example.com,hello")

    assert found.notes == ("No column gives numbers: the number that the pool has verified is used.",)


@pytest.mark.parametrize("name", ["username", "phone_number_used", "mfa_phone_number_used", "email"])
def test_numbers_that_name_users_or_that_a_report_tells_are_no_phone_column(name: str) -> None:
    header = f"{name},x" if name in {"username", "email"} else f"sub,{name}"

    assert find(header, f"{A},{A}" if header.startswith("sub") else f"{A},x").columns.phone is None
