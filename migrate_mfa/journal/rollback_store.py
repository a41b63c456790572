"""The journal for rollback: the users who can be restored, and the results."""

from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING

from migrate_mfa.domain.model import Plan
from migrate_mfa.domain.reasons import Outcome, Reason
from migrate_mfa.domain.rollback import PROVED_STAYS
from migrate_mfa.domain.rows import PlannedBy
from migrate_mfa.journal.rows import CHANGES_MFA, first_step, reopen

if TYPE_CHECKING:
    from migrate_mfa.journal.database import Database

_KEEPS_A_NUMBER = f"r.detail GLOB '{PROVED_STAYS.split(',')[0]}*'"
"""The detail of a restored row that keeps its number; any other detail may come from an outdated read."""
_CHOSEN = "r.user_sub IN (SELECT sub FROM chosen)"


class RollbackStore:
    """The reads and writes of rollback, in addition to those of every command."""

    def __init__(self, database: "Database") -> None:
        self._database = database

    def wrote_mfa(self) -> bool:
        """Whether this run has changed MFA settings of users, or may have."""
        return bool(
            self._database.value(
                "SELECT EXISTS (SELECT 1 FROM writes WHERE result <> 'refused'"
                f" AND {first_step('step', CHANGES_MFA)})"
            )
        )

    def choose(self, subs: Iterable[str]) -> None:
        """Set the users to whom `rollback_rows` can be limited, until the journal is closed."""
        with self._database.transaction() as db:
            db.execute("CREATE TEMP TABLE IF NOT EXISTS chosen (sub TEXT PRIMARY KEY) WITHOUT ROWID")
            db.executemany("INSERT OR IGNORE INTO chosen VALUES (?)", [(sub,) for sub in subs])

    def rollback_rows(
        self, after: int, limit: int, *, ended: bool, only_chosen: bool = False
    ) -> list[tuple[int, bool]]:
        """The row, and whether this run wrote to its user, for rows that could be restored.

        Args:
            after: the row after which to begin.
            limit: how many rows at most.
            ended: only rows that a rollback has ended without restoring everything, instead of all others.
            only_chosen: only the users of `choose`. Only then include users who keep a number that they have
                verified: otherwise each rollback would report them again.
        """
        chosen = f" AND {_CHOSEN}" if only_chosen else ""
        whole = "r.detail = ''" if only_chosen else f"(r.detail = '' OR {_KEEPS_A_NUMBER})"
        which = "AND" if ended else "AND NOT"
        found = self._database.query(
            "SELECT r.row, EXISTS"
            " (SELECT 1 FROM writes w WHERE w.row = r.row AND w.result <> 'refused') AS wrote"
            " FROM rows r NOT INDEXED"
            f" WHERE r.row > ? {which} (r.verb = 'rollback' AND r.outcome <> 'unprocessed')"
            f" AND NOT (r.reason IS 'restored' AND {whole}){chosen} ORDER BY r.row LIMIT ?",
            after,
            limit,
        )
        return [(row["row"], bool(row["wrote"])) for row in found]

    def reopen(self, rows: Iterable[int], plan: Plan) -> None:
        """Plan rows that had ended for the rollback, and keep their earlier reasons."""
        with self._database.transaction() as db:
            reopen(db, rows, plan, PlannedBy.ROLLBACK)

    def has_failed_rollbacks(self, *, only_chosen: bool) -> bool:
        """Whether a rollback, in this pass or an earlier one, could not restore all of these users."""
        chosen = f" AND {_CHOSEN}" if only_chosen else ""
        failed = f"SELECT 1 FROM rows r WHERE r.verb = 'rollback' AND r.outcome = 'failed'{chosen}"
        return bool(self._database.value(f"SELECT EXISTS ({failed})"))

    def numbers_kept(self) -> int:
        """How many users have kept, after a rollback, a number that they verified since."""
        kept = f"SELECT COUNT(*) FROM rows r WHERE reason = 'restored' AND {_KEEPS_A_NUMBER}"
        return int(self._database.value(kept))

    def park_rollbacks(self) -> None:
        """Remove the plans of an interrupted rollback: its open rows wait until they are selected again."""
        with self._database.transaction() as db:
            db.execute("UPDATE rows SET steps = NULL WHERE outcome = 'unprocessed' AND verb = 'rollback'")

    def users_left(self, subs: Collection[str], reason: Reason) -> int:
        """How many of these users have this reason after a rollback."""
        asked = "SELECT EXISTS (SELECT 1 FROM rows WHERE user_sub = ? AND reason = ? AND verb = 'rollback')"
        return sum(self._database.value(asked, sub, reason) for sub in subs)

    def outcome_of(self, row: int) -> Outcome:
        """A row's outcome; after a rollback, the one that it had before."""
        found = self._database.query("SELECT outcome, verb, was FROM rows WHERE row = ?", row)[0]
        if found["verb"] == PlannedBy.ROLLBACK and found["was"]:
            return Reason(found["was"]).outcome
        return Outcome(found["outcome"])
