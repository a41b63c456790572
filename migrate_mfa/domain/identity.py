"""Cells that name a user: remove only what programs have added.

A user is found by exactly the text that is read here. So only characters that cannot belong to a sub, a
Username or an address are removed. A cell that could mean several users is refused, with the cause.
"""

import re
from dataclasses import dataclass
from typing import Final

from migrate_mfa.domain.characters import composed, narrow, visible
from migrate_mfa.domain.spreadsheet import ERROR_VALUE, trim


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A cell does not name one user for certain; `cause` does not quote the cell."""

    cause: str


_PLAIN: Final = re.compile(r"[A-Za-z0-9._%+@-]*")
_SIGNS: Final = ("'", "=")
_GUARDS: Final = (re.compile(r'="(.*)"', re.DOTALL), re.compile(r"'(.+?)'?", re.DOTALL))
_NOTHING: Final = re.compile(r"[-?_]+|n/?a|none|null|nil|nan|undefined|\\n|\(null\)|<null>", re.IGNORECASE)
_UUID: Final = re.compile(r"\{?([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\}?", re.IGNORECASE)
_NO_SIGN: Final = re.compile("[\u00ad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff]+")
"""Format characters. A Username has none: letters, marks, symbols, numbers, punctuation (API reference)."""
_SCHEME: Final = re.compile(r"(?:mailto|smtp|e-?mail):\s*", re.IGNORECASE)
_QUERY: Final = re.compile(r"(@[^?]*)\?.*", re.DOTALL)
_NAMED: Final = re.compile(r"([^<>]*)<\s*([^<>]*?)\s*>", re.DOTALL)
_LINK: Final = re.compile(r"\[([^\[\]]*)\]\(\s*<?([^()<>]*)>?\s*\)", re.DOTALL)
"""An address as a Markdown link."""
_PAIRS: Final = ("‘’", "’’", "‚‘", "“”", "””", "„“", "«»", "‹›", "「」", "『』", "()", "[]", "``")  # noqa: RUF001 - as typed
_QUOTES: Final = "‘’‚‛“”„«»‹›"  # noqa: RUF001 - as typed
_STOPS: Final = (".", "。")
_MARKS: Final = ';,<>"'
"""Characters that no address has. A quote is not removed: it may be the sign of a broken CSV line."""
_LISTED: Final = re.compile(r"@.*[\s;,|].*@", re.DOTALL)


def read_sub(cell: str) -> str | Unreadable:
    """The sub that a cell names, or an empty text; Cognito writes UUIDs in lower case."""
    text = _unguarded(cell)
    found = _UUID.fullmatch(_NO_SIGN.sub("", text))
    return found[1].lower() if found else _something(text)


def read_username(cell: str) -> str | Unreadable:
    """The Username that a cell names, or an empty text; one with an @ is read like an address."""
    text = _unguarded(cell)
    if _PLAIN.fullmatch(text) and not _stopped(text):
        return text
    if ERROR_VALUE.fullmatch(text):
        return Unreadable("a spreadsheet's error value")
    return _address(text) if "@" in text else composed(_NO_SIGN.sub("", text))


def read_email(cell: str) -> str | Unreadable:
    """The e-mail address that a cell names, or an empty text."""
    text = _unguarded(cell)
    if "@" in text and _PLAIN.fullmatch(text) and not _stopped(text):
        return text
    something = _something("".join(map(narrow, text)))
    return _address(something) if isinstance(something, str) else something


def _unguarded(cell: str) -> str:
    """A cell without the marks that spreadsheets add to keep it a text, such as a leading apostrophe."""
    text = trim(cell)
    if text[:1] in _SIGNS:
        for guard in _GUARDS:
            if found := guard.fullmatch(text):
                text = trim(found[1])
    return text


def _something(text: str) -> str | Unreadable:
    """The text; empty if it is a program's placeholder for an empty value, such as NULL."""
    if ERROR_VALUE.fullmatch(text):
        return Unreadable("a spreadsheet's error value")
    return "" if _NOTHING.fullmatch(text) else text


def _stopped(text: str) -> bool:
    """Whether an address ends with a full stop, which no address does."""
    return "@" in text and text.endswith(_STOPS)


def _address(text: str) -> str | Unreadable:
    """An address without a scheme, a name before it, or marks around it."""
    text = _bare(composed(visible(text)).rstrip(";, "))
    if not _LINK.fullmatch(text) and _LISTED.search(text):
        return Unreadable("more than one address")
    if found := _LINK.fullmatch(text) or _NAMED.fullmatch(text):
        named, text = _bare(found[1]), _bare(found[2])
        if "@" in named and named.lower() != text.lower():
            return Unreadable("more than one address")
    if "@" not in text:
        return text
    if text.endswith((*_STOPS, "…")):
        return Unreadable("an address that seems to be cut off")
    if any(char.isspace() or char in _MARKS for char in text) or text[0] in _QUOTES or text[-1] in _QUOTES:
        return Unreadable("an address with a blank or a mark in it")
    return text


def _bare(text: str) -> str:
    """A text without quotes, brackets, scheme and full stop around an address."""
    text = trim(text)
    if "@" not in text:
        return text
    if text.endswith(_STOPS) and not text[:-1].endswith(_STOPS):
        text = text[:-1]
    if text[:1] + text[-1:] in _PAIRS:
        return _bare(text[1:-1])
    if scheme := _SCHEME.match(text):
        text = _QUERY.sub(r"\1", text[scheme.end() :])
    return text
