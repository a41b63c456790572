"""What goes wrong with credentials while a bucket is asked, and not with the bucket."""

from unittest.mock import MagicMock, Mock

import pytest
from botocore.exceptions import ClientError

from migrate_mfa.domain.errors import NotAllowed
from migrate_mfa.domain.failure import CONNECT_FAILED, ApiError
from migrate_mfa.remote.aws_objects import S3Objects
from migrate_mfa.remote.objects import BucketUrl, StoreError


@pytest.mark.parametrize(
    ("trouble", "expected"),
    [
        (ApiError(operation="PutObject", code="NoCredentials", problem=NotAllowed("Over.")), NotAllowed),
        (ApiError(operation="PutObject", code=CONNECT_FAILED), StoreError),
    ],
)
def test_credentials_that_are_not_renewed_are_no_bug(trouble: ApiError, expected: type[Exception]) -> None:
    client = Mock()
    client.put_object.side_effect = trouble

    with pytest.raises(expected):
        S3Objects(client, BucketUrl("bucket", "prefix")).put("lock.json", b"{}")


def test_a_run_directory_around_is_found_as_far_as_these_credentials_see() -> None:
    def page(**asked: str) -> dict[str, object]:
        if asked["Prefix"] == "team/base-":
            raise ClientError({"Error": {"Code": "AccessDenied"}}, "ListObjectsV2")
        found = "team/runs/base-00001-000000.sqlite.gz" if asked["Prefix"] == "team/runs/base-" else "x"
        return {"Contents": [{"Key": found}]}

    client = Mock()
    client.list_objects_v2.side_effect = page

    assert S3Objects(client, BucketUrl("bucket", "team/runs/a/b")).outer() == "s3://bucket/team/runs"
    assert S3Objects(client, BucketUrl("bucket", "team/other/a")).outer() is None
    assert S3Objects(client, BucketUrl("bucket", "run")).outer() is None


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("AccessDenied", "PutObject on s3://bucket/prefix/lock.json is refused (AccessDenied)."),
        ("SlowDown", "PutObject on s3://bucket/prefix/lock.json: SlowDown"),
    ],
)
def test_the_object_that_s3_refuses_is_named(code: str, expected: str) -> None:
    client = Mock()
    client.put_object.side_effect = ClientError({"Error": {"Code": code}}, "PutObject")

    with pytest.raises((NotAllowed, StoreError)) as refused:
        S3Objects(client, BucketUrl("bucket", "prefix")).put("lock.json", b"{}")

    assert str(refused.value).partition("\n")[0] == expected


def test_a_refusal_tells_what_allows_it() -> None:
    client = Mock()
    client.get_object.side_effect = client.get_paginator.side_effect = ClientError(
        {"Error": {"Code": "AccessDenied"}}, "GetObject"
    )
    place = BucketUrl("bucket", "prefix")

    def hint(objects: S3Objects) -> str:
        with pytest.raises(NotAllowed) as refused:
            objects.is_readable("users.csv")
        return refused.value.hint

    line = "\n  migrate-mfa iam-policy COMMAND --run-dir s3://bucket/prefix"
    assert hint(S3Objects(client, place)).endswith(line)
    assert hint(S3Objects(client, place, kms_key="key")).endswith(f"{line} --kms-key key")
    file = hint(S3Objects(client, place, holds_run=False))
    assert "s3:GetObject" in file
    assert "iam-policy" not in file, "it would allow too much"


def test_a_file_is_readable_without_being_read() -> None:
    client = MagicMock()
    objects = S3Objects(client, BucketUrl("bucket", "prefix"))

    assert objects.is_readable("users.csv")

    body = client.get_object.return_value["Body"]
    assert [each[0] for each in body.method_calls] == ["close"]
    client.get_object.side_effect = ClientError({"Error": {"Code": "NoSuchKey"}}, "GetObject")
    assert not objects.is_readable("users.csv")
