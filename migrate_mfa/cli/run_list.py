"""The list of run directories, as text."""

from typing import TYPE_CHECKING

from migrate_mfa.cli.streams import write
from migrate_mfa.domain.formatting import duration, folded

if TYPE_CHECKING:
    from collections.abc import Sequence

    from migrate_mfa.reports.runs import RunEntry


def list_runs(found: "Sequence[RunEntry]", folder: object, now: float) -> None:
    """The run directories below a folder, each with what it belongs to and how it stands.

    Args:
        found: the run directories.
        folder: where they were looked for.
        now: seconds since the epoch, for their age.
    """
    if not found:
        write(f"There is no run directory in {folder}.")
    for entry in found:
        write(entry.run_dir)
        if entry.trouble:
            _indented(entry.trouble)
            continue
        began = "for " if entry.state == "running" else ""
        age = f"{entry.command}: {entry.state}, {began}{duration(now - entry.at)}{'' if began else ' ago'}"
        counts = [f"{outcome} {number:,}" for outcome, number in (entry.counts or {}).items() if number]
        pool = f"pool {entry.pool_name} ({entry.user_pool_id})"
        facts = [pool, entry.roster and f"roster {entry.roster}", entry.verification, ", ".join(counts)]
        _indented("; ".join(filter(None, [age, *facts])))


def _indented(text: str) -> None:
    write(folded(text, indent=" " * 6))
