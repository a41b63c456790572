"""Phone rules: from what people write to E.164, with every guess on record.

The numbering plans are those of the phonenumbers library. It is lenient by design (it looks for a number in a
text, reads letters as keys and takes what follows for an extension), so it only ever sees a plus sign and
digits here: everything else is settled before, or refused.
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import phonenumbers
from phonenumbers import (
    CountryCodeSource,
    NumberParseException,
    PhoneNumber,
    PhoneNumberType,
    ValidationResult,
)

from migrate_mfa.domain.model import Phone
from migrate_mfa.domain.reasons import Reason
from migrate_mfa.domain.spreadsheet import trim


@dataclass(frozen=True, slots=True)
class Normalised:
    """A number that can receive SMS, and the names of the guesses that it took to read it.

    A text that is E.164 already takes no guess.
    """

    phone: Phone
    guesses: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PhoneProblem:
    """Why a text is no usable number. `detail` holds none of its digits."""

    reason: Reason
    detail: str


def known_country(code: str) -> bool:
    """Whether numbers can be read for this country; codes are two capital letters, such as JP."""
    return code in phonenumbers.SUPPORTED_REGIONS


NO_COUNTRY = "ZZ"
"""The country of numbers that belong to none, or to none that the library knows (CLDR: "unknown region")."""


def country_of(e164: str) -> str:
    """The country of a number in E.164 form: two letters, or `NO_COUNTRY`.

    Most calling codes belong to one country; +1, +7, +44 and a few others are told apart by the digits after.
    """
    region = _only_region(e164) if _E164.fullmatch(e164) else None
    return region if region in phonenumbers.SUPPORTED_REGIONS else NO_COUNTRY


def _only_region(e164: str) -> str | None:
    for end in (2, 3, 4):
        regions = phonenumbers.COUNTRY_CODE_TO_REGION_CODE.get(int(e164[1:end]), ())
        if len(regions) == 1:
            return regions[0]
        if regions:
            return phonenumbers.region_code_for_number(phonenumbers.parse(e164))
    return None


def normalise(text: str, *, country: str | None, strict: bool) -> Normalised | PhoneProblem:
    """Read a phone number from one cell.

    Args:
        text: What the cell says; any text gives an answer.
        country: The country of numbers that name none, or None to refuse those.
        strict: Refuse every number that takes a guess.
    """
    written, guesses = _unwrap(text)
    if cause := _unreadable(written):
        return _invalid(cause)
    digits = written.translate(_SEPARATORS)
    if digits != written:
        guesses.append("formatting")
    read = _read(digits, country, guesses)
    if strict and isinstance(read, Normalised) and read.guesses:
        return _invalid(f"no E.164 form ({', '.join(read.guesses)}), and --strict-e164 allows no guess")
    return read


def _invalid(cause: str) -> PhoneProblem:
    return PhoneProblem(Reason.INVALID_PHONE, cause)


_LONGEST: Final = 200
_SEPARATORS: Final = dict.fromkeys(map(ord, " ().-"))
_WRITTEN: Final = re.compile(r"\(?\+?\(?[0-9][0-9 ().-]*(?<=[0-9])")
_FRACTION: Final = re.compile(r"\+?[0-9]+[.,][0-9]+")
_E164: Final = re.compile(r"\+[1-9][0-9]{5,14}")

_WRAPPINGS: Final = (
    ("apostrophe", re.compile(r"'(.+)"), r"\1"),
    ("excel_formula", re.compile(r'="(.+)"'), r"\1"),
    ("tel_uri", re.compile(r"tel:([^;]+)(?:;phone-context=(\+[0-9]+))?", re.IGNORECASE), r"\2\1"),
    ("excel_float", re.compile(r"(\+?[0-9]+)\.0+"), r"\1"),
)


def _unwrap(text: str) -> tuple[str, list[str]]:
    """Take off what programs put around a number; name what was taken off."""
    text = trim(text)
    plain = text if text.isascii() else trim("".join(map(_plain, text)))
    guesses = [] if plain == text else ["full_width" if any(map(_is_full_width, text)) else "formatting"]
    for name, pattern, inner in _WRAPPINGS:
        if found := pattern.fullmatch(plain):
            plain = trim(found.expand(inner))
            guesses.append(name)
    return plain, guesses


_STAND_INS: Final = {"Pd": "-", "Zs": " ", "Cf": ""}
_DASHES: Final = "ーｰ−"  # noqa: RUF001 - how dashes are typed on a Japanese keyboard


def _plain(char: str) -> str:
    """The ASCII that a character stands for in a number. Not NFKC: that makes digits of circled digits."""
    if char.isdecimal():
        return str(unicodedata.decimal(char))
    if _is_full_width(char):
        return chr(ord(char) - 0xFEE0)
    return "-" if char in _DASHES else _STAND_INS.get(unicodedata.category(char), char)


def _is_full_width(char: str) -> bool:
    return "\uff01" <= char <= "\uff5e" or (char.isdecimal() and not char.isascii())


_CAUSES: Final = (
    (re.compile(r"^$"), "empty"),
    (
        re.compile(r"^[+-]?[0-9]+([.,][0-9]+)?E[+-]?[0-9]+$", re.IGNORECASE),
        "rounded by a spreadsheet (scientific notation): the digits are lost, take them from the source",
    ),
    (_FRACTION, "a decimal fraction"),
    (re.compile(r"[0-9].*(X|#|内線)", re.IGNORECASE), "has an extension, which SMS cannot reach"),
    (re.compile(r"[0-9].*[+/,;&|].*[0-9]"), "more than one number"),
)


def _unreadable(text: str) -> str | None:
    """Why a text is not one number in plain writing, or None if it is."""
    if len(text) > _LONGEST:
        return "too long"
    if _WRITTEN.fullmatch(text) and not _FRACTION.fullmatch(text):
        return None
    return next(
        (cause for pattern, cause in _CAUSES if pattern.search(text)), "not written as a phone number"
    )


def _read(digits: str, country: str | None, guesses: list[str]) -> Normalised | PhoneProblem:
    """Read an optional plus sign and digits by the numbering plans."""
    international = digits[0] == "+"
    if country is None and not international:
        return _invalid("no country code: write it as +…, or give --phone-country (such as JP)")
    try:
        # With a country, the library would read a wrong country code as a number of that country.
        number = phonenumbers.parse(digits, None if international else country, keep_raw_input=True)
    except NumberParseException as error:
        return _invalid(_UNPARSED.get(error.error_type, "not a phone number"))
    e164 = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    if problem := _unusable(number, e164):
        return problem
    guesses.extend(_guessed(number, digits, e164, country))
    return Normalised(Phone(e164), tuple(dict.fromkeys(guesses)))


_UNPARSED: Final = {
    NumberParseException.INVALID_COUNTRY_CODE: "no such country code",
    NumberParseException.TOO_SHORT_AFTER_IDD: "too short",
    NumberParseException.TOO_SHORT_NSN: "too short",
    NumberParseException.TOO_LONG: "too long",
}
_IMPOSSIBLE: Final = {
    ValidationResult.IS_POSSIBLE_LOCAL_ONLY: "lacks its area code",
    ValidationResult.TOO_SHORT: "too short",
    ValidationResult.TOO_LONG: "too long",
    ValidationResult.INVALID_LENGTH: "a wrong number of digits",
}
_SMS_CAPABLE: Final = frozenset({PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE_OR_MOBILE})
_OTHER_LINES: Final = {
    PhoneNumberType.FIXED_LINE: "a fixed line",
    PhoneNumberType.TOLL_FREE: "a toll-free number",
    PhoneNumberType.PREMIUM_RATE: "a premium-rate number",
    PhoneNumberType.SHARED_COST: "a shared-cost number",
    PhoneNumberType.VOIP: "an internet telephone (VoIP)",
    PhoneNumberType.PERSONAL_NUMBER: "a personal number that forwards to others",
    PhoneNumberType.PAGER: "a pager",
    PhoneNumberType.UAN: "a company number",
    PhoneNumberType.VOICEMAIL: "a voice mailbox",
}


def _unusable(number: PhoneNumber, e164: str) -> PhoneProblem | None:
    line = phonenumbers.number_type(number)
    if line == PhoneNumberType.UNKNOWN:
        length = phonenumbers.is_possible_number_with_reason(number)
        return _invalid(_IMPOSSIBLE.get(length, "no number of its country's numbering plan"))
    # A few German service numbers are valid by their plan and too long for E.164.
    if not _E164.fullmatch(e164):
        return _invalid("too long")
    return None if line in _SMS_CAPABLE else PhoneProblem(Reason.NOT_SMS_CAPABLE, _OTHER_LINES[line])


_BY_SOURCE: Final = {
    CountryCodeSource.FROM_NUMBER_WITH_IDD: "international_prefix",
    CountryCodeSource.FROM_NUMBER_WITHOUT_PLUS_SIGN: "lost_plus",
    CountryCodeSource.FROM_DEFAULT_COUNTRY: "assumed_country",
}


def _guessed(number: PhoneNumber, digits: str, e164: str, country: str | None) -> Iterator[str]:
    """What the library did to get from the digits to the number."""
    source = number.country_code_source
    if source in _BY_SOURCE:
        yield _BY_SOURCE[source]
    if source != CountryCodeSource.FROM_DEFAULT_COUNTRY:
        if not digits.endswith(e164[1:]):
            yield "trunk_prefix"
    elif country and digits[0] != "0" and phonenumbers.ndd_prefix_for_region(country, False) == "0":
        yield "lost_zero"
