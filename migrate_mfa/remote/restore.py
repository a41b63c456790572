"""Restore the journal from the bucket: the newest base, then its segments in order. A gap is an error."""

import gzip
import shutil
import zlib
from pathlib import Path

from migrate_mfa.domain.errors import RunDirectoryError
from migrate_mfa.journal.run_files import JOURNAL
from migrate_mfa.remote import segment
from migrate_mfa.remote.names import ANY_BASE, NOTHING, Contents, Place, left_by_a_command
from migrate_mfa.remote.objects import Objects

_MOST_TRIES = 5
"""How often the restore starts again because its owner has replaced objects meanwhile."""


class _ReplacedError(Exception):
    """A listed object no longer exists."""


def restore(objects: Objects, url: str, directory: Path, at_least: Place = NOTHING) -> Contents:
    """Write the journal into an empty directory, if the bucket has one.

    Args:
        objects: the run directory in the bucket.
        url: the operator's name of it.
        directory: the directory for the journal.
        at_least: a segment that is known to have been in the bucket.

    Returns:
        What the bucket holds.

    Raises:
        RunDirectoryError: a segment is missing or damaged; it names it.
        StoreError: the bucket does not answer.
    """
    for _ in range(_MOST_TRIES):
        contents = look(objects, url, at_least)
        try:
            _restore(objects, url, contents, directory)
        except _ReplacedError:
            continue
        return contents
    raise RunDirectoryError(
        f"The run directory changed {_MOST_TRIES} times while it was read.", "Run the same command again."
    )


def look(objects: Objects, url: str, at_least: Place = NOTHING) -> Contents:
    """The content of the bucket, after a check that it is a complete journal or none.

    Raises:
        RunDirectoryError: a segment or the base is missing.
        StoreError: the bucket does not answer.
    """
    before: list[str] = []
    missing: str | None = ANY_BASE
    for _ in range(_MOST_TRIES):
        contents = Contents.of(names := objects.names())
        missing = _missing(names, contents, at_least)
        if missing is None:
            return contents
        if names == before:
            break
        before = names  # the pages of a list are not from the same moment
    raise _gap(f"{url}/{missing}")


def _missing(names: list[str], contents: Contents, at_least: Place) -> str | None:
    """The name of a missing object of the journal, or None."""
    if not contents.bases:
        return ANY_BASE if at_least > NOTHING or any(map(left_by_a_command, names)) else None
    base = contents.bases[-1]
    for expected, place in enumerate(contents.after(base), base.segment + 1):
        if place.segment != expected:
            return Place(base.generation, expected).wal
    last = contents.last
    if last >= at_least:
        return None
    same = at_least.generation == last.generation
    return Place(last.generation, last.segment + 1).wal if same else at_least.base


def _restore(objects: Objects, url: str, contents: Contents, directory: Path) -> None:
    if not contents.bases:
        return
    base = contents.bases[-1]
    journal = directory / JOURNAL
    _fetch_base(objects, url, base, journal)
    for place in contents.after(base):
        found = objects.get(place.wal)
        if found is None:
            raise _ReplacedError
        try:
            segment.apply(found.body, journal)
        except segment.DamagedError as error:
            raise _damaged(f"{url}/{place.wal}", str(error)) from error


def _fetch_base(objects: Objects, url: str, base: Place, journal: Path) -> None:
    packed = journal.with_name(f"{JOURNAL}.gz")
    try:
        if not objects.download(base.base, packed):
            raise _ReplacedError
        journal.unlink(missing_ok=True)
        with gzip.open(packed, "rb") as source, journal.open("wb") as target:
            shutil.copyfileobj(source, target)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise _damaged(f"{url}/{base.base}", type(error).__name__) from error
    finally:
        packed.unlink(missing_ok=True)


def _gap(name: str) -> RunDirectoryError:
    return RunDirectoryError(
        f"The run directory lacks {name}, so what was done from there on is not known.",
        "Put it back, from an older version of the object if the bucket keeps versions. If it is lost for "
        "good, see: migrate-mfa guide state",
    )


def _damaged(name: str, how: str) -> RunDirectoryError:
    return RunDirectoryError(
        f"{name} is damaged ({how}).",
        "Put it back, from an older version of the object if the bucket keeps versions.",
    )
