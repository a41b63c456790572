"""From the text of one record to a candidate, or to the reason why it is none."""

import csv
from dataclasses import dataclass, field
from itertools import chain, islice, repeat
from typing import Final

from migrate_mfa.adapters.roster_columns import Columns
from migrate_mfa.adapters.roster_text import RawRecord, literal_cells, split_cells
from migrate_mfa.domain.model import Candidate, Position, Rejection
from migrate_mfa.domain.phone import Normalised, PhoneProblem, normalise
from migrate_mfa.domain.reasons import Reason
from migrate_mfa.domain.spreadsheet import trim, unguard
from migrate_mfa.domain.words import counted

_LONGEST_CELL: Final = 16_000
"""Characters; Cognito takes 2,048 in an attribute, and 16,000 in a row of its own imports."""
_LONGEST_ROW: Final = 131_072
"""Characters; the csv module's own limit for a cell, so it can read every cell of such a row."""
_VOUCHED: Final = {"": None, "true": True, "false": False}


@dataclass(frozen=True, slots=True, kw_only=True)
class RosterOptions:
    """How to read a roster.

    `id_column` names the column that says who a user is. One that is known by its name keeps its meaning; in
    any other, a value with an @ is an e-mail address and one without a username. Without `read_numbers` the
    number of a row is left unread, whatever it is.
    """

    phone_country: str | None = None
    strict_e164: bool = False
    id_column: str | None = None
    phone_column: str | None = None
    encoding: str | None = None
    read_numbers: bool = True


@dataclass(frozen=True, slots=True)
class Record:
    """One record: its cells, as many as the header has columns, and what it comes to."""

    cells: tuple[str, ...] = field(repr=False)
    row: Candidate | Rejection


@dataclass(frozen=True, slots=True)
class RowReader:
    """What it takes to read a record: the header's columns, the delimiter, the options."""

    columns: Columns
    delimiter: str
    options: RosterOptions
    padded: bool = False
    """Blanks may stand between a delimiter and its cell's quote."""

    def read(self, raw: RawRecord, number: int) -> Record:
        """Read one record; `number` counts records from 1."""
        at = Position(row=number, first_line=raw.first_line, last_line=raw.last_line)
        written, trouble = self._split(raw.text)
        if not trouble:
            cells = tuple(map(unguard, written))
            return Record(cells, self._row(cells, at))
        fitting = islice(chain(written, repeat("")), len(self.columns.names))
        cells = tuple(unguard(cell)[:_LONGEST_CELL] for cell in fitting)
        return Record(cells, _bad_row(at, trouble))

    def _split(self, text: str) -> tuple[list[str], str]:
        """The cells, and what is wrong with the record as a whole."""
        if len(text) > _LONGEST_ROW:
            return literal_cells(text, self.delimiter), f"more than {_LONGEST_ROW:,} characters"
        try:
            cells = split_cells(text, self.delimiter, padded=self.padded)
        except csv.Error:
            # Not what a lenient reader would make of it: run again as a roster, that would look right.
            return literal_cells(text, self.delimiter), "a quotation mark where none belongs"
        width = len(self.columns.names)
        if len(cells) != width:
            return cells, f"{counted(len(cells), 'cell')}, but the header names {counted(width, 'column')}"
        if "\0" in text:
            return cells, "a NUL character"
        if len(text) > _LONGEST_CELL and max(map(len, cells)) > _LONGEST_CELL:
            return cells, f"a cell of more than {_LONGEST_CELL:,} characters"
        return cells, ""

    def _row(self, cells: tuple[str, ...], at: Position) -> Candidate | Rejection:
        sub, username, email = _identities(cells, self.columns)
        said = _value(cells, self.columns.phone_number_verified).casefold()
        # What says who the user is comes first: a wrong number in a row of nobody is not the news.
        if at.last_line > at.first_line and (broken := _broken(cells, self.columns)):
            return _bad_row(
                at, f"a line break in the {broken} cell; a stray quote can swallow the rows after it"
            )
        if not (sub or username or email):
            return _bad_row(at, "no identity")
        if _subs_differ(cells, self.columns):
            return _bad_row(at, "sub and user_sub differ")
        if said not in _VOUCHED:
            return _bad_row(at, "phone_number_verified is neither true nor false")
        number = self._number(_value(cells, self.columns.phone))
        if isinstance(number, PhoneProblem):
            identities = (sub or None, username or None, email or None)
            return Rejection(at=at, reason=number.reason, detail=number.detail, identities=identities)
        return Candidate(
            at=at,
            sub=sub or None,
            username=username or None,
            email=email or None,
            phone=number.phone if number else None,
            vouched=_VOUCHED[said],
            guesses=number.guesses if number else (),
        )

    def _number(self, text: str) -> Normalised | PhoneProblem | None:
        country, strict = self.options.phone_country, self.options.strict_e164
        if not (text and self.options.read_numbers):
            return None
        return normalise(text, country=country, strict=strict)


def _bad_row(at: Position, detail: str) -> Rejection:
    return Rejection(at=at, reason=Reason.BAD_ROW, detail=detail)


def _value(cells: tuple[str, ...], column: int | None) -> str:
    return "" if column is None else trim(cells[column])


def _identities(cells: tuple[str, ...], columns: Columns) -> tuple[str, str, str]:
    """The sub, the username and the e-mail address that a row names; empty for those that it does not."""
    sub = _value(cells, columns.sub) or _value(cells, columns.user_sub)
    username, email = _value(cells, columns.username), _value(cells, columns.email)
    either = _value(cells, columns.either)
    return (sub, username, either) if "@" in either else (sub, username or either, email)


def _subs_differ(cells: tuple[str, ...], columns: Columns) -> bool:
    subs = {_value(cells, columns.sub), _value(cells, columns.user_sub)}
    return len(subs - {""}) > 1


def _broken(cells: tuple[str, ...], columns: Columns) -> str | None:
    """The kind of the first cell that matters and holds a line break."""
    used = columns.used()
    return next((kind for kind, at in used.items() if "\n" in cells[at] or "\r" in cells[at]), None)
