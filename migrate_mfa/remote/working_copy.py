"""The time of one command on a run directory in a bucket: lease, restored journal, reports, release."""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from migrate_mfa.domain.errors import InputUnusable, MigrateMfaError, OutOfReach, RunDirectoryError
from migrate_mfa.journal.lock import take_lock
from migrate_mfa.journal.run_dir import WorkingCopy, working_copy
from migrate_mfa.journal.run_files import LOCK as LOCAL_LOCK
from migrate_mfa.remote.keeper import kept
from migrate_mfa.remote.lease import LOCK, Holder, Waiting, acquire
from migrate_mfa.remote.names import Contents, Place, log_of
from migrate_mfa.remote.objects import BucketUrl, ConditionFailedError, GoneError, Objects, StoreError
from migrate_mfa.remote.patient import PatientObjects
from migrate_mfa.remote.restore import restore
from migrate_mfa.remote.shipper import Shipper

if TYPE_CHECKING:
    from migrate_mfa.journal.database import Database

_PREFIX = "migrate-mfa-copy-"
_OWNER = "owner"
_REPORT = "report"
_LISTS = ".csv"
"""What a report has of users; the next one may not have the same lists."""
_LOG = "log.jsonl"


@dataclass(frozen=True, slots=True)
class RemoteRun:
    """A run directory in a bucket."""

    url: BucketUrl
    objects: Objects


@contextmanager
def for_work(run: RemoteRun, command: str, waiting: Waiting) -> Iterator[Path]:
    """Own the run directory for one command; gives the directory of its working copy.

    Raises:
        RunDirectoryError: another command works there; a segment is missing; the lease ran out.
        OutOfReach: the bucket does not answer.
    """
    patient = _patient(run, waiting)
    with _scratch() as path:
        with answering(run):
            lease = acquire(
                patient.objects, command, lambda: _generation(patient), waiting, keep_by=run.objects
            )
        shippers: list[Shipper] = []

        def segment() -> int:
            return shippers[-1].segment if shippers else 0

        def progress() -> Mapping[str, object] | None:
            return shippers[-1].progress if shippers else None

        def replica_of(database: "Database") -> Shipper:
            shippers.append(Shipper(database, run.objects, lease, waiting.elapsed))
            return shippers[-1]

        with kept(lease, run.url, waiting.say, segment=segment, progress=progress, scratch=path.parent):
            with answering(run):
                restore(patient.objects, str(run.url), path)
            with _as_working_copy(
                WorkingCopy(path, str(run.url), replica_of, partial(_bring, patient, path))
            ):
                try:
                    yield path
                finally:
                    if not lease.lost:
                        _bring_reports(patient, path, waiting.say, lease.generation)


@contextmanager
def for_reading(run: RemoteRun, waiting: Waiting, *, writes_report: bool = False) -> Iterator[Path]:
    """Look at the run directory beside whoever works there; gives the directory of its working copy.

    Args:
        run: the run directory.
        waiting: time and words.
        writes_report: whether the command writes the report again, for the bucket too.

    Raises:
        RunDirectoryError: a segment is missing.
        OutOfReach: the bucket does not answer.
    """
    run = _patient(run, waiting)
    with _scratch() as path:
        with answering(run):
            stored = run.objects.get(LOCK)
            holder = Holder.read(stored) if stored else None
            held = stored is not None and holder is not None and stored.at < holder.expires_at
            at_least = Place(holder.generation, holder.segment) if holder else None
            restore(run.objects, str(run.url), path, at_least)
        lock = take_lock(path / LOCAL_LOCK, "", "") if held else None  # so its command is seen as running
        try:
            with _as_working_copy(WorkingCopy(path, str(run.url))):
                yield path
                if writes_report:
                    _bring_reports(run, path, waiting.say)
        finally:
            if lock is not None:
                os.close(lock)


@contextmanager
def fetched_roster(objects: Objects, url: BucketUrl, waiting: Waiting) -> Iterator[Path]:
    """Bring a roster to this machine for the time of one command.

    Args:
        objects: where it is.
        url: the roster.
        waiting: time and words.

    Raises:
        InputUnusable: there is no such roster.
        OutOfReach: the bucket does not answer.
    """
    run = _patient(RemoteRun(url, objects), waiting)
    with _scratch() as folder:
        path = folder / "roster.csv"
        with answering(run):
            found = run.objects.download(url.name, path)
        if not found:
            raise InputUnusable(f"There is no roster {url}.", "Correct the name, or copy it there.")
        yield path


def run_dirs_below(run: RemoteRun, waiting: Waiting) -> list[BucketUrl]:
    """Every run directory at or below a place.

    Raises:
        OutOfReach: the bucket does not answer.
    """
    run = _patient(run, waiting)
    with answering(run):
        names = [name.rpartition("/") for name in run.objects.names()]
    places = sorted({folder for folder, _, name in names if Contents.of([name]).bases})
    return [run.url / folder if folder else run.url for folder in places]


def purge_versions(run: RemoteRun, waiting: Waiting) -> int:
    """Remove from the bucket what a purge has replaced, in every version. Returns how many versions.

    Raises:
        RunDirectoryError: some of it cannot be removed.
        OutOfReach: the bucket does not answer.
    """
    run = _patient(run, waiting)
    with answering(run):
        bases = Contents.of(run.objects.names("base-")).bases
        newest = bases[-1].base if bases else ""
        kept = (
            ("base-", lambda name: name == newest),
            ("wal-", lambda _: False),
            (f"{_REPORT}/", lambda name: not name.endswith(_LISTS)),
        )
        return sum(run.objects.delete_all_versions(prefix, keep) for prefix, keep in kept)


def _patient(run: RemoteRun, waiting: Waiting) -> RemoteRun:
    return RemoteRun(run.url, PatientObjects(run.objects, waiting.sleep))


def _generation(run: RemoteRun) -> int:
    return Contents.of(run.objects.names()).generation


@contextmanager
def answering(run: RemoteRun) -> Iterator[None]:
    """Tell a bucket that does not answer as that.

    Raises:
        OutOfReach: it does not.
    """
    try:
        yield
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


@contextmanager
def _scratch() -> Iterator[Path]:
    """A private directory for a working copy, gone afterwards; those of killed commands go first."""
    _sweep()
    root = Path(tempfile.mkdtemp(prefix=_PREFIX))
    owner = os.open(root / _OWNER, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(owner, fcntl.LOCK_EX)
        path = root / "run"
        path.mkdir(mode=0o700)
        yield path
    finally:
        shutil.rmtree(root, ignore_errors=True)
        os.close(owner)


def _sweep() -> None:
    """Remove working copies whose commands were killed: they hold personal data."""
    for root in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        with suppress(OSError):
            if root.stat().st_uid != os.geteuid():
                continue
            owner = os.open(root / _OWNER, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
            try:
                fcntl.flock(owner, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(root, ignore_errors=True)
            finally:
                os.close(owner)


def _bring(run: RemoteRun, path: Path, file: Path) -> bool:
    """Have one file of a working copy in the bucket, and say whether it is there."""
    try:
        run.objects.put(str(file.relative_to(path)), file)
    except (StoreError, GoneError, ConditionFailedError, MigrateMfaError):
        return False
    return True


def _bring_reports(run: RemoteRun, path: Path, say: Callable[[str], None], generation: int = 0) -> None:
    """Have the reports beside the journal; the next command or `report` writes them again if that fails."""
    report = path / _REPORT
    files = {str(file.relative_to(path)): file for file in sorted(report.rglob("*")) if file.is_file()}
    if (path / _LOG).is_file():
        files[log_of(generation)] = path / _LOG
    try:
        for name, file in files.items():
            run.objects.put(name, file)
        if report.is_dir():
            old = [name for name in run.objects.names(f"{_REPORT}/") if name.endswith(_LISTS)]
            run.objects.delete_many(sorted(set(old) - set(files)))
    except (StoreError, GoneError, ConditionFailedError, RunDirectoryError) as error:
        say(f"The reports could not be copied to {run.url} ({error}). migrate-mfa report writes them again.")
