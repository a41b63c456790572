"""Look up one row's user with ListUsers: finds the same users as a scan, with one or two calls."""

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Final, Literal, TypeVar

import structlog

from migrate_mfa.domain.decide import target_phone
from migrate_mfa.domain.failure import ApiError, Effect
from migrate_mfa.domain.model import (
    Candidate,
    PhoneSignIn,
    Policy,
    PoolFacts,
    Rejection,
    UserState,
    Verdict,
)
from migrate_mfa.domain.reasons import Reason
from migrate_mfa.domain.resolve import (
    Identity,
    IdentityKind,
    Naming,
    fold,
    identities,
    names,
    resolve,
    signs_in,
)
from migrate_mfa.engine.scan import look_up, pages
from migrate_mfa.ports import Filter, Page, UserPool

if TYPE_CHECKING:
    from migrate_mfa.journal.plan_store import PlanStore

T = TypeVar("T")
_HARMLESS = "0"
"""A value that every search accepts."""
log = structlog.get_logger()


class _UnsearchableError(Exception):
    """Cognito refuses to search for one value, but not for others."""


class Finder:
    """Finds users by look-ups. Safe to share between threads.

    AWS contradicts itself about the case of filters: "username (case-sensitive)" in the API reference of
    ListUsers, "all searches are case-insensitive" in "Managing and searching for user accounts". Both are
    supported: in a case-insensitive pool, users whom a filter may miss are searched for by prefixes of the
    name.
    """

    def __init__(self, user_pool: UserPool, *, pool: PoolFacts, policy: Policy, naming: Naming) -> None:
        self._user_pool = user_pool
        self._pool = pool
        self._policy = policy
        self._naming = naming
        self._ignores_case: set[IdentityKind] = set()
        """The kinds of identity whose filters ignore case, as an answer has shown."""

    def users_of(self, candidate: Candidate, *, scanned: bool = False) -> list[UserState] | Verdict:
        """All users that one row could mean and, if users sign in with numbers, those who have its number.

        Args:
            candidate: the row.
            scanned: a scan did not find the user, who can only be new.

        Returns:
            The users, or a verdict if Cognito refuses to search for the row's identity.

        Raises:
            OutOfReach: Cognito refuses every search.
        """
        users: list[UserState] = []
        for position, identity in enumerate(identities(candidate, self._naming)):
            if position and any(self._named(user, identity) for user in users):
                continue  # a weaker identity that agrees needs no call
            try:
                found = [user for ask in identity.asks for user in self._find(*ask, scanned=scanned)]
            except _UnsearchableError as error:
                return Verdict(Reason.BAD_ROW, f"Cognito refuses to search for the {identity} ({error}).")
            if not found and position == 0:
                return []
            users += found
        return users + self._holders(candidate, users)

    def _named(self, user: UserState, identity: Identity) -> bool:
        return any(self._names(kind, value, user) for kind, value in identity.asks)

    def _holders(self, candidate: Candidate, users: list[UserState]) -> list[UserState]:
        if self._pool.phone_sign_in is PhoneSignIn.NO:
            return []
        scope = {target_phone(candidate, user, self._policy) for user in users}
        numbers = sorted(phone.e164 for phone in scope if phone)
        return [
            user for number in numbers for user in look_up(self._user_pool, Filter("phone_number", number))
        ]

    def _find(self, kind: IdentityKind, value: str, *, scanned: bool) -> list[UserState]:
        """The users that one value names, without other results of the search."""
        if kind in {IdentityKind.SUB, IdentityKind.PHONE}:
            return self._exactly(kind, value, value)
        found: list[UserState] = []
        for spelling in _spellings(value, any_case=not self._pool.case_sensitive):
            found += self._exactly(kind, spelling, value)
            if value.isascii() and (kind in self._ignores_case or (found and self._unique(kind))):
                return found
        if scanned or self._pool.case_sensitive:
            return found
        return found + [user for user in self._in_any_case(kind, value) if self._names(kind, value, user)]

    def _exactly(self, kind: IdentityKind, spelling: str, value: str) -> list[UserState]:
        shown = self._search(Filter.by(kind, spelling))
        return [user for user in shown if self._names(kind, value, user)]

    def _names(self, kind: IdentityKind, value: str, user: UserState) -> bool:
        return names(kind, value, user, self._pool)

    def _unique(self, kind: IdentityKind) -> bool:
        """Whether a pool has at most one user with a name, in any case.

        Source: "Working with user attributes", Cognito Developer Guide. If addresses are only aliases, other
        users may have the same address unverified.
        """
        return kind is IdentityKind.USERNAME or self._pool.email_is_username

    def _in_any_case(self, kind: IdentityKind, value: str) -> Iterator[UserState]:
        """Users whose name equals `value` except for case, if filters may be case-sensitive.

        They are searched for by longer and longer prefixes, in each spelling that some user has. If a list
        contains a prefix in another case than requested, filters ignore case: then exact searches were
        enough.
        """
        starts = [""]
        for letter in _LETTERS.findall(value):
            longer = [start + each for start in starts for each in _cases(letter)]
            starts = []
            for start in longer:
                if kind in self._ignores_case:
                    return
                page = self._first_page(Filter(kind.value, start, prefix=True))
                if any(_begins_in_another_case(user, kind, start) for user in page.users):
                    self._ignores_case.add(kind)
                    return
                yield from page.users
                if page.token is not None:
                    starts.append(start)
        for whole in starts:
            yield from self._search(Filter.by(kind, whole))

    def _search(self, only: Filter) -> list[UserState]:
        return self._twice(only, lambda: [user for users in pages(self._user_pool, only) for user in users])

    def _first_page(self, only: Filter) -> Page:
        return self._twice(only, lambda: self._user_pool.page(only, None))

    def _twice(self, only: Filter, search: Callable[[], T]) -> T:
        """Make a search. If it is refused, make a harmless one, then the search once more.

        Raises:
            _UnsearchableError: only this search is refused, twice.
            OutOfReach: the harmless search is refused too, so the value is not the cause.
        """
        try:
            return search()
        except ApiError as error:
            if error.effect is not Effect.REFUSED:
                raise
            log.warning("lookup_refused", operation=error.operation, code=error.code)
        look_up(self._user_pool, Filter(only.attribute, _HARMLESS))
        try:
            return search()
        except ApiError as error:
            if error.effect is not Effect.REFUSED:
                raise
            raise _UnsearchableError(error.code) from error


def _spellings(value: str, *, any_case: bool) -> list[str]:
    """The exact spellings to search for first; an accent may be a separate character."""
    cases = (value, value.lower()) if any_case else (value,)
    composed = (each for form in _FORMS for each in _in_form(form, cases))
    return list(dict.fromkeys((*cases, *composed)))


_FORMS: Final[tuple[Literal["NFC", "NFD"], ...]] = ("NFC", "NFD")


def _in_form(form: Literal["NFC", "NFD"], texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(unicodedata.normalize(form, each) for each in texts)


_LETTERS: Final = re.compile("[\\s\\S][\u0300-\u036f\u3099\u309a]*")
"""Characters with the accents that follow: their capital may be one character."""


def _cases(letter: str) -> list[str]:
    """A letter in each case; the capital first, because most names are in small letters."""
    key = fold(letter, case_sensitive=False)
    cases = (letter.upper(), letter.lower(), letter)
    forms = (cases,) if letter.isascii() else (cases, *(_in_form(form, cases) for form in _FORMS))
    spelled = (each for form in forms for each in form)
    return list(dict.fromkeys(each for each in spelled if fold(each, case_sensitive=False) == key))


def _begins_in_another_case(user: UserState, kind: IdentityKind, start: str) -> bool:
    own = user.username if kind is IdentityKind.USERNAME else user.email or ""
    return own.lower().startswith(start.lower()) and not own.startswith(start)


def found_by(candidate: Candidate, store: "PlanStore", naming: Naming) -> list[list[UserState]]:
    """For each identity of the row, the users read so far whom it names."""
    return [
        list(
            {
                user.sub: user for kind, value in each.asks for user in _named(kind, value, store, naming)
            }.values()
        )
        for each in identities(candidate, naming)
    ]


def _named(kind: IdentityKind, value: str, store: "PlanStore", naming: Naming) -> list[UserState]:
    found = store.find(kind, value)
    if kind is IdentityKind.PHONE:
        return [user for user in found if signs_in(user, naming.phone_sign_in)]
    return found


def named_by(row: Candidate | Rejection, store: "PlanStore", naming: Naming) -> UserState | None:
    """The user in a journal whom a row of any roster names."""
    found = resolve(found_by(row, store, naming)) if isinstance(row, Candidate) else None
    return found if isinstance(found, UserState) else None


_BY_HAND = (IdentityKind.SUB, IdentityKind.USERNAME, IdentityKind.EMAIL)


def users_named(name: str, store: "PlanStore") -> set[str]:
    """The subs of all users in a journal with this sub, Username or e-mail address."""
    return {user.sub for kind in _BY_HAND for user in store.find(kind, name)}
