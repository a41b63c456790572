"""The permissions that a command needs on the bucket that holds its run directory.

Source: Service Authorization Reference, "Actions, resources, and condition keys for Amazon S3".
"""

from typing import Any

from migrate_mfa.remote.objects import BucketUrl

_READ = ("s3:GetObject",)
_WORK = ("s3:GetObject", "s3:PutObject", "s3:DeleteObject")
_READERS = {"status", "check", "runs"}
ASK_ONLY_THE_BUCKET = {"status", "report", "runs", "purge", "unlock"}
"""The commands that call AWS only for a run directory in a bucket."""
_VERSIONS = {"purge"}


def bucket_statements(
    url: BucketUrl, command: str, *, partition: str, kms_key: str | None
) -> list[dict[str, Any]]:
    """The statements that a command needs for a run directory in a bucket.

    Args:
        url: the run directory.
        command: the command's name.
        partition: of the bucket's ARN, such as `aws`.
        kms_key: the ARN of the key that encrypts its objects, if one is given.
    """
    bucket = f"arn:{partition}:s3:::{url.bucket}"
    versions = command in _VERSIONS
    lists = ("s3:ListBucket", *(("s3:ListBucketVersions",) if versions else ()))
    objects = _READ if command in _READERS else (*_WORK, *(("s3:DeleteObjectVersion",) if versions else ()))
    statements = [
        _statement("RequiredOnTheBucket", lists, bucket)
        | {"Condition": {"StringLike": {"s3:prefix": [f"{url.prefix}/*"]}}},
        _statement("RequiredOnTheRunDirectory", objects, f"{bucket}/{url.prefix}/*"),
    ]
    if kms_key is not None:
        statements.append(_statement("RequiredOnTheKey", ("kms:Decrypt", "kms:GenerateDataKey"), kms_key))
    return statements


def _statement(sid: str, actions: tuple[str, ...], resource: str) -> dict[str, Any]:
    return {"Sid": sid, "Effect": "Allow", "Action": list(actions), "Resource": resource}
