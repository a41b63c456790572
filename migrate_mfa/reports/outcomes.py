"""The outcome CSVs: one file for each outcome, every row in exactly one. Each is a valid roster."""

import csv
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from functools import cache, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from migrate_mfa.domain.reasons import Outcome, Reason
from migrate_mfa.domain.report_columns import own_names, report_block
from migrate_mfa.domain.row_progress import stored_number, where_it_stands
from migrate_mfa.domain.rows import PlannedBy
from migrate_mfa.domain.spreadsheet import guard
from migrate_mfa.reports.files import whole_file
from migrate_mfa.reports.surplus_cells import SURPLUS_COLUMN, SurplusCells, cell

if TYPE_CHECKING:
    from migrate_mfa.journal.report_store import ReportRow, ReportStore


def write_outcomes(directory: Path, columns: Sequence[str], store: "ReportStore") -> None:
    """Write `verified.csv` and the others: UTF-8 with BOM, comma, CRLF, independent of the roster's format.

    The roster's own columns come first, as text. If the roster was a report, its report columns are replaced.
    """
    replaced = report_block(columns)
    kept = [at for at in range(len(columns)) if at not in replaced]
    names = [columns[at] for at in kept]
    header = names + own_names(names)
    for outcome in Outcome:
        if outcome is Outcome.FAILED and store.has_surplus_cells(len(columns)):
            _write_failed(directory / "failed.csv", columns, kept, store)
            continue
        rows = (_cells(row, kept) for row in store.rows(outcome))
        write_csv(directory / f"{outcome.value}.csv", header, rows)


def _write_failed(path: Path, columns: Sequence[str], kept: Sequence[int], store: "ReportStore") -> None:
    """Write `failed.csv` with an additional column: the cells of rows beyond the roster's columns."""
    surplus = SurplusCells.of(columns)
    kept = [at for at in kept if at != surplus.own]
    names = [columns[at] for at in kept]
    header = [*names, SURPLUS_COLUMN, *own_names(names)]
    rows = (
        [*cells[: len(kept)], surplus.text(row.cells), *cells[len(kept) :]]
        for row in store.rows(Outcome.FAILED)
        for cells in (_cells(row, kept),)
    )
    write_csv(path, header, rows)


def write_csv(path: Path, header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Write a CSV completely or not at all, readable only by its owner, safe to open in a spreadsheet."""
    with whole_file(path, encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file, lineterminator="\r\n")
        writer.writerow([guard(name) for name in header])
        writer.writerows([guard(text) for text in row] for row in rows)


def _cells(row: "ReportRow", kept: Sequence[int]) -> list[str]:
    at = _moment(int(row.updated_at)) if row.updated_at else ""
    own = (row.outcome, row.reason, explain(row), row.user_sub, at, str(row.row), number_used(row))
    return [*[cell(row.cells, at) for at in kept], *own]


@lru_cache
def _moment(at: int) -> str:
    """A time as text; cached, because many rows have the same second."""
    return datetime.fromtimestamp(at, UTC).isoformat()


def number_used(row: "ReportRow") -> str:
    """The number that was stored or used for a row's user, also of an unfinished row; empty for none."""
    given_back = row.verb is PlannedBy.ROLLBACK and not row.reason
    return ("" if given_back else row.used) or stored_number(row.writes) or ""


def explain(row: "ReportRow") -> str:
    """The reason's sentence, the row's detail, and how its number was read."""
    sentence = _sentence(row.reason) if row.reason else where_it_stands(row.verb, row.writes)
    stays = row.used and row.verb in _ENROLS and row.outcome in _ENDED_BADLY
    stored = "The number was stored before that." if stays else ""
    guesses = f"The number was read with a guess: {', '.join(row.guesses)}." if row.guesses else ""
    return " ".join(part for part in (sentence, row.detail, stored, guesses) if part)


@cache
def _sentence(reason: str) -> str:
    return Reason(reason).sentence


_ENROLS = frozenset({PlannedBy.RUN, PlannedBy.RECONCILE})
_ENDED_BADLY = frozenset({Outcome.FAILED.value, Outcome.SKIPPED.value})
