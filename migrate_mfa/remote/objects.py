"""The objects below one prefix of a bucket, as far as a run directory needs them."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from migrate_mfa.domain.errors import UsageError

_URL = re.compile(r"s3://(?P<bucket>[^/]*)(?:/(?P<prefix>.*))?", re.DOTALL)
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_UNSAFE = re.compile(r"[\s\x00-\x1f\x7f*?#%\\^`\"<>\[\]{}|~]")
"""Characters that shells, URLs and IAM policies take for something else than themselves.

Source: Amazon S3 User Guide, "Naming Amazon S3 objects", characters to avoid.
"""


@dataclass(frozen=True, slots=True)
class BucketUrl:
    """`s3://BUCKET/PREFIX`; the prefix has no slash at its end, and is empty for a whole bucket."""

    bucket: str
    prefix: str

    @classmethod
    def parse(cls, text: str, *, whole: bool = False) -> "BucketUrl":
        """Read it from a command line; `whole` allows a bucket without a prefix.

        Raises:
            UsageError: it has another form; says what is wrong.
        """
        match = _URL.fullmatch(text)
        bucket, prefix = (match["bucket"], (match["prefix"] or "").removesuffix("/")) if match else ("", "")
        wrong = "it does not begin with s3://" if match is None else _wrong(bucket, prefix, whole=whole)
        if wrong:
            raise UsageError(
                f"{text!r} is not a place in a bucket: {wrong}.",
                "It looks like s3://my-bucket/runs/customers: a bucket, and a prefix for each run.",
            )
        return cls(bucket, prefix)

    def __str__(self) -> str:
        return f"s3://{self.bucket}/{self.prefix}".removesuffix("/")

    @property
    def name(self) -> str:
        """The last part of the prefix."""
        return self.prefix.rpartition("/")[2]

    @property
    def parent(self) -> "BucketUrl":
        """The place that holds `name`."""
        return BucketUrl(self.bucket, self.prefix.rpartition("/")[0])

    def __truediv__(self, name: str) -> "BucketUrl":
        return BucketUrl(self.bucket, f"{self.prefix}/{name}".removeprefix("/"))


def _wrong(bucket: str, prefix: str, *, whole: bool) -> str:
    """What is wrong with the parts of a place in a bucket, or nothing."""
    if not _BUCKET.fullmatch(bucket):
        return f"{bucket!r} is not the name of a bucket (3 to 63 small letters, digits, dots and hyphens)"
    if not prefix:
        return "" if whole else "it has no prefix after the bucket"
    if (unsafe := _UNSAFE.search(prefix)) is not None:
        return f"its prefix has the character {unsafe[0]!r}"
    part = next((each for each in prefix.split("/") if each in {"", ".", ".."}), None)
    return "" if part is None else f"its prefix has the part {part!r}" if part else "its prefix has //"


def is_bucket_url(text: object) -> bool:
    """Whether this is meant as a place in a bucket."""
    return str(text).strip().lower().startswith(("s3:", "s3a:", "s3n:"))


@dataclass(frozen=True, slots=True)
class Stored:
    """An object as it was read: its tag, and the store's time of the answer in seconds since the epoch."""

    body: bytes
    tag: str
    at: float


@dataclass(frozen=True, slots=True)
class Put:
    """An object that was written: its tag, and the store's time of the answer in seconds since the epoch."""

    tag: str
    at: float


class ConditionFailedError(Exception):
    """The object is there already, or is another one than was read (412)."""


class GoneError(Exception):
    """The object that was to be replaced is not there any more (404)."""


class StoreError(Exception):
    """It is not known whether the call was carried out: no answer, 409, or an error of the service."""


class IsOld(Protocol):
    """Whether a version of an object is to go."""

    def __call__(self, name: str, *, latest: bool) -> bool:
        """`latest` says whether it is the current one."""
        ...


class Objects(Protocol):
    """Objects by their names below the prefix. Each method makes one attempt.

    All raise StoreError where another attempt may help, and NotAllowed or RunDirectoryError where not.
    """

    def now(self) -> float:
        """The store's time, in seconds since the epoch."""
        ...

    def get(self, name: str) -> Stored | None:
        """An object, or None where there is none."""
        ...

    def download(self, name: str, path: Path) -> bool:
        """Write an object of any size to a file. Says whether there is one."""
        ...

    def put(
        self, name: str, body: bytes | Path, *, new: bool = False, replaces: str | None = None,
        seconds: float | None = None,
    ) -> Put:  # fmt: skip
        """Write an object.

        Args:
            name: below the prefix.
            body: what is in it, or the file that holds that.
            new: only where there is none.
            replaces: only in the place of the object with this tag.
            seconds: how long it may take; by its size unless given.

        Raises:
            ConditionFailedError: the condition does not hold.
            GoneError: there is nothing to replace.
        """
        ...

    def names(self, prefix: str = "") -> list[str]:
        """The names that begin so, in order."""
        ...

    def delete(self, name: str, *, tag: str | None = None) -> None:
        """Remove an object; with a tag, only that one. What is not there is no error.

        Raises:
            ConditionFailedError: it is another one by now.
        """
        ...

    def delete_many(self, names: Sequence[str]) -> None:
        """Remove objects, as far as that is allowed; what is not there is no error."""
        ...

    def delete_versions(self, is_old: IsOld) -> int:
        """Remove the versions that are to go. Returns how many."""
        ...

    def outer(self) -> str | None:
        """The run directory in which this place is, as far as these credentials can see it."""
        ...
