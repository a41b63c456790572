"""Whether another user has a number, checked just before it is stored, if users sign in with numbers."""

from collections.abc import Iterable, Iterator
from math import inf
from typing import TYPE_CHECKING

from migrate_mfa.domain.model import Phone, PhoneSignIn, Step, StorePhone, UserState
from migrate_mfa.domain.rows import PlannedRow
from migrate_mfa.engine.scan import pages, user_if_there
from migrate_mfa.engine.write_gate import OLDEST_LOOK_AT_HOLDERS_S
from migrate_mfa.ports import Filter, UserPool

if TYPE_CHECKING:
    from migrate_mfa.engine.row_context import RowContext


class HeldByAnotherError(Exception):
    """Another user has the number that was to be stored as verified, so it is not stored."""


class Holders:
    """Prevents one user's writes from taking a number away from somebody else."""

    def __init__(self, work: PlannedRow, context: "RowContext") -> None:
        self._work = work
        self._context = context
        self._looked_at: dict[Phone, float] = {}

    def spare(self, step: Step, how: PhoneSignIn) -> None:
        """Just before a number is stored as verified, find its users, if users sign in with numbers.

        Raises:
            HeldByAnotherError: another local user has the number.
        """
        if how is PhoneSignIn.NO or not (isinstance(step, StorePhone) and step.verified):
            return
        clock, user_sub = self._context.clock, self._work.user_sub
        if clock.monotonic() - self._looked_at.get(step.phone, -inf) < OLDEST_LOOK_AT_HOLDERS_S:
            return
        named = self._context.store.users_with(step.phone, user_sub)
        if is_held(self._context.user_pool, step.phone, how, user_sub, named):
            raise HeldByAnotherError
        self._looked_at[step.phone] = clock.monotonic()


def is_held(user_pool: UserPool, phone: Phone, how: PhoneSignIn, but_for: str, named: Iterable[str]) -> bool:
    """Whether another local user of the pool would lose a number if it were stored.

    If the number is an alias, Cognito takes it from the user who has it verified, without an error
    ("Customizing sign-in attributes", Cognito Developer Guide). The plan checked this too, but perhaps hours
    ago. ListUsers may be seconds behind (API reference), so every user who has the number, or had it when
    last read, is read with AdminGetUser too.

    Args:
        user_pool: the pool.
        phone: the number.
        how: how users sign in with numbers.
        but_for: the sub of the user who is to get the number.
        named: the Usernames of other users who had the number when they were last read.
    """
    listed = list(_listed(user_pool, phone, but_for))
    if any(user.phone_verified or how is PhoneSignIn.USERNAME for user in listed):
        return True
    names = {user.username for user in listed} | set(named)
    read = (user_if_there(user_pool, name) for name in sorted(names))
    return any(
        user is not None and user.sub != but_for and not user.federated and user.proven_phone == phone.e164
        for user in read
    )


def _listed(user_pool: UserPool, phone: Phone, but_for: str) -> Iterator[UserState]:
    for users in pages(user_pool, Filter("phone_number", phone.e164)):
        yield from (user for user in users if user.sub != but_for and not user.federated)
