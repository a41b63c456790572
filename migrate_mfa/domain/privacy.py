"""What may leave the journal and the CSVs: nothing that is a number or an address in full."""

import re

_EMAIL = re.compile(r"(?<![^\s<>\"])[^\s@<>\"]*@[^\s<>\"]*")
"""A word with an @ in it, tried where words begin: tried at each letter, it would take the square."""
_DIGITS = re.compile(r"\+?\d(?:[\s().-]{0,3}\d){6,}")


def mask_phone(e164: str) -> str:
    """A number as it may be shown: the first three and the last two characters."""
    return f"{e164[:3]}{'*' * max(0, len(e164) - 5)}{e164[-2:]}" if len(e164) > 5 else "*" * len(e164)  # noqa: PLR2004 - 3 + 2


def scrub(text: str) -> str:
    """A text from outside without e-mail addresses and without digit runs that could be a number."""
    return _DIGITS.sub("[number]", _EMAIL.sub("[address]", text))
