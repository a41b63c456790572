"""From the text of one record to a candidate, or to the reason why it is rejected."""

import csv
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final

from migrate_mfa.domain.characters import narrow
from migrate_mfa.domain.formatting import counted
from migrate_mfa.domain.identity import Unreadable, read_email, read_sub, read_username
from migrate_mfa.domain.model import Candidate, Position, Rejection
from migrate_mfa.domain.phone.country import row_country
from migrate_mfa.domain.phone.normalise import Normalised, PhoneProblem, normalise, normalise_in_row
from migrate_mfa.domain.reasons import Reason
from migrate_mfa.domain.rows import Record
from migrate_mfa.domain.spreadsheet import trim, unguard
from migrate_mfa.roster.columns import Columns, Kind
from migrate_mfa.roster.sample import says_country
from migrate_mfa.roster.text import RawRecord, literal_cells, split_cells

_LONGEST_CELL: Final = 16_000
"""In characters; Cognito allows 2,048 in an attribute, and 16,000 in a row of its own imports."""
_LONGEST_ROW: Final = 131_072
"""In characters; this is the csv module's limit for a cell, so it can read every cell of such a row."""
_QUOTES: Final = 3
"""Additional characters for a cell within a cell: two quotes and a delimiter."""
_VOUCHED: Final = {"": None, "true": True, "false": False}


Identities = tuple[str | None, str | None, str | None]
IdentityReader = Callable[[str], str | Unreadable]


@dataclass(frozen=True, slots=True, kw_only=True)
class RosterOptions:
    """How to read a roster.

    `id_column` names the column with the user. A column with a known name keeps its meaning; in any other, a
    value with an @ is an e-mail address and one without it a username. Without `read_numbers` the numbers of
    the rows are not read.
    """

    phone_country: str | None = None
    strict_e164: bool = False
    id_column: str | None = None
    phone_column: str | None = None
    encoding: str | None = None
    read_numbers: bool = True


@dataclass(frozen=True, slots=True)
class RowReader:
    """Reads records with the header's columns, the delimiter and the options."""

    columns: Columns
    delimiter: str
    options: RosterOptions
    padded: bool = False
    """There may be blanks between a delimiter and its cell's quote."""
    _who: tuple[tuple[Kind, int, IdentityReader], ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        used = self.columns.used()
        who = tuple((kind, used[kind], read) for kind, read in _READERS.items() if kind in used)
        object.__setattr__(self, "_who", who)

    def read(self, raw: RawRecord, number: int) -> Record:
        """Read one record; `number` counts records from 1."""
        at = Position(row=number, first_line=raw.first_line, last_line=raw.last_line)
        written, trouble = self._split(raw)
        if trouble:
            return Record(self._bounded(written), _bad_row(at, trouble))
        cells = tuple(map(unguard, written))
        return Record(cells, self._row(cells, at))

    def _bounded(self, written: list[str]) -> tuple[str, ...]:
        """The cells of a bad row, each shortened; surplus cells are kept as far as they fit into one cell."""
        width = len(self.columns.names)
        cells = [unguard(cell)[:_LONGEST_CELL] for cell in written[:width]]
        room = _LONGEST_CELL
        for cell in written[width:]:
            if (room := room - len(cell) - _QUOTES) < 0:
                break
            cells.append(unguard(cell))
        return tuple(cells)

    def _split(self, raw: RawRecord) -> tuple[list[str], str]:
        """The cells, and what is wrong with the record as a whole."""
        text = raw.text
        if len(text) > _LONGEST_ROW:
            return literal_cells(text, self.delimiter), f"more than {_LONGEST_ROW:,} characters"
        try:
            cells = split_cells(text, self.delimiter, padded=self.padded)
        except csv.Error:
            # Keep the raw text: a lenient reader's result would look right when run again as a roster.
            return literal_cells(text, self.delimiter), "a quotation mark where none belongs"
        width = len(self.columns.names)
        if len(cells) != width and (len(cells) > width or raw.last_line > raw.first_line):
            while len(cells) > width and not trim(cells[-1]):
                cells.pop()
            # A record of several lines may have swallowed the rows after it: then its width is wrong.
            if len(cells) != width:
                number = counted(width, "column")
                return cells, f"{counted(len(cells), 'cell')}, but the header names {number}"
        if "\0" in text:
            return cells, "a NUL character"
        if len(text) > _LONGEST_CELL and max(map(len, cells)) > _LONGEST_CELL:
            return cells, f"a cell of more than {_LONGEST_CELL:,} characters"
        return cells, ""

    def _row(self, cells: tuple[str, ...], at: Position) -> Candidate | Rejection:
        columns = self.columns
        said = _value(cells, columns.phone_number_verified).casefold()
        # Check the identity first: in a row without a user, a wrong number is not the main problem.
        if at.last_line > at.first_line and (broken := _broken(cells, columns)):
            return _bad_row(
                at, f"a line break in the {broken} cell; a stray quote can swallow the rows after it"
            )
        if _value(cells, columns.surplus_cells):
            return _bad_row(
                at, "surplus_cells is not empty: move each of its cells to its column, then empty it"
            )
        identities = _identities(cells, self._who)
        if isinstance(identities, str):
            return _bad_row(at, identities)
        if said not in _VOUCHED:
            return _bad_row(at, "phone_number_verified is neither true nor false")
        sub, username, email = identities
        number = self._number(cells)
        if isinstance(number, PhoneProblem):
            return Rejection(at=at, reason=number.reason, detail=number.detail, identities=identities)
        return Candidate(
            at=at,
            sub=sub,
            username=username,
            email=email,
            phone=number.phone if number else None,
            claims_verified=_VOUCHED[said],
            guesses=number.guesses if number else (),
        )

    def _number(self, cells: tuple[str, ...]) -> Normalised | PhoneProblem | None:
        columns, options = self.columns, self.options
        text = _value(cells, columns.phone)
        if not (text and options.read_numbers):
            return None
        country, strict = options.phone_country, options.strict_e164
        named, code = _first(cells, columns.countries), _first(cells, columns.dial_codes)
        if not (named or code or says_country(text)):
            named = _first(cells, columns.addresses)
        if not (named or code):
            return normalise(text, country=country, strict=strict)
        return normalise_in_row(text, row_country(named, code), country=country, strict=strict)


def _bad_row(at: Position, detail: str) -> Rejection:
    return Rejection(at=at, reason=Reason.BAD_ROW, detail=detail)


def _value(cells: tuple[str, ...], column: int | None) -> str:
    """The text of a cell; empty if the cell is missing."""
    return trim(cells[column]) if column is not None and column < len(cells) else ""


def _first(cells: tuple[str, ...], places: Iterable[int]) -> str:
    """The text of the first filled cell."""
    return next(filter(None, (_value(cells, at) for at in places)), "")


def _identities(cells: tuple[str, ...], who: Iterable[tuple[Kind, int, IdentityReader]]) -> Identities | str:
    """The sub, Username and e-mail address in a row, or why it does not clearly name a user."""
    found: dict[Kind, str] = {}
    for kind, at, read in who:
        identity = read(cells[at]) if at < len(cells) else ""
        if isinstance(identity, Unreadable):
            return f"{identity.cause} in the {_cell(kind)} cell"
        if identity:
            found[kind] = identity
    sub, user_sub = found.get(Kind.SUB), found.get(Kind.USER_SUB)
    if sub and user_sub and sub != user_sub:
        return "sub and user_sub differ"
    username, email = found.get(Kind.USERNAME), found.get(Kind.EMAIL)
    if either := found.get(Kind.EITHER):
        username, email = (username, either) if "@" in either else (either, email)
    return (sub or user_sub, username, email) if found else "no identity"


def _read_either(text: str) -> str | Unreadable:
    return read_email(text) if "@" in "".join(map(narrow, text)) else read_username(text)


def _cell(kind: Kind) -> str:
    return "identity" if kind is Kind.EITHER else kind.value


_READERS: Final = {
    Kind.SUB: read_sub,
    Kind.USER_SUB: read_sub,
    Kind.USERNAME: read_username,
    Kind.EMAIL: read_email,
    Kind.EITHER: _read_either,
}


def _broken(cells: tuple[str, ...], columns: Columns) -> str | None:
    """The kind of the first cell that is read and contains a line break."""
    more = ((Kind.COUNTRY, at) for at in columns.countries + columns.addresses)
    places = (*columns.used().items(), *more, *((Kind.DIAL_CODE, at) for at in columns.dial_codes))
    texts = ((kind, cells[at]) for kind, at in places if at < len(cells))
    return next((kind for kind, text in texts if "\n" in text or "\r" in text), None)
