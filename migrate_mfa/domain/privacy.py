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


_LONGEST_SHOWN = 60
_FEW_DIGITS = 5


def masked(text: str) -> str:
    """A text of a file as it may be shown, in one short line; one that may be data without its digits."""
    line = " ".join("".join(char if char.isprintable() else " " for char in text).split())
    if "@" in line or sum(map(str.isdigit, line)) >= _FEW_DIGITS:
        line = re.sub(r"\d", "*", scrub(line)).replace("@", "*")
    return line if len(line) <= _LONGEST_SHOWN else f"{line[:_LONGEST_SHOWN]}…"


def column_name(name: str, place: int) -> str:
    """A column's name as it may be shown; with its place where that is not all of its name.

    A file without a header line has a user's data where the names belong.
    """
    line = masked(name)
    if not line:
        return f"column {place} (no name)"
    return line if line == " ".join(name.split()) else f'column {place} ("{line}")'


def mask_identity(text: str) -> str:
    """A Username, address, sub or number as it may be shown: how it begins, and an address's domain."""
    name, at, domain = text.rpartition("@")
    if at:
        return f"{name[:1]}…@{domain}"
    return mask_phone(text) if _DIGITS.fullmatch(text) else f"{text[:1]}…"


def mask_caller(arn: str) -> str:
    """The ARN of a caller: the name of a session is often an address, of which only the domain is shown."""
    return "/".join(mask_identity(part) if "@" in part else part for part in arn.split("/"))
