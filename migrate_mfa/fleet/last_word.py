"""The reason why a command ended, for the program that started it: JSON in a pipe."""

import json
import os
from collections.abc import Mapping
from contextlib import suppress

_pipes: list[int] = []


def promise(pipe: int) -> None:
    """Use this file descriptor for the reason; programs that this one starts do not inherit it."""
    with suppress(OSError):  # not a descriptor: the other program learns nothing
        os.set_inheritable(pipe, False)
        _pipes[:] = [pipe]


def leave(kind: type[Exception], message: str) -> None:
    """Write the reason, if a pipe was promised."""
    while _pipes:
        with suppress(OSError):  # the other program has ended
            os.write(_pipes.pop(), json.dumps({"error": kind.__name__, "message": message}).encode())


def read(pipe: int) -> Mapping[str, str]:
    """The reason of a command that has ended: `error`, the name of its error, and `message`; or nothing."""
    os.set_blocking(pipe, False)
    try:
        found = json.loads(os.read(pipe, _LONGEST))
    except (BlockingIOError, ValueError):
        return {}
    return {str(name): str(value) for name, value in found.items()} if isinstance(found, dict) else {}


_LONGEST = 65_536
"""The capacity of a pipe, in bytes."""
