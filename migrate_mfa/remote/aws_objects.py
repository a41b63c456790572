"""Objects of a bucket in Amazon S3, with the conditional writes that a lease needs.

Conditional writes: "Add preconditions to S3 operations with conditional requests" (Amazon S3 User Guide).
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from email.utils import parsedate_to_datetime
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import Any, TypeVar

from botocore.exceptions import ClientError

from migrate_mfa.aws.deadline import TooLate, within
from migrate_mfa.aws.problems import FAILURES, api_error
from migrate_mfa.aws.session import Aws, AwsTarget
from migrate_mfa.domain.errors import NotAllowed, RunDirectoryError
from migrate_mfa.domain.failure import COMMAND_MARK, POLICY, ApiError
from migrate_mfa.remote.names import BASES, Contents
from migrate_mfa.remote.objects import (
    BucketUrl,
    ConditionFailedError,
    GoneError,
    IsOld,
    Put,
    Stored,
    StoreError,
)

T = TypeVar("T")
_ANY_REGION = "us-east-1"
"""The first Region for a bucket of unknown Region: S3 names the right one in its answer."""
_CALL_S = 10.0
_LONGEST_S = 600.0
"""How long a call of unknown size may take: reading a base, listing many names."""
_SLOWEST_BYTES_S = 500_000
"""The slowest rate of a transfer; a slower one is given up and repeated."""
_CHUNK = 1 << 20
_NOT_THERE = {"NoSuchKey", "404", "NotFound"}
_CONDITION = {"PreconditionFailed", "412"}
_REFUSED = {
    "AccessDenied", "403", "AllAccessDisabled", "KMS.DisabledException", "KMS.NotFoundException"
}  # fmt: skip
_READ_ONE = (
    "Correct its name, or allow s3:GetObject on it for these credentials. Without s3:ListBucket, a missing "
    "object is refused in the same way."
)
_BAD_KEYS = {"InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "InvalidToken"}
_NO_BUCKET = {"NoSuchBucket", "InvalidBucketName"}
_MOST_DELETED = 1000
"""The most objects of one DeleteObjects."""


def open_bucket(
    url: BucketUrl,
    *,
    profile: str | None = None,
    region: str | None = None,
    endpoint_url: str | None = None,
    kms_key: str | None = None,
    holds_run: bool = True,
) -> "S3Objects":
    """A place in a bucket, by the operator's own credentials.

    Args:
        url: the place.
        profile: as in `AwsTarget`; so are `region` and `endpoint_url`.
        region: of the bucket, if it is known.
        endpoint_url: of S3.
        kms_key: the key that encrypts new objects.
        holds_run: whether it is a run directory, not the folder of a file that is only read.

    Raises:
        UsageError: the AWS configuration cannot be used.
        NotAllowed: it gives no usable credentials.
    """
    target = AwsTarget(user_pool_id="", profile=profile, endpoint_url=endpoint_url)
    aws = Aws(target, region=region or _ANY_REGION)
    return S3Objects(aws.client("s3"), url, kms_key=kms_key, holds_run=holds_run)


class S3Objects:
    """`Objects` below one prefix of one bucket."""

    def __init__(
        self,
        client: Any,  # noqa: ANN401 - boto3's own
        url: BucketUrl,
        *,
        kms_key: str | None = None,
        holds_run: bool = True,
    ) -> None:
        self._client = client
        self._url = url
        policy = f"{POLICY} {COMMAND_MARK} --run-dir {url}{f' --kms-key {kms_key}' if kms_key else ''}"
        self._remedy = (
            f"Attach the policy that this prints to these credentials:\n  {policy}"
            if holds_run
            else _READ_ONE
        )
        self._encrypted: dict[str, Any] = (
            {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": kms_key} if kms_key else {}
        )

    def now(self) -> float:
        """See `Objects.now`."""
        asked = {"Bucket": self._url.bucket, "Prefix": self._key(""), "MaxKeys": 1}
        return self._call("ListObjectsV2", lambda: _time_of(self._client.list_objects_v2(**asked)))

    def get(self, name: str) -> Stored | None:
        """See `Objects.get`."""

        def read() -> Stored:
            answer = self._client.get_object(**self._named(name))
            return Stored(answer["Body"].read(), answer["ETag"], _time_of(answer))

        return self._unless_missing(name, lambda: self._call("GetObject", read, name=name))

    def download(self, name: str, path: Path) -> bool:
        """See `Objects.download`."""

        def read() -> bool:
            answer = self._client.get_object(**self._named(name))
            with path.open("wb") as file:
                for chunk in answer["Body"].iter_chunks(_CHUNK):
                    file.write(chunk)
            return True

        return bool(self._unless_missing(name, lambda: self._call("GetObject", read, _LONGEST_S, name=name)))

    def is_readable(self, name: str) -> bool:
        """See `Objects.is_readable`."""

        def begin() -> bool:
            self._client.get_object(**self._named(name))["Body"].close()
            return True

        return bool(self._unless_missing(name, lambda: self._call("GetObject", begin, name=name)))

    def put(
        self, name: str, body: bytes | Path, *, new: bool = False, replaces: str | None = None,
        seconds: float | None = None,
    ) -> Put:  # fmt: skip
        """See `Objects.put`."""
        condition = {"IfNoneMatch": "*"} if new else {"IfMatch": replaces} if replaces else {}
        size = len(body) if isinstance(body, bytes) else body.stat().st_size

        def write() -> Put:
            with BytesIO(body) if isinstance(body, bytes) else body.open("rb") as content:
                answer = self._client.put_object(
                    Body=content, **self._named(name), **condition, **self._encrypted
                )
            return Put(answer["ETag"], _time_of(answer))

        longest = _CALL_S + size / _SLOWEST_BYTES_S if seconds is None else seconds
        return self._call("PutObject", write, longest, name=name)

    def names(self, prefix: str = "") -> list[str]:
        """See `Objects.names`."""
        begin = len(self._key(""))

        def read() -> list[str]:
            pages = self._pages("list_objects_v2", prefix)
            return [each["Key"][begin:] for page in pages for each in page.get("Contents", ())]

        return self._call("ListObjectsV2", read, _LONGEST_S)

    def delete(self, name: str, *, tag: str | None = None) -> None:
        """See `Objects.delete`."""
        condition = {"IfMatch": tag} if tag else {}
        asked = {**self._named(name), **condition}
        with suppress(GoneError):
            self._call("DeleteObject", partial(self._client.delete_object, **asked), name=name)

    def delete_many(self, names: Sequence[str]) -> None:
        """See `Objects.delete_many`."""
        self._delete([{"Key": self._key(name)} for name in names])

    def delete_versions(self, is_old: IsOld) -> int:
        """See `Objects.delete_versions`."""
        begin = len(self._key(""))

        def read() -> list[dict[str, str]]:
            return [
                {"Key": each["Key"], "VersionId": each["VersionId"]}
                for page in self._pages("list_object_versions", "")
                for each in (*page.get("Versions", ()), *page.get("DeleteMarkers", ()))
                if is_old(each["Key"][begin:], latest=each["IsLatest"])
            ]

        found = self._call("ListObjectVersions", read, _LONGEST_S)
        if left := self._delete(found):
            raise RunDirectoryError(
                f"{len(left)} object versions below {self._url} could not be deleted "
                f"({left[0].get('Code')}).",
                "Allow s3:DeleteObjectVersion there, and look for an object lock; then run purge again.",
            )
        return len(found)

    def outer(self) -> str | None:
        """See `Objects.outer`."""
        parts = self._url.prefix.split("/")
        for depth in range(1, len(parts)):
            place = BucketUrl(self._url.bucket, "/".join(parts[:depth]))
            asked = {"Bucket": place.bucket, "Prefix": f"{place.prefix}/{BASES}"}
            try:
                page = self._call("ListObjectsV2", partial(self._client.list_objects_v2, **asked))
            except NotAllowed:
                continue  # without permission to list, writes are refused too
            begin = len(place.prefix) + 1
            if Contents.of(each["Key"][begin:] for each in page.get("Contents", ())).bases:
                return str(place)
        return None

    def _unless_missing(self, name: str, read: Callable[[], T]) -> T | None:
        """The object, or None if it does not exist.

        For a missing object S3 answers 403, unless listing is allowed without a prefix condition
        ("GetObject", Amazon S3 API Reference).
        """
        try:
            return read()
        except GoneError:
            return None
        except NotAllowed:
            if name in self.names(name):
                raise
            return None

    def _delete(self, objects: list[dict[str, str]]) -> list[dict[str, str]]:
        """Delete objects or versions. Returns the errors of those that could not be deleted."""
        left: list[dict[str, str]] = []
        for at in range(0, len(objects), _MOST_DELETED):
            these = {"Objects": objects[at : at + _MOST_DELETED], "Quiet": True}

            def send(these: Any = these) -> Any:  # noqa: ANN401 - boto3's own
                return self._client.delete_objects(Bucket=self._url.bucket, Delete=these)

            left += self._call("DeleteObjects", send, _LONGEST_S).get("Errors", [])
        return left

    def _pages(self, operation: str, prefix: str) -> Any:  # noqa: ANN401 - boto3's own
        paginator = self._client.get_paginator(operation)
        return paginator.paginate(Bucket=self._url.bucket, Prefix=self._key(prefix))

    def _key(self, name: str) -> str:
        return f"{self._url.prefix}/{name}" if self._url.prefix else name

    def _named(self, name: str) -> dict[str, str]:
        return {"Bucket": self._url.bucket, "Key": self._key(name)}

    def _call(self, operation: str, work: Callable[[], T], seconds: float = _CALL_S, *, name: str = "") -> T:
        """Make one attempt on an object or the whole place, and turn S3's errors into those of `Objects`."""
        place = self._url / name if name else self._url
        try:
            return within(seconds, work)
        except TooLate as late:
            raise StoreError(f"{operation} on {place}: no answer within {seconds:.0f} s") from late
        except ClientError as error:
            code = str(error.response.get("Error", {}).get("Code"))
            raise self._refusal(operation, place, code) from error
        except ApiError as error:  # an error of the credentials, before the call was made
            raise _problem_of(error) from error
        except FAILURES as error:
            raise _problem_of(api_error(operation, error)) from error

    def _refusal(self, operation: str, place: BucketUrl, code: str) -> Exception:
        if code in _CONDITION:
            return ConditionFailedError(operation)
        if code in _NOT_THERE:
            return GoneError(operation)
        if code in _NO_BUCKET:
            return RunDirectoryError(
                f"There is no bucket {self._url.bucket}.", "Correct its name, or create the bucket."
            )
        if code in _BAD_KEYS:
            return NotAllowed(
                f"{self._url} does not take these credentials ({code}).",
                "Give valid ones, by --profile or the environment.",
            )
        if code in _REFUSED:
            return NotAllowed(
                f"{operation} on {place} is refused ({code}).",
                self._remedy,
            )
        return StoreError(f"{operation} on {place}: {code}")


def _problem_of(error: ApiError) -> Exception:
    return error.problem or StoreError(f"{error.operation}: {error.code}")


def _time_of(answer: Any) -> float:  # noqa: ANN401 - boto3's own
    """The store's own time, from the Date of its answer (whole seconds)."""
    return parsedate_to_datetime(answer["ResponseMetadata"]["HTTPHeaders"]["date"]).timestamp()
