"""A roster's header line: its delimiter, and what each column is."""

import csv
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from itertools import chain
from typing import Final

from migrate_mfa.adapters.roster_text import Lines, literal_cells, shown, split_cells, split_records
from migrate_mfa.domain.errors import InputUnusable
from migrate_mfa.domain.spreadsheet import trim, unguard


class Kind(StrEnum):
    """What a column that matters holds; the values are the fields of `Columns`, and what messages say."""

    SUB = "sub"
    USER_SUB = "user_sub"
    """The sub as the tool's own reports name it."""
    USERNAME = "username"
    EMAIL = "email"
    EITHER = "either"
    """Chosen by `--id-column`: an e-mail address where there is an @, a username otherwise."""
    PHONE = "phone"
    VERIFIED = "phone_number_verified"
    COUNTRY = "country"
    """The country of the row's number: an ISO code or a name; wins over `--phone-country`."""
    DIAL_CODE = "dial_code"
    """The same as a calling code, such as +81 or 81."""
    SURPLUS = "surplus_cells"
    """What the tool's own reports call the cells that a row had beyond the header's columns."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """The header's names as written, and where the columns that matter are."""

    names: tuple[str, ...]
    sub: int | None = None
    user_sub: int | None = None
    username: int | None = None
    email: int | None = None
    either: int | None = None
    phone: int | None = None
    phone_number_verified: int | None = None
    country: int | None = None
    dial_code: int | None = None
    surplus_cells: int | None = None

    def used(self) -> dict[Kind, int]:
        """Where the columns that matter are, by what they hold."""
        places = {kind: getattr(self, kind) for kind in Kind}
        return {kind: at for kind, at in places.items() if at is not None}


@dataclass(frozen=True, slots=True)
class Header:
    """The header as it stands in the file, up to and including `last_line`."""

    delimiter: str
    names: tuple[str, ...]
    last_line: int


def canonical(name: str) -> str:
    """A column name without the differences that do not count: case, width, spaces, hyphens."""
    return re.sub(r"[\s_-]+", "_", unicodedata.normalize("NFKC", trim(name)).casefold())


ALIASES: Final[dict[Kind, str]] = {
    Kind.SUB: "sub",
    Kind.USER_SUB: "user_sub",
    Kind.USERNAME: (
        "username user login login_id user_name cognito:username ユーザー名 ユーザ名 ログインID ユーザーID"
    ),
    Kind.EMAIL: "email mail e-mail email_address メール メールアドレス Eメール",
    Kind.PHONE: ("phone phone_number tel telephone mobile cell 電話番号 携帯電話 携帯番号 携帯電話番号 携帯"),
    Kind.VERIFIED: "phone_number_verified",
    Kind.SURPLUS: "surplus_cells",
}
"""The names that each kind of column goes by, the first of them the usual one."""

_KINDS: Final = {canonical(alias): kind for kind, aliases in ALIASES.items() for alias in aliases.split()}
_IDENTITIES: Final = (Kind.SUB, Kind.USER_SUB, Kind.USERNAME, Kind.EMAIL)
_SETTLED_BY: Final = dict.fromkeys(_IDENTITIES, "--id-column") | {Kind.PHONE: "--phone-column"}
_DELIMITERS: Final = ",;\t"
_SEP_LINE: Final = re.compile(r'"?sep=([,;|\t])"?[,;|\t ]*[\r\n]*', re.IGNORECASE)


def read_header(lines: Lines, source: str, chosen: Iterable[str]) -> Header:
    """Read the header, and the delimiter from Excel's `sep=` line or from the names it makes known.

    Args:
        lines: The file's lines from the start; read to the end of the header.
        source: The file, for messages.
        chosen: The columns that options name.

    Raises:
        InputUnusable: There is nothing in the file, or no text.
    """
    number, line = _first_line(lines, source)
    if found := _SEP_LINE.fullmatch(line):
        delimiter = found[1]
        number, line = _first_line(lines, source)
    else:
        known = _KINDS.keys() | set(map(canonical, chosen))
        delimiter = max(_DELIMITERS, key=lambda mark: _known_names(line, mark, known))
    record = next(split_records(chain([(number, line)], lines), source, delimiter), None)
    if record is None:
        raise _empty(source)
    if "\0" in record.text:
        raise InputUnusable(
            f"{shown(source)} has NUL characters in its header line.",
            "It may be UTF-16 without a byte order mark: try --encoding utf-16-le.",
        )
    return Header(delimiter, _names(record.text, delimiter), record.last_line)


def _names(text: str, delimiter: str) -> tuple[str, ...]:
    try:
        cells = split_cells(text, delimiter)
    except csv.Error:
        cells = literal_cells(text, delimiter)
    return tuple(trim(unguard(cell)) for cell in cells)


def _first_line(lines: Lines, source: str) -> tuple[int, str]:
    for number, line in lines:
        if line.strip():
            return number, line
    raise _empty(source)


def _empty(source: str) -> InputUnusable:
    return InputUnusable(
        f"{shown(source)} is empty.",
        "A roster has a header line that names its columns, then one user a line.",
    )


def _known_names(line: str, delimiter: str, known: set[str]) -> int:
    cells = literal_cells(line, delimiter)
    return sum(canonical(cell.strip('"')) in known for cell in cells)


def find_columns(
    names: tuple[str, ...], source: str, *, id_column: str | None = None, phone_column: str | None = None
) -> Columns:
    """Find out what each column is, by its name and the options.

    Raises:
        InputUnusable: No column says who a user is, or two columns claim the same.
    """
    kinds = [_KINDS.get(canonical(name)) for name in names]
    found: dict[str, int] = {}
    settled: set[Kind] = set()
    if id_column is not None:
        at = _named(names, id_column, source, "--id-column")
        found[kind if (kind := kinds[at]) in _IDENTITIES else Kind.EITHER] = at
        settled.update(_IDENTITIES)
    if phone_column is not None:
        found[Kind.PHONE] = _named(names, phone_column, source, "--phone-column")
        settled.add(Kind.PHONE)
    for at, kind in enumerate(kinds):
        if kind is not None and kind not in settled:
            if kind in found:
                raise _two(source, kind, names[found[kind]], names[at])
            found[kind] = at
    if not found.keys() & {*_IDENTITIES, Kind.EITHER}:
        raise _nobody(source, names)
    return Columns(names=names, **found)


def _named(names: tuple[str, ...], wanted: str, source: str, option: str) -> int:
    """The column that an option names: by its exact name, else by what the name comes down to."""
    same = [at for at, name in enumerate(names) if name == wanted]
    alike = same or [at for at, name in enumerate(names) if canonical(name) == canonical(wanted)]
    if len(alike) == 1:
        return alike[0]
    trouble = "more than one column" if alike else "no column"
    raise InputUnusable(
        f"{shown(source)} has {trouble} named {wanted!r}, which {option} asks for.",
        f"It has {_listed(names)}.",
    )


def _two(source: str, kind: Kind, first: str, second: str) -> InputUnusable:
    option = _SETTLED_BY.get(kind)
    choice = f"Name the right one with {option}, or remove" if option else "Remove"
    return InputUnusable(
        f"{shown(source)} has two columns for {kind}: {first!r} and {second!r}.", f"{choice} one of them."
    )


def _nobody(source: str, names: tuple[str, ...]) -> InputUnusable:
    accepted = "; ".join(", ".join(ALIASES[kind].split()) for kind in _IDENTITIES)
    return InputUnusable(
        f"{shown(source)} has no column that says who a user is. It has {_listed(names)}.",
        f"Name one in its first line ({accepted}), or say which it is with --id-column.",
    )


def _listed(names: tuple[str, ...]) -> str:
    """The columns' names for a message; a file without a header line has personal data in their place."""
    listed = [repr(name) if _harmless(name) else f"(column {at})" for at, name in enumerate(names, 1)]
    return ", ".join(listed[:_MOST_LISTED]) + (", …" if len(names) > _MOST_LISTED else "")


def _harmless(name: str) -> bool:
    return len(name) <= _LONGEST_LISTED and "@" not in name and sum(map(str.isdigit, name)) < _FEW_DIGITS


_MOST_LISTED: Final = 30
_LONGEST_LISTED: Final = 40
_FEW_DIGITS: Final = 5
