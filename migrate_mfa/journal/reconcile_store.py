"""The journal for reconcile: compares the results of a run with the pool."""

import sqlite3
from collections.abc import Collection, Iterable
from operator import attrgetter
from typing import TYPE_CHECKING

from migrate_mfa.domain.model import Plan, UserState, Verdict
from migrate_mfa.domain.reasons import Outcome, Reason
from migrate_mfa.domain.rows import Drift, PlannedBy, Revisited
from migrate_mfa.journal.rows import (
    AGAIN,
    TURNED_AWAY,
    candidate_of,
    remember,
    reopen,
    rivalry_of,
    write_decision,
)

if TYPE_CHECKING:
    from migrate_mfa.journal.database import Database

_OF_INTEREST = (
    "(r.outcome IN ('pending', 'verified') OR r.reason = 'gave_up'"
    " OR (r.outcome = 'skipped' AND r.verb = 'reconcile')"
    " OR (r.reason = 'rejected' AND r.verb IN ('reconcile', 'repair')))"
    " AND r.user_sub NOTNULL AND r.verb <> 'rollback'"
)
_THIS = "(SELECT MAX(id) FROM passes)"
"""Passes are compared by number: a clock can be set back between them."""
_COLUMNS = (
    "sub", "username", "email", "email_verified", "phone", "phone_verified", "status", "enabled", "modified",
)  # fmt: skip
_LOOK = attrgetter(*_COLUMNS)
_CHANGED = "(s.sub IS NULL OR s.modified >= u.modified AND ({differ}))".format(
    differ=" OR ".join(f"s.{name} IS NOT u.{name}" for name in _COLUMNS)
)
"""The condition of `Revisited.changed` in SQL."""


class ReconcileStore:
    """The reads and writes of reconcile, in addition to those of every command."""

    def __init__(self, database: "Database") -> None:
        self._database = database

    # -- reading the pool again

    def interest(self) -> int:
        """How many rows have users who must be read again."""
        return int(self._database.value(f"SELECT COUNT(*) FROM rows r WHERE {_OF_INTEREST}"))

    def see(self, users: Iterable[UserState]) -> None:
        """Keep the users of a page who belong to this run."""
        with self._database.transaction() as db:
            db.executemany(
                "INSERT OR REPLACE INTO seen SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9"
                " WHERE EXISTS (SELECT 1 FROM users WHERE sub = ?1)",
                map(_LOOK, users),
            )

    def unseen(self, after: int, limit: int) -> list[tuple[int, str]]:
        """Row and sub of users who have not been found so far."""
        found = self._database.query(
            f"SELECT r.row, r.user_sub FROM rows r NOT INDEXED WHERE {_OF_INTEREST} AND r.row > ?"
            " AND NOT EXISTS (SELECT 1 FROM seen s WHERE s.sub = r.user_sub) ORDER BY r.row LIMIT ?",
            after,
            limit,
        )
        return [(row["row"], row["user_sub"]) for row in found]

    def revisited(self, after: int, limit: int, *, unchanged: bool = True) -> list[Revisited]:
        """Rows of interest with both states of their users, in order.

        Without the `unchanged` these are the rows whose users have changed or drifted, or that are worth
        another try. Usually they are few; the others cost only a query of the journal.
        """
        which = "" if unchanged else f" AND ({_CHANGED} OR drifting OR r.reason IN ({AGAIN}))"
        found = self._database.query(
            "SELECT r.*, u.sub AS o_sub, u.username AS o_username, u.email AS o_email,"
            " u.email_verified AS o_email_verified, u.phone AS o_phone, u.phone_verified AS o_phone_verified,"
            " u.status AS o_status, u.enabled AS o_enabled, u.modified AS o_modified,"
            " s.sub AS n_sub, s.username AS n_username, s.email AS n_email,"
            " s.email_verified AS n_email_verified, s.phone AS n_phone, s.phone_verified AS n_phone_verified,"
            " s.status AS n_status, s.enabled AS n_enabled, s.modified AS n_modified,"
            " EXISTS (SELECT 1 FROM drift d WHERE d.user_sub = r.user_sub) AS drifting,"
            f" {TURNED_AWAY} AS turned_away"
            " FROM rows r NOT INDEXED CROSS JOIN users u ON u.sub = r.user_sub"
            " LEFT JOIN seen s ON s.sub = r.user_sub"
            f" WHERE {_OF_INTEREST} AND r.row > ?{which} ORDER BY r.row LIMIT ?",
            after,
            limit,
        )
        return [_revisited(row) for row in found]

    def accept(self, states: Iterable[UserState]) -> None:
        """From now on, use the present states as the last known ones."""
        with self._database.transaction() as db:
            for state in states:
                remember(db, state)

    def forget_looks(self) -> None:
        """Empty the table of the present states."""
        with self._database.transaction() as db:
            db.execute("DELETE FROM seen")

    # -- decided again

    def reopen(self, rows: Iterable[int], plan: Plan, verb: PlannedBy) -> None:
        """Plan rows that had ended, and keep their earlier reasons."""
        with self._database.transaction() as db:
            reopen(db, rows, plan, verb)

    def end(self, row: int, verdict: Verdict, now: float, state: UserState | None = None) -> None:
        """End a row with a new verdict, and keep its earlier reason; `state` is the user as last read."""
        with self._database.transaction() as db:
            if state is not None:
                remember(db, state)
            db.execute(
                f"UPDATE rows SET was = CASE WHEN {TURNED_AWAY} THEN was ELSE reason END, verb = ?"
                " WHERE row = ?",
                (PlannedBy.RECONCILE, row),
            )
            write_decision(db, row, verdict, now)

    def explain(self, row: int, detail: str) -> None:
        """Add a detail to a row that stays unchanged."""
        with self._database.transaction() as db:
            db.execute("UPDATE rows SET detail = ? WHERE row = ?", (detail, row))

    def note_drift(self, found: Iterable[Drift], gone: Collection[str], now: float) -> None:
        """Record the users who have drifted, since when, and those who have not any more."""
        with self._database.transaction() as db:
            db.executemany("DELETE FROM drift WHERE user_sub = ?", [(sub,) for sub in gone])
            db.executemany(
                f"INSERT INTO drift VALUES (?, ?, ?, ?, ?, {_THIS}) ON CONFLICT (user_sub) DO UPDATE"
                " SET kind = excluded.kind, detail = excluded.detail,"
                " since = CASE kind WHEN excluded.kind THEN since ELSE excluded.since END,"
                " pass = CASE kind WHEN excluded.kind THEN pass ELSE excluded.pass END",
                [(each.sub, each.row, each.kind, each.detail, now) for each in found],
            )
            # A repair from now on belongs to this drift, not to an earlier one.
            db.executemany(
                "UPDATE rows SET verb = 'reconcile'"
                " WHERE row = ? AND verb = 'repair' AND outcome = 'verified'",
                [(each.row,) for each in found],
            )

    def drifts(self, after: str, limit: int) -> list[Drift]:
        """Users who have drifted, by sub."""
        found = self._database.query(
            "SELECT d.*, u.username FROM drift d JOIN users u ON u.sub = d.user_sub"
            " WHERE d.user_sub > ? ORDER BY d.user_sub LIMIT ?",
            after,
            limit,
        )
        return [
            Drift(row["row"], row["user_sub"], row["username"], row["kind"], row["detail"]) for row in found
        ]

    def last_write_at(self) -> float:
        """When this run last wrote to a user; 0 if it never did."""
        return float(self._database.value("SELECT MAX(at) FROM writes WHERE result <> 'refused'") or 0.0)

    def drift_kinds(self, after_pass: int = -1) -> dict[str, int]:
        """How many users have drifted, by kind; only those found in a pass after the given one."""
        found = self._database.query(
            "SELECT kind, COUNT(*) AS users FROM drift WHERE pass > ? GROUP BY kind", after_pass
        )
        return {row["kind"]: row["users"] for row in found}

    def settle_repairs(self) -> None:
        """End the drift of users whose SMS MFA was switched on again, and of users no longer examined."""
        with self._database.transaction() as db:
            db.execute(
                "DELETE FROM drift AS d WHERE NOT EXISTS (SELECT 1 FROM rows r WHERE r.row = d.row AND"
                f" ({_OF_INTEREST} OR (r.outcome = 'unprocessed' AND r.verb = 'repair'))"
                " AND NOT (r.outcome = 'verified' AND r.verb = 'repair'))"
            )


def _revisited(row: sqlite3.Row) -> Revisited:
    return Revisited(
        candidate=candidate_of(row),
        claims=rivalry_of(row),
        outcome=Outcome(row["outcome"]),
        reason=Reason(row["reason"]),
        waited_for=Reason(row["was"]) if row["turned_away"] and row["was"] else None,
        username=row["o_username"],
        sub=row["o_sub"],
        old=_state(row, "o"),
        new=_state(row, "n") if row["n_sub"] is not None else None,
        drifting=bool(row["drifting"]),
    )


def _state(row: sqlite3.Row, look: str) -> UserState:
    return UserState(
        username=row[f"{look}_username"],
        sub=row[f"{look}_sub"],
        status=row[f"{look}_status"],
        enabled=bool(row[f"{look}_enabled"]),
        email=row[f"{look}_email"],
        email_verified=bool(row[f"{look}_email_verified"]),
        phone=row[f"{look}_phone"],
        phone_verified=bool(row[f"{look}_phone_verified"]),
        modified=row[f"{look}_modified"],
    )
