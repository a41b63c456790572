"""Files that are written completely or not at all, readable only by their owner."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import TextIO

DRAFT = ".draft"
"""The suffix of files that are being written; a killed process leaves them."""

SUMMARY = "summary.json"
"""Never older than the lists of its report, so a newer list was changed by somebody else."""
_KEPT = ".kept-"


@contextmanager
def whole_file(path: Path, *, encoding: str, newline: str | None = None) -> Iterator[TextIO]:
    """Open a file that replaces `path` when it is complete; otherwise nothing is left.

    Each writer has its own draft: `report` may run beside another command. Lists of the same report that
    somebody has changed since are kept under other names.
    """
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor, name = tempfile.mkstemp(prefix=f"{path.name}.", suffix=DRAFT, dir=path.parent)
    draft = Path(name)
    try:
        with os.fdopen(descriptor, "w", encoding=encoding, newline=newline) as file:
            yield file
        _keep_edited(path.parent)
        draft.replace(path)
        with suppress(FileNotFoundError):
            os.utime(path.with_name(SUMMARY))
    except BaseException:
        draft.unlink(missing_ok=True)
        raise


def remove_drafts(directory: Path, before: float) -> None:
    """Remove unfinished files of killed processes, last written before a time (seconds since 1970)."""
    for draft in directory.glob(f"*{DRAFT}"):
        with suppress(FileNotFoundError):  # its writer or another process has removed it
            if draft.stat().st_mtime < before:
                draft.unlink()


def _keep_edited(directory: Path) -> None:
    """Copy the lists that somebody has changed since they were written: that can be hours of work."""
    try:
        written = (directory / SUMMARY).stat().st_mtime_ns
    except FileNotFoundError:
        return
    for path in directory.glob("*.csv"):
        changed = path.stat().st_mtime_ns
        kept = {each.stat().st_mtime_ns for each in directory.glob(f"{path.stem}{_KEPT}*")}
        if changed > written and changed not in kept and _KEPT not in path.name:
            names = (path.with_name(f"{path.stem}{_KEPT}{number}{path.suffix}") for number in count(1))
            shutil.copy2(path, next(name for name in names if not name.exists()))
    os.utime(directory / SUMMARY)
