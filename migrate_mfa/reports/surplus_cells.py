"""The cells that a bad row has beyond the roster's columns, kept in one column of the failed report."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass

from migrate_mfa.domain.report_columns import plain

SURPLUS_COLUMN = "surplus_cells"


@dataclass(frozen=True, slots=True)
class SurplusCells:
    """How the column is filled: `width` columns has the roster; `own` is its column of that name, if any."""

    width: int
    own: int | None

    @classmethod
    def of(cls, columns: Sequence[str]) -> "SurplusCells":
        """The column for a roster with these columns."""
        names = [plain(name) for name in columns]
        return cls(len(columns), names.index(SURPLUS_COLUMN) if SURPLUS_COLUMN in names else None)

    def text(self, cells: Sequence[str]) -> str:
        """What a row has too much, as the text of one CSV record, after what the roster's own column says."""
        own = cell(cells, self.own) if self.own is not None else ""
        text = io.StringIO()
        if len(cells) > self.width:
            csv.writer(text, lineterminator="").writerow(cells[self.width :])
        return ",".join(part for part in (own, text.getvalue()) if part)


def cell(cells: Sequence[str], at: int) -> str:
    """A cell, or nothing where the row ends before it."""
    return cells[at] if at < len(cells) else ""
