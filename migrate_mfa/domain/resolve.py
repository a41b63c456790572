"""Which user a row means: rows 1 and 3 of the decision table, given what each of its identities found."""

from collections.abc import Sequence
from enum import StrEnum

from migrate_mfa.domain.model import UserState, Verdict
from migrate_mfa.domain.reasons import Reason


class IdentityKind(StrEnum):
    """The three ways a row names a user, strongest first; each is a searchable attribute of ListUsers."""

    SUB = "sub"
    USERNAME = "username"
    EMAIL = "email"


def resolve(found: Sequence[Sequence[UserState]]) -> UserState | Verdict:
    """Find the one user that every identity of a row agrees on.

    Args:
        found: for each identity that the row gives, strongest first, the users that it names.

    Returns:
        The user, or the verdict `user_not_found`, `bad_row` (the identities name different users) or
        `ambiguous_user`. The strongest identity must find somebody: a `sub` that is gone is not replaced by
        an e-mail address that now belongs to somebody else. A federated twin does not count beside a local
        user.
    """
    if not found or not found[0]:
        return Verdict(Reason.USER_NOT_FOUND)
    agreed = {user.sub: user for user in found[0]}
    for others in found[1:]:
        if others:
            named = {user.sub for user in others}
            agreed = {sub: user for sub, user in agreed.items() if sub in named}
    if not agreed:
        return Verdict(Reason.BAD_ROW, "Its identities name different users.")
    return _only_one(list(agreed.values()))


def _only_one(users: list[UserState]) -> UserState | Verdict:
    local = [user for user in users if not user.federated]
    if len(local) > 1:
        return Verdict(Reason.AMBIGUOUS_USER, f"{len(local)} users fit.")
    return local[0] if local else min(users, key=lambda user: user.sub)
