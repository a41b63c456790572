"""Phone rules: from a written number to E.164, with every guess recorded.

First the text is reduced to digits (`domain.phone.written`), then the numbering plans read the digits
(`domain.phone.numbering`). A number that can be read in two ways is refused: a wrong guess would send a
user's codes to a stranger.
"""

import re
from collections.abc import Iterator
from typing import Final

import phonenumbers

from migrate_mfa.domain.phone.country import Country
from migrate_mfa.domain.phone.numbering import (
    E164,
    NO_COUNTRY,
    Normalised,
    PhoneProblem,
    country_of,
    invalid,
    known_country,
    may_be_fixed,
    parsed,
    place,
)
from migrate_mfa.domain.phone.written import Written, take_down
from migrate_mfa.domain.reasons import Reason

__all__ = [
    "NO_COUNTRY",
    "Normalised",
    "PhoneProblem",
    "country_of",
    "known_country",
    "may_be_fixed",
    "normalise",
    "normalise_in_row",
]


def normalise(
    text: str, *, country: str | None, strict: bool, row: Country | None = None
) -> Normalised | PhoneProblem:
    """Read a phone number from one cell.

    Args:
        text: the cell; any text is accepted and gives a result.
        country: the country of numbers without a country code, or None to refuse those.
        strict: refuse every number that needs a guess.
        row: the country that the number's row names. It overrides `country`, and the number must have its
            calling code.
    """
    written = Written(text) if E164.fullmatch(text) else take_down(text)
    if isinstance(written, str):
        return invalid(written)
    read = _read(written, row.region if row else country, certain=row is not None)
    if isinstance(read, Normalised) and written.guesses:
        read = Normalised(read.phone, tuple(dict.fromkeys((*written.guesses, *read.guesses))))
    if row:
        read = _of_row(read, row, written)
    if strict and isinstance(read, Normalised) and read.guesses:
        return invalid(f"no E.164 form ({', '.join(read.guesses)}), and --strict-e164 allows no guess")
    return read


def normalise_in_row(
    text: str, row: Country | str | None, *, country: str | None, strict: bool
) -> Normalised | PhoneProblem:
    """Read the phone number of a row that names a country.

    Args:
        text: the phone cell.
        row: the country, or why it cannot be read (`domain.phone.country.row_country`).
        country: as for `normalise`.
        strict: as for `normalise`.
    """
    if not isinstance(row, str):
        return normalise(text, country=country, strict=strict, row=row)
    alone = normalise(text, country=None, strict=False)
    number = f"one of {place(alone.phone.e164)}" if isinstance(alone, Normalised) else alone.detail
    return invalid(f"{row}; the number: {number}")


_THREE_DIGITS: Final = 100
"""Calling codes from this one on have as many digits as the ISO numbers of countries."""


def _of_row(read: Normalised | PhoneProblem, row: Country, written: Written) -> Normalised | PhoneProblem:
    """Compare the number that was read with the country that the row names."""
    if isinstance(read, PhoneProblem):
        assumed = written.digits[0] != "+" and read.reason is Reason.INVALID_PHONE
        return invalid(f"{read.detail} (read for {row}, the row's country)") if assumed else read
    if not read.phone.e164.startswith(f"+{row.code}"):
        how = ", if it lost its plus sign," if "lost_plus" in read.guesses else ""
        return invalid(f"the row's country is {row}, but the number{how} is one of {place(read.phone.e164)}")
    if (rival := row.rival) and row.code >= _THREE_DIGITS and "assumed_country" in read.guesses:
        other = _read(written, rival.region, certain=True)
        if isinstance(other, Normalised) and country_of(other.phone.e164) == rival.region:
            return invalid(
                f"two readings, by the row's country, {row}: write that country as {row.region} or "
                f"{rival.region}, or the number as +…"
            )
    named = ("row_country" if guess == "assumed_country" else guess for guess in read.guesses)
    return Normalised(read.phone, tuple(named))


def _read(written: Written, country: str | None, *, certain: bool) -> Normalised | PhoneProblem:
    """Read an optional plus sign and digits with the numbering plans."""
    digits = written.digits
    if digits[0] == "+":
        return _international(digits, written.shorter)
    if country:
        return _national(digits, country, certain=certain)
    return _lost(digits) if digits.startswith("00") else invalid(_no_country(digits))


def _with(guess: str, read: Normalised | PhoneProblem) -> Normalised | PhoneProblem:
    return Normalised(read.phone, (guess, *read.guesses)) if isinstance(read, Normalised) else read


def _no_country(digits: str) -> str:
    rival = _international(f"+{digits}", "")
    hint = (
        f"; with a plus sign it is one of {place(rival.phone.e164)}" if isinstance(rival, Normalised) else ""
    )
    return f"no country code: write it as +…, or give --phone-country (such as JP){hint}"


def _international(digits: str, shorter: str) -> Normalised | PhoneProblem:
    """Read a plus sign and digits; if that is no usable number, try it with the usual mistakes corrected."""
    read = parsed(digits, None)
    if isinstance(read, Normalised):
        return read
    mended = [
        (guess, found)
        for guess, text in _mended(digits, shorter)
        if isinstance(found := parsed(text, None), Normalised)
    ]
    return _with(*mended[0]) if len(mended) == 1 else read


_LONGEST_CODE: Final = 3
_OLD_MEXICAN: Final = re.compile(r"\+521([0-9]{10})")


def _mended(digits: str, shorter: str) -> Iterator[tuple[str, str]]:
    """The digits that may have been meant, and the name of the guess."""
    if shorter:
        yield "trunk_prefix", shorter
    # If a one-digit code is doubled, another mistake is just as likely.
    for end in range(3, _LONGEST_CODE + 2):
        code = digits[1:end]
        if digits[end:].startswith(code) and code and int(code) in phonenumbers.COUNTRY_CODE_TO_REGION_CODE:
            yield "doubled_code", f"+{digits[end:]}"
    if found := _OLD_MEXICAN.fullmatch(digits):
        # Until 2019, mobile numbers in Mexico had a 1 after the country code.
        yield "old_mobile_prefix", f"+52{found[1]}"


def _national(digits: str, country: str, *, certain: bool) -> Normalised | PhoneProblem:
    """Read digits without a plus sign for a country: as a national number, or with the plus sign lost.

    If the row itself names the country, that is certain: readings of other countries do not count.
    """
    read = parsed(digits, country)
    abroad = digits.startswith("00")
    if isinstance(read, PhoneProblem):
        return _lost_or(read, digits, country, certain=certain)
    if not abroad and "lost_zero" not in read.guesses:
        return read
    rival = _lost(digits)
    if isinstance(rival, PhoneProblem) or rival.phone == read.phone:
        return read
    if certain and not abroad and not _is_of(rival, country):
        return read
    return _two(read, rival) if abroad or rival.guesses == _PLUS_ALONE else read


def _is_of(read: Normalised, country: str) -> bool:
    """Whether a number has the calling code of a country."""
    return read.phone.e164.startswith(f"+{phonenumbers.country_code_for_region(country)}")


def _lost_or(problem: PhoneProblem, digits: str, country: str, *, certain: bool) -> Normalised | PhoneProblem:
    """Read digits that are no usable national number: with a lost plus sign, else return the problem."""
    rival = _lost(digits)
    abroad = digits.startswith("00")
    if isinstance(rival, PhoneProblem):
        if abroad and rival.phone and not problem.phone:
            return rival
        return _old_national(digits, country) or problem
    if abroad or _is_of(rival, country):
        return rival
    # A number of another country is accepted only unchanged, and only if it is no number of this country.
    if rival.guesses != _PLUS_ALONE:
        return problem
    if problem.reason is not Reason.NOT_SMS_CAPABLE:
        return rival
    return problem if certain else _two(problem, rival)


_PLUS_ALONE: Final = ("lost_plus",)


def _lost(digits: str) -> Normalised | PhoneProblem:
    """Read digits whose plus sign is lost, or written as 00."""
    if digits.startswith("00"):
        return _with("international_prefix", _international(f"+{digits[2:]}", ""))
    return _with("lost_plus", _international(f"+{digits}", ""))


_OLD_NATIONAL: Final = {"MX": re.compile(r"04[45]([0-9]{10})")}
"""Prefixes of mobile numbers that are no longer dialled, by country."""


def _old_national(digits: str, country: str) -> Normalised | None:
    pattern = _OLD_NATIONAL.get(country)
    found = pattern.fullmatch(digits) if pattern else None
    read = parsed(found[1], country) if found else None
    return (
        Normalised(read.phone, ("old_mobile_prefix", *read.guesses)) if isinstance(read, Normalised) else None
    )


def _two(read: Normalised | PhoneProblem, rival: Normalised) -> PhoneProblem:
    here = (
        f"one of {place(read.phone.e164)}"
        if isinstance(read, Normalised)
        else f"{read.detail} of the country"
    )
    return invalid(
        f"two readings, {here} or, with a plus sign, one of {place(rival.phone.e164)}: write it as +…"
    )
