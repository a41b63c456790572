"""The journal while users are written to: claims, before-images, intents and their results.

Nothing is written to a user before its decision and its state before are on disk; every write is on disk as
an intent before it is sent. What was in flight when a process died is an intent without a result.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple, Protocol

from migrate_mfa.adapters.codec import state_to_json, steps_to_json
from migrate_mfa.adapters.plan_store import candidate_of, rivalry_of, write_decision
from migrate_mfa.domain.model import Plan, Step, UserState, Verdict
from migrate_mfa.domain.quotas import Category
from migrate_mfa.domain.reasons import Outcome
from migrate_mfa.domain.rows import Work

if TYPE_CHECKING:
    import sqlite3

    from migrate_mfa.adapters.journal import Database


class LastWrite(NamedTuple):
    """What became of a write (`intent`, `done`, `refused`, `unknown`), and when that was written down."""

    result: str
    at: float


class Count(Protocol):
    """Attempts in one category."""

    sent: int
    throttled: int
    retried: int


class WorkStore:
    """What the executor reads and writes, for one pass (one invocation of one command)."""

    def __init__(self, database: "Database", pass_id: int) -> None:
        self._database = database
        self._pass = pass_id

    @classmethod
    def begin(cls, database: "Database", command: str, now: float) -> "WorkStore":
        """Start a pass."""
        with database.transaction() as db:
            made = db.execute(
                "INSERT INTO passes (command, state, started_at) VALUES (?, 'running', ?)", (command, now)
            )
            return cls(database, int(made.lastrowid or 0))

    def end(self, state: str, now: float, *, reads_only: int) -> None:
        """End the pass as `finished`, `stopped`, `interrupted` or `planned`."""
        with self._database.transaction() as db:
            db.execute(
                "UPDATE passes SET state = ?, ended_at = ?, reads_only = ? WHERE id = ?",
                (state, now, reads_only, self._pass),
            )

    def count_calls(self, calls: Mapping[Category, Count]) -> None:
        """Write down the calls of this pass so far."""
        with self._database.transaction() as db:
            db.executemany(
                "INSERT OR REPLACE INTO calls VALUES (?, ?, ?, ?, ?)",
                [
                    (self._pass, category.value, count.sent, count.throttled, count.retried)
                    for category, count in calls.items()
                    if count.sent
                ],
            )

    def open_rows(self) -> int:
        """How many planned rows wait to be done."""
        return int(
            self._database.value(
                "SELECT COUNT(*) FROM rows WHERE outcome = 'unprocessed' AND steps IS NOT NULL"
            )
        )

    def finished_before(self) -> bool:
        """Whether an earlier run of this directory came to its end."""
        return bool(
            self._database.value(
                "SELECT EXISTS (SELECT 1 FROM passes WHERE command = 'run' AND state = 'finished')"
            )
        )

    def unverified_writes(self) -> int:
        """Writes of unverified numbers that were done, or may have been."""
        return int(
            self._database.value(
                "SELECT COUNT(*) FROM writes WHERE result <> 'refused'"
                " AND step ->> '$[0].do' = 'store_phone' AND NOT step ->> '$[0].verified'"
            )
        )

    def claim(self, after: int, limit: int) -> list[Work]:
        """The next planned rows, in order, from the row after `after` on."""
        found = self._database.query(
            "SELECT r.*, u.username AS u_username,"
            " EXISTS (SELECT 1 FROM writes w WHERE w.row = r.row AND w.result <> 'refused') AS wrote"
            " FROM rows r JOIN users u ON u.sub = r.user_sub"
            " WHERE r.outcome = 'unprocessed' AND r.steps IS NOT NULL AND r.row > ? ORDER BY r.row LIMIT ?",
            after,
            limit,
        )
        return [
            Work(candidate_of(row), row["user_sub"], row["u_username"], rivalry_of(row), bool(row["wrote"]))
            for row in found
        ]

    def last_write(self, row: int) -> LastWrite | None:
        """The last write to this row's user, if there was one."""
        found = self._database.query(
            "SELECT result, at FROM writes WHERE row = ? ORDER BY id DESC LIMIT 1", row
        )
        return LastWrite(found[0]["result"], found[0]["at"]) if found else None

    def decide(self, work: Work, state: UserState, decision: Plan, now: float) -> int:
        """Journal the decision that counts, the state before it, and the intent of its first write.

        The state is kept once and never replaced, so that a resumed run can still be undone.

        Returns:
            The id of the intent.
        """
        with self._database.transaction() as db:
            db.execute(
                "INSERT OR IGNORE INTO before_images VALUES (?, ?, ?, ?)",
                (work.user_sub, work.row, state_to_json(state), now),
            )
            write_decision(db, work.row, decision, now)
            return self._intend(db, work, decision.steps[0], now)

    def wrote(self, intent: int, result: str, now: float) -> None:
        """Journal what became of a write: `done`, `refused` or `unknown`."""
        with self._database.transaction() as db:
            db.execute("UPDATE writes SET result = ?, at = ? WHERE id = ?", (result, now, intent))

    def wrote_and_goes_on(self, intent: int, work: Work, step: Step, now: float) -> int:
        """Journal a write that was done and, in the same breath, the intent of the next one."""
        with self._database.transaction() as db:
            db.execute("UPDATE writes SET result = 'done', at = ? WHERE id = ?", (now, intent))
            return self._intend(db, work, step, now)

    def finish(self, row: int, verdict: Verdict, now: float) -> None:
        """End a row."""
        with self._database.transaction() as db:
            write_decision(db, row, verdict, now)

    def counts(self) -> dict[Outcome, int]:
        """Rows by outcome."""
        found = self._database.query("SELECT outcome, COUNT(*) FROM rows GROUP BY outcome")
        return {Outcome(outcome): count for outcome, count in found}

    def _intend(self, db: "sqlite3.Connection", work: Work, step: Step, now: float) -> int:
        made = db.execute(
            "INSERT INTO writes (row, user_sub, pass, step, at) VALUES (?, ?, ?, ?, ?)",
            (work.row, work.user_sub, self._pass, steps_to_json((step,)), now),
        )
        return int(made.lastrowid or 0)
