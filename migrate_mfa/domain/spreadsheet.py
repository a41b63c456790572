"""Cells that survive a spreadsheet: nothing that it would run, and nothing that it leaves around text."""

import re
from typing import Final

_E164: Final = re.compile(r"\+[0-9]{6,15}")
# The apostrophes before a risky sign belong to the match: a cell that begins with one of its own must come
# back with it, so it gets one more, like any other risky cell.
_RISKY: Final = re.compile(r"'*[=+\-@\t\r\n＝＋－＠]")  # noqa: RUF001 - spreadsheets run the full-width forms too

# Python's white space, then what shows nothing: fillers, byte order, joiners, writing direction.
AROUND: Final = (
    " \t\n\r\x0b\x0c\x1c\x1d\x1e\x1f\x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008"
    "\u2009\u200a\u2028\u2029\u202f\u205f\u3000"
    "\xad\u061c\u115f\u1160\u180e\u2800\u3164\uffa0"
    "\ufeff\u200b\u200c\u200d\u2060\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
)

ERROR_VALUE: Final = re.compile(r"#(?:N/?A|N/D|NV|[^\W\d_]+(?:/0)?[!?])", re.IGNORECASE)
"""What a spreadsheet shows where a formula failed, such as `#N/A`, `#REF!`, `#DIV/0!`."""


def guard(cell: str) -> str:
    """Make a cell safe to open in a spreadsheet: what it would run gets one leading apostrophe.

    E.164 numbers stay as they are: a spreadsheet reads them as numbers, and every other reader as numbers
    too. `unguard` is the exact inverse for every text.
    """
    if cell[:1].isalnum():
        return cell  # as nearly all cells of a large report: no risky sign is a letter or a digit
    return f"'{cell}" if _RISKY.match(cell) and not _E164.fullmatch(cell) else cell


def unguard(cell: str) -> str:
    """Take off the apostrophe that `guard` put before a cell that a spreadsheet would run."""
    return cell[1:] if cell.startswith("'") and _RISKY.match(cell) else cell


def trim(cell: str) -> str:
    """Take off the white space and the invisible marks around a cell's text, and nothing inside it."""
    return cell.strip(AROUND)
