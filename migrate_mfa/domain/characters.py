"""Characters that look like others or like nothing: what they stand for where only plain text is meant."""

import re
import unicodedata
from typing import Final

INVISIBLE: Final = (
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u2800"
    "\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"
    "\U000e0000-\U000e0fff"
)
"""What shows nothing, for a character class: Default_Ignorable_Code_Point and the blank Braille pattern."""
_INVISIBLE: Final = re.compile(f"[{INVISIBLE}]+")
_TAKEN_APART: Final = re.compile(
    "[\u1100-\u1112][\u1161-\u1175][\u11a8-\u11c2]?|.[\u0300-\u036f\u3099\u309a]+", re.DOTALL
)
_ACCENTS: Final = re.compile("[\u0300-\u036f]+")
_SHIFT: Final = 0xFEE0
"""From the full-width forms to ASCII."""


def visible(text: str) -> str:
    """The text without the characters that show nothing."""
    return text if text.isascii() else _INVISIBLE.sub("", text)


_CONTROL: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def printable(text: str) -> str:
    """The text as a terminal may have it: other control characters than tabs and ends of lines escaped."""
    return _CONTROL.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def in_one_line(text: str) -> str:
    """`printable`, ends of lines and tabs escaped too: a name that cannot pass for lines of ours."""
    return printable(text).replace("\n", "\\n").replace("\t", "\\t")


def is_full_width(char: str) -> bool:
    """Whether a character is the wide form of an ASCII sign, as Japanese keyboards type it."""
    return "\uff01" <= char <= "\uff5e"


def narrow(char: str) -> str:
    """The ASCII sign that a full-width one stands for; any other character stays.

    Not NFKC, which makes digits of circled digits.
    """
    return chr(ord(char) - _SHIFT) if is_full_width(char) else char


def composed(text: str) -> str:
    """The text with letters and their accents put together (NFD to NFC).

    Only what was taken apart is touched: NFC alone would also replace some Japanese characters of names.
    """
    if text.isascii():
        return text
    return _TAKEN_APART.sub(lambda found: unicodedata.normalize("NFC", found[0]), text)


def without_accents(text: str) -> str:
    """The text taken apart (NFKD), without the accents of letters."""
    return _ACCENTS.sub("", unicodedata.normalize("NFKD", text))


def fold(text: str) -> str:
    """What spellings of one word have in common: without case, width and accents."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return unicodedata.normalize("NFC", without_accents(folded))
