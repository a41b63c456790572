"""The run directory of a fleet: small files that supervisors write and the coordinator reads."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from migrate_mfa.cli.located import waiting
from migrate_mfa.domain.errors import RunDirectoryError
from migrate_mfa.fleet.unit import Result
from migrate_mfa.remote.objects import BucketUrl, is_bucket_url
from migrate_mfa.reports.files import whole_file

if TYPE_CHECKING:
    from migrate_mfa.fleet.unit import Whereabouts
    from migrate_mfa.remote.objects import Objects, Stored

LANES, LOGS, RESULTS, REPORT = "lanes", "logs", "results", "report"
"""Its folders, beside the run directories of the targets."""
_BEGUN = f"{REPORT}/begun"
"""An empty file, written before any target begins, to test whether the reports can be written."""


class LocalPlace:
    """A directory of this machine. All methods raise RunDirectoryError if it cannot be used."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self, name: str) -> bytes | None:
        """A file by its path in here, or None where there is none."""
        try:
            return (self.path / name).read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise self._unusable("read", error) from error

    def write(self, name: str, body: bytes) -> None:
        """Write a file whole."""
        try:
            with whole_file(self.path / name, encoding="utf-8") as file:
                file.write(body.decode())
        except OSError as error:
            raise self._unusable("written", error) from error

    def require_there(self) -> None:
        """Refuse a directory that does not exist."""
        if not self.path.is_dir():
            raise RunDirectoryError(f"There is no run directory {self.path}.", "Correct --run-dir.")

    def require_writable(self) -> None:
        """Create the directory, and a file in it."""
        try:
            self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise self._unusable("written", error) from error
        self.write(_BEGUN, b"")

    def named(self, *parts: str) -> str:
        """What the operator calls something in here."""
        return str(self.path.joinpath(*parts))

    def log(self, name: str) -> Path:
        """The file for the output of a target's commands."""
        folder = self.path / LOGS
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise self._unusable("written", error) from error
        return folder / f"{name}.log"

    def _unusable(self, verb: str, error: OSError) -> RunDirectoryError:
        return RunDirectoryError(
            f"The run directory {self.path} of the fleet cannot be {verb} ({error.strerror}).",
            "Look at the disk, and at the owner and the mode of that directory, or correct --run-dir.",
        )


class BucketPlace:
    """A prefix of a bucket. All methods raise MigrateMfaError if it cannot be used."""

    def __init__(self, url: BucketUrl, objects: "Objects") -> None:
        self.url = url
        self.objects = objects

    def get(self, name: str) -> "Stored | None":
        """A file with its tag and the time of the answer; None if there is none."""
        with self._answering():
            return self.objects.get(name)

    def read(self, name: str) -> bytes | None:
        """A file by its path in here, or None where there is none."""
        found = self.get(name)
        return found.body if found else None

    def write(self, name: str, body: bytes) -> None:
        """Write a file whole."""
        with self._answering():
            self.objects.put(name, body)

    def require_there(self) -> None:
        """Do nothing: a bucket has no directories."""

    def require_writable(self) -> None:
        """Write an object."""
        self.write(_BEGUN, b"")

    def named(self, *parts: str) -> str:
        """What the operator calls something in here."""
        return "/".join([str(self.url), *parts])

    @contextmanager
    def _answering(self) -> Iterator[None]:
        from migrate_mfa.remote.working_copy import RemoteRun, answering

        with answering(RemoteRun(self.url, self.objects)):
            yield


Place = LocalPlace | BucketPlace


def open_place(where: "Whereabouts") -> Place:
    """The run directory of a fleet.

    Raises:
        UsageError: the URL is not valid, or the AWS configuration cannot be used.
        NotAllowed: there are no usable credentials for its bucket.
    """
    if not is_bucket_url(where.run_dir):
        return LocalPlace(Path(where.run_dir))
    from migrate_mfa.remote.aws_objects import open_bucket
    from migrate_mfa.remote.patient import PatientObjects

    url = BucketUrl.parse(where.run_dir)
    bucket = open_bucket(url, profile=where.profile, region=where.region, endpoint_url=where.endpoint_url)
    return BucketPlace(url, PatientObjects(bucket, waiting()))


def document(body: bytes | None) -> Mapping[str, object]:
    """A JSON object; empty if there is none or it cannot be read."""
    try:
        found = json.loads(body) if body else {}
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def result_of(place: Place, name: str) -> Result | None:
    """The last end of a target in this run directory; None if there is none."""
    found = document(place.read(f"{RESULTS}/{name}.json"))
    try:
        return Result.read(found) if found else None
    except (KeyError, ValueError):
        return None
