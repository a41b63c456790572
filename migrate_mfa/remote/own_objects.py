"""Objects that one process alone writes: what is in their place already is ours, or ends the command."""

import filecmp
from pathlib import Path

from migrate_mfa.domain.errors import Busy
from migrate_mfa.remote.objects import ConditionFailedError, Objects


def put_segment(objects: Objects, name: str, body: bytes) -> None:
    """Put a segment; one that is there already is ours if an answer was lost.

    Raises:
        Busy: another process has written it.
        StoreError: it is not known whether it is there.
    """
    try:
        objects.put(name, body, new=True)
    except ConditionFailedError:
        found = objects.get(name)
        if found is None or found.body != body:
            raise _not_ours(name) from None


def put_base(objects: Objects, name: str, packed: Path) -> None:
    """Put a base from a file; one that is there already is ours if an answer was lost.

    Raises:
        Busy: another process has written it.
        StoreError: it is not known whether it is there.
        OSError: there is no space to compare it with what is there.
    """
    try:
        objects.put(name, packed, new=True)
    except ConditionFailedError:
        there = packed.with_suffix(".there")
        try:
            found = objects.download(name, there)
            if not (found and filecmp.cmp(there, packed, shallow=False)):
                raise _not_ours(name) from None
        finally:
            there.unlink(missing_ok=True)


def _not_ours(name: str) -> Busy:
    """What is there already is not what we wrote, so this is no answer of ours that was lost."""
    return Busy(
        f"Another process has written {name}, so this command ends.",
        "Look who works there: migrate-mfa status --run-dir s3://BUCKET/PREFIX",
    )
