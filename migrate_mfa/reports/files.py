"""Files that are written whole or not at all, and for their owner only."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import TextIO

DRAFT = ".draft"
"""How the names of files end that are still being written; a process that was killed leaves them."""

SUMMARY = "summary.json"
"""Never older than the lists of its report, so what is newer than it was changed by somebody else."""
_KEPT = ".kept-"


@contextmanager
def whole_file(path: Path, *, encoding: str, newline: str | None = None) -> Iterator[TextIO]:
    """Give a file that takes the place of `path` once it is complete, and leaves nothing where it is not.

    Each writer has a draft of its own: a report may be written beside a running command. Lists of the same
    report that somebody has changed since are kept under other names.
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
    """Remove what killed processes have left unfinished, last written before a moment (epoch seconds)."""
    for draft in directory.glob(f"*{DRAFT}"):
        with suppress(FileNotFoundError):  # its writer, or another cleaner, was faster
            if draft.stat().st_mtime < before:
                draft.unlink()


def _keep_edited(directory: Path) -> None:
    """Copy the lists that somebody has changed since they were written: it may be hours of filling in."""
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
