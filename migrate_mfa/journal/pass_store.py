"""The journal's passes: the beginning and end of each command that has worked on the run directory."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import TYPE_CHECKING, Any, Protocol, Self

from migrate_mfa.domain.quotas import Category
from migrate_mfa.journal.call_rates import Moments, add_calls
from migrate_mfa.journal.run_files import write_mark

if TYPE_CHECKING:
    import sqlite3

    from migrate_mfa.journal.database import Database
    from migrate_mfa.ports import ProgressUpdate


class Count(Protocol):
    """Attempts in one category."""

    sent: int
    throttled: int
    retried: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PassContext:
    """The caller, options and rates of one pass; the names of the fields are the JSON keys.

    In a journal of an older version all are missing.
    """

    account: str | None = None
    region: str | None = None
    endpoint: str | None = None
    caller_arn: str | None = None
    host: str | None = None
    versions: Mapping[str, str] | None = None
    rates: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    """The quota and our ceiling, by category, in calls per second."""
    options: Mapping[str, Any] = field(default_factory=dict)
    """The options for the limits and the pace of the pass, as JSON values."""

    def to_json(self) -> str:
        """The text for the journal."""
        return json.dumps({each.name: getattr(self, each.name) for each in fields(self)})

    @classmethod
    def from_json(cls, text: str) -> Self:
        """The inverse of `to_json`; fields that a later version adds are left out."""
        known = {each.name for each in fields(cls)}
        return cls(**{name: value for name, value in json.loads(text).items() if name in known})


class PassStore:
    """One pass (one invocation of one command), and facts about the passes before it."""

    def __init__(self, database: "Database", pass_id: int, begun: float = 0.0) -> None:
        self._database = database
        self._pass = pass_id
        self._last_intent = 0
        self.begun = begun
        """When this pass began, in seconds since 1970; no other process has worked here since."""

    @property
    def pass_id(self) -> int:
        """The number of this pass: later passes have higher numbers, even if the clock was set back."""
        return self._pass

    @classmethod
    def begin(
        cls, database: "Database", command: str, now: float, context: PassContext | None = None
    ) -> Self:
        """Start a pass; `context` has the caller, host, versions and options."""
        with database.transaction() as db:
            made = db.execute(
                "INSERT INTO passes (command, state, started_at, context) VALUES (?, 'running', ?, ?)",
                (command, now, context.to_json() if context else "{}"),
            )
        store = cls(database, int(made.lastrowid or 0), now)
        store._last_intent = int(database.value("SELECT COALESCE(MAX(id), 0) FROM writes"))
        store._mark()
        return store

    def _mark(self) -> None:
        """Note the last pass and write of the journal in a file beside it."""
        if self._pass:
            write_mark(self._database.path.parent, self._pass, self._last_intent)

    def require_ours(self) -> None:
        """Check that this process may still write to users: otherwise the writes would be recorded nowhere.

        Raises:
            RunDirectoryError: the run directory was removed or replaced, or another process has taken over.
        """
        self._database.require_ours()

    def end(self, state: str, now: float, *, reads_only: int, extra: Mapping[str, object]) -> None:
        """End the pass as `finished`, `stopped`, `interrupted` or `planned`."""
        with self._database.transaction() as db:
            db.execute(
                "UPDATE passes SET state = ?, ended_at = ?, reads_only = ?, extra = ? WHERE id = ?",
                (state, now, reads_only, json.dumps(extra), self._pass),
            )
        self._mark()

    def count_calls(self, calls: Mapping[Category, Count], moments: Moments | None = None) -> None:
        """Record the calls of this pass so far; `moments` are the calls since the last time."""
        with self._database.transaction() as db:
            self._count_calls(db, calls)
            add_calls(db, self._pass, moments or {})

    def note(
        self,
        standing: "ProgressUpdate",
        calls: Mapping[Category, Count],
        now: float,
        moments: Moments | None = None,
    ) -> None:
        """Replace the note of this pass's progress, and record its calls like `count_calls`."""
        noted = {"pass": self._pass, "at": now, **asdict(standing)}
        with self._database.transaction() as db:
            self._count_calls(db, calls)
            add_calls(db, self._pass, moments or {})
            db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", ("standing", json.dumps(noted)))
        self._mark()

    def _count_calls(self, db: "sqlite3.Connection", calls: Mapping[Category, Count]) -> None:
        db.executemany(
            "INSERT OR REPLACE INTO calls VALUES (?, ?, ?, ?, ?)",
            [
                (self._pass, category.value, count.sent, count.throttled, count.retried)
                for category, count in calls.items()
                if count.sent
            ],
        )

    def finished_before(self, command: str) -> bool:
        """Whether the same command has finished here before."""
        return bool(
            self._database.value(
                "SELECT EXISTS (SELECT 1 FROM passes WHERE command = ? AND state = 'finished')", command
            )
        )

    def ended_before(self) -> float | None:
        """When the command before this one ended, in seconds since 1970; None if it was killed."""
        sql = "SELECT ended_at FROM passes WHERE id < ? ORDER BY id DESC LIMIT 1"
        found = self._database.query(sql, self.pass_id)
        return found[0]["ended_at"] if found else None
