"""What goes wrong with credentials while a bucket is asked, and not with the bucket."""

from unittest.mock import Mock

import pytest

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
