"""The columns with the country of a row's number, and columns with an unknown name that may have it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from phonenumbers import country_code_for_region

from migrate_mfa.domain.errors import InputUnusable
from migrate_mfa.domain.phone.country import Country, country_at_sight
from migrate_mfa.roster.aliases import Kind, Meaning, name_key
from migrate_mfa.roster.names import Names
from migrate_mfa.roster.sample import Sample

_MOST_COUNTRIES: Final = 300
"""A column with more different values has something else."""
_HINT: Final = "Remove the one that is not the country of the phone number."


@dataclass(frozen=True, slots=True)
class Countries:
    """The columns with countries, the closest to the number first, and notes about them."""

    near: tuple[int, ...] = ()
    far: tuple[int, ...] = ()
    """Of addresses."""
    dial_codes: tuple[int, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def all(self) -> tuple[int, ...]:
        """All columns that are read."""
        return self.near + self.far + self.dial_codes


def choose_countries(names: Names, sample: Sample, phone: int | None) -> Countries:
    """Find the country columns by their names, and report other columns that look like countries.

    Raises:
        InputUnusable: two columns have the same rank, or an unknown column contradicts `--phone-country`.
    """
    countries = _ranked(names, sample, Kind.COUNTRY)
    places = tuple(countries)
    near = tuple(at for at in places if not countries[at].far)
    found = Countries(near, places[len(near) :], tuple(_ranked(names, sample, Kind.DIAL_CODE)))
    notes = [*_order(names, places), *_order(names, found.dial_codes)]
    if phone is not None and (left := _left(names, sample, phone, found)):
        notes.append(f"Columns that look like countries and are not read: {names.several(left)}.")
    return Countries(found.near, found.far, found.dial_codes, tuple(notes))


def _ranked(names: Names, sample: Sample, kind: Kind) -> dict[int, Meaning]:
    """The columns of a kind, by rank; two with the same rank are refused."""
    found = [
        (at, meaning)
        for at, meaning in enumerate(names.meanings)
        if meaning and meaning.kind is kind and (not meaning.unsure or _bears_out(sample, at, kind))
    ]
    found.sort(key=lambda each: each[1].rank)
    for _, meaning in found:
        alike = [at for at, each in found if each.rank == meaning.rank]
        if len(alike) > 1:
            told = f"{names.source} has {len(alike)} columns for {kind}: {names.several(alike)}."
            raise InputUnusable(told, _HINT)
    return dict(found)


def _bears_out(sample: Sample, at: int, kind: Kind) -> bool:
    """Whether the cells of a column fit its name: a prefix may also be `Mr`."""
    values = sample.values(at)
    return len(values) <= _MOST_COUNTRIES and all(
        country_at_sight(cell) and (kind is Kind.COUNTRY or any(map(str.isdecimal, cell))) for cell in values
    )


def _order(names: Names, places: tuple[int, ...]) -> Iterator[str]:
    if others := places[1:]:
        yield f"Read only where {names.quoted(places[0])} is empty: {names.several(others)}."


def _left(names: Names, sample: Sample, phone: int, found: Countries) -> list[int]:
    """The unread columns that may name another country than the one for which numbers are read.

    Raises:
        InputUnusable: one of them surely does.
    """
    covered = max(map(sample.filled, found.all), default=0) >= sample.filled(phone)
    if covered or sample.country is None or not sample.has_national_numbers(phone):
        return []
    code = country_code_for_region(sample.country)
    left = []
    for at, meaning in enumerate(names.meanings):
        if at == phone or at in found.all or (meaning and not meaning.unsure):
            continue
        said = _countries_of(sample, at, name_key(names.written[at]))
        if said is None:
            continue
        if others := [each for each in said if each.code != code]:
            raise InputUnusable(
                f"{names.source}: --phone-country is {sample.country}, but {names.quoted(at)}, which is not "
                f"known as a column with countries, says {others[0]}, and there are numbers without a "
                "country code.",
                'Call it "country" if it is the country of the numbers, or else remove it.',
            )
        left.append(at)
    return left


def _countries_of(sample: Sample, at: int, name: str) -> list[Country] | None:
    """The countries that a column surely names; empty if its cells may be something else.

    None means that most of its cells are not countries. Codes count if every cell is one: a number read for
    the wrong country is worse than an unnecessary question.
    """
    values = sample.values(at)
    if not values or len(values) > _MOST_COUNTRIES or _NEVER.search(name):
        return None
    of_others = bool(_OF_OTHERS.search(name))
    hinted = bool(_HINTS.search(name)) and not of_others
    digits = hinted or bool(_DIAL_HINTS.search(name))
    read = {cell: country for cell in values if (country := _read(cell, hinted=hinted, digits=digits))}
    words = of_others or _OF_TEAMS.search(name) or values.keys() <= _WORDS
    codes = len(read) == len(values) and not words
    certain = {cell: each for cell, each in read.items() if hinted or codes or not _SHORT.fullmatch(cell)}
    enough = sample.filled(at) // 2 + 1
    if sum(values[cell] for cell in (certain if of_others else read)) < enough:
        return None
    if of_others or sum(values[cell] for cell in certain) < enough:
        return []
    return list(certain.values())


def _read(cell: str, *, hinted: bool, digits: bool) -> Country | None:
    """The country in a cell; bare digits and small letters count only if the header suggests a country."""
    if _DIGITS.fullmatch(cell) and (not digits or _AREA_CODE.match(cell)):
        return None
    if _SHORT.fullmatch(cell) and not cell.isupper() and not hinted:
        return None
    return country_at_sight(cell)


_DIGITS: Final = re.compile(r"[\d ()./-]+")
_AREA_CODE: Final = re.compile(r"\(?0[1-9]")
_SHORT: Final = re.compile(r"[A-Za-z]{2,3}")
"""ISO codes that can also be states, languages, departments or initials."""
_HINTS: Final = re.compile(r"country|nation$|nations$|land$|landes|lander|laender|staat$|pays|pais|国")
_DIAL_HINTS: Final = re.compile(r"dial|calling|isd|vorwahl|indicati|prefijo|prefix|phonecode")
_OF_OTHERS: Final = re.compile(
    r"state(?!s)|provin|city|town|prefectur|county|bundesland|kanton|departement|ciudad|ville$|stadt|(?<!stand)ort$"
    r"|birth|origin|national|citizen|angehorig|geburt|naissance|nacimiento|nacional|passport|visa|tax"
    r"|(?<!country)name$|nombre|nom$|apellido|initial|title|都道府県|市|国籍|出身|出生|名$"
)
"""Names of countries that are also names of places or people, and countries without a telephone network."""
_OF_TEAMS: Final = re.compile(
    r"dep(?:artmen)?t|team|division|abteilung|bereich|gruppe|group|unit|role|rolle|service|equipe|departamento|area"
    r"|equipo|salutation|anrede|civilite|gender|sex|geschlecht|grade|status|flag|active|opt|type|typ$|部|課|係|敬称|性別"
)
"""Names of columns whose two or three capital letters are not countries, such as HR, IT and PR."""
_WORDS: Final = frozenset({"NO", "MR", "MS", "IT", "HR", "PR", "QA", "AM", "PM"})
"""Codes of countries that are more often words or titles, if a column has nothing else."""
_NEVER: Final = re.compile(
    r"lang|locale|sprache|idioma|言語|currency|wahrung|devise|moneda|通貨|zone|utc|gmt|offset"
)
