"""The journal while a plan is made: the roster and the pool are joined in it, on disk."""

import json
import sqlite3
from collections.abc import Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from migrate_mfa.domain.model import Candidate, Decision, Plan, UserState, Verdict
from migrate_mfa.domain.phone.normalise import country_of
from migrate_mfa.domain.reasons import Outcome, Reason
from migrate_mfa.domain.resolve import IdentityKind, fold
from migrate_mfa.domain.rows import PlannedBy, Resolved, Undecided
from migrate_mfa.journal.plan_counts import PlanCounts
from migrate_mfa.journal.rows import (
    CANDIDATE,
    END,
    OF_NUMBER,
    OPEN_ROWS,
    USER,
    candidate_of,
    rivalry_of,
    user_of,
    verdict_values,
)
from migrate_mfa.journal.values import steps_to_text

if TYPE_CHECKING:
    from migrate_mfa.domain.rows import Record
    from migrate_mfa.journal.database import Database

_FAILED = "outcome = 'failed' AND readable AND verb <> 'rollback'"
_UNDECIDED = "r.outcome = 'unprocessed' AND r.steps IS NULL AND r.verb = 'run'"


class PlanStore(PlanCounts):
    """The reads and writes of planning. `resolve.fold` makes the keys for comparing identities."""

    def __init__(self, database: "Database", *, case_sensitive: bool = True) -> None:
        super().__init__(database)
        self._fold = partial(fold, case_sensitive=case_sensitive)

    def reset(self) -> None:
        """Delete an earlier plan."""
        with self._database.transaction() as db:
            for index in _USER_INDEXES:
                db.execute(f"DROP INDEX IF EXISTS {index}")
            db.execute("DELETE FROM rows")
            db.execute("DELETE FROM users")

    def has_writes(self) -> bool:
        """Whether this run has written to any user, or may have."""
        return bool(self._database.value("SELECT EXISTS (SELECT 1 FROM writes)"))

    def add_records(self, records: Sequence["Record"], now: float) -> None:
        """Add some records of the roster."""
        with self._database.transaction() as db:
            db.executemany(
                "INSERT INTO rows (row, first_line, last_line, cells, readable, sub, username, email, phone,"
                " vouched, guesses, outcome, reason, detail, updated_at)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                [_record_values(record, now) for record in records],
            )

    def add_users(self, users: Iterable[UserState]) -> None:
        """Add some users of the pool; a later read of the same user replaces an earlier one.

        Before `index_users`, a user who was read twice is stored twice: subs come in random order, so to
        update an index for each user would write nearly one page per user.
        """
        with self._database.transaction() as db:
            db.executemany(
                "INSERT OR REPLACE INTO users VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                [self._user_values(user) for user in users],
            )

    def _user_values(self, user: UserState) -> tuple[object, ...]:
        email_key = self._fold(user.email) if user.email else None
        return (
            user.sub, user.username, self._fold(user.username), user.email, email_key, user.email_verified,
            user.phone, user.phone_verified, user.status, user.enabled, user.modified,
        )  # fmt: skip

    def index_users(self) -> None:
        """Make users unique and joins fast, once most users have been added."""
        with self._database.transaction() as db:
            try:
                db.execute(_UNIQUE_USERS)
            except sqlite3.IntegrityError:
                db.execute("DELETE FROM users WHERE rowid NOT IN (SELECT MAX(rowid) FROM users GROUP BY sub)")
                db.execute(_UNIQUE_USERS)
            for index, column in _USER_INDEXES.items():
                db.execute(f"CREATE INDEX IF NOT EXISTS {index} ON users({column})")

    def find(self, kind: IdentityKind, value: str) -> list[UserState]:
        """The users added so far whom one identity names."""
        column, key = _KEY_COLUMNS[kind], self._fold(value) if kind in _FOLDED else value
        found = self._database.query(f"SELECT {USER} FROM users u WHERE u.{column} = ?", key)
        return [user_of(row) for row in found]

    def count_users(self) -> int:
        """How many users were added."""
        return int(self._database.value("SELECT COUNT(*) FROM users"))

    def last_row(self) -> int:
        """The number of the last record of the roster."""
        return int(self._database.value("SELECT COALESCE(MAX(row), 0) FROM rows"))

    def unresolved(self, after: int, limit: int) -> list[Candidate]:
        """Readable rows without a user, in order, after the row `after`."""
        found = self._database.query(
            f"SELECT {CANDIDATE} {OPEN_ROWS} WHERE {_UNDECIDED} AND r.user_sub IS NULL AND r.row > ?"
            " ORDER BY r.row LIMIT ?",
            after,
            limit,
        )
        return [candidate_of(row) for row in found]

    def count_unresolved(self) -> int:
        """How many readable rows have neither a user nor a result."""
        return int(
            self._database.value(f"SELECT COUNT(*) {OPEN_ROWS} WHERE {_UNDECIDED} AND r.user_sub IS NULL")
        )

    def somebody_named(self) -> bool:
        """Whether any row is known to name a user."""
        return bool(self._database.value("SELECT EXISTS (SELECT 1 FROM rows WHERE user_sub NOTNULL)"))

    def wrong_numbers(self, after: int, limit: int) -> list[Candidate]:
        """Rows in which only the number is bad and that have several identities, in order."""
        found = self._database.query(
            f"SELECT {CANDIDATE} FROM rows r NOT INDEXED"
            f" WHERE NOT r.readable AND r.reason IN ({OF_NUMBER})"
            " AND (r.sub NOTNULL) + (r.username NOTNULL) + (r.email NOTNULL) > 1 AND r.row > ?"
            " ORDER BY r.row LIMIT ?",
            after,
            limit,
        )
        return [candidate_of(row) for row in found]

    def resolve(self, found: Sequence[Resolved]) -> None:
        """Record the users of some rows."""
        with self._database.transaction() as db:
            db.executemany(
                "UPDATE rows SET user_sub = ?, wish = ?, country = ?, trust = ? WHERE row = ?",
                [
                    (
                        each.user_sub,
                        each.target_phone,
                        each.target_phone and country_of(each.target_phone),
                        each.trust,
                        each.row,
                    )
                    for each in found
                ],
            )

    def compare_rows(self, now: float) -> None:
        """Row 4 of the decision table: several rows for one user, with the same or different requests."""
        with self._database.transaction() as db:
            db.execute("CREATE INDEX IF NOT EXISTS rows_by_user ON rows(user_sub)")
            db.execute(
                "CREATE TEMP TABLE shared AS SELECT user_sub, MIN(row) AS first,"
                " COUNT(DISTINCT COALESCE(wish, '') || trust) > 1 AS differ"
                " FROM rows WHERE user_sub IS NOT NULL GROUP BY user_sub HAVING COUNT(*) > 1"
            )
            for outcome, reason, which in (
                (Outcome.FAILED, Reason.CONFLICTING_ROWS, "s.differ"),
                (Outcome.SKIPPED, Reason.DUPLICATE_ROW, "NOT s.differ AND r.row > s.first"),
            ):
                db.execute(
                    "UPDATE rows SET outcome = ?, reason = ?, updated_at = ? WHERE row IN (SELECT r.row"
                    " FROM shared s CROSS JOIN rows r INDEXED BY rows_by_user ON r.user_sub = s.user_sub"
                    f" WHERE {_UNDECIDED} AND {which})",
                    (outcome, reason, now),
                )
            db.execute("DROP TABLE shared")

    def mark_rivals(self) -> None:
        """Row 10: note which numbers several users claim. Called only if users sign in with numbers."""
        with self._database.transaction() as db:
            db.execute("CREATE INDEX IF NOT EXISTS rows_by_wish ON rows(wish)")
            db.execute(
                "UPDATE rows AS r SET"
                " wished_by_others = EXISTS"
                "  (SELECT 1 FROM rows o WHERE o.wish = r.wish AND o.user_sub <> r.user_sub),"
                " held_by_other = EXISTS"
                "  (SELECT 1 FROM users u WHERE u.phone = r.wish AND u.sub <> r.user_sub)"
                f" WHERE {_UNDECIDED} AND r.wish IS NOT NULL"
            )

    def undecided(self, after: int, limit: int) -> list[Undecided]:
        """Resolved rows without a decision, in order, after the row `after`."""
        found = self._database.query(
            f"SELECT {CANDIDATE}, {USER}, r.wished_by_others, r.held_by_other {OPEN_ROWS}"
            f" CROSS JOIN users u ON u.sub = r.user_sub WHERE {_UNDECIDED} AND r.row > ?"
            " ORDER BY r.row LIMIT ?",
            after,
            limit,
        )
        return [Undecided(candidate_of(row), user_of(row), rivalry_of(row)) for row in found]

    def planned(self, after: int, limit: int) -> list[Undecided]:
        """Rows that `run` has still to do, with the state at planning, after the row `after`."""
        found = self._database.query(
            f"SELECT {CANDIDATE}, {USER}, r.wished_by_others, r.held_by_other {OPEN_ROWS}"
            " CROSS JOIN users u ON u.sub = r.user_sub"
            " WHERE r.outcome = 'unprocessed' AND r.steps NOTNULL AND r.verb = 'run' AND r.row > ?"
            " ORDER BY r.row LIMIT ?",
            after,
            limit,
        )
        return [Undecided(candidate_of(row), user_of(row), rivalry_of(row)) for row in found]

    def decide(
        self, decisions: Iterable[tuple[int, Decision]], now: float, verb: PlannedBy = PlannedBy.RUN
    ) -> None:
        """Record the decisions for some rows, and the command that is to apply them."""
        plans, verdicts = [], []
        for row, decision in decisions:
            match decision:
                case Plan(steps, ends):
                    plans.append((steps_to_text(steps), ends, verb, now, row))
                case Verdict():
                    verdicts.append(verdict_values(row, decision, now) | {"verb": verb})
        with self._database.transaction() as db:
            db.executemany(
                "UPDATE rows SET steps = ?, ends = ?, verb = ?, updated_at = ? WHERE row = ?", plans
            )
            db.executemany(END.replace("SET", "SET verb = :verb,", 1), verdicts)

    def reopen_failed(self) -> int:
        """Reopen failed rows, except those that failed because of the roster alone.

        A row that may have written keeps its user (even if its address now names somebody else), its plan,
        and the command of the plan: the read before the next write decides what is left to do.

        Returns:
            How many rows are undecided, including those of an earlier, interrupted command.
        """
        wrote = "EXISTS (SELECT 1 FROM writes w WHERE w.row = rows.row AND w.result <> 'refused')"
        with self._database.transaction() as db:
            db.execute(
                "UPDATE rows SET outcome = 'unprocessed', was = COALESCE(was, reason), reason = NULL,"
                f" detail = '' WHERE {_FAILED} AND steps NOTNULL AND {wrote}"
            )
            db.execute(
                "UPDATE rows SET outcome = 'unprocessed', reason = NULL, detail = '', user_sub = NULL,"
                " wish = NULL, country = NULL, steps = NULL, ends = NULL, verb = 'run',"
                " wished_by_others = 0, held_by_other = 0"
                f" WHERE {_FAILED} AND NOT {wrote}"
            )
            _forget_other_users(db)  # a user who was deleted since must not be found in addition to a new one
        return self.count_undecided()

    def count_undecided(self) -> int:
        """How many rows have neither a plan nor a result."""
        return int(self._database.value(f"SELECT COUNT(*) {OPEN_ROWS} WHERE {_UNDECIDED}"))

    def forget_strangers(self) -> None:
        """Delete the users whom no row of the roster names."""
        with self._database.transaction() as db:
            _forget_other_users(db)


def _forget_other_users(db: sqlite3.Connection) -> None:
    db.execute("DELETE FROM users WHERE sub NOT IN (SELECT user_sub FROM rows WHERE user_sub NOTNULL)")


_UNIQUE_USERS = "CREATE UNIQUE INDEX IF NOT EXISTS users_by_sub ON users(sub)"
_USER_INDEXES = {
    "users_by_sub": "sub",
    "users_by_username_key": "username_key",
    "users_by_email_key": "email_key",
    "users_by_phone": "phone",
}
_KEY_COLUMNS = {
    IdentityKind.SUB: "sub",
    IdentityKind.USERNAME: "username_key",
    IdentityKind.EMAIL: "email_key",
    IdentityKind.PHONE: "phone",
}
_FOLDED = (IdentityKind.USERNAME, IdentityKind.EMAIL)


def _record_values(record: "Record", now: float) -> tuple[object, ...]:
    at, cells = record.row.at, json.dumps(record.cells, ensure_ascii=False)
    place = (at.row, at.first_line, at.last_line, cells)
    if isinstance(record.row, Candidate):
        row = record.row
        phone = row.phone.e164 if row.phone else None
        guesses = " ".join(row.guesses)
        identity = (row.sub, row.username, row.email)
        return (*place, 1, *identity, phone, row.claims_verified, guesses, Outcome.UNPROCESSED, None, "", now)
    reason, identities = record.row.reason, record.row.identities
    return (*place, 0, *identities, None, None, "", reason.outcome, reason, record.row.detail, now)
