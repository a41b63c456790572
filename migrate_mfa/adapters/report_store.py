"""The journal as reports and `status` read it; never needs more than a read-only look."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from migrate_mfa.domain.reasons import Outcome

if TYPE_CHECKING:
    from migrate_mfa.adapters.journal import Database

_BATCH = 1000


@dataclass(frozen=True, slots=True)
class ReportRow:
    """One row of the roster with what became of it; `reason` is empty while it is unprocessed.

    `cells` are those that the row has: perhaps fewer than the roster's columns, or more (`surplus_cells`).
    """

    cells: tuple[str, ...]
    outcome: str
    reason: str
    detail: str
    guesses: tuple[str, ...]
    user_sub: str
    updated_at: float


@dataclass(frozen=True, slots=True)
class PassRecord:
    """One invocation that worked on the run directory."""

    id: int
    command: str
    state: str
    started_at: float
    ended_at: float | None
    reads_only: int
    extra: dict[str, Any]


class ReportStore:
    """Counts and rows, straight from the journal."""

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
        """Open rows by the reason that their plan ends with."""
        found = self._database.query(
            "SELECT ends, COUNT(*) AS rows FROM rows INDEXED BY open_rows"
            " WHERE outcome = 'unprocessed' AND ends NOTNULL GROUP BY ends"
        )
        return {row["ends"]: row["rows"] for row in found}

    def frequent_details(self, most: int = 3) -> dict[str, list[tuple[str, int]]]:
        """What the rows that the roster alone condemns have in common: by reason, the commonest details."""
        found = self._database.query(
            "SELECT reason, detail, COUNT(*) AS rows FROM rows NOT INDEXED"
            " WHERE NOT readable AND detail <> '' GROUP BY reason, detail ORDER BY rows DESC"
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
        after = 0
        while found := self._database.query(
            "SELECT * FROM rows NOT INDEXED WHERE outcome = ? AND row > ? ORDER BY row LIMIT ?",
            outcome,
            after,
            _BATCH,
        ):
            yield from (_report_row(row) for row in found)
            after = found[-1]["row"]

    def has_surplus_cells(self, columns: int) -> bool:
        """Whether a row has more cells than the roster has columns."""
        sql = "SELECT 1 FROM rows NOT INDEXED WHERE NOT readable AND json_array_length(cells) > ? LIMIT 1"
        return bool(self._database.query(sql, columns))

    def last_pass(self) -> PassRecord | None:
        """The latest invocation."""
        found = self._database.query("SELECT * FROM passes ORDER BY id DESC LIMIT 1")
        return PassRecord(**{**found[0], "extra": json.loads(found[0]["extra"])}) if found else None

    def calls(self, pass_id: int) -> dict[str, dict[str, int]]:
        """Attempts by category in one pass."""
        found = self._database.query("SELECT * FROM calls WHERE pass = ? ORDER BY category", pass_id)
        return {
            row["category"]: {name: row[name] for name in ("sent", "throttled", "retried")} for row in found
        }


def _report_row(row: Any) -> ReportRow:  # noqa: ANN401 - sqlite3.Row
    return ReportRow(
        cells=tuple(json.loads(row["cells"])),
        outcome=row["outcome"],
        reason=row["reason"] or "",
        detail=row["detail"] if row["outcome"] != Outcome.UNPROCESSED else "",
        guesses=tuple(row["guesses"].split()),
        user_sub=row["user_sub"] or "",
        updated_at=row["updated_at"],
    )
