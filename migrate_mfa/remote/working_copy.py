"""One command on a run directory in a bucket: lease, restored journal, reports, release."""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from migrate_mfa.domain.errors import InputUnusable, MigrateMfaError, OutOfReach, RunDirectoryError
from migrate_mfa.journal.lock import take_lock
from migrate_mfa.journal.run_dir import WorkingCopy, working_copy
from migrate_mfa.journal.run_files import LOCK as LOCAL_LOCK
from migrate_mfa.remote.holder import Holder, UnreadableError
from migrate_mfa.remote.keeper import kept
from migrate_mfa.remote.lease import Waiting, acquire
from migrate_mfa.remote.names import (
    LOCK,
    NOTHING,
    Contents,
    Place,
    has_users,
    is_list,
    is_ours,
    log_of,
    of_a_run,
)
from migrate_mfa.remote.objects import BucketUrl, ConditionFailedError, GoneError, Objects, StoreError
from migrate_mfa.remote.patient import PatientObjects
from migrate_mfa.remote.restore import look, restore
from migrate_mfa.remote.scratch import scratch, writable
from migrate_mfa.remote.shipper import Shipper

if TYPE_CHECKING:
    from migrate_mfa.journal.database import Database

_REPORT = "report"
_LOG = "log.jsonl"
_PROBLEMS = (StoreError, GoneError, ConditionFailedError, MigrateMfaError, OSError)
"""Errors that can prevent the upload of a report; they do not change how the command ended."""


@dataclass(frozen=True, slots=True)
class RemoteRun:
    """A run directory in a bucket."""

    url: BucketUrl
    objects: Objects


@contextmanager
def for_work(run: RemoteRun, command: str, waiting: Waiting) -> Iterator[Path]:
    """Own the run directory for one command; yields the directory of its working copy.

    Raises:
        RunDirectoryError: another command works there; a segment is missing; the lease has expired; the place
                has other objects; the copy does not fit on the disk.
        OutOfReach: the bucket does not answer.
    """
    patient = _patient(run, waiting)
    with scratch(run.url) as path:
        with answering(run):
            _require_own_place(patient)
            lease = acquire(
                patient.objects, command, lambda: _generation(patient), waiting, keep_by=run.objects
            )
        shippers: list[Shipper] = []

        def progress() -> Mapping[str, object] | None:
            return shippers[-1].progress if shippers else None

        def replica_of(database: "Database") -> Shipper:
            shippers.append(Shipper(database, run.objects, lease, waiting))
            return shippers[-1]

        with kept(lease, run.url, waiting.say, progress=progress, scratch=path.parent):

            def bring(file: Path) -> bool:
                return not lease.lost and _bring(patient, path, file)

            copy = WorkingCopy(path, str(run.url), replica_of, bring, lambda: not lease.lost)
            with _as_working_copy(copy):
                _tell_doubt(run, waiting, assumed=lease.assumed)
                with answering(run), writable(run.url):
                    restore(patient.objects, str(run.url), path, lease.last)
                try:
                    yield path
                finally:
                    if not lease.lost:
                        _bring_reports(patient, path, waiting.say, lease.generation)


@contextmanager
def for_reading(run: RemoteRun, waiting: Waiting, *, writes_report: bool = False) -> Iterator[Path]:
    """Read the run directory, also while a command works there; yields the directory of its working copy.

    Args:
        run: the run directory.
        waiting: the clock and the messages.
        writes_report: whether the command writes the report again, for the bucket too.

    Raises:
        RunDirectoryError: a segment or the lease is missing, or the lease cannot be read.
        OutOfReach: the bucket does not answer.
    """
    run = _patient(run, waiting)
    with scratch(run.url) as path, _as_working_copy(WorkingCopy(path, str(run.url))):
        with answering(run), writable(run.url):
            stored = run.objects.get(LOCK)
            holder = Holder.read(stored) if stored else None
            _tell_doubt(run, waiting, assumed=holder is not None and holder.assumed)
            held = stored is not None and holder is not None and holder.holds(stored.at)
            contents = restore(run.objects, str(run.url), path, holder.last if holder else NOTHING)
            _require_note(run, stored or not contents.bases or run.objects.get(LOCK))
        lock = take_lock(path / LOCAL_LOCK, "", "") if held else None  # it shows that the command runs
        try:
            yield path
            if writes_report:
                _bring_reports(run, path, waiting.say)
        finally:
            if lock is not None:
                os.close(lock)


@contextmanager
def fetched(objects: Objects, url: BucketUrl, what: str, waiting: Waiting) -> Iterator[Path]:
    """Download a file for the duration of one command.

    Args:
        objects: the place of the file.
        url: the file.
        what: the kind of file, such as "roster".
        waiting: the clock and the messages.

    Raises:
        InputUnusable: there is no such file.
        OutOfReach: the bucket does not answer.
    """
    run = _patient(RemoteRun(url, objects), waiting)
    with scratch(url) as folder:
        path = folder / url.name
        with answering(run), writable(url):
            found = run.objects.download(url.name, path)
        if not found:
            raise _missing(what, url)
        yield path


def require_readable(objects: Objects, url: BucketUrl, what: str, waiting: Waiting, attempts: int) -> None:
    """Refuse what `fetched` could not download, without downloading it; raises as `fetched`.

    Args:
        objects: the place of the file.
        url: the file.
        what: the kind of file.
        waiting: the clock and the messages.
        attempts: how often a bucket that does not answer is asked.
    """
    run = RemoteRun(url, PatientObjects(objects, waiting, attempts))
    with answering(run):
        found = run.objects.is_readable(url.name)
    if not found:
        raise _missing(what, url)


def _missing(what: str, url: BucketUrl) -> InputUnusable:
    return InputUnusable(f"There is no {what} {url}.", "Correct the name, or copy it there.")


def run_dirs_below(run: RemoteRun, waiting: Waiting) -> list[BucketUrl]:
    """Every run directory at or below a place, even if it has lost some of its objects.

    Raises:
        OutOfReach: the bucket does not answer.
    """
    run = _patient(run, waiting)
    with answering(run):
        names = [name.rpartition("/") for name in run.objects.names()]
    places = sorted({folder for folder, _, name in names if of_a_run(name)})
    return [run.url / folder if folder else run.url for folder in places]


def purge_versions(run: RemoteRun, waiting: Waiting) -> list[str]:
    """Remove the objects that a purge has replaced from the bucket, in every version.

    Returns:
        The names of other objects, which stay.

    Raises:
        RunDirectoryError: some of them cannot be removed.
        OutOfReach: the bucket does not answer.
    """
    run = _patient(run, waiting)
    with answering(run):
        names = run.objects.names()
        bases = Contents.of(names).bases
        newest = bases[-1].base if bases else ""

        def is_old(name: str, *, latest: bool) -> bool:
            had_users = has_users(name) or name.startswith(f"{_REPORT}/")
            return is_ours(name) and had_users and not (latest and (name == newest or not has_users(name)))

        run.objects.delete_versions(is_old)
        return [name for name in names if not is_ours(name)]


def last_there(run: RemoteRun, at_least: Place) -> Place:
    """The last segment of a run, after a check that no object is missing, as far as the objects tell.

    Raises:
        RunDirectoryError: there is no run, or an object is missing.
    """
    contents = look(run.objects, str(run.url), at_least)
    if not contents.bases:
        raise WorkingCopy(Path(), str(run.url)).without_run()
    return contents.last


def _require_own_place(run: RemoteRun) -> None:
    """Refuse to begin a run among other objects, or inside another run directory.

    Raises:
        RunDirectoryError: names one of the objects; or the lease of this run was removed.
    """
    names = run.objects.names()
    if Contents.of(names).bases:
        _require_note(run, LOCK in names)
        return
    foreign = next((name for name in names if not is_ours(name)), None)
    outer = run.objects.outer() if foreign is None else None
    if foreign is not None or outer is not None:
        raise RunDirectoryError(
            f"{run.url} holds {foreign!r}, so it is not a run directory."
            if foreign
            else f"{run.url} is inside another run directory, {outer}.",
            "With --run-dir, name a new prefix, for this run alone.",
        )


def _tell_doubt(run: RemoteRun, waiting: Waiting, *, assumed: bool) -> None:
    if assumed:
        waiting.say(
            f"The lease of {run.url} was lost once, and unlock took the objects that were left for the whole "
            "run. If some were lost, users who were written in them look as if this run had not changed "
            "them, or as if somebody else had."
        )


def _require_note(run: RemoteRun, there: object) -> None:
    """Refuse a journal if it cannot be known whether it is complete.

    Raises:
        RunDirectoryError: the lease, which notes the last segment, was removed.
    """
    if not there:
        raise RunDirectoryError(
            f"{run.url} lacks {LOCK}, so it is not known whether its newest objects are still there.",
            f"Put it back, from an older version if the bucket keeps versions. If nothing else was removed: "
            f"migrate-mfa unlock --run-dir {run.url}",
        )


def _patient(run: RemoteRun, waiting: Waiting) -> RemoteRun:
    return RemoteRun(run.url, PatientObjects(run.objects, waiting))


def _generation(run: RemoteRun) -> int:
    return Contents.of(run.objects.names()).generation


@contextmanager
def answering(run: RemoteRun) -> Iterator[None]:
    """Turn errors of the store into errors of the command.

    Raises:
        OutOfReach: the bucket does not answer.
        RunDirectoryError: another object has the name of the lease.
    """
    try:
        yield
    except UnreadableError as error:
        raise RunDirectoryError(
            f"{run.url}/{LOCK} is not a lease of this version of migrate-mfa.",
            "Look at it. If this is a run directory and no command works there: migrate-mfa unlock "
            f"--run-dir {run.url}. Otherwise name a new prefix with --run-dir.",
        ) from error
    except (StoreError, GoneError, ConditionFailedError) as error:
        raise OutOfReach(
            f"{run.url} does not answer ({error}).",
            "Look at the network, --profile and AWS_ENDPOINT_URL_S3; then run the same command again.",
        ) from error


@contextmanager
def _as_working_copy(copy: WorkingCopy) -> Iterator[None]:
    token = working_copy.set(copy)
    try:
        yield
    finally:
        working_copy.reset(token)


def _bring(run: RemoteRun, path: Path, file: Path) -> bool:
    """Upload one file of a working copy. Returns whether that worked."""
    try:
        run.objects.put(str(file.relative_to(path)), file)
    except _PROBLEMS:
        return False
    return True


def _bring_reports(run: RemoteRun, path: Path, say: Callable[[str], None], generation: int = 0) -> None:
    """Upload the reports; if that fails, the next command or `report` writes them again."""
    report = path / _REPORT
    files = {str(file.relative_to(path)): file for file in sorted(report.rglob("*")) if file.is_file()}
    if (path / _LOG).is_file():
        files[log_of(generation)] = path / _LOG
    try:
        for name, file in files.items():
            run.objects.put(name, file)
        if report.is_dir():
            old = filter(is_list, run.objects.names(f"{_REPORT}/"))  # this report may have fewer lists
            run.objects.delete_many(sorted(set(old) - set(files)))
    except _PROBLEMS as error:
        say(f"The reports could not be copied to {run.url} ({error}). migrate-mfa report writes them again.")
