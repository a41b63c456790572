"""Masking: no complete number or address leaves the journal and the CSV reports."""

import re

_EMAIL = re.compile(r"(?<![^\s<>\"])[^\s@<>\"]*@[^\s<>\"]*")
"""A word with an @ in it, matched only from the start of a word: else the time would be quadratic."""
_DIGITS = re.compile(r"\+?\d(?:[\s().-]{0,3}\d){6,}")


def mask_phone(e164: str) -> str:
    """The masked number: only its first three and last two characters."""
    return f"{e164[:3]}{'*' * max(0, len(e164) - 5)}{e164[-2:]}" if len(e164) > 5 else "*" * len(e164)  # noqa: PLR2004 - 3 + 2


def scrub(text: str) -> str:
    """A text from outside, without e-mail addresses and without digits that could be a number."""
    return _DIGITS.sub("[number]", _EMAIL.sub("[address]", text))


_LONGEST_SHOWN = 60
_FEW_DIGITS = 5


def masked(text: str) -> str:
    """A text of a file, masked and in one short line; the digits are hidden if it may be a user's data."""
    line = " ".join("".join(char if char.isprintable() else " " for char in text).split())
    if "@" in line or sum(map(str.isdigit, line)) >= _FEW_DIGITS:
        line = re.sub(r"\d", "*", scrub(line)).replace("@", "*")
    return line if len(line) <= _LONGEST_SHOWN else f"{line[:_LONGEST_SHOWN]}…"


def column_name(name: str, place: int) -> str:
    """A column's name, masked; if something is hidden, with the column's place.

    In a file without a header line, a user's data is in the place of the names.
    """
    line = masked(name)
    if not line:
        return f"column {place} (no name)"
    return line if line == " ".join(name.split()) else f'column {place} ("{line}")'


def mask_identity(text: str) -> str:
    """A Username, address, sub or number, masked: its beginning, and the domain of an address."""
    name, at, domain = text.rpartition("@")
    if at:
        return f"{name[:1]}…@{domain}"
    return mask_phone(text) if _DIGITS.fullmatch(text) else f"{text[:1]}…"


def mask_caller(arn: str) -> str:
    """The ARN of a caller; a session's name is often an e-mail address, which is masked."""
    return "/".join(mask_identity(part) if "@" in part else part for part in arn.split("/"))
