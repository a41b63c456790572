"""A roster's header line: its place, its delimiter and its names."""

import csv
import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from itertools import chain, islice
from typing import Final

from migrate_mfa.domain.errors import InputUnusable
from migrate_mfa.domain.privacy import masked
from migrate_mfa.domain.spreadsheet import trim, unguard
from migrate_mfa.roster.aliases import IDENTITIES, meaning_of, name_key
from migrate_mfa.roster.names import is_data
from migrate_mfa.roster.text import Lines, literal_cells, shown, split_cells, split_records

_DELIMITERS: Final = ",;\t|"
_SEP_LINE: Final = re.compile(r'"?sep=([,;|\t])"?[,;|\t ]*[\r\n]*', re.IGNORECASE)
_LINES_BELOW: Final = 20
_FEW_NAMES: Final = 2


@dataclass(frozen=True, slots=True)
class Header:
    """The header in the file, up to and including `last_line`."""

    delimiter: str
    names: tuple[str, ...]
    last_line: int
    padded: bool = False
    """Blanks after the delimiters do not belong to the cells."""


def read_header(lines: Lines, source: str, chosen: Iterable[str]) -> Header:
    """Read the header. The delimiter comes from Excel's `sep=` line, or is the one that gives known names.

    Args:
        lines: the file's lines from the start; read up to the end of the header.
        source: the file, for messages.
        chosen: the columns that options name.

    Raises:
        InputUnusable: the file is empty or not text, or the header is not its first line.
    """
    number, line = _first_line(lines, source)
    wanted = set(map(name_key, chosen)) - {""}
    if found := _SEP_LINE.fullmatch(line):
        delimiter = found[1]
        number, line = _first_line(lines, source)
    else:
        delimiter = _delimiter(line, wanted)
    padded = _is_padded(line, delimiter)
    record = next(split_records(chain([(number, line)], lines), source, delimiter, padded=padded), None)
    if record is None:
        raise _empty(source)
    if "\0" in record.text:
        raise InputUnusable(
            f"{shown(source)} has NUL characters in its header line.",
            "It may be UTF-16 without a byte order mark: try --encoding utf-16-le.",
        )
    names = _names(record.text, delimiter, padded=padded)
    if not _names_somebody(names, wanted):
        _require_no_header_below(lines, source, (number, line), wanted)
    return Header(delimiter, names, record.last_line, padded)


def require_no_title(lines: Lines, source: str, chosen: Iterable[str]) -> None:
    """Refuse a file whose first line is a title, such as `User`, above a header with more columns.

    Args:
        lines: the file's lines, from the start.
        source: the file, for messages.
        chosen: the columns that options name.

    Raises:
        InputUnusable: the header is not the first line.
    """
    first = _first_line(lines, source)
    if _SEP_LINE.fullmatch(first[1]):
        first = _first_line(lines, source)
    _require_no_header_below(lines, source, first, set(map(name_key, chosen)) - {""}, columns=2)


def _first_line(lines: Lines, source: str) -> tuple[int, str]:
    """The first line that is not blank; a spreadsheet's blank rows have only delimiters."""
    for number, line in lines:
        if line.strip(" ,;|\t\r\n") and line.strip():
            return number, line
    raise _empty(source)


def _empty(source: str) -> InputUnusable:
    return InputUnusable(
        f"{shown(source)} is empty.",
        "A roster has a header line that names its columns, then one user a line.",
    )


def _delimiter(line: str, wanted: Collection[str]) -> str:
    return max(_DELIMITERS, key=lambda mark: _known(literal_cells(line, mark), wanted))


def _known(cells: Iterable[str], wanted: Collection[str]) -> int:
    return sum(name_key(cell) in wanted or meaning_of(cell.strip('" ')) is not None for cell in cells)


def _is_padded(text: str, delimiter: str) -> bool:
    """Whether there are blanks between delimiters and quotes, or after each delimiter."""
    mark = re.escape(delimiter)
    behind = len(re.findall(f"{mark} ", text))
    return bool(re.search(f'{mark} +"', text)) or (0 < behind == text.count(delimiter) and delimiter != "\t")


def _names(text: str, delimiter: str, *, padded: bool) -> tuple[str, ...]:
    try:
        cells = split_cells(text, delimiter, padded=padded)
    except csv.Error:
        cells = literal_cells(text, delimiter)
    names = [trim(unguard(cell)) for cell in cells]
    while len(names) > 1 and not names[-1]:
        names.pop()
    return tuple(names)


def _names_somebody(names: Iterable[str], wanted: Collection[str]) -> bool:
    meanings = ((meaning_of(name), name_key(name)) for name in names)
    return any((each and each.kind in IDENTITIES) or folded in wanted for each, folded in meanings)


def _require_no_header_below(
    lines: Lines, source: str, first: tuple[int, str], wanted: Collection[str], columns: int = 1
) -> None:
    """Refuse a file whose header follows a title and has at least this many columns; say where it is."""
    for number, line in islice(lines, _LINES_BELOW):
        delimiter = _delimiter(line, wanted)
        names = _names(line, delimiter, padded=True)
        if len(names) < columns or not _names_somebody(names, wanted):
            continue
        if _known(names, wanted) >= _FEW_NAMES or not any(map(is_data, names)):
            raise InputUnusable(
                f"The header of {shown(source)} is not its first line. Line {first[0]} is "
                f'"{masked(first[1])}"; line {number} names the columns: {masked(", ".join(names))}.',
                f"Delete the lines above line {number}.",
            )
