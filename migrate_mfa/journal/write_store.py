"""The journal while users are written to: claims, before-images, intents and their results.

Before a user is written to, the decision and the user's state are on disk, and each write is on disk as an
intent. If the process dies, the writes in flight are intents without a result.
"""

import json
from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING, NamedTuple

from migrate_mfa.domain.errors import RunDirectoryError
from migrate_mfa.domain.model import Phone, Plan, Step, UserState, Verdict
from migrate_mfa.domain.reasons import Outcome, Reason
from migrate_mfa.domain.rollback import Write
from migrate_mfa.domain.rows import PlannedBy, PlannedRow, is_intact
from migrate_mfa.journal.group_commit import GroupCommit
from migrate_mfa.journal.pass_store import PassStore
from migrate_mfa.journal.rows import (
    OPEN_ROWS,
    STORES_UNVERIFIED,
    any_step,
    candidate_of,
    first_step,
    remember,
    rivalry_of,
    write_decision,
)
from migrate_mfa.journal.values import state_from_json, state_to_json, steps_from_text, steps_to_text

if TYPE_CHECKING:
    import sqlite3

    from migrate_mfa.journal.database import Database


def _marks(values: Collection[object]) -> str:
    return ", ".join("?" * len(values))


def _set_result(db: "sqlite3.Connection", intent: int, result: str, now: float) -> None:
    db.execute("UPDATE writes SET result = ?, at = ? WHERE id = ?", (result, now, intent))


def _work(row: "sqlite3.Row") -> PlannedRow:
    return PlannedRow(
        candidate_of(row),
        row["user_sub"],
        row["u_username"],
        rivalry_of(row),
        bool(row["wrote"]),
        PlannedBy(row["verb"]),
        Reason(row["was"]) if row["was"] else None,
        steps_from_text(row["steps"]),
    )


class LastWrite(NamedTuple):
    """The result of a write (`intent`, `done`, `refused`, `unknown`), and when it was recorded."""

    result: str
    at: float


class WorkStore(PassStore):
    """The reads and writes of the executor, for one pass (one invocation of one command)."""

    def __init__(self, database: "Database", pass_id: int, begun: float = 0.0) -> None:
        super().__init__(database, pass_id, begun)
        self._group = GroupCommit(database)

    def open_rows(self, verbs: Collection[PlannedBy] = tuple(PlannedBy)) -> int:
        """How many planned rows are still open."""
        return int(
            self._database.value(
                f"SELECT COUNT(*) {OPEN_ROWS} WHERE outcome = 'unprocessed' AND steps NOTNULL"
                f" AND verb IN ({_marks(verbs)})",
                *verbs,
            )
        )

    def rolled_back(self) -> int:
        """How many rows a rollback has ended; no other command reopens them."""
        return int(
            self._database.value(
                "SELECT COUNT(*) FROM rows WHERE verb = 'rollback' AND outcome <> 'unprocessed'"
            )
        )

    def unverified_writes(self) -> int:
        """How many rows have a write of an unverified number that was done, or may have been.

        Rows that still plan this write are not counted: it is repeated only if it was not executed. But a row
        is counted if the answer was lost, the row was given up, and the operator has it tried again.
        """
        return int(
            self._database.value(
                "SELECT COUNT(DISTINCT w.row) FROM writes w JOIN rows r USING (row)"
                f" WHERE w.result <> 'refused' AND {first_step('w.step', STORES_UNVERIFIED)}"
                " AND NOT (r.outcome = 'unprocessed' AND NOT (w.result = 'unknown' AND r.was IS 'gave_up')"
                f"  AND {any_step('r.steps', STORES_UNVERIFIED)})"
            )
        )

    def unverified_rows(self, since: float = 0.0) -> int:
        """How many rows, also open ones, have a write of an unverified number that was or may have been done.

        Writes with a result from before `since` (seconds since 1970) are left out.
        """
        return int(
            self._database.value(
                "SELECT COUNT(DISTINCT row) FROM writes WHERE result <> 'refused'"
                f" AND {first_step('step', STORES_UNVERIFIED)}"
                " AND (result = 'intent' OR at >= ?)",
                since,
            )
        )

    def reopen(self, rows: Collection[int]) -> int:
        """Reopen failed rows of which the users were not the cause. Returns how many."""
        with self._database.transaction() as db:
            return db.execute(
                "UPDATE rows SET outcome = 'unprocessed', reason = NULL, detail = ''"
                f" WHERE outcome = 'failed' AND steps NOTNULL AND row IN ({_marks(rows)})",
                tuple(rows),
            ).rowcount

    def claim(self, verbs: Collection[PlannedBy], after: int, limit: int) -> list[PlannedRow]:
        """The next planned rows of these verbs, in order, after the row `after`."""
        found = self._database.query(
            "SELECT r.*, u.username AS u_username,"
            " EXISTS (SELECT 1 FROM writes w WHERE w.row = r.row AND w.result <> 'refused') AS wrote"
            f" {OPEN_ROWS} CROSS JOIN users u ON u.sub = r.user_sub"
            f" WHERE r.outcome = 'unprocessed' AND r.steps NOTNULL AND r.verb IN ({_marks(verbs)})"
            " AND r.row > ? ORDER BY r.row LIMIT ?",
            *verbs,
            after,
            limit,
        )
        self._mark()
        self._require_intact(found)
        return [_work(row) for row in found]

    def _require_intact(self, rows: "Iterable[sqlite3.Row]") -> None:
        """Refuse a number whose copies in the journal differ.

        Raises:
            RunDirectoryError: names the first such row.
        """
        conflict = self._database.value("SELECT value FROM meta WHERE key = 'phone_conflict'")
        keeps = conflict in {None, '"keep"'}
        for row in rows:
            writes_number = row["verb"] in {PlannedBy.RUN, PlannedBy.RECONCILE}
            if writes_number and not is_intact(
                row["phone"], row["wish"], json.loads(row["cells"]), keeps=keeps
            ):
                raise RunDirectoryError(
                    f"Row {row['row']} of {self._database.path} contradicts itself: its number, its target "
                    "and its cells are not the same.",
                    "The file is damaged; check the disk. This row was not written. Start with a new "
                    "--run-dir.",
                )

    def last_write(self, row: int) -> LastWrite | None:
        """The last write to this row's user, or None."""
        found = self._database.query(
            "SELECT result, at FROM writes WHERE row = ? ORDER BY id DESC LIMIT 1", row
        )
        return LastWrite(found[0]["result"], found[0]["at"]) if found else None

    def before_image(self, user_sub: str) -> UserState | None:
        """The user's state before the first write of this run, if there was one.

        Raises:
            RunDirectoryError: it is damaged, so the user must not be restored from it.
        """
        text = self._database.value("SELECT state FROM before_images WHERE user_sub = ?", user_sub)
        try:
            return state_from_json(text) if text else None
        except (ValueError, TypeError) as error:
            raise RunDirectoryError(
                f"In {self._database.path}, the state of a user before the run is damaged.",
                "Check the disk, and restore the run directory from a backup if there is one.",
            ) from error

    def correct_before_image(self, state: UserState) -> None:
        """Correct the state before the first write: the read before it was outdated."""
        with self._database.transaction() as db:
            db.execute(
                "UPDATE before_images SET state = ? WHERE user_sub = ?", (state_to_json(state), state.sub)
            )

    def users_with(self, phone: Phone, but_for: str) -> list[str]:
        """The Usernames of other users who had a number when last read, or received it."""
        found = self._database.query(
            "SELECT username FROM users WHERE phone = ?1 AND sub <> ?2 UNION"
            " SELECT u.username FROM rows r JOIN users u ON u.sub = r.user_sub"
            " WHERE r.wish = ?1 AND u.sub <> ?2 LIMIT 50",
            phone.e164,
            but_for,
        )
        return [row["username"] for row in found]

    def writes_of(self, row: int) -> list[Write]:
        """The writes to a row's user, oldest first, without refused ones."""
        found = self._database.query(
            "SELECT step, result FROM writes WHERE row = ? AND result <> 'refused' ORDER BY id", row
        )
        return [Write(steps_from_text(each["step"])[0], each["result"] == "done") for each in found]

    def record_intent(self, work: PlannedRow, state: UserState, decision: Plan, now: float) -> int:
        """Record the final decision, the user's state before it, and the intent of its first write.

        The state is recorded once and never replaced, so that a resumed run can still be undone.

        Returns:
            The id of the intent.
        """
        before = (work.user_sub, work.row, state_to_json(state), now)

        def change(db: "sqlite3.Connection") -> int:
            db.execute("INSERT OR IGNORE INTO before_images VALUES (?, ?, ?, ?)", before)
            write_decision(db, work.row, decision, now)
            return self._intend(db, work, decision.steps[0], now)

        return self._committed(self._group.commit(change))

    def record_result(self, intent: int, result: str, now: float) -> None:
        """Record the result of a write: `done`, `refused` or `unknown`."""
        self._group.commit(lambda db: _set_result(db, intent, result, now))

    def record_result_and_next(self, intent: int, work: PlannedRow, step: Step, now: float) -> int:
        """Record that a write was done and, in the same commit, the intent of the next one."""

        def change(db: "sqlite3.Connection") -> int:
            _set_result(db, intent, "done", now)
            return self._intend(db, work, step, now)

        return self._committed(self._group.commit(change))

    def finish(
        self,
        row: int,
        verdict: Verdict,
        now: float,
        state: UserState | None = None,
        *,
        done: int | None = None,
    ) -> None:
        """End a row; `state` is the user as last read, with which later changes are detected.

        `done` is the intent of a successful write that is recorded in the same commit.
        """

        def change(db: "sqlite3.Connection") -> None:
            if done is not None:
                _set_result(db, done, "done", now)
            if state is not None:
                remember(db, state)
            write_decision(db, row, verdict, now)

        self._group.commit(change)

    def counts(self) -> dict[Outcome, int]:
        """Rows by outcome."""
        found = self._database.query("SELECT outcome, COUNT(*) FROM rows GROUP BY outcome")
        return {Outcome(outcome): count for outcome, count in found}

    def _intend(self, db: "sqlite3.Connection", work: PlannedRow, step: Step, now: float) -> int:
        made = db.execute(
            "INSERT INTO writes (row, user_sub, pass, step, at) VALUES (?, ?, ?, ?, ?)",
            (work.row, work.user_sub, self._pass, steps_to_text((step,)), now),
        )
        return int(made.lastrowid or 0)

    def _committed(self, intent: int) -> int:
        """Note an intent for the next mark: only now is it surely in the authoritative journal."""
        self._database.wait_for_replica()
        self._last_intent = max(self._last_intent, intent)
        return intent
