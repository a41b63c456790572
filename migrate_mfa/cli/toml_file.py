"""A TOML file that an operator has written, and in plain words what is wrong with it."""

import codecs
from pathlib import Path
from typing import Any

from migrate_mfa.domain.errors import InputUnusable


def read_toml(path: Path, what: str, see: str, called: str = "") -> dict[str, Any]:
    """Read it.

    Args:
        path: the file.
        what: the kind of file, such as "job file".
        see: the hint if it cannot be read.
        called: the operator's name for it, if `path` is a copy.

    Raises:
        InputUnusable: it cannot be read, or is no TOML.
    """
    import tomllib

    told = f"The {what} {called or path}"
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise InputUnusable(f"{told} cannot be read ({error.strerror}).", see) from error
    if raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise InputUnusable(f"{told} is UTF-16, and TOML is UTF-8.", "Save it as UTF-8.")
    try:
        return tomllib.loads(raw.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise InputUnusable(f"{told} is not UTF-8.", "Save it as UTF-8.") from error
    except RecursionError as error:
        raise InputUnusable(f"{told} is nested too deeply.", _TOML) from error
    except tomllib.TOMLDecodeError as error:
        raise InputUnusable(f"{told} is not TOML: {error}.", _TOML) from error


_TOML = 'A line is NAME = VALUE: a text in "quotes", a number, true, false, or a list in [brackets].'
