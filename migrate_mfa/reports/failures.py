"""Failed rows as a cross-table: what failed, by the country of the number."""

from collections.abc import Sequence
from dataclasses import dataclass

_MOST_COUNTRIES = 6
_MOST_LINES = 30
OTHERS = "others"
NONE = "none"
"""Names of columns that are no country: two letters are."""


@dataclass(frozen=True, slots=True)
class FailureLine:
    """One cause: the operation (empty where a row failed before any call), its code or the reason."""

    operation: str
    code: str
    reason: str
    counts: Sequence[int]
    total: int


@dataclass(frozen=True, slots=True)
class FailureTable:
    """Failures by cause (lines) and country (columns), the commonest first."""

    countries: Sequence[str]
    lines: Sequence[FailureLine]


def failure_table(found: Sequence[tuple[str, str, str, int]]) -> FailureTable | None:
    """Make the table of (reason, what failed, country, rows); None where nothing failed."""
    if not found:
        return None
    import pandas as pd  # noqa: PLC0415 - it takes longer than all the rest, and most runs have no failure

    causes = [_cause(reason, text) for reason, text, _, _ in found]
    frame = pd.DataFrame(causes, columns=["operation", "code", "reason"])
    frame["country"] = [country or NONE for _, _, country, _ in found]
    frame["rows"] = [rows for _, _, _, rows in found]
    common = list(frame.groupby("country")["rows"].sum().nlargest(_MOST_COUNTRIES).index)
    frame["country"] = frame["country"].where(frame["country"].isin(common), OTHERS)
    table = pd.crosstab(
        [frame["operation"], frame["code"], frame["reason"]],
        frame["country"],
        values=frame["rows"],
        aggfunc="sum",
    )
    table = table.fillna(0).astype(int)
    order = table.sum(axis=1).sort_values(ascending=False, kind="stable").index[:_MOST_LINES]
    columns = [*common, *([OTHERS] if OTHERS in table.columns else [])]
    lines = []
    for operation, code, reason in order:
        counts = [int(number) for number in table.loc[(operation, code, reason), columns].to_numpy()]
        lines.append(FailureLine(operation, code, reason, counts, sum(counts)))
    return FailureTable([str(each) for each in columns], lines)


def _cause(reason: str, text: str) -> tuple[str, str, str]:
    """Operation, code and reason of "AdminGetUser: SomeException" or "… kept failing with SomeException"."""
    for between in (": ", " kept failing with "):
        operation, said, code = text.partition(between)
        if said:
            return operation, code, reason
    return "", "", reason
