"""The end-to-end tests' simulator and console script, for promises that only they can show."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.commands.conftest import raise_site
from tests.commands.support import members_of, roster_of
from tests.process.buckets import NAMES
from tests.support.bucket import Door, bucket_on_loopback

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.commands.conftest import Site
    from tests.support.bucket import Bucket

__all__ = ["raise_site"]


@pytest.fixture(scope="module")
def bucket_server() -> Iterator[Bucket]:
    with bucket_on_loopback() as made:
        yield made


@pytest.fixture
def bucket(bucket_server: Bucket) -> Bucket:
    vars(bucket_server.door).update(vars(Door()))
    bucket_server.empty()
    return bucket_server


@pytest.fixture
def bucket_site(raise_site: Callable[..., Site], bucket: Bucket) -> Callable[..., Site]:
    def make(**options: Any) -> Site:
        made = raise_site(members_of(NAMES), **options)
        made.cli.environment["AWS_ENDPOINT_URL_S3"] = bucket.endpoint
        roster_of(made.folder, NAMES)
        return made

    return make
