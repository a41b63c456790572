"""A file in TOML that an operator has written, and what is wrong with it in words."""

import codecs
from pathlib import Path
from typing import Any

from migrate_mfa.domain.errors import InputUnusable


def read_toml(path: Path, what: str, see: str, called: str = "") -> dict[str, Any]:
    """Read it.

    Args:
        path: the file.
        what: what it is, such as "job file".
        see: what to do where it cannot be read.
        called: what the operator calls it, if it is a copy.

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
