"""The column with the number for enrolment: an unclear choice is always reported or refused."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from migrate_mfa.domain.errors import InputUnusable
from migrate_mfa.domain.formatting import counted
from migrate_mfa.roster.aliases import Kind, Line, name_key
from migrate_mfa.roster.names import Names
from migrate_mfa.roster.sample import Sample

NO_COLUMN: Final = "none"
"""The value of `--phone-column` for using the pool's numbers."""
_HINT: Final = (
    "Name the column of the users' mobile numbers with --phone-column, or give --phone-column none to use "
    "the numbers that the pool has."
)
_COUNTRIES: Final = frozenset({Kind.COUNTRY, Kind.DIAL_CODE})
_OWN: Final = {"phonenumberused", "mfaphonenumberused"}
"""Columns of the tool's reports: a number that a run has used is not a request."""


@dataclass(frozen=True, slots=True)
class Phones:
    """The phone column, if there is one, and notes about it and the others."""

    at: int | None
    notes: tuple[str, ...]


def choose_phone(names: Names, sample: Sample, identities: Sequence[int], wanted: str | None) -> Phones:
    """Find the phone column by the option, the names, and the first rows.

    Raises:
        InputUnusable: it is not clear; the message names the columns.
    """
    lines = {at: each.line for at, each in enumerate(names.meanings) if each and each.line}
    unknown = {
        at: sample.looks_like_numbers(at, names.written[at])
        for at, meaning in enumerate(names.meanings)
        if meaning is None and at not in identities and name_key(names.written[at]) not in _OWN
    }
    if wanted is not None:
        at = None if name_key(wanted) == NO_COLUMN else names.find(wanted, "--phone-column")
    else:
        at = _by_name(names, lines)
        if at is None or not sample.filled(at):
            _require_none_left(names, sample, at, lines, unknown)
        else:
            _require_no_better(names, sample, at, lines, unknown)
    return Phones(at, tuple(_notes(names, sample, at, lines, unknown)))


def _by_name(names: Names, lines: dict[int, Line]) -> int | None:
    """The only column that its name makes clear."""
    candidates = [at for at, line in lines.items() if line is not Line.FOREIGN]
    mobiles = [at for at in candidates if lines[at] is Line.MOBILE]
    if len(mobiles) == 1:
        return mobiles[0]
    if len(candidates) == 1 and lines[candidates[0]] is Line.ANY:
        return candidates[0]
    if len(candidates) > 1 and any(lines[at] is not Line.FIXED for at in candidates):
        raise InputUnusable(
            f"{names.source} has several phone columns: {names.several(mobiles or candidates)}.", _HINT
        )
    return None


def _require_none_left(
    names: Names, sample: Sample, at: int | None, lines: dict[int, Line], unknown: dict[int, bool]
) -> None:
    """Refuse if numbers in the roster would not be read, unless the operator has decided so."""
    known = [each for each, line in lines.items() if at is None or line is not Line.FOREIGN]
    told = "no column is known to hold mobile numbers"
    if at is not None:
        told = f"the phone column {names.quoted(at)} is empty in {_rows(sample)}"
    if others := sorted({*_alike(unknown), *filter(sample.has_numbers, known)}):
        look = "look" if len(others) > 1 else "looks"
        raise InputUnusable(
            f"{names.source}: {told}, but {names.several(others)} {look} like phone numbers.", _HINT
        )
    if some := list(filter(sample.has_some_mobiles, unknown)):
        have = "have" if len(some) > 1 else "has"
        raise InputUnusable(
            f"{names.source}: {told}, but {names.several(some)} {have} mobile numbers among other texts.",
            _HINT,
        )


def _require_no_better(
    names: Names, sample: Sample, at: int, lines: dict[int, Line], unknown: dict[int, bool]
) -> None:
    """Refuse if a user would get the pool's number while the row has a mobile number in another column."""
    countries = [place for place, each in enumerate(names.meanings) if each and each.kind in _COUNTRIES]
    better: dict[int, set[int]] = {}
    for other in sorted({*_own(at, lines, unknown), *unknown} - {at}):
        # Office or home columns have fixed lines: the name tells this where a numbering plan does not.
        certainly = lines.get(other) is Line.FIXED
        marked = unknown.get(other) is False
        better[other] = {
            row
            for row in sample.gaps(at, other)
            if sample.is_mobile(other, row, countries, certainly=certainly, marked=marked)
        }
    if found := {other: rows for other, rows in better.items() if rows}:
        raise InputUnusable(
            f"{names.source}: {_gaps(names, sample, at, found)}, which takes SMS. Such a user would get the "
            "number that the pool has.",
            "Merge the columns into one, or name the column with --phone-column to use it alone.",
        )


def _alike(unknown: dict[int, bool]) -> list[int]:
    return [at for at, looks in unknown.items() if looks]


def _own(at: int | None, lines: dict[int, Line], unknown: dict[int, bool]) -> list[int]:
    """The unread columns that may have another number of the user."""
    known = [each for each, line in lines.items() if line is not Line.FOREIGN]
    return [each for each in known + _alike(unknown) if each != at]


def _gaps(names: Names, sample: Sample, at: int, found: dict[int, set[int]]) -> str:
    have = "have" if len(found) > 1 else "has"
    return (
        f"in {len(set().union(*found.values())):,} of {_rows(sample)} {names.quoted(at)} has no number, and "
        f"{names.several(found)} {have} one"
    )


def _notes(
    names: Names, sample: Sample, at: int | None, lines: dict[int, Line], unknown: dict[int, bool]
) -> Iterator[str]:
    """Notes about the columns with numbers, for the operator."""
    if at is None:
        yield "No column gives numbers: the number that the pool has verified is used."
    if left := [each for each in lines if each != at]:
        described = ", ".join(_described(names, each, lines[each]) for each in left)
        yield f"Phone columns that are not read: {described}."
    if alike := [each for each in _alike(unknown) if each != at]:
        yield f"Columns that look like phone numbers and are not read: {names.several(alike)}."
    if at is None:
        return
    if gaps := {each: rows for each in _own(at, lines, unknown) if (rows := sample.gaps(at, each))}:
        text = _gaps(names, sample, at, gaps)
        yield f"I{text[1:]}. A row without a number uses the one that the pool has verified."


def _described(names: Names, at: int, line: Line) -> str:
    return names.quoted(at) if line is Line.ANY else f"{names.quoted(at)} ({line})"


def _rows(sample: Sample) -> str:
    return f"the first {counted(sample.rows, 'row')}"


def is_vouched_for(names: Names, verified: int, phone: int | None) -> bool:
    """Whether a column such as `phone_number_verified` is about the phone column that is read.

    It may be about another phone column.
    """
    others = [
        at
        for at, each in enumerate(names.meanings)
        if each and each.kind is Kind.PHONE and each.line is not Line.FOREIGN and at != phone
    ]
    if phone is None or not others:
        return True
    about = name_key(names.written[verified]).removeprefix("is").removesuffix("verified")
    return about == name_key(names.written[phone])
