# ruff: noqa: RUF001 - numbers are written as in Japan
import random
from collections.abc import Iterator

import pytest

from migrate_mfa.roster.sample import ROWS, Sample


def looks(*cells: str, name: str = "x", country: str | None = None) -> bool:
    return Sample([[cell] for cell in cells], 1, country).looks_like_numbers(0, name)


NUMBERS = {
    "international": [f"+33 6 12 34 56 {end}" for end in range(10, 60)],
    "wrong but international": ["+81 90 1234 567"],
    "of several countries": ["+81 90 1234 5678", "+1 212 555 0101", "+44 7700 900123"],
    "00": ["0081 90 1234 5678"],
    "Japanese": [f"090-1234-{end}" for end in range(1000, 1050)],
    "Japanese bare": [f"0901234{end}" for end in range(1000, 1050)],
    "full width": ["０９０－１２３４－５６７８"],
    "landlines": [f"03-1234-{end}" for end in range(1000, 1050)],
    "lost plus": [f"81901234{end}" for end in range(1000, 1050)],
    "lost plus in groups": ["81-90-1234-5678"],
    "American": [f"(212) 555-{end}" for end in range(1000, 1050)],
    "American bare": [f"212555{end}" for end in range(1000, 1050)],
    "German": [f"0151/2345{end}" for end in range(1000, 1050)],
    "French": [f"06.12.34.56.{end}" for end in range(10, 60)],
    "Spanish": [f"612 34 56 {end}" for end in range(10, 60)],
    "Indian": [f"98765 4{end}" for end in range(1000, 1050)],
    "of a spreadsheet": ['="+819012345678"', "'+819012345678", "819012345678.0", "8.19012E+11"],
    "tel:": ["tel:+819012345678"],
    "with an extension": ["+1 212 555 0101 x12"],
    "two in a cell": ["090-1234-5678, 03-1234-5678"],
    "with words for nothing": ["-", "n/a", "なし", "unknown", "090-1234-5678"],
    "most of them": ["090-1234-5678", "090-1234-5679", "call me"],
}
CHANCE = random.Random(9)
OTHERS = {
    "customers": [f"{1_000_000_000 + number}" for number in range(60)],
    "other customers": [f"{4_000_012_345 + number}" for number in range(60)],
    "padded": [f"{number:010}" for number in range(60)],
    "random 10": [f"{CHANCE.randrange(10**10):010}" for _ in range(60)],
    "random 11": [f"{CHANCE.randrange(10**11):011}" for _ in range(60)],
    "random 13": [f"{CHANCE.randrange(10**13):013}" for _ in range(60)],
    "employees": ["E0012345", "0012345"],
    "dates": ["2026-11-27", "20261127", "27/11/2026", "2026/11/27", "1980.01.02"],
    "moments": ["2026-11-27T10:15:00Z", "2026-11-27 10:15:00", "202611271015", "20261127101500"],
    "seconds": [f"{1_764_213_000 + number}" for number in range(60)],
    "milliseconds": [f"{1_764_213_000_000 + number}" for number in range(60)],
    "prices": ["1,234,567.00", "1234567.89", "12000", "¥12,000"],
    "postal codes": ["94105-1234", "100-0001", "1000001"],
    "addresses": ["192.168.10.123", "10.0.0.1"],
    "social security": ["123-45-6789"],
    "cards": ["4111 1111 1111 1111", "1234-5678-9012"],
    "books": ["978-4-10-101001-4"],
    "articles": [f"49012345{number:05}" for number in range(60)],
    "texts": ["call 090-1234-5678", "hello", "a@example.com"],
    "ids": ["115200000000000000001", "123e4567-e89b-12d3-a456-426614174000"],
    "too few": ["090-1234-5678", "hello", "there"],
    "nothing": ["", " ", "-", "n/a"],
}


@pytest.mark.parametrize("kind", NUMBERS)
def test_what_is_written_as_phone_numbers_looks_like_them(kind: str) -> None:
    assert looks(*NUMBERS[kind])


@pytest.mark.parametrize("kind", OTHERS)
@pytest.mark.parametrize("country", [None, "JP"])
def test_other_numbers_do_not(kind: str, country: str | None) -> None:
    assert not looks(*OTHERS[kind], country=country)


@pytest.mark.parametrize(
    ("cell", "name", "country", "expected"),
    [
        ("612345678", "x", None, False),
        ("612345678", "x", "ES", True),
        ("612345678", "Móvil personal", None, True),
        ("9012345678", "x", "JP", True),
        ("080-1234-5678", "連絡先", None, True),
        ("09012345678", "社員番号", None, False),
        ("09012345678", "customer_id", None, False),
        ("+819012345678", "customer_id", None, True),
        ("352099001761481", "mobile imei", None, False),
    ],
)
def test_the_columns_name_and_the_country_say_more(
    cell: str, name: str, country: str | None, expected: bool
) -> None:
    assert looks(cell, name=name, country=country) is expected


def test_numbers_that_begin_late_are_seen() -> None:
    assert looks(*[""] * 900, *["090-1234-5678"] * 100)
    assert looks(*["see the list"] * 100, *["090-1234-5678"] * 300)
    assert not looks(*["090-1234-5678"] * 100, *["see the list"] * 300)


def test_only_the_first_rows_are_read() -> None:
    read = 0

    def rows() -> Iterator[list[str]]:
        nonlocal read
        while True:
            read += 1
            yield ["", "x", "surplus"] if read % 2 else ["+819012345678"]

    sample = Sample(rows(), 2)

    assert (read, sample.rows) == (ROWS, ROWS)
    assert (sample.filled(0), sample.filled(1)) == (ROWS // 2, ROWS // 2)
    assert sample.looks_like_numbers(0, "x")


def test_wide_rows_end_the_sample_early() -> None:
    sample = Sample((["x" * 1_000_000] for _ in range(ROWS)), 1)

    assert sample.rows == 5


REST = ["kein Handy", "siehe HR", "ruft an"]
SOME = {
    "two of many": ["+819055550041", "+81 90-5555-0044", *REST * 20],
    "one of few": ["+819055550041", *REST * 6],
    "in prose": ["privat: +81 90 5555 0041", "ruft von +49 (0)151/23456781 an"],
    "full width": ["＋８１　９０　５５５５　００４１", "x"],
    "as the country writes them": ["090-5555-0041", "080 5555 0042", *REST * 20],
}
NONE = {
    "one of many": ["+819055550041", *REST * 7],
    "landlines": ["+81 3 1234 5678", "+81312345679"],
    "more ids": ["9055550041", "09055550041", "AB-819055550041", "4711+12", "0000-1234-5678"] * 9,
    "more dates": ["2026-11-27", "02.01.2026", "2026-11-27T10:15:00+09:00", "01-02-2026"],
    "more prices": ["+1,234,567.00", "12.000,00 +19 %", "+12000"],
}


@pytest.mark.parametrize("kind", SOME)
def test_mobile_numbers_among_other_texts_are_seen(kind: str) -> None:
    assert Sample([[cell] for cell in SOME[kind]], 1, "JP").has_some_mobiles(0)


@pytest.mark.parametrize("kind", [*NONE, *OTHERS])
@pytest.mark.parametrize("country", [None, "JP"])
def test_other_texts_have_no_mobile_numbers(kind: str, country: str | None) -> None:
    cells = (NONE | OTHERS)[kind]
    country = None if kind in {"texts", "too few"} else country

    assert not Sample([[cell] for cell in cells], 1, country).has_some_mobiles(0)


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (["1234", "x12", "内線 5678", "2026", "hello"], False),
        (["1234", "123-4567"], True),
        (["8.19012E+11"], True),
    ],
)
def test_an_extension_is_no_number(cells: list[str], expected: bool) -> None:
    assert Sample([[cell] for cell in cells], 1).has_numbers(0) is expected
