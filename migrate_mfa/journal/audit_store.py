"""The journal of an audit: the users in its lists, and those whom a deep audit has still to read."""

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from migrate_mfa.domain.model import UserState
    from migrate_mfa.journal.database import Database

_BATCH = 1000
UNVERIFIED, WITHOUT_MFA = "unverified", "verified_without_mfa"
_TO_READ, _NO_MFA = "verified", "no_mfa"
_LISTED = {UNVERIFIED: ("unverified", "no_phone"), WITHOUT_MFA: (_NO_MFA,)}
"""By list, the reasons for which a user is in it."""


class AuditedUser(NamedTuple):
    """One user of the scan; `row` is the position in the scan, `why` the reason for keeping the user."""

    row: int
    username: str
    sub: str
    email: str | None
    phone: str | None
    status: str
    why: str


class AuditStore:
    """The users that an audit keeps; when it has ended, only those in a list."""

    def __init__(self, database: "Database") -> None:
        self._database = database

    def begin(self) -> None:
        """Delete the users of an earlier scan, and begin the list of the unverified."""
        with self._database.transaction() as db:
            db.execute("DELETE FROM audited")
            db.execute(_SET_LISTS, (json.dumps([UNVERIFIED]),))

    def begin_reading(self) -> int:
        """Begin the list of users without MFA. Returns how many are to be read for it."""
        with self._database.transaction() as db:
            db.execute(_SET_LISTS, (json.dumps([UNVERIFIED, WITHOUT_MFA]),))
        return self.count_to_read()

    def add(self, users: Iterable[tuple["UserState", str]]) -> None:
        """Keep some users, each with the state of its number: `verified`, `unverified` or `no_phone`."""
        with self._database.transaction() as db:
            db.executemany(
                "INSERT INTO audited (username, sub, email, phone, status, why) VALUES (?, ?, ?, ?, ?, ?)",
                [(user.username, user.sub, user.email, user.phone, user.status, why) for user, why in users],
            )

    def count_to_read(self) -> int:
        """How many users with a verified phone are kept, for a deep audit."""
        return int(self._database.value("SELECT COUNT(*) FROM audited WHERE why = ?", _TO_READ))

    def to_read(self) -> Iterator[AuditedUser]:
        """The users with a verified phone, in the order of the scan, streaming."""
        return self._users(_TO_READ)

    def listed(self, name: str) -> Iterator[AuditedUser]:
        """The users of one list, in the order of the scan, streaming."""
        return self._users(*_LISTED[name])

    def _users(self, *whys: str) -> Iterator[AuditedUser]:
        after, marks = 0, ", ".join("?" * len(whys))
        while found := self._database.query(
            "SELECT row, username, sub, email, phone, status, why FROM audited"
            f" WHERE row > ? AND why IN ({marks}) ORDER BY row LIMIT ?",
            after,
            *whys,
            _BATCH,
        ):
            yield from (AuditedUser(*row) for row in found)
            after = found[-1]["row"]

    def keep_without_mfa(self, users: Sequence[AuditedUser]) -> None:
        """Put some users into the list of those without MFA."""
        with self._database.transaction() as db:
            db.executemany(
                "UPDATE audited SET why = ? WHERE row = ?", [(_NO_MFA, user.row) for user in users]
            )

    def forget_unlisted(self) -> None:
        """Delete the users who are in no list."""
        with self._database.transaction() as db:
            db.execute("DELETE FROM audited WHERE why = ?", (_TO_READ,))


_SET_LISTS = "INSERT OR REPLACE INTO meta VALUES ('audit_lists', ?)"
