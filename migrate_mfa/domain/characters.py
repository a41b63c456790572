"""Characters that are invisible or look like others: remove them, or replace them by plain ones."""

import re
import unicodedata
from typing import Final

INVISIBLE: Final = (
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u2800"
    "\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"
    "\U000e0000-\U000e0fff"
)
"""Invisible characters, for a pattern: Default_Ignorable_Code_Point and the blank Braille pattern."""
_INVISIBLE: Final = re.compile(f"[{INVISIBLE}]+")
_TAKEN_APART: Final = re.compile(
    "[\u1100-\u1112][\u1161-\u1175][\u11a8-\u11c2]?|.[\u0300-\u036f\u3099\u309a]+", re.DOTALL
)
_ACCENTS: Final = re.compile("[\u0300-\u036f]+")
_SHIFT: Final = 0xFEE0
"""The distance from the full-width forms to ASCII."""


def visible(text: str) -> str:
    """The text without invisible characters."""
    return text if text.isascii() else _INVISIBLE.sub("", text)


_CONTROL: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def printable(text: str) -> str:
    """The text for a terminal: control characters are escaped, except tabs and line ends."""
    return _CONTROL.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def in_one_line(text: str) -> str:
    """Like `printable`, with tabs and line ends escaped too: a name must not imitate lines of output."""
    return printable(text).replace("\n", "\\n").replace("\t", "\\t")


def is_full_width(char: str) -> bool:
    """Whether a character is the full-width form of an ASCII character, as Japanese keyboards type it."""
    return "\uff01" <= char <= "\uff5e"


def narrow(char: str) -> str:
    """The ASCII character for a full-width one; any other character stays.

    NFKC would also turn circled digits into digits.
    """
    return chr(ord(char) - _SHIFT) if is_full_width(char) else char


def composed(text: str) -> str:
    """The text with letters and their accents composed (NFD to NFC).

    Only decomposed letters are changed: NFC alone would also replace some Japanese characters of names.
    """
    if text.isascii():
        return text
    return _TAKEN_APART.sub(lambda found: unicodedata.normalize("NFC", found[0]), text)


def without_accents(text: str) -> str:
    """The text decomposed (NFKD), without the accents of letters."""
    return _ACCENTS.sub("", unicodedata.normalize("NFKD", text))


def fold(text: str) -> str:
    """The word without differences of case, width and accents."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return unicodedata.normalize("NFC", without_accents(folded))
