"""Reduce a phone cell, written by a person or a program, to digits with an optional plus sign.

This module handles only notation: wrappers, labels, separators, marks. Which number the digits are is decided
by the numbering plans (`domain.phone.normalise`).
"""

import re
import unicodedata
from dataclasses import dataclass
from typing import Final

from migrate_mfa.domain.characters import is_full_width, narrow, visible
from migrate_mfa.domain.spreadsheet import ERROR_VALUE, trim

_LONGEST: Final = 200


@dataclass(frozen=True, slots=True)
class Written:
    """The digits of a cell, after an optional plus sign, and the guesses needed to read them.

    `shorter` is the same without a `(0)`, if it is open whether that belongs to the number.
    """

    digits: str
    guesses: tuple[str, ...] = ()
    shorter: str = ""


def take_down(text: str) -> Written | str:
    """Reduce a cell's text to its digits, or say why it is not one plainly written number."""
    text = trim(text)
    if len(text) > _LONGEST:
        return "too long"
    if _USUAL.fullmatch(text):
        digits = text.translate(_SEPARATORS)
        return Written(digits, ("formatting",) if digits != text else ())
    plain, guesses = _unwrap(text)
    if cause := _unreadable(plain):
        return cause
    digits = _compact(plain)
    if digits != plain:
        guesses.append("formatting")
    if "+" not in digits:
        return Written(digits, tuple(dict.fromkeys(guesses)))
    if found := _MISPLACED_PLUS.fullmatch(digits):
        # +81+8190…: a form field added the country code before the one that was typed.
        digits, guesses = found["rest"], [*guesses, "doubled_code"]
    if "+" in digits[1:]:
        return "more than one number, or a plus sign in the middle of one"
    if digits.startswith("+00"):
        digits, guesses = f"+{digits[3:]}", [*guesses, "international_prefix"]
    shorter = _compact(_OPTIONAL_ZERO.sub("", plain)) if _OPTIONAL_ZERO.search(plain) else ""
    return Written(digits, tuple(dict.fromkeys(guesses)), shorter)


_USUAL: Final = re.compile(r"\(?[0-9](?:[0-9 )-]*[0-9])?")
"""The form of most national numbers; they need no further check."""
_MOBILE: Final = (
    "mobile phone|mobile|mobil(?:telefon)?|mob|m[oó]vil|portable|cell(?: ?phone|ular)?|celular|handy|natel"
    "|sms|whatsapp|携帯(?:電話|番号|電話番号)?|スマホ|手机|手機|휴대폰|핸드폰"
)
_ANY_PHONE: Final = f"{_MOBILE}|t[eé]l(?:[eéè](?:fon|phone|fono))?|phone|ph|callto|電話(?:番号)?|☎|📱|📞"
_WRAPPINGS: Final = (
    ("apostrophe", re.compile(r"['‘’`´](.+?)'?"), r"\1"),  # noqa: RUF001 - what word processors make of it
    ("quotes", re.compile(r"[“”„«](.+)[“”»]"), r"\1"),
    ("excel_formula", re.compile(r'="(.+)"|=(\+?[0-9]+)'), r"\1\2"),
    ("tel_uri", re.compile(r"tel:(?://)?([^;]+)(?:;phone-context=(\+[0-9]+))?", re.IGNORECASE), r"\2\1"),
    (
        "label",
        re.compile(
            rf"(?:(?:{_ANY_PHONE})(?: ?(?:no|nr|number))?(?:[ .:]+|(?=[+(0]))|[pmct][.:] *)"
            r"(?![2-69][ .:])(?=[+(0-9])(.+)",
            re.IGNORECASE,
        ),
        r"\1",
    ),
    ("label", re.compile(rf"(.*[0-9]) *(?:[(\[] *(?:{_MOBILE}) *[)\]]|(?:{_MOBILE}))", re.IGNORECASE), r"\1"),
    ("formatting", re.compile(r"(.*[0-9)]) *[;,]+"), r"\1"),
    ("excel_float", re.compile(r"(\+?[0-9]+)\.0+"), r"\1"),
)


def _unwrap(text: str) -> tuple[str, list[str]]:
    """Remove what programs put around a number, and name what was removed."""
    plain = text if text.isascii() else trim("".join(map(_plain, visible(text))))
    guesses = [] if plain == text else ["full_width" if any(map(_is_other_form, text)) else "formatting"]
    for name, pattern, inner in _WRAPPINGS:
        if found := pattern.fullmatch(plain):
            plain = trim(found.expand(inner))
            guesses.append(name)
    return plain, guesses


_KEYCAP: Final = "\u20e3"
_LOOK_ALIKES: Final = (
    dict.fromkeys("ーｰ−─━˗⁃", "-")  # noqa: RUF001 - how dashes are typed, on a Japanese keyboard too
    | dict.fromkeys("·•‧∙⋅・･", ".")
    | dict.fromkeys("⁺﹢➕", "+")  # noqa: RUF001 - superscript, small, heavy
    | {"、": ",", _KEYCAP: ""}
)
_BY_CATEGORY: Final = {"Pd": "-", "Zs": " ", "Cf": "", "Ps": "(", "Pe": ")"}


def _plain(char: str) -> str:
    """The ASCII equivalent of a character in a number."""
    if char.isdecimal():
        return str(unicodedata.decimal(char))
    if is_full_width(char):
        return narrow(char)
    stand_in = _LOOK_ALIKES.get(char)
    return _BY_CATEGORY.get(unicodedata.category(char), char) if stand_in is None else stand_in


def _is_other_form(char: str) -> bool:
    return is_full_width(char) or (char.isdecimal() and not char.isascii())


_SEPARATORS: Final = dict.fromkeys(map(ord, " \t()[]{}.-_/\\,"))
_MANY_PLUSES: Final = re.compile(r"^0{0,2}\++(?=[0-9])")
_MISPLACED_PLUS: Final = re.compile(r"\+(?P<code>[0-9]{1,3})(?P<rest>\+(?P=code)[0-9]+)")
_OPTIONAL_ZERO: Final = re.compile(r"[(\[{] *0 *[)\]}]")


def _compact(plain: str) -> str:
    """The digits, after one plus sign if there is at least one before them."""
    return _MANY_PLUSES.sub("+", plain.translate(_SEPARATORS))


_ALLOWED: Final = re.compile(r"[0-9+ \t()\[\]{}._/\\,-]+")
_ENDS: Final = re.compile(r"[ ()\[\]{}+]*[0-9](?:.*[0-9])?[ )\]}]*", re.DOTALL)
_FRACTION: Final = re.compile(r"(?P<whole>\+?[0-9]+)[.,][0-9]+")
_CAUSES: Final = (
    (re.compile(r"^$"), "empty"),
    (ERROR_VALUE, "a spreadsheet's error value, not a phone number"),
    (
        re.compile(r"^([-?_.]+|n/?a|none|null|nil|nan|undefined|unknown|\\n|なし|無し)$", re.IGNORECASE),
        "not written as a phone number, a placeholder; only an empty cell means the number that the pool has",
    ),
    (re.compile(r"@"), "an address with an @, not a phone number"),
    (
        re.compile(r"^[+-]?[0-9]+([.,][0-9]+)?E[+-]?[0-9]+$", re.IGNORECASE),
        "rounded by a spreadsheet (scientific notation): the digits are lost, take them from the source",
    ),
    (re.compile(r"[0-9].*(X|#|内線)", re.IGNORECASE), "has an extension, which SMS cannot reach"),
    (re.compile(r"[0-9].*([;&|\n]| or ).*[0-9]"), "more than one number"),
    (re.compile(r"^[^0-9]*$"), "not written as a phone number: it has no digits"),
)


def _unreadable(text: str) -> str | None:
    """Why a text is not one plainly written number, or None if it is one."""
    if not (_ALLOWED.fullmatch(text) and _ENDS.fullmatch(text)):
        found = (cause for pattern, cause in _CAUSES if pattern.search(text))
        return next(found, None) or f"not written as a phone number: {_oddity(text)}"
    if found_fraction := _FRACTION.fullmatch(text):
        whole = found_fraction["whole"]
        return None if whole[0] in "+0" and _is_prefix(whole) else "a decimal fraction"
    return None if _is_one(text) else "more than one number, or an ending of a second one"


def _oddity(text: str) -> str:
    """What is odd about a text: letters, or a character by its name. The text itself is not quoted."""
    if any(map(str.isalpha, text)):
        return "it has letters"
    odd = _ALLOWED.sub("", text)
    if not odd:
        return "it begins or ends with a separator"
    name = re.sub(r"[-\d]+", " ", unicodedata.name(odd[0], "control character")).strip()
    return f"it has a character that no number has ({name.lower()})"


_HARD: Final = re.compile(r"[/\\,]")
_LONGEST_PREFIX: Final = 6
_LONGEST_PREFIX_ABROAD: Final = 9
_PAIRS: Final = 4
_MOST_DIGITS: Final = 17
"""The most digits: E.164 has up to 15, after an international prefix of two."""


def _digits_in(text: str) -> int:
    return sum(map(str.isdigit, text))


def _is_prefix(text: str) -> bool:
    """Whether a text is short enough to be the part before the subscriber's own digits."""
    abroad = text.lstrip(" ([{").startswith(("+", "00"))
    return _digits_in(text) <= (_LONGEST_PREFIX_ABROAD if abroad else _LONGEST_PREFIX)


def _is_one(text: str) -> bool:
    """Whether the parts between slashes or commas belong to one number.

    They do in 0151/2345678 and 06/12/34/56/78. In 0171 234567/8 the last part replaces the end of the first.
    """
    first, *others = _HARD.split(text)
    if not others:
        return True
    *middle, last = map(_digits_in, others)
    shortest = 2 if len(others) >= _PAIRS else 3
    enough = last >= shortest and min(middle, default=2) >= 2  # noqa: PLR2004 - nobody writes single digits
    return enough and _is_prefix(first) and _digits_in(text) <= _MOST_DIGITS
