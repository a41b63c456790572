"""Cells and spreadsheets: guard cells that would be run as formulas, and strip what is left around text."""

import re
from typing import Final

_E164: Final = re.compile(r"\+[0-9]{6,15}")
# Apostrophes before a risky character are matched too: a cell that begins with its own apostrophe gets one
# more, so that it comes back unchanged.
_RISKY: Final = re.compile(r"'*[=+\-@\t\r\n＝＋－＠]")  # noqa: RUF001 - spreadsheets run the full-width forms too

# Python's white space, then invisible characters: fillers, byte order, joiners, writing direction.
AROUND: Final = (
    " \t\n\r\x0b\x0c\x1c\x1d\x1e\x1f\x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008"
    "\u2009\u200a\u2028\u2029\u202f\u205f\u3000"
    "\xad\u061c\u115f\u1160\u180e\u2800\u3164\uffa0"
    "\ufeff\u200b\u200c\u200d\u2060\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
)

ERROR_VALUE: Final = re.compile(r"#(?:N/?A|N/D|NV|[^\W\d_]+(?:/0)?[!?])", re.IGNORECASE)
"""The value of a failed formula, such as `#N/A`, `#REF!`, `#DIV/0!`."""


def guard(cell: str) -> str:
    """Make a cell safe to open in a spreadsheet: a cell that it would run gets a leading apostrophe.

    E.164 numbers stay as they are: a spreadsheet reads them as numbers. `unguard` is the exact inverse for
    every text.
    """
    if cell[:1].isalnum():
        return cell  # nearly all cells of a large report: no risky character is a letter or a digit
    return f"'{cell}" if _RISKY.match(cell) and not _E164.fullmatch(cell) else cell


def unguard(cell: str) -> str:
    """Remove the apostrophe that `guard` added."""
    return cell[1:] if cell.startswith("'") and _RISKY.match(cell) else cell


def trim(cell: str) -> str:
    """Remove white space and invisible characters around a cell's text, but nothing inside it."""
    return cell.strip(AROUND)
