# ruff: noqa: RUF001 - columns are named in Japanese
import pytest

from migrate_mfa.domain.errors import InputUnusable
from migrate_mfa.roster.columns import Found, find_columns, find_identities
from migrate_mfa.roster.names import Names
from migrate_mfa.roster.sample import Sample

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


@pytest.mark.parametrize("header", ["email,MobilePhone,Phone", "email,MobilePhone,Office Phone"])
def test_rows_without_the_number_that_is_taken_and_with_another_are_said(header: str) -> None:
    rows = [f"a@example.com,{'' if row == 0 else A},{B}" for row in range(30)]
    other = header.split(",")[2]

    (_, note) = find(header, *rows).notes

    assert note == (
        f'In 1 of the first 30 rows "MobilePhone" has no number, and "{other}" has one. A row without a '
        "number uses the one that the pool has verified."
    )
    assert len(find(header, *rows[1:]).notes) == 1


@pytest.mark.parametrize("other", ["Phone", "Office Phone", "Kontakt"])
def test_rows_with_a_mobile_number_only_where_nobody_reads_it_are_refused(other: str) -> None:
    header = f"email,MobilePhone,{other}"
    rows = [f"a@example.com,{A},{B}"] * 3 + [f"a@example.com,,{A}"]
    with pytest.raises(InputUnusable) as caught:
        find(header, *rows)

    assert caught.value.message == (
        f'users.csv: in 1 of the first 4 rows "MobilePhone" has no number, and "{other}" has one, which '
        "takes SMS. Such a user would get the number that the pool has."
    )
    assert caught.value.hint.startswith("Merge the columns into one, or name the column with --phone-column")
    assert find(header, *rows, phone_column="MobilePhone").labels["phone"] == "MobilePhone"


@pytest.mark.parametrize("country", ["Japan,", ",+81"])
def test_the_rows_country_tells_that_an_unread_number_is_a_mobile_one(country: str) -> None:
    rows = [f"a@example.com,{country},,090-1234-0001", f"a@example.com,{country},090-1234-0001,"]

    with pytest.raises(InputUnusable, match="takes SMS"):
        find("email,country,dial code,MobilePhone,Phone", *rows)


@pytest.mark.parametrize(
    ("header", "unread"),
    [
        ("email,MobilePhone,Office Phone", "+1 212 555 0101"),
        ("email,MobilePhone,Fax", A),
        ("email,MobilePhone,Mobile (emergency contact)", A),
        ("email,MobilePhone,note", f"once {A}"),
        ("email,MobilePhone,id", "09012340001"),
    ],
)
def test_a_number_that_may_not_be_the_users_mobile_does_not_refuse_the_roster(
    header: str, unread: str
) -> None:
    rows = [f"a@example.com,{A},x", f"a@example.com,{A},x", f"a@example.com,,{unread}"]

    assert find(header, *rows).labels["phone"] == "MobilePhone"


def test_a_few_mobile_numbers_in_an_unknown_column_are_refused_where_no_other_is_taken() -> None:
    rows = [f"a@example.com,{cell}" for cell in (A, "kein Handy", "siehe HR", A, "ruft an")]
    told = 'no column is known to hold mobile numbers, but "Kontakt" has mobile numbers among other texts.'

    assert refusal("email,Kontakt", *rows) == f"users.csv: {told}"
    assert find("email,Kontakt", *rows, phone_column="none").columns.phone is None
    assert find("sub,phone_number_used", *rows).columns.phone is None


def test_a_few_mobile_numbers_in_an_unknown_column_do_not_matter_beside_a_phone_column() -> None:
    assert find("email,phone,note", f"a@example.com,{A},{A}", f"b@example.com,{A},x").notes == ()


def test_extensions_are_left_and_said() -> None:
    found = find("email,内線", "a@example.com,1234", "b@example.com,1235")

    assert found.columns.phone is None
    assert found.notes[1].startswith('Phone columns that are not read: "内線"')


def test_the_number_of_somebody_else_is_never_taken_unasked() -> None:
    assert find("email,Phone,Mobile (emergency contact)").labels["phone"] == "Phone"
    assert '"Phone" and "Mobile (wife)"' in refusal("email,Phone,Mobile (wife)")
    assert '"携帯番号（母）" looks' in refusal("email,携帯番号（母）")
    assert find("email,Mobile (wife)", phone_column="Mobile (wife)").labels["phone"] == "Mobile (wife)"


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
