"""Whose a number is, where numbers sign people in: asked right before it is stored as verified."""

from collections.abc import Iterable, Iterator

from migrate_mfa.domain.model import Phone, PhoneSignIn, UserState
from migrate_mfa.engine.scan import pages, user_if_there
from migrate_mfa.ports import Filter, UserPool


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
