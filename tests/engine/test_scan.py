"""Reading the whole pool, in one chain or in sixteen."""

import threading
from collections import Counter
from dataclasses import replace
from uuid import UUID

import pytest

from migrate_mfa.domain.failure import ApiError
from migrate_mfa.domain.model import UserState
from migrate_mfa.engine.scan import scan
from migrate_mfa.ports import Filter, Page
from tests.support.builders import a_user
from tests.support.fakes import FakeDirectory


def a_crowd(count: int, *, sub: str = "{}") -> list[UserState]:
    # a step that spreads the numbers over all first digits
    step = 0x9E3779B97F4A7C15F39CC0605CEDC835
    ids = (UUID(int=n * step % 2**128) for n in range(count))
    return [replace(a_user(f"u{n}"), sub=sub.format(each)) for n, each in enumerate(ids)]


def subs(directory: FakeDirectory, estimated: int) -> Counter[str]:
    return Counter(user.sub for users in scan(directory, estimated) for user in users)


@pytest.mark.parametrize("estimated", [0, 100, 959, 960, 2500])
def test_every_user_is_seen_once_whatever_the_estimate(estimated: int) -> None:
    crowd = a_crowd(2500)
    directory = FakeDirectory(crowd)

    seen = subs(directory, estimated)

    assert seen == Counter(user.sub for user in crowd)


def test_a_big_pool_is_read_by_sixteen_chains_after_one_look() -> None:
    asked: list[str] = []

    class Watched(FakeDirectory):
        def page(self, only: Filter | None, token: str | None) -> Page:
            asked.append(only.value if only else "everybody")
            return super().page(only, token)

    subs(Watched(a_crowd(1000)), 1000)

    assert set(asked) == {"everybody", *"0123456789abcdef"}
    assert asked.count("everybody") == 1


@pytest.mark.parametrize("shape", ["g{}", "{}-2", "sub-{}"])
def test_subs_of_another_shape_are_read_in_one_chain(shape: str) -> None:
    crowd = a_crowd(1200, sub=shape)

    seen = subs(FakeDirectory(crowd), 1200)

    assert seen == Counter(user.sub for user in crowd)


def test_the_failure_of_one_chain_ends_the_scan() -> None:
    class Broken(FakeDirectory):
        def page(self, only: Filter | None, token: str | None) -> Page:
            if only and only.value == "7":
                raise ApiError(operation="ListUsers", code="AccessDeniedException")
            return super().page(only, token)

    with pytest.raises(ApiError, match="AccessDenied"):
        subs(Broken(a_crowd(1000)), 1000)


def test_a_scan_that_is_abandoned_leaves_no_thread_behind() -> None:
    pages = scan(FakeDirectory(a_crowd(6000), page_size=10), 6000)
    next(iter(pages))

    pages.close()  # type: ignore[attr-defined]  # a generator

    assert not [thread for thread in threading.enumerate() if thread.name.startswith("chain")]


def test_reading_never_outruns_the_one_who_takes() -> None:
    """A million users must not wait in memory while the journal is busy."""
    asked = Counter[str]()

    class Watched(FakeDirectory):
        def page(self, only: Filter | None, token: str | None) -> Page:
            asked["pages"] += 1
            return super().page(only, token)

    pages = scan(Watched(a_crowd(3000), page_size=1), 3000)
    for _ in range(5):
        next(pages)
    settled = -1
    while settled != (settled := asked["pages"]):
        threading.Event().wait(0.3)  # the chains would go on, if they could

    pages.close()  # type: ignore[attr-defined]  # a generator
    assert settled <= 5 + 64 + 16 + 1
