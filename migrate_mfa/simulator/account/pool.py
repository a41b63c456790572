"""One user pool in memory: the users, their sign-in names, and the indexes.

Everything that changes a user goes through `Pool.write`; it keeps sign-in names, search indexes
and, while eventual consistency is simulated, the former states.
"""

from __future__ import annotations

import copy
from collections import deque
from itertools import chain
from typing import TYPE_CHECKING, Any

from migrate_mfa.simulator.account.errors import CognitoError, no_such_user
from migrate_mfa.simulator.account.index import SortedIndex
from migrate_mfa.simulator.account.poolconfig import Config, schema_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from migrate_mfa.simulator.account.filters import Filter
    from migrate_mfa.simulator.account.recoveries import Recovery
    from migrate_mfa.simulator.account.tokens import Cursor
    from migrate_mfa.simulator.account.users import User

CONTACTS = ("phone_number", "email")
"""Attributes that are verified, and can receive codes."""

_FOLDED = frozenset({"email", "preferred_username", "name", "given_name", "family_name"})


_ALIAS, _SEARCH = "alias", "search"
_Key = tuple[str, str, str]


class Pool:
    """A user pool: settings, users, app clients."""

    def __init__(self, pool_id: str, name: str, config: Config, clock: Callable[[], float]) -> None:
        """Make an empty pool; `clock` gives epoch seconds."""
        self.id = pool_id
        self.name = name
        self.clock = clock
        self.created = self.modified = clock()
        self.config = config
        self.schema = schema_of(config)
        self.clients: dict[str, dict[str, Any]] = {}
        #: Point-in-time recoveries, the newest first.
        self.recoveries: list[Recovery] = []
        #: How far back, in seconds, former states are kept for simulated stale reads.
        self.memory_s = 0.0
        self.order: list[User | None] = []
        self.by_sub: dict[str, User] = {}
        self._by_name: dict[str, User] = {}
        self._aliases: dict[str, dict[str, User]] = {name: {} for name in self.alias_names}
        self._indexes: dict[str, SortedIndex] = {}
        self._former: dict[str, deque[tuple[float, User]]] = {}

    @property
    def mfa_mode(self) -> str:
        """OFF, OPTIONAL or ON."""
        return str(self.config["MfaConfiguration"])

    @property
    def names_users_by_contact(self) -> bool:
        """Whether this is a UsernameAttributes pool, where Username is the sub."""
        return bool(self.config.get("UsernameAttributes"))

    @property
    def alias_names(self) -> tuple[str, ...]:
        """The attributes whose values sign users in."""
        return tuple(self.config.get("UsernameAttributes") or self.config.get("AliasAttributes") or ())

    @property
    def auto_verified(self) -> frozenset[str]:
        """The attributes to which the pool sends verification codes."""
        return frozenset(self.config.get("AutoVerifiedAttributes", ()))

    @property
    def verified_before_update(self) -> frozenset[str]:
        """The attributes whose new value is stored only after its code."""
        settings = self.config.get("UserAttributeUpdateSettings", {})
        return frozenset(settings.get("AttributesRequireVerificationBeforeUpdate", ()))

    @property
    def sms_config(self) -> dict[str, Any]:
        """The SmsConfiguration, empty if there is none."""
        return dict(self.config.get("SmsConfiguration") or {})

    def fold(self, name: str) -> str:
        """Make a name comparable: any case in a pool with CaseSensitive=false."""
        sensitive = self.config.get("UsernameConfiguration", {}).get("CaseSensitive", True)
        return name if sensitive else name.casefold()

    # --- finding ---

    def find(self, name: str) -> User:
        """Resolve a Username parameter: username, sub of a local user, or active alias.

        Raises:
            CognitoError: UserNotFoundException.
        """
        user = self._by_name.get(self.fold(name))
        if user is None and (local := self.by_sub.get(name)) is not None and not local.federated:
            user = local
        for attribute in self._aliases:
            user = user or self.alias_holder(attribute, name)
        if user is None:
            raise no_such_user()
        return user

    def alias_holder(self, attribute: str, value: str) -> User | None:
        """Give the user who signs in with this value, None if the attribute is no alias."""
        return self._aliases.get(attribute, {}).get(self.fold(value))

    def view(self, user: User, lag_s: float) -> User | None:
        """Give the user as of `lag_s` seconds ago, None if not yet created then."""
        if lag_s <= 0:
            return user
        moment = self.clock() - lag_s
        if user.created > moment:
            return None
        former = (state for until, state in self._former.get(user.sub, ()) if until > moment)
        return next(former, user)

    def recently_changed(self) -> Iterator[User]:
        """Yield the users of whom former states are kept."""
        return (self.by_sub[sub] for sub in tuple(self._former) if sub in self.by_sub)

    # --- searching ---

    def walk(self, wanted: Filter | None, after: Cursor | None) -> Iterator[tuple[Cursor, User]]:
        """Yield users with their cursors: all in order of creation, or those of a filter."""
        if wanted is None:
            for seq in range(after + 1 if isinstance(after, int) else 0, len(self.order)):
                user = self.order[seq]
                if user is not None:
                    yield seq, user
            return
        place = after if isinstance(after, tuple) else None
        index = self._index(wanted.attribute)
        for entry in index.walk(wanted.value, prefix=wanted.prefix, after=place):
            user = self.order[entry[1]]
            if user is not None:
                yield entry, user

    def search_key(self, user: User, attribute: str) -> str | None:
        """Give the value by which a filter finds the user, folded where case does not count."""
        match attribute:
            case "username":
                return user.username
            case "sub":
                return user.sub
            case "status":
                return "Enabled" if user.enabled else "Disabled"
            case "cognito:user_status":
                return user.status.casefold()
            case _:
                value = user.attributes.get(attribute)
                return value if value is None else self.fold_value(attribute, value)

    def fold_value(self, attribute: str, value: str) -> str:
        """Fold a filter's value as the attribute's keys are folded ("ListUsers")."""
        if attribute == "cognito:user_status":
            return value.casefold()
        return self.fold(value) if attribute in _FOLDED else value

    def _index(self, attribute: str) -> SortedIndex:
        """Give the index of an attribute, built on first use: most are never searched."""
        index = self._indexes.get(attribute)
        if index is None:
            users = (user for user in self.order if user is not None)
            keyed = ((self.search_key(user, attribute), user.seq) for user in users)
            index = SortedIndex((key, seq) for key, seq in keyed if key is not None)
            self._indexes[attribute] = index
        return index

    # --- changing ---

    def add(self, user: User) -> None:
        """Take a user in.

        Raises:
            CognitoError: UsernameExistsException for a name, sub or alias that is taken.
        """
        name = self.fold(user.username)
        if name in self._by_name or user.sub in self.by_sub:
            raise CognitoError("UsernameExistsException", "User account already exists")
        for attribute, value in self._alias_values(user):
            if value in self._aliases[attribute]:
                raise CognitoError(
                    "UsernameExistsException", f"An account with the {attribute} already exists."
                )
        user.seq = len(self.order)
        self.order.append(user)
        self.by_sub[user.sub] = self._by_name[name] = user
        self._reindex(user, frozenset(), self._keys(user))

    def remove(self, user: User) -> None:
        """Forget a user."""
        self._reindex(user, self._keys(user), frozenset())
        self.order[user.seq] = None
        del self.by_sub[user.sub], self._by_name[self.fold(user.username)]
        self._former.pop(user.sub, None)

    def write(self, user: User, attributes: Mapping[str, str | None] | None = None, **fields: object) -> None:
        """Change a user and move UserLastModifiedDate.

        Args:
            user: Whom.
            attributes: New values by attribute; None removes one.
            **fields: New values of the record's other fields.
        """
        self._remember(user)
        before = self._keys(user)
        for name, value in (attributes or {}).items():
            if value is None:
                user.attributes.pop(name, None)
            else:
                user.attributes[name] = value
        for field, content in fields.items():
            setattr(user, field, content)
        # Two writes within one millisecond must still be told apart by their dates.
        user.modified = max(self.clock(), user.modified + 0.001)
        self._reindex(user, before, self._keys(user))

    def _remember(self, user: User) -> None:
        if self.memory_s <= 0:
            return
        now = self.clock()
        history = self._former.setdefault(user.sub, deque())
        while history and history[0][0] < now - self.memory_s:
            history.popleft()
        former = copy.copy(user)
        former.attributes = dict(user.attributes)
        history.append((now, former))

    def _keys(self, user: User) -> frozenset[_Key]:
        """Give all index entries of the user."""
        aliases = ((_ALIAS, *pair) for pair in self._alias_values(user))
        searched = ((_SEARCH, name, self.search_key(user, name)) for name in self._indexes)
        return frozenset((kind, name, key) for kind, name, key in chain(aliases, searched) if key is not None)

    def _reindex(self, user: User, old: frozenset[_Key], new: frozenset[_Key]) -> None:
        for kind, attribute, value in old - new:
            if kind == _ALIAS:
                del self._aliases[attribute][value]
            else:
                self._indexes[attribute].remove(value, user.seq)
        for kind, attribute, value in new - old:
            if kind == _ALIAS:
                self._aliases[attribute][value] = user
            else:
                self._indexes[attribute].add(value, user.seq)

    def _alias_values(self, user: User) -> Iterator[tuple[str, str]]:
        """Yield the active sign-in values: in an alias pool a contact must be verified.

        Source: Developer Guide, "Working with user attributes".
        """
        for attribute in self._aliases:
            value = user.attributes.get(attribute)
            proven = (
                self.names_users_by_contact
                or attribute not in CONTACTS
                or user.attributes.get(f"{attribute}_verified") == "true"
            )
            if value is not None and proven:
                yield attribute, self.fold(value)
