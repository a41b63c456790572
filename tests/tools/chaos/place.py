"""Where a run directory is: on this disk, or in a bucket while every machine that worked on it is lost."""

from __future__ import annotations

import json
import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from migrate_mfa.remote.aws_objects import S3Objects
from migrate_mfa.remote.names import LOCK
from migrate_mfa.remote.objects import BucketUrl
from migrate_mfa.remote.restore import restore
from tests.support.bucket import BUCKET, bucket_on_loopback

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.commands.support import Cli
    from tests.support.bucket import Bucket

_COPIES: Final = "migrate-mfa-copy-*"


class Disk:
    """A run directory on this disk."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        """Where the journal and the reports can be read between two lives."""

    @property
    def given(self) -> str:
        """What the command gets."""
        return str(self.folder)

    def live(self) -> Path:
        """Where the journal is while a command works."""
        return self.folder

    def came_to_an_end(self, *, killed: bool) -> None:
        """A command has ended."""


class InBucket(Disk):
    """A run directory in a bucket. A killed command takes its machine with it, and time passes."""

    def __init__(self, folder: Path, cli: Cli, bucket: Bucket, name: str) -> None:
        super().__init__(folder)
        self._scratch = cli.cwd / "scratch"
        self._bucket = bucket
        self._url = BucketUrl(BUCKET, name)

    @property
    def given(self) -> str:
        """What the command gets."""
        return str(self._url)

    def live(self) -> Path:
        """The working copy of the command that works now."""
        return next(iter(self._scratch.glob(f"{_COPIES}/run")), self.folder)

    def came_to_an_end(self, *, killed: bool) -> None:
        """Lose the machine of a killed command, let its lease expire, and look at what is in the bucket."""
        if killed:
            for copy in self._scratch.glob(_COPIES):
                shutil.rmtree(copy)
            self._expire()
        shutil.rmtree(self.folder, ignore_errors=True)
        (self.folder / "report").mkdir(parents=True)
        restore(S3Objects(self._bucket.s3, self._url), str(self._url), self.folder)
        for key in self._bucket.names(f"{self._url.prefix}/report/"):
            (self.folder / "report" / key.rpartition("/")[2]).write_bytes(self._bucket.read(key))

    def _expire(self) -> None:
        key = f"{self._url.prefix}/{LOCK}"
        if key in self._bucket.names(key):
            lease = json.loads(self._bucket.read(key)) | {"expires_at": 0.0, "renewed_at": 0.0}
            self._bucket.s3.put_object(Bucket=BUCKET, Key=key, Body=json.dumps(lease).encode())


@contextmanager
def places(cli: Cli, folder: Path, *, in_bucket: bool) -> Iterator[tuple[Disk, Disk]]:
    """The run directory of an episode, and a fresh one."""
    run, fresh = folder / "run", folder / "fresh"
    if not in_bucket:
        yield Disk(run), Disk(fresh)
        return
    with bucket_on_loopback() as bucket:
        cli.environment["AWS_ENDPOINT_URL_S3"] = bucket.endpoint
        # All S3s of one process have the same buckets in them, whatever their ports.
        names = (f"{folder.name}/run", f"{folder.name}/fresh")
        yield InBucket(run, cli, bucket, names[0]), InBucket(fresh, cli, bucket, names[1])
