"""From the bytes of a roster to the text of its records: source, encoding, physical lines, quotes."""

import codecs
import csv
import io
import re
import shutil
import sys
import tempfile
from collections.abc import Generator, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from pathlib import Path
from types import MappingProxyType
from typing import BinaryIO, Final, NamedTuple

from migrate_mfa.domain.errors import InputUnusable
from migrate_mfa.domain.spreadsheet import AROUND

STDIN: Final = "-"
_BLOCK: Final = 1 << 18
_LONGEST_RECORD: Final = 1 << 22
_MOST_LINES: Final = 1000

SeekableFile = io.BufferedReader | io.BufferedRandom

Lines = Iterator[tuple[int, str]]
"""Physical lines with their numbers (from 1) and their line ends."""


class RawRecord(NamedTuple):
    """The text of one record, with its line ends, and its physical lines."""

    text: str
    first_line: int
    last_line: int


fetched: ContextVar[Mapping[str, Path]] = ContextVar("fetched", default=MappingProxyType({}))
"""The local copies of rosters in other places, by their names there."""


def shown(source: str) -> str:
    """The name of a source in messages."""
    return "standard input" if source == STDIN else source


@contextmanager
def open_bytes(source: str, stdin: BinaryIO | None = None) -> Iterator[SeekableFile]:
    """Open a roster for several passes; an input that can be read only once is copied to an unnamed file.

    Raises:
        InputUnusable: there is no such file, or it cannot be read.
    """
    with ExitStack() as stack:
        try:
            file = _open(source, stdin, stack)
        except (OSError, ValueError) as error:
            cause = getattr(error, "strerror", None) or error
            raise InputUnusable(
                f"Cannot read the roster {shown(source)}: {cause}.",
                "Name a CSV file, or - for standard input.",
            ) from error
        yield file


def _open(source: str, stdin: BinaryIO | None, stack: ExitStack) -> SeekableFile:
    if source == STDIN:
        return _spool(stdin or sys.stdin.buffer, stack)
    path = fetched.get().get(source, Path(source))
    file = stack.enter_context(path.open("rb"))
    return file if file.seekable() else _spool(file, stack)


def _spool(pipe: BinaryIO, stack: ExitStack) -> SeekableFile:
    spool = stack.enter_context(tempfile.TemporaryFile())  # noqa: SIM115 - likewise
    shutil.copyfileobj(pipe, spool, _BLOCK)
    return spool


def find_encoding(file: SeekableFile, source: str, wanted: str | None) -> str:
    """The encoding of the whole file: the requested one, or the first usual one that fits every byte.

    Raises:
        InputUnusable: none fits.
    """
    ladder = _ladder(file) if wanted is None else (_known(wanted),)
    for encoding in ladder:
        if _decodes(file, encoding):
            return encoding
    raise InputUnusable(
        f"{shown(source)} is not text in {' or '.join(ladder)}.",
        "Save it as CSV in UTF-8, or name its encoding with --encoding.",
    )


GUESSED: Final = "cp932"
"""The encoding of text that is not UTF-8: Shift_JIS as Windows writes it."""


def _ladder(file: SeekableFile) -> tuple[str, ...]:
    file.seek(0)
    marked = file.read(2) in {codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE}
    return ("utf-16",) if marked else ("utf-8", GUESSED)


def _known(encoding: str) -> str:
    try:
        # A look-up would also find codecs that are not text encodings, such as base64.
        io.TextIOWrapper(io.BytesIO(), encoding)
        return codecs.lookup(encoding).name
    except (LookupError, ValueError) as error:
        raise InputUnusable(
            f"There is no text encoding named {encoding!r}.", "Use a name such as utf-8, cp932 or cp1252."
        ) from error


def _decodes(file: SeekableFile, encoding: str) -> bool:
    decoder = codecs.getincrementaldecoder(encoding)()
    file.seek(0)
    try:
        while block := file.read(_BLOCK):
            decoder.decode(block).encode()  # some codecs produce surrogates, which are not text
        decoder.decode(b"", final=True).encode()
    except UnicodeError:
        return False
    return True


def read_lines(file: SeekableFile, source: str, encoding: str) -> Generator[tuple[int, str]]:
    """Read the file's physical lines from its start; LF, CR LF or CR ends a line.

    Raises:
        InputUnusable: a line is longer than any record.
    """
    file.seek(0)
    text = io.TextIOWrapper(file, encoding=encoding, newline="")
    number = 0
    try:
        while line := text.readline(_LONGEST_RECORD + 1):
            number += 1
            if len(line) > _LONGEST_RECORD:
                raise InputUnusable(
                    f"{shown(source)}: line {number} has more than {_LONGEST_RECORD:,} characters.",
                    "A roster is a CSV file with one user a line; check that this is one.",
                )
            yield number, line if number > 1 else line.removeprefix("\ufeff")
    finally:
        if not file.closed:
            text.detach()


def split_records(lines: Lines, source: str, delimiter: str, *, padded: bool = False) -> Iterator[RawRecord]:
    """Join physical lines into records, like `csv.reader`, but tolerate a stray quote.

    Lines without text, and records with only empty cells, are skipped. In a `padded` file there may be blanks
    between a delimiter and its cell's quote.

    Raises:
        InputUnusable: a quote that opens a cell is never closed.
    """
    opening = re.compile(f'(?:^|{re.escape(delimiter)}){" *" if padded else ""}"')
    empty = f'{_EMPTY}{delimiter}"'
    for number, written in lines:
        line = _tightened(written, delimiter) if ' "' in written and not padded else written
        opened = _open_quote(line, number, 0, opening) if '"' in line else 0
        if opened:
            yield _gather(lines, RawRecord(line, number, number), opened, source, opening)
        elif line.strip(empty) or not _is_empty(line, delimiter):
            yield RawRecord(line, number, number)


def _is_empty(line: str, delimiter: str) -> bool:
    """Whether a line has only empty cells, perhaps in quotes."""
    return all(cell.strip(_EMPTY) in {"", '""'} for cell in line.split(delimiter))


_EMPTY: Final = f"{AROUND},;|"
"""The characters of a blank line, also of one with another delimiter."""


def _tightened(line: str, delimiter: str) -> str:
    """The line without the blanks that some exporters put between a delimiter and a quote.

    Only if the quoted cell also ends in this line; otherwise the quote belongs to an unquoted cell.
    """
    cell = re.compile(_CELL.format(re.escape(delimiter)))
    parts: list[str] = []
    at = 0
    while True:
        found = cell.match(line, at)
        if found is None or (found["quoted"] is None and found[0].startswith('"')):
            return "".join((*parts, line[at:]))
        parts.append(found["quoted"] or found[0])
        at = found.end()
        if line[at : at + 1] != delimiter:
            return "".join((*parts, line[at:]))
        parts.append(delimiter)
        at += 1


_CELL: Final = r' *(?P<quoted>"(?:[^"]|"")*")(?=[{0}\r\n]|\Z)|[^{0}\r\n]*'


def _gather(lines: Lines, start: RawRecord, opened: int, source: str, opening: re.Pattern[str]) -> RawRecord:
    parts, size = [start.text], len(start.text)
    for number, line in lines:
        parts.append(line)
        size += len(line)
        opened = _open_quote(line, number, opened, opening)
        if not opened:
            return RawRecord("".join(parts), start.first_line, number)
        if size > _LONGEST_RECORD or len(parts) >= _MOST_LINES:
            break
    raise _unclosed(source, start, opened)


def _open_quote(line: str, number: int, opened: int, opening: re.Pattern[str]) -> int:
    """The line of the quote that is open at the end of this line, or 0; `opened` is the same at its start.

    A quote opens a cell only as its first character; a doubled quote does not close it.
    """
    at = 0
    while True:
        if not opened:
            if not (found := opening.search(line, at)):
                return 0
            opened, at = number, found.end()
        elif (quote := line.find('"', at)) < 0:
            return opened
        elif line.startswith('"', quote + 1):
            at = quote + 2
        else:
            opened, at = 0, quote + 1


def _unclosed(source: str, record: RawRecord, opened: int) -> InputUnusable:
    return InputUnusable(
        f"{shown(source)}: the quote that opens on line {opened} is not closed within {_MOST_LINES:,} lines, "
        f"or by the end of the file; its record begins on line {record.first_line}.",
        f'Look from line {record.first_line} on for a " too many or too few; a " in a text is written "".',
    )


def split_cells(text: str, delimiter: str, *, padded: bool = False) -> list[str]:
    """The cells of one record; `padded` is as for `split_records`.

    Raises:
        csv.Error: there is a misplaced quote.
    """
    if '"' in text:
        return next(csv.reader((text,), delimiter=delimiter, strict=True, skipinitialspace=padded))
    return literal_cells(text, delimiter)


def literal_cells(text: str, delimiter: str) -> list[str]:
    """The cells of one record, with all quotes kept."""
    return text.rstrip("\r\n").split(delimiter)
