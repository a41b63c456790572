import csv
from pathlib import Path

import pytest

from migrate_mfa.domain.reasons import Outcome, Reason
from migrate_mfa.domain.rows import Record
from migrate_mfa.journal.database import Journal
from migrate_mfa.journal.plan_store import PlanStore
from migrate_mfa.journal.report_store import ReportStore
from migrate_mfa.reports.outcomes import write_outcomes
from tests.support.builders import a_candidate, a_rejection


def written(
    tmp_path: Path, columns: tuple[str, ...], *rows: tuple[str, ...]
) -> dict[str, list[dict[str, str]]]:
    """What the reports say of bad rows with these cells, and of an open row that has one cell."""
    records = [Record(cells, a_rejection(at, Reason.BAD_ROW)) for at, cells in enumerate(rows, 1)]
    records.append(Record(("open",), a_candidate("open", row=len(records) + 1)))
    with Journal.create_or_open(tmp_path / "run") as journal:
        PlanStore(journal.database).add_records(records, 1_700_000_000.0)
        write_outcomes(tmp_path / "report", columns, ReportStore(journal.database))
    found = {}
    for outcome in Outcome:
        path = tmp_path / "report" / f"{outcome}.csv"
        with path.open(encoding="utf-8-sig", newline="") as file:
            found[outcome.value] = list(csv.DictReader(file, strict=True))
    return found


def test_missing_cells_are_empty_ones(tmp_path: Path) -> None:
    (row,) = written(tmp_path, ("who", "phone", "note"))["unprocessed"]

    assert (row["who"], row["phone"], row["note"]) == ("open", "", "")
    assert "surplus_cells" not in row


@pytest.mark.parametrize(
    ("cells", "kept"),
    [(("a", "1", "x"), "x"), (("a", "1", "x", "y,z", ""), 'x,"y,z",'), (("a", "1", "=1+1"), "'=1+1")],
)
def test_cells_beyond_the_header_have_a_column_of_their_own(
    tmp_path: Path, cells: tuple[str, ...], kept: str
) -> None:
    found = written(tmp_path, ("who", "phone"), cells, ("b", "2"))

    first, second = found["failed"]
    assert (first["who"], first["phone"], first["surplus_cells"]) == ("a", "1", kept)
    assert (second["who"], second["phone"], second["surplus_cells"]) == ("b", "2", "")
    assert first["reason"] == second["reason"] == "bad_row"
    assert "surplus_cells" not in found["unprocessed"][0]


def test_a_roster_that_has_the_column_keeps_one(tmp_path: Path) -> None:
    first, second = written(
        tmp_path, ("who", "surplus_cells", "phone"), ("a", "x", "1"), ("b", "x", "2", "y", "z")
    )["failed"]

    assert (first["phone"], first["surplus_cells"]) == ("1", "x")
    assert (second["phone"], second["surplus_cells"]) == ("2", "x,y,z")
