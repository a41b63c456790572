"""The columns that the reports add to those of a roster, and how to tell them apart.

A report is a roster again, so its columns come back as input; and a roster may have a `reason` of its own.
"""

from collections.abc import Sequence
from typing import Final

OWN_COLUMNS: Final = ("outcome", "reason", "detail", "user_sub", "updated_at", "row", "phone_number_used")
_BEFORE_ROW: Final = OWN_COLUMNS[:5]
"""What reports had before they told the row and the number."""
_PREFIX: Final = "mfa_"


def plain(name: str) -> str:
    """A column's name as a report compares it: without blanks around it and without case."""
    return name.strip().casefold()


def report_block(names: Sequence[str]) -> range:
    """Where a report's own columns stand in the header of a roster that is a report; empty where it is none.

    Ours is only the whole set, side by side and in our order: a roster's own column that happens to be called
    `reason` is not.
    """
    folded = [plain(name) for name in names]
    for own in (OWN_COLUMNS, _BEFORE_ROW):
        for start in reversed(range(len(folded) - len(own) + 1)):
            prefix = folded[start].removesuffix(own[0])
            if not prefix.replace(_PREFIX, "") and folded[start : start + len(own)] == _named(own, prefix):
                return range(start, start + len(own))
    return range(0)


def own_names(beside: Sequence[str]) -> list[str]:
    """What a report calls its columns beside those of a roster: where one name is taken, all get a prefix."""
    taken, prefix = set(map(plain, beside)), ""
    while taken & set(_named(OWN_COLUMNS, prefix)):
        prefix += _PREFIX
    return _named(OWN_COLUMNS, prefix)


def _named(own: Sequence[str], prefix: str) -> list[str]:
    return [f"{prefix}{name}" for name in own]
