"""The roster: a CSV file of users, read as a stream of candidates and rejections."""

import csv
import hashlib
import re
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from itertools import chain, islice
from pathlib import Path
from typing import BinaryIO, Final

from migrate_mfa.domain.errors import InputUnusable
from migrate_mfa.domain.rows import Record
from migrate_mfa.roster.columns import find_columns, find_identities
from migrate_mfa.roster.header import Header, read_header, require_no_title
from migrate_mfa.roster.names import Names
from migrate_mfa.roster.rows import RosterOptions, RowReader
from migrate_mfa.roster.sample import Sample
from migrate_mfa.roster.text import (
    GUESSED,
    Lines,
    RawRecord,
    SeekableFile,
    find_encoding,
    open_bytes,
    read_lines,
    shown,
    split_cells,
    split_records,
)

__all__ = ["Record", "Roster", "RosterOptions", "open_roster"]


@dataclass(slots=True, kw_only=True)
class Roster:
    """An open roster. `lines` and the two counts belong to the latest pass over `records()`."""

    columns: tuple[str, ...]
    """The header's names as written, including those of the tool's own reports."""
    used: Mapping[str, str]
    """The names of the columns that are read, by content (`aliases.Kind`)."""
    labels: Mapping[str, str]
    """The same, masked: a column name may be about a person."""
    notes: tuple[str, ...]
    """Notes about the columns for the operator, such as phone columns that are not read."""
    encoding: str
    guessed_encoding: bool
    """Neither a mark in the file nor an option names the encoding: it was found by trying."""
    delimiter: str
    sha256: str
    lines: int = 0
    record_count: int = 0
    multi_line_records: int = 0
    _open_lines: Callable[[], Generator[tuple[int, str]]] = field(repr=False)
    _split: Callable[[Lines], Iterator[RawRecord]] = field(repr=False)
    _rows: RowReader = field(repr=False)

    def records(self) -> Iterator[Record]:
        """Read the records from the first one; only one pass at a time.

        Raises:
            InputUnusable: a quote is never closed, so the rest of the file cannot be split.
        """
        self.lines = self.record_count = self.multi_line_records = 0
        with closing(self._open_lines()) as lines:
            for raw in self._split(self._counted(lines)):
                self.record_count += 1
                self.multi_line_records += raw.last_line > raw.first_line
                yield self._rows.read(raw, self.record_count)

    def _counted(self, lines: Lines) -> Lines:
        for number, line in lines:
            self.lines = number
            yield number, line


@contextmanager
def open_roster(source: str, options: RosterOptions, *, stdin: BinaryIO | None = None) -> Iterator[Roster]:
    """Open a roster and read its header; the whole file is never in memory.

    Args:
        source: a path, or `-` for standard input.
        options: how to read it.
        stdin: the input for `-`, if not the process's own standard input.

    Raises:
        InputUnusable: it cannot be read, has no users, or its encoding or columns are not clear.
    """
    with open_bytes(source, stdin) as file:
        yield _read_head(file, source, options)


def has_changed(source: str | None, sha256: str | None) -> bool:
    """Whether a planned roster has changed; a removed file or standard input counts as unchanged."""
    if source is None or not Path(source).is_file():
        return False
    with Path(source).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() != sha256


def _read_head(file: SeekableFile, source: str, options: RosterOptions) -> Roster:
    encoding = find_encoding(file, source, options.encoding)
    with _told_the_guess(options, encoding):
        return _read_columns(file, source, options, encoding)


@contextmanager
def _told_the_guess(options: RosterOptions, encoding: str) -> Iterator[None]:
    """If columns are not known and the encoding was guessed, add that to the error."""
    try:
        yield
    except InputUnusable as problem:
        guessed = options.encoding is None and encoding == GUESSED
        if not guessed or _KANA.search(f"{problem.message} {problem.hint}"):
            raise
        raise InputUnusable(problem.message, f"{problem.hint} {_PERHAPS}".strip()) from problem


_KANA: Final = re.compile("[ぁ-ゖァ-ヺ]")
_PERHAPS: Final = (
    "The file is no UTF-8, and was read as cp932 (Japanese), which is a guess: for a file of Western Europe "
    "give --encoding cp1252."
)


def _read_columns(file: SeekableFile, source: str, options: RosterOptions, encoding: str) -> Roster:
    open_lines = partial(read_lines, file, source, encoding)
    chosen = [name for name in (options.id_column, options.phone_column) if name is not None]
    with closing(open_lines()) as lines:
        header = read_header(lines, source, chosen)
        if len(header.names) == 1:
            with closing(open_lines()) as again:
                require_no_title(again, source, chosen)
        records = split_records(lines, source, header.delimiter, padded=header.padded)
        names = Names(header.names, source)
        identities = find_identities(names, options.id_column)
        first = next(records, None)
        if first is None:
            raise InputUnusable(
                f"{shown(source)} has a header line and no users.", "Check that this is the roster."
            )
        sample = None
        if options.read_numbers:
            cells = _cells(chain([first], records), header)
            sample = Sample(cells, len(header.names), options.phone_country)
        found = find_columns(names, identities, sample, options.phone_column)

    def split(lines: Lines) -> Iterator[RawRecord]:
        rest = islice(lines, header.last_line, None)
        return split_records(rest, source, header.delimiter, padded=header.padded)

    file.seek(0)
    return Roster(
        columns=header.names,
        used={kind.value: header.names[at] for kind, at in found.columns.used().items()},
        labels=found.labels,
        notes=found.notes,
        encoding=encoding,
        guessed_encoding=options.encoding is None and encoding == GUESSED,
        delimiter=header.delimiter,
        sha256=hashlib.file_digest(file, "sha256").hexdigest(),
        _open_lines=open_lines,
        _split=split,
        _rows=RowReader(found.columns, header.delimiter, options, header.padded),
    )


def _cells(records: Iterator[RawRecord], header: Header) -> Iterator[list[str]]:
    """The cells of the readable records, up to an open quote, which is reported elsewhere."""
    with suppress(InputUnusable):
        for record in records:
            with suppress(csv.Error):
                yield split_cells(record.text, header.delimiter, padded=header.padded)
