"""Which user a row names: rows 1 and 3 of the decision table, from the users that each identity found."""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, assert_never

from migrate_mfa.domain.model import Candidate, PhoneSignIn, PoolFacts, UserState, Verdict
from migrate_mfa.domain.phone.normalise import Normalised, country_of, normalise
from migrate_mfa.domain.phone.numbering import place
from migrate_mfa.domain.privacy import mask_identity
from migrate_mfa.domain.reasons import Reason


class IdentityKind(StrEnum):
    """The ways in which a row can name a user, strongest first; ListUsers can search for each."""

    SUB = "sub"
    USERNAME = "username"
    EMAIL = "email"
    PHONE = "phone_number"
    """Only if users sign in with phone numbers."""


_NAMES: Final = {
    IdentityKind.SUB: "sub",
    IdentityKind.USERNAME: "Username",
    IdentityKind.EMAIL: "e-mail address",
    IdentityKind.PHONE: "phone number",
}
_COLUMNS: Final = {
    IdentityKind.SUB: ("sub", "user_sub"),
    IdentityKind.USERNAME: ("username", "either"),
    IdentityKind.EMAIL: ("email", "either"),
}
"""The kinds of column with identities (`roster.columns.Kind`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Naming:
    """How the rows of a roster name the users of a pool.

    `columns` has the header names of the columns that are read, by kind. A number without a country code is
    read for the country of the row's own number, else for `phone_country`.
    """

    phone_sign_in: PhoneSignIn = PhoneSignIn.NO
    phone_country: str | None = None
    strict_e164: bool = False
    columns: Mapping[str, str] = field(default_factory=dict)

    @property
    def identity_columns(self) -> list[str]:
        """The header names of the columns that name users."""
        kinds = {kind for kinds in _COLUMNS.values() for kind in kinds}
        return list(dict.fromkeys(name for kind, name in self.columns.items() if kind in kinds))


@dataclass(frozen=True, slots=True)
class Identity:
    """One value of a row that names a user; `asks` has the form to search for, by kind."""

    value: str = field(repr=False)
    asks: tuple[tuple[IdentityKind, str], ...] = field(repr=False)
    column: str = ""
    """The header name of its column; empty if that is not known."""
    doubt: str = ""
    """One sentence: why it may not be an identity of this pool."""

    def __str__(self) -> str:
        """What is searched for, its column, and the masked value."""
        kinds = " or ".join(_NAMES[kind] for kind, _ in self.asks)
        place = f' of column "{self.column}"' if self.column else ""
        sub = self.asks[0][0] is IdentityKind.SUB
        return f"{kinds} {f'{self.value[:4]}…' if sub else mask_identity(self.value)}{place}"


def identities(candidate: Candidate, naming: Naming) -> list[Identity]:
    """A row's identities, strongest first. The username column may also hold an address or a number."""
    found: list[Identity] = []
    if candidate.sub:
        found.append(_identity(IdentityKind.SUB, candidate.sub, naming))
    if name := candidate.username:
        others: list[tuple[IdentityKind, str]] = []
        if "@" in name:
            others.append((IdentityKind.EMAIL, name))
        if number := _number(name, candidate, naming):
            others.append((IdentityKind.PHONE, number))
        doubt = "" if others else _doubt(name, naming)
        found.append(_identity(IdentityKind.USERNAME, name, naming, *others, doubt=doubt))
    if candidate.email:
        found.append(_identity(IdentityKind.EMAIL, candidate.email, naming))
    return found


def _identity(
    kind: IdentityKind, value: str, naming: Naming, *others: tuple[IdentityKind, str], doubt: str = ""
) -> Identity:
    column = next((naming.columns[name] for name in _COLUMNS[kind] if name in naming.columns), "")
    return Identity(value, (*others, (kind, value)), column, doubt)


def _doubt(name: str, naming: Naming) -> str:
    if lost := _with_a_plus_sign(name, naming):
        return f"With a plus sign it would be a number of {lost}; write it as +…, if it is one."
    if _NUMBER.fullmatch(name):
        if naming.phone_sign_in is PhoneSignIn.NO:
            return "It looks like a phone number, but users of this pool do not sign in with numbers."
        return "It looks like a phone number, but cannot be read as one: does --phone-country fit?"
    return "It has a blank, as a display name has." if " " in name else ""


def _with_a_plus_sign(name: str, naming: Naming) -> str:
    """The country of digits that may have lost their plus sign, if users sign in with numbers."""
    digits = re.sub(r"[\s().-]", "", name)
    if naming.phone_sign_in is PhoneSignIn.NO or not _E164.fullmatch(f"+{digits}"):
        return ""
    phone = normalise(f"+{digits}", country=None, strict=False).phone
    return place(phone.e164) if phone else ""


_NUMBER: Final = re.compile(r"[+0(](?:[\s().-]*[0-9]){8,}")
_E164: Final = re.compile(r"\+[1-9][0-9]{5,14}")


def _number(name: str, candidate: Candidate, naming: Naming) -> str | None:
    """The E.164 form of a name that is a phone number, if users sign in with numbers.

    A number that cannot receive SMS is accepted too, unless a mobile number of another country may be meant.
    """
    if naming.phone_sign_in is PhoneSignIn.NO:
        return None
    if _E164.fullmatch(name):
        return name
    if naming.strict_e164:
        return None
    lines: list[str] = []
    own = candidate.phone and country_of(candidate.phone.e164)
    for country in dict.fromkeys((own or naming.phone_country, naming.phone_country)):
        read = normalise(name, country=country, strict=False)
        if isinstance(read, Normalised):
            return read.phone.e164
        if read.phone:
            lines.append(read.phone.e164)
    return lines[0] if lines else None


def fold(text: str, *, case_sensitive: bool) -> str:
    """A Username or address in the form for comparison, in a case-sensitive pool or not.

    `casefold` is not used: it can turn one letter into two and so make two people's names equal. An accent
    may be a separate character (NFD), as macOS writes it.
    """
    text = text if case_sensitive else text.lower()
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def names(kind: IdentityKind, value: str, user: UserState, pool: PoolFacts) -> bool:
    """Whether a value, read as one kind of identity, names a user."""
    match kind:
        case IdentityKind.SUB:
            return user.sub == value
        case IdentityKind.PHONE:
            return user.phone == value and signs_in(user, pool.phone_sign_in)
        case IdentityKind.USERNAME | IdentityKind.EMAIL:
            own = user.username if kind is IdentityKind.USERNAME else user.email or ""
            own, sought = (fold(text, case_sensitive=pool.case_sensitive) for text in (own, value))
            return own == sought
        case _:
            assert_never(kind)


def signs_in(user: UserState, how: PhoneSignIn) -> bool:
    """Whether the user can sign in with the number: an alias must be verified.

    Source: "Working with user attributes", Cognito Developer Guide.
    """
    return user.phone is not None and (how is PhoneSignIn.USERNAME or user.phone_verified)


def resolve(found: Sequence[Sequence[UserState]], asked: Sequence[Identity] = ()) -> UserState | Verdict:
    """Find the one user that every identity of a row agrees on.

    Args:
        found: for each identity of the row, strongest first, the users that it names.
        asked: the identities, for the verdict's detail.

    Returns:
        The user, or the verdict `user_not_found`, `bad_row` (the identities name different users) or
        `ambiguous_user`. The strongest identity must find a user: if a `sub` no longer exists, its e-mail
        address may now belong to somebody else. A federated user with the same identity does not count beside
        a local one.
    """
    if not found or not found[0]:
        return Verdict(Reason.USER_NOT_FOUND, _sought(asked))
    agreed = {user.sub: user for user in found[0]}
    for others in found[1:]:
        if others:
            named = {user.sub for user in others}
            agreed = {sub: user for sub, user in agreed.items() if sub in named}
    if not agreed:
        return Verdict(Reason.BAD_ROW, f"Its identities name different users{_listed(asked, found)}.")
    return _only_one(list(agreed.values()), asked)


def _only_one(users: list[UserState], asked: Sequence[Identity]) -> UserState | Verdict:
    local = [user for user in users if not user.federated]
    if len(local) > 1:
        whom = f" the {asked[0]}" if asked else ""
        return Verdict(Reason.AMBIGUOUS_USER, f"{len(local)} users fit{whom}.")
    return local[0] if local else min(users, key=lambda user: user.sub)


def _sought(asked: Sequence[Identity]) -> str:
    """What was not found, and what else could be searched for."""
    if not asked:
        return ""
    told = [f"Looked for the {asked[0]}."]
    if asked[0].doubt:
        told.append(asked[0].doubt)
    others = [each.column for each in asked[1:] if each.column and each.column != asked[0].column]
    if others:
        told.append(f'To find users by column "{others[0]}" alone, use --id-column.')
    return " ".join(told)


def _listed(asked: Sequence[Identity], found: Sequence[Sequence[UserState]]) -> str:
    telling = [f"the {each}" for each, users in zip(asked, found, strict=False) if users]
    return f": {', '.join(telling)}" if telling else ""
