"""The country of a number, from a row's ISO code, country name or calling code."""

import re
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Final

import phonenumbers
from phonenumbers import PhoneNumber

from migrate_mfa.domain.characters import narrow, visible
from migrate_mfa.domain.phone.country_names import region_named, region_numbered
from migrate_mfa.domain.privacy import scrub
from migrate_mfa.domain.spreadsheet import trim


@dataclass(frozen=True, slots=True)
class Country:
    """The country of a number: `region` is a two-letter ISO code, `code` the calling code.

    Several countries can share a calling code (+1, +7, +44). If only the code is known, `region` is the main
    country.
    """

    region: str
    code: int
    rival: "Country | None" = field(default=None, compare=False)
    """The country whose ISO number equals the calling code that was written."""

    def __str__(self) -> str:
        rival = f", or by ISO number {self.rival}" if self.rival else ""
        return f"{self.region} (+{self.code}){rival}"


def row_country(country: str, dial_code: str) -> Country | str | None:
    """The country that a row names in one or both of its cells.

    None means that both cells are blank. A text says why they name no country; it contains no personal data.
    """
    found: list[Country] = []
    for kind, cell in (("country", trim(country)), ("calling code", trim(dial_code))):
        if cell:
            read = _read(cell, numbered=kind == "country") if len(cell) <= _LONGEST else None
            if read is None:
                return f"the row's {kind} cannot be read: {_shown(cell)}"
            found.append(read)
    if len({each.code for each in found}) > 1:
        if (rival := found[0].rival) and rival.code == found[1].code:
            return rival
        return f"the row's country is {found[0]}, but its calling code is {found[1]}"
    return found[0] if found else None


_LONGEST: Final = 100
_LONGEST_SHOWN: Final = 30


def _shown(cell: str) -> str:
    """A cell as a report may quote it: printable, short, without addresses and long numbers."""
    text = re.sub(r"\d{4,}", "[number]", scrub(" ".join(visible(cell).split())))
    printable = "".join(char for char in text if char.isprintable())
    return f"“{printable[:_LONGEST_SHOWN]}{'…' if len(printable) > _LONGEST_SHOWN else ''}”"


def country_at_sight(cell: str) -> Country | None:
    """The country of a cell, if a simple look-up finds it: most cells name no country."""
    return _read(cell, anywhere=False) if len(cell) <= _LONGEST else None


@lru_cache(maxsize=1024)
def _read(cell: str, *, numbered: bool = False, anywhere: bool = True) -> Country | None:
    """Read a cell as a name or a code; if it has both, as in `Japan (+81)`, they must agree.

    With `numbered` it may also be an ISO number; most of those are also the calling code of another
    country. `anywhere` is as for `region_named`.
    """
    text = trim("".join(map(_plain, _FLAG.sub(_letters, visible(cell)))))
    text = next((found[1] for guard in _GUARDS if (found := guard.fullmatch(text))), text)
    if whole := _named(text, anywhere=anywhere):
        return whole
    rival = _numbered(text) if numbered else None
    if whole := _dialled(text):
        return replace(whole, rival=rival) if rival and rival.code != whole.code else whole
    if rival and len(text) == _ISO_NUMBER:
        return rival
    parts = [part for part in _PARTS.split(text) if part.strip(" .")]
    read = [_named(part, anywhere=anywhere) or _dialled(part) for part in parts]
    countries = [each for each in read if each]
    if not countries or len(countries) < len(parts) or len({each.code for each in countries}) > 1:
        return None
    regions = {each.region for each in countries}
    return countries[0] if len(regions) == 1 else min(countries, key=_is_main)


def _is_main(country: Country) -> bool:
    return country.region == phonenumbers.region_code_for_country_code(country.code)


_GUARDS: Final = (re.compile(r"['‘’](.+)"), re.compile(r'="?([^"]+)"?'))  # noqa: RUF001 - as typed
_PARTS: Final = re.compile(r"[()\[\]/|:;,&]|(?<=[^\W\d]) *(?=\+?[0-9])|(?<=[0-9]) +(?=[^\W\d])| - ")
_FLAG: Final = re.compile("[\U0001f1e6-\U0001f1ff]{2}")
_FIRST_FLAG_LETTER: Final = 0x1F1E6


def _letters(flag: re.Match[str]) -> str:
    """The ISO code of a flag emoji, as a separate part."""
    return f"|{''.join(chr(ord(char) - _FIRST_FLAG_LETTER + ord('A')) for char in flag[0])}|"


def _plain(char: str) -> str:
    """The text with full-width characters and digits of other scripts as ASCII."""
    if char.isspace():
        return " "
    return str(int(char)) if char.isdecimal() else narrow(char)


_ISO_NUMBER: Final = 3


def _named(text: str, *, anywhere: bool) -> Country | None:
    return _of_region(region_named(text.strip(" ."), anywhere=anywhere))


def _numbered(text: str) -> Country | None:
    return _of_region(region_numbered(text))


def _of_region(region: str | None) -> Country | None:
    code = phonenumbers.country_code_for_region(region) if region else 0
    return Country(region, code) if region and code else None


_DIAL: Final = re.compile(
    r"\(?(?:\+|00)? ?\(?(?P<code>[0-9]{1,5})\)?(?:[ -]\(?(?P<more>[0-9]{1,4})\)?)?(?:\.0+)?"
)
_NORTH_AMERICA: Final = 1
_AREA: Final = 3
_A_SUBSCRIBER: Final = "2345678"


def _dialled(text: str) -> Country | None:
    """A calling code: `+81`, `81`, `0081`, `+1-242`, `1242`, `+44-1481`."""
    found = _DIAL.fullmatch(text.strip())
    digits = found["code"].lstrip("0") if found else ""
    if not found or not digits:
        return None
    more = found["more"] or ""
    if digits[0] == "1" and len(digits) == _AREA + 1:
        digits, more = "1", digits[1:]
    if int(digits) == _NORTH_AMERICA and more:
        return _north_american(more)
    regions = phonenumbers.COUNTRY_CODE_TO_REGION_CODE.get(int(digits), ())
    # The codes of satellite and freephone numbers belong to no country.
    return Country(regions[0], int(digits)) if regions and regions[0].isalpha() else None


def _north_american(area: str) -> Country | None:
    """The country of an area code in the numbering plan of +1."""
    if len(area) != _AREA:
        return None
    number = PhoneNumber(country_code=_NORTH_AMERICA, national_number=int(area + _A_SUBSCRIBER))
    region = phonenumbers.region_code_for_number(number)
    return Country(region, _NORTH_AMERICA) if region and region.isalpha() else None
