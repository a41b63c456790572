"""The cells of a bad row beyond the roster's columns, kept in one column of `failed.csv`."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass

from migrate_mfa.domain.report_columns import plain

SURPLUS_COLUMN = "surplus_cells"


@dataclass(frozen=True, slots=True)
class SurplusCells:
    """The column's content; `width` is the roster's number of columns, `own` its column of that name."""

    width: int
    own: int | None

    @classmethod
    def of(cls, columns: Sequence[str]) -> "SurplusCells":
        """The column for a roster with these columns."""
        names = [plain(name) for name in columns]
        return cls(len(columns), names.index(SURPLUS_COLUMN) if SURPLUS_COLUMN in names else None)

    def text(self, cells: Sequence[str]) -> str:
        """A row's surplus cells as one CSV record, after the content of the roster's own column."""
        own = cell(cells, self.own) if self.own is not None else ""
        text = io.StringIO()
        if len(cells) > self.width:
            csv.writer(text, lineterminator="").writerow(cells[self.width :])
        return ",".join(part for part in (own, text.getvalue()) if part)


def cell(cells: Sequence[str], at: int) -> str:
    """A cell; empty if the row ends before it."""
    return cells[at] if at < len(cells) else ""
