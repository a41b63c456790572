"""Which columns say the country of a number, and what becomes of the numbers by them."""

import io

import pytest

from migrate_mfa.domain.errors import InputUnusable
from migrate_mfa.domain.model import Candidate
from migrate_mfa.roster.aliases import Kind, meaning_of
from migrate_mfa.roster.file import RosterOptions, open_roster

US = "808-555-0102"
IN_US = "+18085550102"


def read(text: str, country: str | None = "JP") -> tuple[list[str], tuple[str, ...]]:
    """The number of each row, or why it has none, and the notes."""
    with open_roster("-", RosterOptions(phone_country=country), stdin=io.BytesIO(text.encode())) as roster:
        rows = [record.row for record in roster.records()]
    found = [
        (row.phone.e164 if row.phone else "") if isinstance(row, Candidate) else row.detail for row in rows
    ]
    return found, roster.notes


def roster(header: str, *cells: str, number: str = US) -> str:
    rows = (f"user{at:02}@example.com,{number},{cell}\n" for at, cell in enumerate(cells, 1))
    return f"email,mobile,{header}\n{''.join(rows)}"


@pytest.mark.parametrize(
    "name",
    [
        *("Mailing Country", "MailingCountry", "MailingCountryCode", "Billing Country", "Other Country"),
        *(
            "Home Country",
            "Work Country",
            "Business Country",
            "Mobile Country",
            "Shipping Country Code",
        ),
        *("Country of residence", "Residence Country", "address.country", "custom:country", "tel_country"),
        *("Staat", "Wohnsitzland", "Pays de résidence", "País de residencia", "在住国", "お住まいの国"),
        *("country_phone", "CC", "ISO", "Address 1 - Country", "Home Country/Region", "custom:phone_country"),
    ],
)
@pytest.mark.parametrize("cell", ["US", "United States"])
def test_a_column_with_countries_is_read(name: str, cell: str) -> None:
    assert read(roster(name, cell))[0] == [IN_US]


@pytest.mark.parametrize(
    "name",
    [
        *("Phone Code", "Phone prefix", "Prefix", "Landeskennzahl", "Indicatif tél.", "Prefijo telefónico"),
        *("電話国コード", "mobile country code", "country_phone", "CC"),
    ],
)
@pytest.mark.parametrize("cell", ["1", "+1"])
def test_a_column_with_calling_codes_is_read(name: str, cell: str) -> None:
    assert read(roster(name, cell))[0] == [IN_US]


@pytest.mark.parametrize(
    ("name", "cell"),
    [
        ("Prefix", "Mr"),
        ("Prefix", "MR"),
        ("CC", "boss@example.com"),
        ("CC", "4711"),
        ("ISO", "9001"),
        ("mobile country code", "440"),
        ("Staat", "NY"),
    ],
)
def test_a_name_with_other_meanings_counts_only_with_countries_below_it(name: str, cell: str) -> None:
    meaning = meaning_of(name)
    assert meaning is not None
    assert meaning.kind in {Kind.COUNTRY, Kind.DIAL_CODE}

    assert read(roster(name, cell, number="090-1234-0001"))[0] == ["+819012340001"]


@pytest.mark.parametrize(
    ("header", "cells", "expected"),
    [
        ("Phone Country,Country", ",US", IN_US),
        ("Country,Phone Country", "JP,US", IN_US),
        ("Country,Mailing Country", ",United States", IN_US),
        ("usageLocation,Country", "JP,", "+818085550102"),
        ("Mailing Country,Other Country", ",US", IN_US),
        ("Mailing Country,Mailing Country Code", "United States,US", IN_US),
        ("Prefix,dial code", "+1,", IN_US),
        ("Mailing Country,dial code", "JP,1", IN_US),
        ("Mailing Country,Country", ",", "+818085550102"),
    ],
)
def test_each_row_has_the_first_country_that_it_names(header: str, cells: str, expected: str) -> None:
    assert read(roster(header, cells))[0] == [expected]


def test_an_address_says_nothing_of_a_number_with_a_country_code() -> None:
    assert read(roster("Mailing Country", "US", number="+819012340001"))[0] == ["+819012340001"]
    (told,) = read(roster("Country", "US", number="+819012340001"))[0]
    assert "the row's country is US" in told


def test_an_address_that_cannot_be_read_refuses_a_number_without_a_country_code() -> None:
    (told,) = read(roster("Mailing Country", "Atlantis"))[0]

    assert "country cannot be read" in told


@pytest.mark.parametrize(
    ("name", "cells"),
    [
        ("Location", ("United States", "United States")),
        ("Location", ("Japan", "Japan", "United States")),
        ("Standort", ("Japan (+81)", "USA (+1)")),
        ("Kundenland", ("JP", "US")),
        ("x", ("+1", "+81")),
        ("Phone's country", ("1", "81")),
        ("Loc", ("US", "JP")),
        ("Region", ("US", "US")),
        ("Site", ("USA", "JPN")),
    ],
)
def test_an_unknown_column_with_another_country_is_refused(name: str, cells: tuple[str, ...]) -> None:
    with pytest.raises(InputUnusable, match="not known as a column with countries") as caught:
        read(roster(name, *cells))

    assert 'Call it "country"' in caught.value.hint


@pytest.mark.parametrize(
    ("name", "cells", "noted"),
    [
        ("Location", ("Japan", "Japan"), True),
        ("Loc", ("US", "JP", "Osaka"), True),
        ("Active", ("NO", "NO"), True),
        ("Salutation", ("MR", "MS"), True),
        ("Dept.", ("IT", "HR"), True),
        ("Col7", ("IT", "HR"), True),
        ("Department", ("FIN", "PER"), True),
        ("Nationality", ("United States",), True),
        ("City", ("Singapore",), True),
        ("State", ("CA", "DE"), False),
        ("Bundesland", ("DE",), False),
        ("Language", ("DE", "FR"), False),
        ("lang", ("de", "fr"), False),
        ("Currency", ("USD",), False),
        ("First Name", ("Chad", "Bob", "Ann"), False),
        ("Initials", ("DE", "JP"), False),
        ("Vorwahl", ("030", "089"), False),
        ("score", ("81", "44", "1"), False),
        ("UTC offset", ("+7",), False),
        ("Company", ("Example Japan KK",), False),
    ],
)
def test_what_may_be_something_else_is_never_refused(name: str, cells: tuple[str, ...], noted: bool) -> None:
    notes = read(roster(name, *cells))[1]

    assert (
        any(note.startswith("Columns that look like countries and are not read") for note in notes) is noted
    )


def test_an_unknown_column_matters_only_where_numbers_are_read_for_a_country() -> None:
    text = roster("Location", "United States")

    assert read(roster("Location", "United States", number="+819012340001"))[0] == ["+819012340001"]
    assert "no country code" in read(text, None)[0][0]
    assert read(text, "US")[0] == [IN_US]
    assert read(roster("Location,Country", "United States,JP", number="090-1234-0001"))[0] == [
        "+819012340001"
    ]
