"""The outcome CSVs: one file for each outcome, every row in exactly one, each a valid roster again."""

import csv
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from migrate_mfa.domain.reasons import Outcome, Reason
from migrate_mfa.domain.spreadsheet import guard
from migrate_mfa.reports.files import whole_file
from migrate_mfa.reports.surplus_cells import SURPLUS_COLUMN, SurplusCells, cell

if TYPE_CHECKING:
    from migrate_mfa.adapters.report_store import ReportRow, ReportStore

OWN_COLUMNS = ("outcome", "reason", "detail", "user_sub", "updated_at")


def write_outcomes(directory: Path, columns: Sequence[str], store: "ReportStore") -> None:
    """Write `verified.csv` and its sisters: UTF-8 with BOM, comma, CRLF, whatever the roster was.

    The roster's own columns come first, as text; columns that are named like ours are replaced by ours.
    """
    kept = [at for at, name in enumerate(columns) if name.strip().casefold() not in OWN_COLUMNS]
    header = [columns[at] for at in kept] + list(OWN_COLUMNS)
    for outcome in Outcome:
        if outcome is Outcome.FAILED and store.has_surplus_cells(len(columns)):
            _write_failed(directory / "failed.csv", columns, kept, store)
            continue
        rows = (_cells(row, kept) for row in store.rows(outcome))
        write_csv(directory / f"{outcome.value}.csv", header, rows)


def _write_failed(path: Path, columns: Sequence[str], kept: Sequence[int], store: "ReportStore") -> None:
    """Write `failed.csv` with one column more: the cells that rows have beyond the roster's columns."""
    surplus = SurplusCells.of(columns)
    kept = [at for at in kept if at != surplus.own]
    header = [*(columns[at] for at in kept), SURPLUS_COLUMN, *OWN_COLUMNS]
    rows = (
        [*cells[: len(kept)], surplus.text(row.cells), *cells[len(kept) :]]
        for row in store.rows(Outcome.FAILED)
        for cells in (_cells(row, kept),)
    )
    write_csv(path, header, rows)


def write_csv(path: Path, header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Write a CSV whole or not at all, readable by its owner only, safe to open in a spreadsheet."""
    with whole_file(path, encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file, lineterminator="\r\n")
        writer.writerow([guard(name) for name in header])
        writer.writerows([guard(text) for text in row] for row in rows)


def _cells(row: "ReportRow", kept: Sequence[int]) -> list[str]:
    at = datetime.fromtimestamp(row.updated_at, UTC).isoformat(timespec="seconds") if row.updated_at else ""
    return [*(cell(row.cells, at) for at in kept), row.outcome, row.reason, explain(row), row.user_sub, at]


def explain(row: "ReportRow") -> str:
    """The reason's sentence, what is special about this row, and how its number was read."""
    sentence = Reason(row.reason).sentence if row.reason else "Not done yet; run the same command again."
    guesses = f"The number was read with a guess: {', '.join(row.guesses)}." if row.guesses else ""
    return " ".join(part for part in (sentence, row.detail, guesses) if part)
