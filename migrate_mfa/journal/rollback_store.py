"""The journal as a rollback sees it: whose writes can be taken back, and how that ended."""

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
"""Of a restored row; what else is said of one may be due to a late read, and is looked at again."""
_CHOSEN = "r.user_sub IN (SELECT sub FROM chosen)"


class RollbackStore:
    """What a rollback reads and writes in addition to every command."""

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
        """Note whom `rollback_rows` can be limited to, for as long as the journal is open."""
        with self._database.transaction() as db:
            db.execute("CREATE TEMP TABLE IF NOT EXISTS chosen (sub TEXT PRIMARY KEY) WITHOUT ROWID")
            db.executemany("INSERT OR IGNORE INTO chosen VALUES (?)", [(sub,) for sub in subs])

    def rollback_rows(
        self, after: int, limit: int, *, ended: bool, only_chosen: bool = False
    ) -> list[tuple[int, bool]]:
        """Row and whether this run wrote to its user, for rows that could be given back.

        Args:
            after: the row after which to begin.
            limit: how many rows at most.
            ended: those that a rollback has ended without giving all back, instead of all others.
            only_chosen: keep to the users of `choose`. Only then those who keep a number that they have
                proved come again: for all others that would be the same announcement each time.
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
        """Plan rows that had ended for the rollback, and remember the reasons that they had."""
        with self._database.transaction() as db:
            reopen(db, rows, plan, PlannedBy.ROLLBACK)

    def has_failed_rollbacks(self, *, only_chosen: bool) -> bool:
        """Whether a rollback could not give back all of these users, in this pass or in one before."""
        chosen = f" AND {_CHOSEN}" if only_chosen else ""
        failed = f"SELECT 1 FROM rows r WHERE r.verb = 'rollback' AND r.outcome = 'failed'{chosen}"
        return bool(self._database.value(f"SELECT EXISTS ({failed})"))

    def numbers_kept(self) -> int:
        """How many users a rollback has left a number that they have proved since."""
        kept = f"SELECT COUNT(*) FROM rows r WHERE reason = 'restored' AND {_KEEPS_A_NUMBER}"
        return int(self._database.value(kept))

    def park_rollbacks(self) -> None:
        """What an interrupted rollback left to do waits until it is selected again."""
        with self._database.transaction() as db:
            db.execute("UPDATE rows SET steps = NULL WHERE outcome = 'unprocessed' AND verb = 'rollback'")

    def users_left(self, subs: Collection[str], reason: Reason) -> int:
        """How many of these users a rollback has left with this reason."""
        asked = "SELECT EXISTS (SELECT 1 FROM rows WHERE user_sub = ? AND reason = ? AND verb = 'rollback')"
        return sum(self._database.value(asked, sub, reason) for sub in subs)

    def outcome_of(self, row: int) -> Outcome:
        """A row's outcome; where a rollback has been at it, the one that it had before."""
        found = self._database.query("SELECT outcome, verb, was FROM rows WHERE row = ?", row)[0]
        if found["verb"] == PlannedBy.ROLLBACK and found["was"]:
            return Reason(found["was"]).outcome
        return Outcome(found["outcome"])
