# ruff: noqa: RUF001 - odd characters are what is tested
"""Thousands of rosters that went wrong on their way: none may do more than be refused.

`ROSTER_FUZZ=100000` tries so many files instead of the usual number; `ROSTER_FUZZ_SEED` begins elsewhere.
"""

import csv
import io
import os
import re
from collections.abc import Callable
from random import Random
from typing import Literal

import phonenumbers
import pytest

from migrate_mfa.domain.errors import InputUnusable
from migrate_mfa.domain.model import Candidate, Rejection
from migrate_mfa.domain.reasons import Reason
from migrate_mfa.domain.rows import Record
from migrate_mfa.domain.spreadsheet import guard
from migrate_mfa.reports.surplus_cells import SURPLUS_COLUMN, SurplusCells, cell
from migrate_mfa.roster.file import RosterOptions, open_roster

FILES = int(os.environ.get("ROSTER_FUZZ", "1500"))
SEED = int(os.environ.get("ROSTER_FUZZ_SEED", "9"))
PARTS = 4

HEADERS = (
    "email,phone_number,note",
    "username;phone;phone_number_verified",
    "sub\tuser_sub\tphone",
    "ユーザー名,携帯番号,備考",
    '"email","phone","surplus_cells"',
    "email, phone, note",
    "note,email,phone,",
    "sep=;\r\nemail;phone",
)
NUMBERS = (
    *(
        "+819012340001",
        "090-1234-0002",
        "819012340003",
        "9012340004",
        "0081 90 1234 0005",
        "+81(0)90-1234-0006",
    ),
    *(
        "0151/23456781",
        "4915123456782",
        "49 151 23456783",
        "15123456785",
        "+49 (0)151 23456784",
        "++819012340020",
    ),
    *(
        "808-555-0102",
        "12025550123",
        "+1\ufe0d-212-555-0121",
        "+81\u31649012340022",
        "+5215512345678",
        "8.19E+11",
    ),
    *(
        '="+819012340002"',
        "'+819012340001",
        "p:+819012340001",
        "携帯 090-1234-0001",
        "03-1234-5678",
        "1️⃣",
        "",
        "-",
    ),
    *(
        "#N/A",
        "NULL",
        "０９０ー１２３４ー０００１",
        "0171 234567/8",
        "+819012340001;+819012340002",
        "+819012340001.0",
    ),
)
NAMES = (
    *(
        "user01@example.com",
        "'user02@example.com",
        '="user03@example.com"',
        "Aki <user04@example.com>",
        "alice",
    ),
    *(
        "a@example.com; b@example.com",
        "NULL",
        "mailto:user05@example.com",
        "user06＠example.com",
        "山田",
        "",
        "o'neil",
    ),
    *("0F1E2D3C-4B5A-6978-8796-A5B4C3D2E1F0", "=cmd|' /C calc'!A0", "us\u200ber07@example.com", "#REF!"),
)
NOTES = (
    "",
    "x",
    'a "quoted" b',
    "a, b; c\td",
    "two\nlines",
    "\u3000",
    "true",
    "false",
    "=1+1",
    "é",
    "\0",
    "x" * 50,
)
BITS = (
    ",",
    ";",
    "\t",
    '"',
    '""',
    "'",
    "=",
    "\r",
    "\n",
    "\r\n",
    " ",
    "\u3000",
    "\u200b",
    "\ufeff",
    "0",
    "+",
    "00",
    "/",
    "\0",
)
OPTIONS: tuple[dict[str, object], ...] = (
    {},
    {"phone_country": "JP"},
    {"phone_country": "DE"},
    {"phone_country": "US"},
    {"phone_country": "HK"},
    {"phone_country": "JP", "strict_e164": True},
    {"id_column": "note"},
    {"read_numbers": False},
)


def make(random: Random) -> str:
    """A roster of some rows, written more or less as programs do."""
    header = random.choice(HEADERS)
    last = header.splitlines()[-1]
    delimiter = max(",;\t", key=last.count)
    text = io.StringIO(newline="")
    style: list[Literal[0, 1]] = [csv.QUOTE_MINIMAL, csv.QUOTE_MINIMAL, csv.QUOTE_ALL]
    writer = csv.writer(text, delimiter=delimiter, quoting=random.choice(style), lineterminator="\r\n")
    for _ in range(random.randrange(1, 6)):
        kinds = [random.choice((NAMES, NUMBERS, NOTES)) if random.random() < 0.1 else None for _ in range(9)]
        names = last.replace('"', "").split(delimiter)
        cells = [random.choice(kind or _values(name)) for name, kind in zip(names, kinds, strict=False)]
        cut = random.randrange(len(cells) + 2)
        writer.writerow(
            cells[:cut] if random.random() < 0.15 and cut else [*cells, *[""] * random.choice([0, 0, 0, 2])]
        )
    return f"{header}\r\n{text.getvalue()}"


def _values(name: str) -> tuple[str, ...]:
    name = name.strip()
    if name in {"phone", "phone_number", "携帯番号"}:
        return NUMBERS
    return NAMES if name in {"email", "username", "sub", "user_sub", "ユーザー名"} else NOTES


def insert(random: Random, text: str) -> str:
    at = random.randrange(len(text) + 1)
    return text[:at] + random.choice(BITS) + text[at:]


def remove(random: Random, text: str) -> str:
    at = random.randrange(len(text) + 1)
    return text[:at] + text[at + random.randrange(1, 4) :]


def cut(random: Random, text: str) -> str:
    return text[: random.randrange(len(text) + 1)]


def double(random: Random, text: str) -> str:
    lines = text.splitlines(keepends=True) or ["x"]
    at = random.randrange(len(lines))
    return "".join([*lines[:at], lines[at], *lines[at:]])


def swap(random: Random, text: str) -> str:
    one, other = random.choice(BITS), random.choice(BITS)
    return text.replace(one, other, random.randrange(1, 5))


def blank(random: Random, text: str) -> str:
    lines = text.splitlines(keepends=True)
    lines.insert(
        random.randrange(len(lines) + 1), random.choice(("\r\n", ",,,\r\n", ';"";\n', "\t \t\n", '""\n'))
    )
    return "".join(lines)


MUTATIONS: tuple[Callable[[Random, str], str], ...] = (insert, insert, remove, cut, double, swap, blank)
CODECS = ("utf-8", "utf-8", "utf-8", "utf-8-sig", "utf-16", "cp932")


def encode(random: Random, text: str) -> bytes:
    raw = text.encode(random.choice(CODECS), errors="ignore")
    if random.random() < 0.1 and raw:
        at = random.randrange(len(raw))
        raw = raw[:at] + bytes([random.randrange(256)]) + raw[at + 1 :]
    return raw


def read(data: bytes, options: dict[str, object]) -> tuple[tuple[str, ...], list[Record]] | None:
    try:
        with open_roster("-", RosterOptions(**options), stdin=io.BytesIO(data)) as roster:  # type: ignore[arg-type]
            found = list(roster.records())
            assert roster.record_count == len(found)
            return roster.columns, found
    except InputUnusable as error:
        assert error.hint  # noqa: PT017 - either way is right
        return None


def check(record: Record, number: int) -> None:
    """A row is in its place, and a number in it can receive SMS by the library's own word."""
    row = record.row
    assert row.at.row == number
    if isinstance(row, Rejection):
        assert row.reason in {Reason.BAD_ROW, Reason.INVALID_PHONE, Reason.NOT_SMS_CAPABLE}
        assert row.detail
        assert not re.search(r"\d{5}", row.detail.replace(",", "x"))
    elif row.phone:
        assert re.fullmatch(r"\+[1-9][0-9]{5,14}", row.phone.e164)
        parsed = phonenumbers.parse(row.phone.e164)
        assert phonenumbers.is_valid_number(parsed)
        assert phonenumbers.number_type(parsed) in {1, 2}


def as_report(columns: tuple[str, ...], found: list[Record]) -> bytes:
    """The rows as a failed report has them."""
    surplus = SurplusCells.of(columns)
    kept = [at for at in range(len(columns)) if at != surplus.own]
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow([*(guard(columns[at]) for at in kept), SURPLUS_COLUMN, "tag"])
    for number, record in enumerate(found, 1):
        cells = (*(cell(record.cells, at) for at in kept), surplus.text(record.cells), f"r{number}")
        writer.writerow(map(guard, cells))
    return text.getvalue().encode("utf-8-sig")


def compare(found: list[Record], again: list[Record], width: int) -> None:
    """A row of a report is the same row again, or refused; one with surplus cells stays refused."""
    assert len(again) == len(found)
    for first, second in zip(found, again, strict=True):
        if isinstance(first.row, Candidate):
            if isinstance(second.row, Candidate):
                assert (second.row.phone, second.row.email) == (first.row.phone, first.row.email)
                assert (second.row.sub, second.row.username) == (first.row.sub, first.row.username)
        elif len(first.cells) > width:
            assert isinstance(second.row, Rejection)
            assert second.row.reason is Reason.BAD_ROW


@pytest.mark.parametrize("part", range(PARTS))
def test_no_roster_does_more_than_be_refused(part: int) -> None:
    read_files = refused = rows = 0
    for number in range(part, FILES, PARTS):
        random = Random(SEED * 1_000_003 + number)
        text = make(random)
        for _ in range(random.randrange(4)):
            text = random.choice(MUTATIONS)(random, text)
        options = random.choice(OPTIONS)
        data = encode(random, text)

        result = read(data, options)

        if result is None:
            refused += 1
            continue
        columns, found = result
        read_files, rows = read_files + 1, rows + len(found)
        for at, record in enumerate(found, 1):
            check(record, at)
        if again := read(as_report(columns, found), options):
            compare(found, again[1], len(columns))

    assert read_files > refused > 0
    assert rows > read_files
