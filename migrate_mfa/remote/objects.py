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
"""Characters with a special meaning in shells, URLs or IAM policies.

Source: Amazon S3 User Guide, "Naming Amazon S3 objects", characters to avoid.
"""


@dataclass(frozen=True, slots=True)
class BucketUrl:
    """`s3://BUCKET/PREFIX`; the prefix has no slash at its end, and is empty for a whole bucket."""

    bucket: str
    prefix: str

    @classmethod
    def parse(cls, text: str, *, whole: bool = False) -> "BucketUrl":
        """Parse it from a command line; `whole` allows a bucket without a prefix.

        Raises:
            UsageError: it is malformed; says what is wrong.
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
        """The place of `name` in this one."""
        return BucketUrl(self.bucket, self.prefix.rpartition("/")[0])

    def __truediv__(self, name: str) -> "BucketUrl":
        return BucketUrl(self.bucket, f"{self.prefix}/{name}".removeprefix("/"))


def _wrong(bucket: str, prefix: str, *, whole: bool) -> str:
    """What is wrong with the parts of a place in a bucket; empty if nothing is."""
    if not _BUCKET.fullmatch(bucket):
        return f"{bucket!r} is not the name of a bucket (3 to 63 small letters, digits, dots and hyphens)"
    if not prefix:
        return "" if whole else "it has no prefix after the bucket"
    if (unsafe := _UNSAFE.search(prefix)) is not None:
        return f"its prefix has the character {unsafe[0]!r}"
    part = next((each for each in prefix.split("/") if each in {"", ".", ".."}), None)
    return "" if part is None else f"its prefix has the part {part!r}" if part else "its prefix has //"


def is_bucket_url(text: object) -> bool:
    """Whether a text is meant as a place in a bucket."""
    return str(text).strip().lower().startswith(("s3:", "s3a:", "s3n:"))


@dataclass(frozen=True, slots=True)
class Stored:
    """An object that was read: its content and tag, and the store's time of the answer (epoch seconds)."""

    body: bytes
    tag: str
    at: float


@dataclass(frozen=True, slots=True)
class Put:
    """An object that was written: its tag, and the store's time of the answer in seconds since 1970."""

    tag: str
    at: float


class ConditionFailedError(Exception):
    """The object exists already, or has changed since it was read (412)."""


class GoneError(Exception):
    """The object to be replaced no longer exists (404)."""


class StoreError(Exception):
    """The effect of the call is unknown: no answer, 409, or an error of the service."""


class IsOld(Protocol):
    """Decides whether a version of an object is to be removed."""

    def __call__(self, name: str, *, latest: bool) -> bool:
        """`latest`: it is the current version."""
        ...


class Objects(Protocol):
    """Objects by their names below the prefix. Each method makes one attempt.

    All raise StoreError if another attempt may help, else NotAllowed or RunDirectoryError.
    """

    def now(self) -> float:
        """The store's time, in seconds since 1970."""
        ...

    def get(self, name: str) -> Stored | None:
        """An object, or None if it does not exist."""
        ...

    def download(self, name: str, path: Path) -> bool:
        """Download an object of any size to a file. Returns whether it exists."""
        ...

    def is_readable(self, name: str) -> bool:
        """Begin to read an object. Returns whether it exists."""
        ...

    def put(
        self, name: str, body: bytes | Path, *, new: bool = False, replaces: str | None = None,
        seconds: float | None = None,
    ) -> Put:  # fmt: skip
        """Write an object.

        Args:
            name: its name below the prefix.
            body: its content, or the file with its content.
            new: only if it does not exist.
            replaces: only if the existing object has this tag.
            seconds: how long it may take (default: by its size).

        Raises:
            ConditionFailedError: the condition does not hold.
            GoneError: there is nothing to replace.
        """
        ...

    def names(self, prefix: str = "") -> list[str]:
        """The names that begin with a text, in order."""
        ...

    def delete(self, name: str, *, tag: str | None = None) -> None:
        """Remove an object; with a tag, only if it has that tag. A missing object is not an error.

        Raises:
            ConditionFailedError: it has another tag now.
        """
        ...

    def delete_many(self, names: Sequence[str]) -> None:
        """Remove objects, as far as that is allowed. A missing object is not an error."""
        ...

    def delete_versions(self, is_old: IsOld) -> int:
        """Remove the versions that the function chooses. Returns how many."""
        ...

    def outer(self) -> str | None:
        """The run directory that contains this place, as far as these credentials can see it."""
        ...
