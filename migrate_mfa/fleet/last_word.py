"""The reason why a command ended, for the program that started it: JSON in a pipe."""

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from migrate_mfa.domain.errors import NoRun

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


def tell_never_run(directory: Path, purpose: str) -> None:
    """Say that the plan in a run directory was never run, also to the program that started this one.

    Args:
        directory: the run directory.
        purpose: what there was nothing for, such as `reconcile`.
    """
    from migrate_mfa.cli.prompt import tell
    from migrate_mfa.journal.run_dir import shown

    nothing = f"The plan in {shown(directory)} was never run, so there was nothing to {purpose}."
    tell(nothing)
    leave(NoRun, nothing)


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
