"""Reading the whole pool, in one chain or in sixteen."""

import threading
from collections import Counter
from dataclasses import replace
from itertools import chain, cycle
from uuid import UUID

import pytest

from migrate_mfa.domain.errors import OutOfReach
from migrate_mfa.domain.failure import ApiError
from migrate_mfa.domain.model import UserState
from migrate_mfa.engine.scan import BrokenListError, scan
from migrate_mfa.ports import Filter, Page
from tests.support.builders import a_user
from tests.support.fakes import FakeUserPool

TOKEN_REFUSED = "InvalidParameterException"


def a_crowd(count: int, *, sub: str = "{}") -> list[UserState]:
    # a step that spreads the numbers over all first digits
    step = 0x9E3779B97F4A7C15F39CC0605CEDC835
    ids = (UUID(int=n * step % 2**128) for n in range(count))
    return [replace(a_user(f"u{n}"), sub=sub.format(each)) for n, each in enumerate(ids)]


def subs(user_pool: FakeUserPool, estimated: int) -> Counter[str]:
    return Counter(user.sub for users in scan(user_pool, estimated) for user in users)


@pytest.mark.parametrize("estimated", [0, 100, 959, 960, 2500])
def test_every_user_is_seen_once_whatever_the_estimate(estimated: int) -> None:
    crowd = a_crowd(2500)
    user_pool = FakeUserPool(crowd)

    seen = subs(user_pool, estimated)

    assert seen == Counter(user.sub for user in crowd)


def test_a_big_pool_is_read_by_sixteen_chains_after_one_look() -> None:
    asked: list[str] = []

    class Watched(FakeUserPool):
        def page(self, only: Filter | None, token: str | None) -> Page:
            asked.append(only.value if only else "everybody")
            return super().page(only, token)

    subs(Watched(a_crowd(1000)), 1000)

    assert set(asked) == {"everybody", *"0123456789abcdef"}
    assert asked.count("everybody") == 1


@pytest.mark.parametrize("shape", ["g{}", "{}-2", "sub-{}"])
def test_subs_of_another_shape_are_read_in_one_chain(shape: str) -> None:
    crowd = a_crowd(1200, sub=shape)

    seen = subs(FakeUserPool(crowd), 1200)

    assert seen == Counter(user.sub for user in crowd)


def test_the_failure_of_one_chain_ends_the_scan() -> None:
    class Broken(FakeUserPool):
        def page(self, only: Filter | None, token: str | None) -> Page:
            if only and only.value == "7":
                raise ApiError(operation="ListUsers", code="AccessDeniedException")
            return super().page(only, token)

    with pytest.raises(ApiError, match="AccessDenied"):
        subs(Broken(a_crowd(1000)), 1000)


def test_a_scan_that_is_abandoned_leaves_no_thread_behind() -> None:
    pages = scan(FakeUserPool(a_crowd(6000), page_size=10), 6000)
    next(iter(pages))

    pages.close()  # type: ignore[attr-defined]  # a generator

    assert not [thread for thread in threading.enumerate() if thread.name.startswith("chain")]


def test_reading_never_outruns_the_one_who_takes() -> None:
    """A million users must not wait in memory while the journal is busy."""
    asked = Counter[str]()

    class Watched(FakeUserPool):
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


# Lists that break off


class Breaking(FakeUserPool):
    """Refuses the page after so many users, so often."""

    def __init__(self, users: list[UserState], *, after: str, times: int, code: str = TOKEN_REFUSED) -> None:
        super().__init__(users, page_size=10)
        self._breaks, self._left, self._code = after, times, code

    def page(self, only: Filter | None, token: str | None) -> Page:
        if token == self._breaks and self._left:
            self._left -= 1
            raise ApiError(operation="ListUsers", code=self._code, status=400)
        return super().page(only, token)


@pytest.mark.parametrize("estimated", [0, 2500])
@pytest.mark.parametrize("times", [1, 2])
def test_a_list_whose_next_page_is_refused_begins_anew_and_misses_nobody(estimated: int, times: int) -> None:
    crowd = a_crowd(1000)

    seen = subs(Breaking(crowd, after="20", times=times), estimated)

    assert set(seen) == {user.sub for user in crowd}
    assert max(seen.values()) <= 1 + times


@pytest.mark.parametrize("estimated", [0, 2500])
def test_a_list_that_breaks_off_again_and_again_ends_the_command_and_blames_nobody(estimated: int) -> None:
    with pytest.raises(OutOfReach, match=TOKEN_REFUSED):
        subs(Breaking(a_crowd(1000), after="20", times=99), estimated)


@pytest.mark.parametrize("estimated", [0, 2500])
def test_who_counts_users_is_told_that_the_list_broke_off(estimated: int) -> None:
    with pytest.raises(BrokenListError, match=TOKEN_REFUSED):
        list(scan(Breaking(a_crowd(1000), after="20", times=1), estimated, once=True))


def test_any_other_failure_of_a_later_page_is_as_it_is() -> None:
    with pytest.raises(ApiError, match="AccessDenied"):
        subs(Breaking(a_crowd(1000), after="20", times=1, code="AccessDeniedException"), 0)


def test_a_pool_that_may_not_be_listed_ends_the_command() -> None:
    user_pool = FakeUserPool(a_crowd(10))
    user_pool.fail("ListUsers", TOKEN_REFUSED, times=99, status=400)

    with pytest.raises(OutOfReach, match="cannot be read to its end"):
        subs(user_pool, 0)


class Round(FakeUserPool):
    """Gives the tokens of a circle, after some that lead there."""

    def __init__(self, tokens: str, circle: str, users: tuple[UserState, ...]) -> None:
        super().__init__()
        self._tokens = chain(tokens, cycle(circle))
        self._page_of = users
        self.asked = 0

    def page(self, only: Filter | None, token: str | None) -> Page:
        self.asked += 1
        assert self.asked < 5000
        return Page(self._page_of, next(self._tokens))


@pytest.mark.parametrize(("tokens", "circle"), [("", "a"), ("", "abc"), ("xyz", "a"), ("xyz", "abcdefg")])
def test_tokens_that_go_round_in_a_circle_end_the_list(tokens: str, circle: str) -> None:
    user_pool = Round(tokens, circle, (a_user(),))

    with pytest.raises(OutOfReach, match="RepeatedToken"):
        subs(user_pool, 0)

    assert user_pool.asked < 150


def test_pages_without_a_user_end_the_list_at_last() -> None:
    user_pool = Round("".join(map(chr, range(1000, 5000))), "a", ())

    with pytest.raises(OutOfReach, match="1,000 pages without a user"):
        subs(user_pool, 0)

    assert user_pool.asked == 1000


def test_a_long_list_is_no_circle() -> None:
    crowd = a_crowd(300)

    assert subs(FakeUserPool(crowd, page_size=1), 0) == Counter(user.sub for user in crowd)
