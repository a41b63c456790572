"""The journal for reports and `status`, read only."""

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from migrate_mfa.domain.phone.normalise import NO_COUNTRY
from migrate_mfa.domain.reasons import Outcome
from migrate_mfa.domain.rollback import Write
from migrate_mfa.domain.rows import PlannedBy
from migrate_mfa.journal.pass_store import PassContext
from migrate_mfa.journal.rows import (
    OF_NUMBER,
    SETS_SMS_MFA,
    STORES_NUMBER,
    STORES_UNVERIFIED,
    SWITCHES_OFF,
    any_step,
    first_step,
    used_number,
)
from migrate_mfa.journal.values import steps_from_text

if TYPE_CHECKING:
    from migrate_mfa.journal.database import Database

_BATCH = 1000


class ReportRow(NamedTuple):
    """One row of the roster with its result; `reason` is empty while it is unprocessed.

    `cells` are the row's own: they may be fewer than the roster's columns, or more (`surplus_cells`). `used`
    is the number that was stored or used for its user; `writes` are those of an unprocessed row.
    """

    row: int
    verb: PlannedBy
    cells: tuple[str, ...]
    outcome: str
    reason: str
    detail: str
    guesses: tuple[str, ...]
    user_sub: str
    updated_at: float
    used: str
    writes: tuple[Write, ...]


@dataclass(frozen=True, slots=True)
class PassRecord:
    """One invocation that worked on the run directory."""

    id: int
    command: str
    state: str
    started_at: float
    ended_at: float | None
    reads_only: int
    extra: Mapping[str, Any]
    """The command's own part of the summary; `reports.command_results` has the types."""
    context: PassContext

    @property
    def seconds(self) -> float | None:
        """How long it took; None if it has not ended."""
        return None if self.ended_at is None else self.ended_at - self.started_at


class ReportStore:
    """Counts and rows, read directly from the journal."""

    def __init__(self, database: "Database") -> None:
        self._database = database

    def counts(self) -> list[tuple[str, str, int]]:
        """Rows by outcome and reason."""
        found = self._database.query(
            "SELECT outcome, COALESCE(reason, '') AS reason, COUNT(*) AS rows FROM rows"
            " GROUP BY outcome, reason ORDER BY rows DESC"
        )
        return [(row["outcome"], row["reason"], row["rows"]) for row in found]

    def planned(self) -> dict[str, int]:
        """Open rows by the reason with which their plan ends."""
        found = self._database.query(
            "SELECT ends, COUNT(*) AS rows FROM rows INDEXED BY open_rows"
            " WHERE outcome = 'unprocessed' AND ends NOTNULL GROUP BY ends"
        )
        return {row["ends"]: row["rows"] for row in found}

    def frequent_details(self, most: int = 3) -> dict[str, list[tuple[str, int]]]:
        """The most frequent details of rows that cannot be read or used, by reason."""
        found = self._database.query(
            "SELECT reason, detail, COUNT(*) AS rows FROM rows NOT INDEXED"
            f" WHERE (NOT readable OR reason IN ({OF_NUMBER})) AND detail <> ''"
            " GROUP BY reason, detail ORDER BY rows DESC"
        )
        details: dict[str, list[tuple[str, int]]] = {}
        for row in found:
            if len(details.setdefault(row["reason"], [])) < most:
                details[row["reason"]].append((row["detail"], row["rows"]))
        return details

    def guesses(self) -> dict[str, int]:
        """How often each guess was needed to read a number."""
        found = self._database.query(
            "SELECT guesses, COUNT(*) AS rows FROM rows WHERE guesses <> '' GROUP BY guesses"
        )
        counts: dict[str, int] = {}
        for row in found:
            for guess in row["guesses"].split():
                counts[guess] = counts.get(guess, 0) + row["rows"]
        return counts

    def rows(self, outcome: Outcome) -> Iterator[ReportRow]:
        """All rows with one outcome, in the roster's order, streaming."""
        after, used = 0, "used" if self._knows_numbers() else used_number("rows.reason")
        while found := self._database.query(
            f"SELECT {_REPORTED}, {used} FROM rows NOT INDEXED"
            " WHERE outcome = ? AND row > ? ORDER BY row LIMIT ?",
            outcome,
            after,
            _BATCH,
        ):
            writes = self._writes(found) if outcome is Outcome.UNPROCESSED else {}
            yield from (_report_row(row, writes.get(row["row"], ())) for row in found)
            after = found[-1]["row"]

    def _knows_numbers(self) -> bool:
        """Whether the journal's version has the numbers used; a read-only command does not upgrade it."""
        return self._has("rows", "used")

    def _has(self, table: str, column: str) -> bool:
        sql = "SELECT 1 FROM pragma_table_info(?) WHERE name = ?"
        return bool(self._database.query(sql, table, column))

    def _writes(self, rows: Sequence[Any]) -> dict[int, Sequence[Write]]:
        """The writes to the users of a range of rows, by row, without refused ones."""
        writes: dict[int, list[Write]] = defaultdict(list)
        for each in self._database.query(
            "SELECT row, step, result FROM writes WHERE row BETWEEN ? AND ? AND result <> 'refused'"
            " ORDER BY id",
            rows[0]["row"],
            rows[-1]["row"],
        ):
            (step,) = steps_from_text(each["step"])
            writes[each["row"]].append(Write(step, each["result"] == "done"))
        return dict(writes)

    def half_done(self) -> dict[str, int]:
        """Users whom a run or a rollback has left between two writes, by their state.

        Only rows up to the last write are read: a roster may have a million rows still to do.
        """
        found = self._database.query(
            f"SELECT COUNT(*) FILTER (WHERE verb = 'run' AND {any_step('steps', SETS_SMS_MFA)}"
            f"  AND {_wrote(STORES_NUMBER)} AND NOT {_wrote(SETS_SMS_MFA)}) AS {_STORED},"
            f" COUNT(*) FILTER (WHERE verb = 'rollback' AND {_wrote(SWITCHES_OFF)}) AS {_OFF}"
            " FROM rows r INDEXED BY open_rows WHERE r.outcome = 'unprocessed'"
            " AND r.row <= (SELECT MAX(row) FROM writes)"
        )
        return {name: found[0][name] for name in (_STORED, _OFF)}

    def has_surplus_cells(self, columns: int) -> bool:
        """Whether a row has more cells than the roster has columns."""
        sql = "SELECT 1 FROM rows NOT INDEXED WHERE NOT readable AND json_array_length(cells) > ? LIMIT 1"
        return bool(self._database.query(sql, columns))

    def last_pass(self) -> PassRecord | None:
        """The latest invocation."""
        found = self.passes(last_only=True)
        return found[0] if found else None

    def passes(self, *, last_only: bool = False) -> list[PassRecord]:
        """Every invocation, the latest first."""
        found = self._database.query("SELECT * FROM passes ORDER BY id DESC LIMIT ?", 1 if last_only else -1)
        return [_pass(row) for row in found]

    def ended_since(self, moment: float) -> dict[str, int]:
        """Planned rows that have ended since a time (seconds since 1970), by reason, most frequent first."""
        found = self._database.query(
            "SELECT reason, COUNT(*) AS rows FROM rows NOT INDEXED WHERE updated_at >= ? AND steps NOTNULL"
            " AND reason NOTNULL GROUP BY reason ORDER BY rows DESC, reason",
            moment,
        )
        return {row["reason"]: row["rows"] for row in found}

    def failures(self) -> list[tuple[str, str, str, int]]:
        """Failed rows by reason, by what failed ("AdminGetUser: SomeException", or empty), and by country.

        Only the beginning of a detail is used, which is our own text: Cognito's text differs by row.
        """
        found = self._database.query(
            "SELECT reason, CASE WHEN detail GLOB 'Admin*' OR detail GLOB 'List*'"
            " THEN rtrim(substr(detail, 1, instr(detail || '. ', '. ') - 1), '.') ELSE '' END AS cause,"
            f" {'country' if self._has('rows', 'country') else 'NULL'} AS country, COUNT(*) AS rows"
            " FROM rows WHERE outcome = 'failed' GROUP BY 1, 2, 3 ORDER BY rows DESC LIMIT ?",
            _MOST_CAUSES,
        )
        return [(row["reason"], row["cause"], row["country"] or "", row["rows"]) for row in found]

    def codes_caused(self) -> dict[str, int]:
        """By country, the rows for which an unverified number was, or may have been, stored."""
        country = "r.country" if self._has("rows", "country") else "NULL"
        found = self._database.query(
            f"SELECT {country} AS country, COUNT(DISTINCT w.row) AS rows"
            " FROM writes w JOIN rows r USING (row)"
            f" WHERE w.result <> 'refused' AND {first_step('w.step', STORES_UNVERIFIED)} GROUP BY 1"
        )
        return {row["country"] or NO_COUNTRY: row["rows"] for row in found}

    def users_written(self) -> int:
        """How many users this directory's commands have written to, or may have."""
        return int(self._database.value("SELECT COUNT(*) FROM before_images"))

    def calls(self, pass_id: int) -> dict[str, dict[str, int]]:
        """Attempts by category in one pass."""
        found = self._database.query("SELECT * FROM calls WHERE pass = ? ORDER BY category", pass_id)
        return {
            row["category"]: {name: row[name] for name in ("sent", "throttled", "retried")} for row in found
        }


_MOST_CAUSES = 500
_STORED, _OFF = "number_stored_mfa_off", "mfa_off_not_given_back"


def _wrote(pattern: str) -> str:
    """SQL for whether a kind of write was surely made for the row `r`."""
    return (
        "EXISTS (SELECT 1 FROM writes w WHERE w.row = r.row AND w.result = 'done'"
        f" AND {first_step('w.step', pattern)})"
    )


def _pass(row: Any) -> PassRecord:  # noqa: ANN401 - sqlite3.Row
    before_context = "context" not in row.keys()  # noqa: SIM118 - a mere look upgrades no journal
    return PassRecord(
        id=row["id"],
        command=row["command"],
        state=row["state"],
        started_at=row["started_at"],
        ended_at=row["ended_at"],
        reads_only=row["reads_only"],
        extra=json.loads(row["extra"]),
        context=PassContext() if before_context else PassContext.from_json(row["context"]),
    )


_REPORTED = "row, verb, cells, outcome, reason, detail, guesses, user_sub, updated_at"


def _report_row(found: Any, writes: Sequence[Write]) -> ReportRow:  # noqa: ANN401 - sqlite3.Row
    """The columns of `_REPORTED` and the number used, by position, because a report has many rows."""
    row, verb, cells, outcome, reason, detail, guesses, user_sub, updated_at, used = found
    return ReportRow(
        row=row,
        verb=PlannedBy(verb),
        cells=tuple(json.loads(cells)),
        outcome=outcome,
        reason=reason or "",
        detail=detail if outcome != Outcome.UNPROCESSED else "",
        guesses=tuple(guesses.split()),
        user_sub=user_sub or "",
        updated_at=updated_at,
        used=used or "",
        writes=tuple(writes),
    )
