"""Whose a number is, where numbers sign people in: asked right before it is stored as verified."""

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
    """The number to be stored as verified is another user's: this user goes without it."""


class Holders:
    """Keeps one user's writes from taking a number from somebody else."""

    def __init__(self, work: PlannedRow, context: "RowContext") -> None:
        self._work = work
        self._context = context
        self._looked_at: dict[Phone, float] = {}

    def spare(self, step: Step, how: PhoneSignIn) -> None:
        """Find the users who have a number, just before it is stored as verified where users sign in with it.

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
    """Whether another local user of the pool has a number in such a way that storing it would do harm.

    As an alias, the number is taken from whoever has it verified, without an error ("Customizing sign-in
    attributes", Cognito Developer Guide). The plan looked too, but that may be hours ago. ListUsers may be
    seconds late (API reference), so whoever has the number, or had it at our last look, is read as well.

    Args:
        user_pool: the pool.
        phone: the number.
        how: how numbers sign people in.
        but_for: the sub of the user who is to get it.
        named: the Usernames of other users who had the number when we saw them last.
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
