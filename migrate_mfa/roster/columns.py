"""What each column of a roster is: by its name, by the options, and by what the first rows hold."""

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
    """The header's names as written, and where the columns that matter are."""

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
    """Of the number or the user, the nearest to the number first: the first that is filled is read."""
    addresses: tuple[int, ...] = ()
    """Countries too, of addresses: for numbers that say no country, in rows where no other column does."""
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
        """Where the columns that matter are, by what they hold."""
        places = {kind: getattr(self, kind) for kind in Kind}
        return {kind: at for kind, at in places.items() if at is not None}


@dataclass(frozen=True, slots=True)
class Found:
    """The columns that matter, their names as they may be shown, and what else is to be told."""

    columns: Columns
    labels: Mapping[str, str]
    notes: tuple[str, ...] = ()


def find_columns(
    names: Names, identities: Mapping[Kind, int], sample: Sample | None, phone_column: str | None = None
) -> Found:
    """Find out what each column is.

    Args:
        names: The header.
        identities: What `find_identities` has found in it.
        sample: What the first rows hold; None where numbers are not read: then no other column matters.
        phone_column: The option that names the column with the number, or says `none`.

    Raises:
        InputUnusable: It is not clear which column holds what; the message names those in question.
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
    """Find the columns that say who a user is: the one that `--id-column` names, or those known by name.

    Raises:
        InputUnusable: There is none, or two are of one kind, or the first line is no header.
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
    """Take the column that vouches for the numbers taken; say which vouch for others."""
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
