"""The file for the traceback of a bug: only frames and types, because messages can hold personal data."""

import os
import sys
import tempfile
import traceback
from pathlib import Path

from migrate_mfa import __version__
from migrate_mfa.cli.prompt import tell
from migrate_mfa.journal.run_dir import copy_of, shown

_KEPT = "kept in "


def keep_traceback(error: BaseException, directory: Path | None = None) -> Path:
    """Write the traceback once, to `directory` or to the system's directory for temporary files.

    Nothing is kept in a working copy: it is removed when its command ends.
    """
    if directory is not None and copy_of(directory):
        directory = None
    for note in getattr(error, "__notes__", ()):
        if note.startswith(_KEPT):
            return Path(note.removeprefix(_KEPT))
    frames = "".join(traceback.format_tb(error.__traceback__))
    python = sys.version.split(maxsplit=1)[0]
    text = f"migrate-mfa {__version__}, Python {python}\n{frames}{type(error).__name__}\n"
    if directory is not None and copy_of(directory) is not None:
        directory = None  # a working copy is removed with its command
    descriptor, name = tempfile.mkstemp(prefix="migrate-mfa-bug-", suffix=".txt", dir=directory)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    error.add_note(f"{_KEPT}{name}")
    return Path(name)


def tell_of_page(fault: Exception, directory: Path) -> None:
    """Say that the page of a run directory could not be written. What was done is not affected."""
    kept = keep_traceback(fault, directory)
    tell(
        f"report.html could not be written ({type(fault).__name__}); nothing else is affected. This is a "
        f"bug: please report {kept}. To write the page again:\n"
        f"  migrate-mfa report --run-dir {shown(directory)}"
    )
