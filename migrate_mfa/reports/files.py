"""Files that are written whole or not at all, and for their owner only."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TextIO

DRAFT = ".draft"
"""How the names of files end that are still being written; a process that was killed leaves them."""


@contextmanager
def whole_file(path: Path, *, encoding: str, newline: str | None = None) -> Iterator[TextIO]:
    """Give a file that takes the place of `path` once it is complete, and leaves nothing where it is not.

    Each writer has a draft of its own: a report may be written beside a running command.
    """
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor, name = tempfile.mkstemp(prefix=f"{path.name}.", suffix=DRAFT, dir=path.parent)
    draft = Path(name)
    try:
        with os.fdopen(descriptor, "w", encoding=encoding, newline=newline) as file:
            yield file
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise


def remove_drafts(directory: Path, before: float) -> None:
    """Remove what killed processes have left unfinished, last written before a moment (epoch seconds)."""
    for draft in directory.glob(f"*{DRAFT}"):
        with suppress(FileNotFoundError):  # its writer, or another cleaner, was faster
            if draft.stat().st_mtime < before:
                draft.unlink()
