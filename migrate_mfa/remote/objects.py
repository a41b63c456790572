"""The objects below one prefix of a bucket, as far as a run directory needs them."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from migrate_mfa.domain.errors import UsageError

_URL = re.compile(r"s3://(?P<bucket>[a-z0-9][a-z0-9.-]{1,61}[a-z0-9])/(?P<prefix>[^\s?#]*[^\s?#/])/?")


@dataclass(frozen=True, slots=True)
class BucketUrl:
    """`s3://BUCKET/PREFIX`; the prefix has no slash at its end."""

    bucket: str
    prefix: str

    @classmethod
    def parse(cls, text: str) -> "BucketUrl":
        """Read it from a command line.

        Raises:
            UsageError: it has another form.
        """
        match = _URL.fullmatch(text)
        if match is None:
            raise UsageError(
                f"{text!r} is not a place in a bucket.",
                "It looks like s3://my-bucket/runs/customers: a bucket, and a prefix for each run.",
            )
        return cls(match["bucket"], match["prefix"])

    def __str__(self) -> str:
        return f"s3://{self.bucket}/{self.prefix}"

    @property
    def name(self) -> str:
        """The last part of the prefix."""
        return self.prefix.rpartition("/")[2]

    @property
    def parent(self) -> "BucketUrl":
        """The place that holds `name`."""
        return BucketUrl(self.bucket, self.prefix.rpartition("/")[0])

    def __truediv__(self, name: str) -> "BucketUrl":
        return BucketUrl(self.bucket, f"{self.prefix}/{name}")


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

    def delete_all_versions(self, prefix: str, keep: Callable[[str], bool]) -> int:
        """Remove every version of what begins so, but for the current ones to `keep`. Returns how many."""
        ...
