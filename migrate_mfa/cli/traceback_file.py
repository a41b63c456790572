"""Where the traceback of a bug is kept: frames and types only, because messages can hold personal data."""

import os
import sys
import tempfile
import traceback
from pathlib import Path

from migrate_mfa import __version__

_KEPT = "kept in "


def keep_traceback(error: BaseException, directory: Path | None = None) -> Path:
    """Write the traceback to `directory` (or the system's place for temporary files), once."""
    for note in getattr(error, "__notes__", ()):
        if note.startswith(_KEPT):
            return Path(note.removeprefix(_KEPT))
    frames = "".join(traceback.format_tb(error.__traceback__))
    python = sys.version.split(maxsplit=1)[0]
    text = f"migrate-mfa {__version__}, Python {python}\n{frames}{type(error).__name__}\n"
    descriptor, name = tempfile.mkstemp(prefix="migrate-mfa-bug-", suffix=".txt", dir=directory)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    error.add_note(f"{_KEPT}{name}")
    return Path(name)
