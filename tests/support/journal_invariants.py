"""What holds of every journal after every pass, however it ended; looked at in a copy, which changes nothing.

`broken` names what does not hold. `tests/conftest.py` has every journal looked at that a test lets go of, in
this process or a child's.
"""

from __future__ import annotations

import json
import shutil
import sqlite3
import tempfile
from collections import Counter
from contextlib import closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from migrate_mfa.domain.errors import MigrateMfaError
from migrate_mfa.domain.reasons import Outcome, Reason
from migrate_mfa.domain.rows import PlannedBy
from migrate_mfa.journal.database import NAME, Database, Journal
from migrate_mfa.journal.schema import VERSION
from migrate_mfa.journal.values import state_from_json, steps_from_text
from migrate_mfa.journal.write_store import WorkStore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_MOST_BYTES: Final = 2**24
"""Larger journals are those of the tests of size, which have figures of their own."""
_EVERYTHING: Final = 2**31
_VERBS_OF_KIND: Final = {
    "run": (PlannedBy.RUN, PlannedBy.RECONCILE, PlannedBy.REPAIR, PlannedBy.ROLLBACK),
    "disable": (PlannedBy.DISABLE, PlannedBy.ROLLBACK),
}
"""What the commands on a run directory carry out; a row of another verb is never done."""
_DID: Final = "w.result <> 'refused'"
_LAST: Final = "(SELECT MAX(id) FROM passes)"
_NONE_OF: Final[dict[str, str]] = {
    "a write has no row": "SELECT w.id FROM writes w WHERE w.row NOT IN (SELECT row FROM rows)",
    "a write is of another user than its row": (
        f"SELECT w.id FROM writes w JOIN rows r USING (row) WHERE {_DID} AND r.user_sub IS NOT w.user_sub"
    ),
    "a write's user is not known": (
        f"SELECT w.id FROM writes w WHERE {_DID} AND w.user_sub NOT IN (SELECT sub FROM users)"
    ),
    "a write has no before-image": (
        f"SELECT w.id FROM writes w WHERE {_DID} AND w.user_sub NOT IN (SELECT user_sub FROM before_images)"
    ),
    "a write has no pass, or a later one than the write after it": (
        "SELECT w.id FROM writes w WHERE w.pass NOT IN (SELECT id FROM passes)"
        " OR w.pass > (SELECT n.pass FROM writes n WHERE n.id > w.id ORDER BY n.id LIMIT 1)"
    ),
    "two rows have written to one user": (
        f"SELECT MIN(w.id) FROM writes w WHERE {_DID} GROUP BY w.user_sub HAVING COUNT(DISTINCT w.row) > 1"
    ),
    "a before-image has no row, or none that is its user's": (
        "SELECT b.row FROM before_images b WHERE b.row NOT IN (SELECT row FROM rows)"
        f" OR (EXISTS (SELECT 1 FROM writes w WHERE w.user_sub = b.user_sub AND {_DID})"
        "  AND b.user_sub NOT IN (SELECT user_sub FROM rows WHERE user_sub NOTNULL))"
    ),
    "a row's user is not known": (
        "SELECT row FROM rows WHERE user_sub NOTNULL AND user_sub NOT IN (SELECT sub FROM users)"
    ),
    "a drift has no row and user": (
        "SELECT d.row FROM drift d LEFT JOIN rows r ON r.row = d.row AND r.user_sub = d.user_sub"
        " WHERE r.row IS NULL OR d.user_sub NOT IN (SELECT sub FROM users)"
    ),
    "a stored number is not that of its row": (
        "SELECT w.id FROM writes w JOIN rows r USING (row) JOIN passes p ON p.id = w.pass"
        " WHERE p.command IN ('run', 'reconcile') AND w.step GLOB '[PV]*'"
        f" AND {_DID} AND substr(w.step, 2) IS NOT r.phone AND substr(w.step, 2)"
        " IS NOT (SELECT state ->> '$.p' FROM before_images b WHERE b.user_sub = w.user_sub)"
    ),
    "a row that is enrolled shows another number as used": (
        "SELECT row FROM rows WHERE reason = 'enrolled' AND verb = 'run' AND phone NOTNULL"
        " AND (SELECT value FROM meta WHERE key = 'kind') = '\"run\"'"
        " AND used IS NOT phone AND (SELECT value FROM meta WHERE key = 'phone_conflict') <> '\"keep\"'"
    ),
    "an open row has a reason, or a done one none": (
        "SELECT row FROM rows WHERE (outcome = 'unprocessed') <> (reason IS NULL)"
    ),
    "an ended pass left an intent without a result in a row that is done": (
        f"SELECT w.id FROM writes w JOIN rows r USING (row) JOIN passes p ON p.id = w.pass "
        f" WHERE p.id = {_LAST} AND p.ended_at NOTNULL AND w.result = 'intent' AND r.outcome <> 'unprocessed'"
    ),
    "a finished pass left an intent without a result": (
        "SELECT w.id FROM writes w JOIN passes p ON p.id = w.pass"
        " WHERE p.state = 'finished' AND w.result = 'intent'"
    ),
    "there are more or fewer rows than records": (
        "SELECT m.value FROM meta m WHERE m.key = 'roster_records'"
        " AND (CAST(m.value AS INTEGER) <> (SELECT COUNT(*) FROM rows)"
        "  OR CAST(m.value AS INTEGER) <> (SELECT MAX(row) FROM rows))"
    ),
    "an audit that has ended keeps a user whom no list names": (
        "SELECT a.row FROM audited a WHERE a.why NOT IN ('unverified', 'no_phone', 'no_mfa')"
        f" AND (SELECT ended_at FROM passes WHERE id = {_LAST}) NOTNULL"
    ),
    "passes are not numbered from one": "SELECT MAX(id) FROM passes HAVING MAX(id) <> COUNT(*)",
}
"""Queries that find nothing in a sound journal: a number of a write or a row otherwise."""
_NONE_OF_PURGED: Final[dict[str, str]] = {
    "a purged journal keeps a user": " UNION ".join(
        f"SELECT rowid FROM {table}" for table in ("users", "audited")
    )
    + "".join(f" UNION SELECT row FROM {table}" for table in ("before_images", "drift")),
    "a purged journal keeps what a row or a write says of its user": (
        "SELECT row FROM rows WHERE cells <> '[]' OR detail <> '' OR steps NOTNULL OR COALESCE(sub, username,"
        " email, phone, user_sub, wish, country, used) NOTNULL"
        " UNION SELECT id FROM writes WHERE user_sub <> '' OR step <> ''"
    ),
}
"""The same for one that was purged."""


def broken(directory: Path) -> list[str]:
    """What does not hold of a run directory's journal; a sentence each.

    Other versions than today's, and very large journals, are not looked at.
    """
    path = directory / NAME
    if not path.exists() or path.stat().st_size > _MOST_BYTES:
        return []
    with tempfile.TemporaryDirectory(prefix="journal-") as folder:
        try:
            for name in (NAME, f"{NAME}-wal"):
                with suppress(FileNotFoundError):
                    shutil.copy2(directory / name, folder)
            with closing(Database(Path(folder) / NAME)) as database:
                return list(_broken_in(database, directory / "report"))
        except (sqlite3.Error, OSError, MigrateMfaError, ValueError, TypeError) as error:
            return [f"it cannot be read: {error}"]


def _broken_in(database: Database, report: Path) -> Iterator[str]:
    if database.value("PRAGMA user_version") != VERSION or not database.value("SELECT COUNT(*) FROM passes"):
        return
    purged = _fact(database, "phase") == "purged"
    for what, query in (_NONE_OF_PURGED if purged else _NONE_OF).items():
        if found := database.query(f"{query} LIMIT 3"):
            yield f"{what}: {[tuple(each) for each in found]}"
    yield from _unreadable(database)
    yield from _never_done(database)
    yield from _counted_wrongly(database, report)


def _fact(database: Database, key: str) -> Any:
    text = database.value("SELECT value FROM meta WHERE key = ?", key)
    return json.loads(text) if text else None


def _unreadable(database: Database) -> Iterator[str]:
    """Outcomes that their reasons do not have, steps and states that the next pass could not read."""
    for row in database.query("SELECT DISTINCT outcome, reason FROM rows WHERE reason NOTNULL"):
        if Reason(row["reason"]).outcome is not Outcome(row["outcome"]):
            yield f"a row is {row['outcome']} for {row['reason']}"
    for row in database.query(
        "SELECT DISTINCT steps FROM rows WHERE outcome = 'unprocessed' AND steps NOTNULL"
    ):
        steps_from_text(row["steps"])
    for row in database.query("SELECT user_sub, state FROM before_images"):
        if state_from_json(row["state"]).sub != row["user_sub"]:
            yield "a before-image is of another user"


def _never_done(database: Database) -> Iterator[str]:
    """Open rows that no command on this directory ever takes up."""
    verbs = _VERBS_OF_KIND.get(_fact(database, "kind"), tuple(PlannedBy))
    store = WorkStore(database, 0)
    claimed = [work.row for verb in verbs for work in store.claim((verb,), 0, _EVERYTHING)]
    if len(claimed) != (waiting := store.open_rows()):
        yield f"{waiting} rows are open, {len(claimed)} of them are ever claimed"
    state = database.value(f"SELECT state FROM passes WHERE id = {_LAST}")
    if state == "finished" and _fact(database, "phase") == "planned":
        # A rollback of some users parks what an earlier one has left to do.
        lost = "SELECT row FROM rows WHERE outcome = 'unprocessed' AND steps IS NULL AND verb <> 'rollback'"
        if found := database.query(f"{lost} LIMIT 3"):
            yield f"a finished pass left rows without a plan: {[row['row'] for row in found]}"


def _counted_wrongly(database: Database, report: Path) -> Iterator[str]:
    """Outcomes in the last pass's summary that the rows do not have."""
    (last,) = database.query("SELECT id, command FROM passes ORDER BY id DESC LIMIT 1")
    summary = report / f"summary-{last['id']}-{last['command']}.json"
    if not summary.exists():
        return
    told: dict[str, int] = json.loads(summary.read_text(encoding="utf-8"))["counts"]
    rows = Counter(row["outcome"] for row in database.query("SELECT outcome FROM rows"))
    if rows != {name: number for name, number in told.items() if number}:
        yield f"the summary counts {told}, and the rows are {dict(rows)}"


class Watch:
    """Looks at each journal that this process lets go of, and collects what is broken."""

    def __init__(self) -> None:
        self.found: list[str] = []

    def look(self, directory: Path) -> None:
        """Look at one run directory."""
        self.found += [f"{directory.name}: {what}" for what in broken(directory)]

    def look_below(self, folder: Path) -> None:
        """Look at all run directories in a folder."""
        for path in sorted(folder.rglob(NAME)):
            self.look(path.parent)

    def take(self) -> list[str]:
        """What was found since the last time."""
        found, self.found = self.found, []
        return found


WATCH: Final = Watch()


def watched(close: Callable[[Journal], None]) -> Callable[[Journal], None]:
    """`Journal.close` that looks at what it has let go of; a mere look at a journal changes nothing."""

    def close_and_look(journal: Journal) -> None:
        worked = journal._lock is not None
        close(journal)
        if worked:
            WATCH.look(journal.directory)

    return close_and_look
