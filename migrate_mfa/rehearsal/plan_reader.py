"""The journal for a rehearsal: every row in order, with its user's state at planning."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from migrate_mfa.domain.model import Candidate, UserState
from migrate_mfa.domain.reasons import Reason
from migrate_mfa.journal.rows import CANDIDATE, USER, candidate_of, user_of
from migrate_mfa.journal.values import state_from_json

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator

    from migrate_mfa.journal.database import Database

_BATCH = 1000


@dataclass(frozen=True, slots=True)
class RosterRow:
    """A row of the roster. If it has no user, `reason` says what is wrong with the row."""

    candidate: Candidate
    reason: Reason | None
    user: UserState | None


class PlanReader:
    """Reads the journal in batches, with the users' states before the first write."""

    def __init__(self, database: "Database") -> None:
        self._database = database

    def users(self) -> "Iterator[tuple[UserState, Reason | None]]":
        """The users of the rows, each with the reason of a row that has ended, if there is one.

        A run records the MFA settings of the users whom it writes to. For others whom it has read, only the
        reason shows their settings.
        """
        after = ""
        while batch := self._database.query(
            f"SELECT {USER}, b.state, (SELECT MIN(r.reason) FROM rows r WHERE r.user_sub = u.sub"
            "  AND r.outcome <> 'unprocessed' AND r.reason <> 'duplicate_row') AS reason"
            " FROM users u LEFT JOIN before_images b ON b.user_sub = u.sub"
            " WHERE u.sub > ? ORDER BY u.sub LIMIT ?",
            after,
            _BATCH,
        ):
            yield from ((_before(row), _reason(row)) for row in batch)
            after = batch[-1]["u_sub"]

    def rows(self) -> "Iterator[RosterRow]":
        """The rows, in the roster's order."""
        after = 0
        while batch := self._database.query(
            f"SELECT {CANDIDATE}, r.reason, {USER}, b.state FROM rows r"
            " LEFT JOIN users u ON u.sub = r.user_sub LEFT JOIN before_images b ON b.user_sub = u.sub"
            " WHERE r.row > ? ORDER BY r.row LIMIT ?",
            after,
            _BATCH,
        ):
            for row in batch:
                user = None if row["u_sub"] is None else _before(row)
                yield RosterRow(candidate_of(row), _reason(row), user)
            after = batch[-1]["row"]

    def numbers_held_by_strangers(self) -> list[str]:
        """The requested numbers that users outside the roster have; there are few."""
        found = self._database.query(
            "SELECT DISTINCT r.wish FROM rows r WHERE r.held_by_other AND NOT EXISTS"
            " (SELECT 1 FROM users u WHERE u.phone = r.wish AND u.sub <> r.user_sub)"
        )
        return [row["wish"] for row in found]


def _before(row: "sqlite3.Row") -> UserState:
    return user_of(row) if row["state"] is None else state_from_json(row["state"])


def _reason(row: "sqlite3.Row") -> Reason | None:
    return None if row["reason"] is None else Reason(row["reason"])
