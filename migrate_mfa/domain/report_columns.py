"""The columns that reports add to those of a roster, and how to recognize them.

A report can be used as a roster, so these columns come back as input; and a roster may have its own `reason`.
"""

from collections.abc import Sequence
from typing import Final

OWN_COLUMNS: Final = ("outcome", "reason", "detail", "user_sub", "updated_at", "row", "phone_number_used")
_BEFORE_ROW: Final = OWN_COLUMNS[:5]
"""The columns of older reports, without the row and the number."""
_PREFIX: Final = "mfa_"


def plain(name: str) -> str:
    """A column's name for comparison: without surrounding blanks and in one case."""
    return name.strip().casefold()


def report_block(names: Sequence[str]) -> range:
    """The positions of the report's columns in the header of a roster; empty if it is not a report.

    Only the complete set, side by side and in our order, counts: a roster may have its own column `reason`.
    """
    folded = [plain(name) for name in names]
    for own in (OWN_COLUMNS, _BEFORE_ROW):
        for start in reversed(range(len(folded) - len(own) + 1)):
            prefix = folded[start].removesuffix(own[0])
            if not prefix.replace(_PREFIX, "") and folded[start : start + len(own)] == _named(own, prefix):
                return range(start, start + len(own))
    return range(0)


def own_names(beside: Sequence[str]) -> list[str]:
    """The names of the report's columns; if the roster already has one of them, all get a prefix."""
    taken, prefix = set(map(plain, beside)), ""
    while taken & set(_named(OWN_COLUMNS, prefix)):
        prefix += _PREFIX
    return _named(OWN_COLUMNS, prefix)


def _named(own: Sequence[str], prefix: str) -> list[str]:
    return [f"{prefix}{name}" for name in own]
