"""Why a command ended, for the program that started it: JSON in a pipe, beside the words for people."""

import json
import os
from collections.abc import Mapping
from contextlib import suppress

_pipes: list[int] = []


def promise(pipe: int) -> None:
    """Leave it in this file descriptor, which no program that we start inherits."""
    with suppress(OSError):  # it is none: the one that asked for it learns nothing
        os.set_inheritable(pipe, False)
        _pipes[:] = [pipe]


def leave(kind: type[Exception], message: str) -> None:
    """Say it, where it was promised."""
    while _pipes:
        with suppress(OSError):  # nobody listens any more
            os.write(_pipes.pop(), json.dumps({"error": kind.__name__, "message": message}).encode())


def read(pipe: int) -> Mapping[str, str]:
    """What a command that has ended has left: `error`, the name of its error, and `message`; or nothing."""
    os.set_blocking(pipe, False)
    try:
        found = json.loads(os.read(pipe, _LONGEST))
    except (BlockingIOError, ValueError):
        return {}
    return {str(name): str(value) for name, value in found.items()} if isinstance(found, dict) else {}


_LONGEST = 65_536
"""What a pipe holds."""
