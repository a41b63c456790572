"""The meaning of each column of a roster: by its name, the options, and the first rows."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from migrate_mfa.domain.errors import InputUnusable
from migrate_mfa.roster.aliases import IDENTITIES, Kind
from migrate_mfa.roster.countries import Countries, choose_countries
from migrate_mfa.roster.names import Names, is_data
from migrate_mfa.roster.phones import choose_phone, is_vouched_for
from migrate_mfa.roster.sample import Sample

__all__ = ["Columns", "Found", "Kind", "find_columns", "find_identities"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """The header's names as written, and the positions of the columns that are read."""

    names: tuple[str, ...]
    sub: int | None = None
    user_sub: int | None = None
    username: int | None = None
    email: int | None = None
    either: int | None = None
    phone: int | None = None
    phone_number_verified: int | None = None
    surplus_cells: int | None = None
    countries: tuple[int, ...] = ()
    """Country columns of the number or user, the closest to the number first; the first filled one counts."""
    addresses: tuple[int, ...] = ()
    """Country columns of addresses: for numbers without a country code, if no other column has a country."""
    dial_codes: tuple[int, ...] = ()

    @property
    def country(self) -> int | None:
        """The first of the country columns."""
        return next(iter(self.countries + self.addresses), None)

    @property
    def dial_code(self) -> int | None:
        """The first of the columns with calling codes."""
        return next(iter(self.dial_codes), None)

    def used(self) -> dict[Kind, int]:
        """The positions of the columns that are read, by content."""
        places = {kind: getattr(self, kind) for kind in Kind}
        return {kind: at for kind, at in places.items() if at is not None}


@dataclass(frozen=True, slots=True)
class Found:
    """The columns that are read, their masked names, and notes for the operator."""

    columns: Columns
    labels: Mapping[str, str]
    notes: tuple[str, ...] = ()


def find_columns(
    names: Names, identities: Mapping[Kind, int], sample: Sample | None, phone_column: str | None = None
) -> Found:
    """Find the meaning of each column.

    Args:
        names: the header.
        identities: the result of `find_identities`.
        sample: the first rows; None if numbers are not read: then no other column matters.
        phone_column: the option that names the column with the number, or `none`.

    Raises:
        InputUnusable: the meaning of some columns is not clear; the message names them.
    """
    places = dict(identities)
    if (at := next(_of_kind(names, Kind.SURPLUS), None)) is not None:
        places[Kind.SURPLUS] = at
    notes: list[str] = []
    countries = Countries()
    if sample is not None:
        phones = choose_phone(names, sample, list(places.values()), phone_column)
        if phones.at is not None:
            places[Kind.PHONE] = phones.at
        notes += phones.notes
        notes += _vouching(names, places)
        countries = choose_countries(names, sample, phones.at)
        notes += countries.notes
    columns = Columns(
        names=names.written,
        countries=countries.near,
        addresses=countries.far,
        dial_codes=countries.dial_codes,
        **{kind.value: at for kind, at in places.items()},
    )
    labels = {kind.value: names.label(at) for kind, at in columns.used().items()}
    return Found(columns, labels, tuple(notes))


def _of_kind(names: Names, kind: Kind) -> Iterator[int]:
    return (at for at, meaning in enumerate(names.meanings) if meaning and meaning.kind is kind)


def find_identities(names: Names, id_column: str | None = None) -> dict[Kind, int]:
    """Find the columns that name the user: the one of `--id-column`, or those with a known name.

    Raises:
        InputUnusable: there is none, or two are of the same kind, or the first line is not a header.
    """
    if any(map(is_data, names.written)):
        raise _no_header(names)
    if id_column is not None:
        at = names.find(id_column, "--id-column")
        meaning = names.meanings[at]
        return {meaning.kind if meaning and meaning.kind in IDENTITIES else Kind.EITHER: at}
    hint = "Name the right one with --id-column, or remove the other."
    places = {}
    for kind in IDENTITIES:
        if (only := _only(names, kind, _of_kind(names, kind), hint)) is not None:
            places[kind] = only
    if not places:
        raise _nobody(names)
    return places


def _only(names: Names, kind: Kind, found: Iterable[int], hint: str) -> int | None:
    places = list(found)
    if len(places) > 1:
        raise InputUnusable(
            f"{names.source} has {len(places)} columns for {kind}: {names.several(places)}.", hint
        )
    return places[0] if places else None


def _vouching(names: Names, places: dict[Kind, int]) -> Iterator[str]:
    """Use the column that vouches for the numbers that are read; report those that vouch for others."""
    phone = places.get(Kind.PHONE)
    found = list(_of_kind(names, Kind.VERIFIED))
    fitting = [at for at in found if is_vouched_for(names, at, phone)]
    at = _only(names, Kind.VERIFIED, fitting, "Remove the one that is not about the numbers taken.")
    if at is not None:
        places[Kind.VERIFIED] = at
    if (others := [each for each in found if each != at]) and phone is not None:
        yield (
            f"Not read: {names.several(others)} may be about another number than that of "
            f"{names.quoted(phone)}."
        )


def _nobody(names: Names) -> InputUnusable:
    return InputUnusable(
        f"{names.source} has no column that is known to say who a user is.",
        "Call one of its columns email, username or sub (migrate-mfa guide columns lists all known names), "
        f"or name one with --id-column. Its columns are:\n{names.listed()}",
    )


def _no_header(names: Names) -> InputUnusable:
    return InputUnusable(
        f"{names.source} has no header line: its first line looks like a user's data.",
        f"Put a line before it that names the columns, such as email,phone_number. It has:\n{names.listed()}",
    )
