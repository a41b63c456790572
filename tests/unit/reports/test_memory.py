"""Memory does not grow with the roster: what is read of the journal comes in bounded pieces."""

from __future__ import annotations

import tracemalloc
from typing import TYPE_CHECKING

import pytest

from migrate_mfa.domain.reasons import Reason
from migrate_mfa.journal.report_store import ReportStore
from migrate_mfa.reports.outcomes import write_outcomes
from tests.support.builders import a_record, a_rejection
from tests.support.fakes import FakeUserPool
from tests.support.scene import scene

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.promise(8)

FEW, MANY = 2_000, 20_000
ALLOWED = 1.3


def peak_of_reporting(path: Path, rows: int) -> int:
    """The most memory, in bytes, that writing the reports of so many rows takes at a time."""
    with scene(path / "run", FakeUserPool()) as run:
        for first in range(1, rows + 1, 1_000):
            chunk = [a_record(a_rejection(row, Reason.BAD_ROW)) for row in range(first, first + 1_000)]
            run.plans.add_records(chunk, 0.0)
        tracemalloc.start()
        try:
            write_outcomes(path / "report", ("who", "phone"), ReportStore(run.journal.database))
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()


def test_a_report_of_ten_times_the_rows_takes_no_more_memory(tmp_path: Path) -> None:
    peak_of_reporting(tmp_path / "warm", 1_000)  # what is only imported once is in neither figure
    few, many = peak_of_reporting(tmp_path / "few", FEW), peak_of_reporting(tmp_path / "many", MANY)

    assert many < few * ALLOWED, f"{few:,} bytes for {FEW:,} rows, {many:,} for {MANY:,}"
