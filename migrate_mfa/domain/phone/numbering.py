"""The numbering plans of the phonenumbers library: which number the digits are, and whether it receives SMS.

The library is lenient by design: it searches a text for a number, reads letters as keys and the rest as an
extension. So it is given only a plus sign and digits.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
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


@dataclass(frozen=True, slots=True)
class Normalised:
    """A number that can receive SMS, and the names of the guesses needed to read it.

    A text in E.164 form needs no guess.
    """

    phone: Phone
    guesses: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PhoneProblem:
    """Why a text is no usable number. `detail` contains none of its digits."""

    reason: Reason
    detail: str
    phone: Phone | None = field(default=None, repr=False, compare=False)
    """The number, if it is one that cannot receive SMS: it may still identify a user."""


def invalid(cause: str) -> PhoneProblem:
    """The problem for a text that is not a number."""
    return PhoneProblem(Reason.INVALID_PHONE, cause)


def known_country(code: str) -> bool:
    """Whether numbers can be read for this country; codes are two capital letters, such as JP."""
    return code in phonenumbers.SUPPORTED_REGIONS


NO_COUNTRY = "ZZ"
"""The country of numbers that belong to no country known to the library (CLDR: "unknown region")."""


def country_of(e164: str) -> str:
    """The country of a number in E.164 form: two letters, or `NO_COUNTRY`.

    Most calling codes belong to one country; with +1, +7, +44 and a few others the next digits decide.
    """
    region = _only_region(e164) if E164.fullmatch(e164) else None
    return region if region in phonenumbers.SUPPORTED_REGIONS else NO_COUNTRY


def _only_region(e164: str) -> str | None:
    for end in (2, 3, 4):
        regions = phonenumbers.COUNTRY_CODE_TO_REGION_CODE.get(int(e164[1:end]), ())
        if len(regions) == 1:
            return regions[0]
        if regions:
            return phonenumbers.region_code_for_number(phonenumbers.parse(e164))
    return None


def may_be_fixed(number: Normalised) -> bool:
    """Whether its plan does not distinguish mobile numbers from fixed lines, as in the United States."""
    return phonenumbers.number_type(phonenumbers.parse(number.phone.e164)) != PhoneNumberType.MOBILE


E164: Final = re.compile(r"\+[1-9][0-9]{5,14}")


def place(e164: str) -> str:
    """The country of a number with its calling code, such as `JP (+81)`."""
    code = phonenumbers.parse(e164).country_code
    region = country_of(e164)
    return f"+{code}" if region == NO_COUNTRY else f"{region} (+{code})"


def parsed(digits: str, country: str | None) -> Normalised | PhoneProblem:
    """The library's reading, with a plus sign or for a country."""
    try:
        # With a country, the library would read a wrong country code as a number of that country.
        number = phonenumbers.parse(digits, country, keep_raw_input=country is not None)
    except NumberParseException as error:
        return invalid(_UNPARSED.get(error.error_type, "not a phone number"))
    e164 = f"+{number.country_code}{phonenumbers.national_significant_number(number)}"
    if problem := _unusable(number, e164):
        return problem
    return Normalised(Phone(e164), tuple(_guessed(number, digits, e164, country)))


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


_ARGENTINA: Final = 54


def _unusable(number: PhoneNumber, e164: str) -> PhoneProblem | None:
    line = phonenumbers.number_type(number)
    if line == PhoneNumberType.UNKNOWN:
        length = phonenumbers.is_possible_number_with_reason(number)
        cause = _IMPOSSIBLE.get(length, "no number of its country's numbering plan")
        return invalid(f"{cause} (+{number.country_code})")
    # A few German service numbers are valid in their plan but too long for E.164.
    if not E164.fullmatch(e164):
        return invalid("too long")
    if line in _SMS_CAPABLE:
        return None
    argentine = number.country_code == _ARGENTINA and line == PhoneNumberType.FIXED_LINE
    doubt = ", or a mobile number without the 9 after +54" if argentine else ""
    return PhoneProblem(Reason.NOT_SMS_CAPABLE, f"{_OTHER_LINES[line]}{doubt}", Phone(e164))


_BY_SOURCE: Final = {
    CountryCodeSource.FROM_NUMBER_WITH_IDD: "international_prefix",
    CountryCodeSource.FROM_NUMBER_WITHOUT_PLUS_SIGN: "lost_plus",
    CountryCodeSource.FROM_DEFAULT_COUNTRY: "assumed_country",
}


def _guessed(number: PhoneNumber, digits: str, e164: str, country: str | None) -> Iterator[str]:
    """The guesses that led from the digits to the number."""
    source = number.country_code_source
    if source in _BY_SOURCE:
        yield _BY_SOURCE[source]
    if source != CountryCodeSource.FROM_DEFAULT_COUNTRY:
        if not digits.endswith(e164[1:]):
            yield "trunk_prefix"
    elif country and digits[0] != "0" and _begins_with_zero(number, country):
        yield "lost_zero"


def _begins_with_zero(number: PhoneNumber, country: str) -> bool:
    """Whether this number is always written with a leading zero in its country."""
    if phonenumbers.ndd_prefix_for_region(country, False) != "0":
        return False
    plan = phonenumbers.PhoneMetadata.metadata_for_region(country)
    digits = phonenumbers.national_significant_number(number)
    for style in plan.number_format if plan else ():
        leading = style.leading_digits_pattern
        if (not leading or re.match(leading[-1], digits)) and re.fullmatch(style.pattern or "", digits):
            rule = style.national_prefix_formatting_rule
            return bool(rule and "0" in rule and not style.national_prefix_optional_when_formatting)
    return True
