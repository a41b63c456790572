"""The audit's report: coverage as a cross-table, and the unverified as a roster to fill in."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from migrate_mfa.reports.outcomes import write_csv

if TYPE_CHECKING:
    from collections import Counter

    import pandas as pd

    from migrate_mfa.journal.audit_store import AuditedUser, AuditStore

ASIDE = ("DISABLED", "EXTERNAL_PROVIDER")
"""The groups that do not count: their users do not sign in with a password of the pool."""
KINDS = ("verified", "unverified", "no_phone")
USER_COLUMNS = ("username", "sub", "email", "phone_number", "status", "why")


def coverage_table(coverage: "Counter[tuple[str, Any]]") -> "pd.DataFrame":
    """Users by group (lines) and state of their number (columns `verified`, `unverified`, `no_phone`)."""
    import pandas as pd  # noqa: PLC0415 - it takes longer than all the rest, and only an audit needs it

    records = [(group, str(kind), count) for (group, kind), count in coverage.items()]
    frame = pd.DataFrame(records, columns=["group", "kind", "users"])
    table = frame.pivot_table(index="group", columns="kind", values="users", aggfunc="sum", fill_value=0)
    return table.reindex(columns=list(KINDS), fill_value=0).astype(int).sort_index()


def coverage_dicts(
    table: "pd.DataFrame", uncounted: Iterable[str]
) -> tuple[dict[str, dict[str, int]], dict[str, int]]:
    """The table as plain values by group, and the total of the groups that count."""
    by_group = {str(group): {kind: int(row[kind]) for kind in KINDS} for group, row in table.iterrows()}
    counted = table.drop(index=[group for group in uncounted if group in table.index])
    return by_group, {kind: int(counted[kind].sum()) for kind in KINDS}


def write_lists(directory: Path, names: Iterable[str], store: "AuditStore") -> None:
    """Write the lists of users in the journal; with the numbers filled in, each is a roster."""
    for name in names:
        write_csv(directory / f"{name}.csv", USER_COLUMNS, map(_cells, store.listed(name)))


def _cells(user: "AuditedUser") -> list[str]:
    return [user.username, user.sub, user.email or "", user.phone or "", user.status, user.why]
