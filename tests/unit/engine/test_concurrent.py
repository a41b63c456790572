"""Many calls under way at once: as many as the quota needs, in order, and none left behind."""

import threading
from collections.abc import Iterator
from itertools import count, islice

import pytest

from migrate_mfa.domain.quotas import Category
from migrate_mfa.engine.concurrent import rolling

AT_ONCE = 15
"""30 pages of ListUsers a second, each answered within half a second."""


def test_each_item_comes_with_its_result_in_order() -> None:
    found = list(rolling(Category.USER_LIST, lambda number: number * number, range(200)))

    assert found == [(number, number * number) for number in range(200)]


def test_as_many_are_under_way_as_the_quota_needs() -> None:
    together = threading.Barrier(AT_ONCE, timeout=30)

    found = list(rolling(Category.USER_LIST, lambda _: together.wait(), range(4 * AT_ONCE)))

    assert len(found) == 4 * AT_ONCE


def test_one_slow_answer_keeps_no_thread_idle() -> None:
    others = threading.Semaphore(0)

    def work(number: int) -> bool:
        if number:
            others.release()
            return True
        return all(others.acquire(timeout=30) for _ in range(2 * AT_ONCE))

    assert next(rolling(Category.USER_LIST, work, count())) == (0, True)


def test_items_are_taken_as_they_are_needed() -> None:
    taken: list[int] = []

    def items() -> Iterator[int]:
        for number in count():
            taken.append(number)
            yield number

    found = rolling(Category.USER_LIST, lambda number: number, items())
    assert [number for number, _ in islice(found, 10)] == list(range(10))
    assert len(taken) <= 10 + 2 * AT_ONCE


def test_what_fails_is_raised_and_what_waits_is_not_begun() -> None:
    begun: list[int] = []
    failing = threading.Event()

    def work(number: int) -> None:
        begun.append(number)
        if number == 0:
            failing.set()
            raise ValueError("no answer")
        failing.wait(30)

    with pytest.raises(ValueError, match="no answer"):
        list(rolling(Category.USER_LIST, work, range(1000)))

    assert len(begun) <= 3 * AT_ONCE
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("UserList")]
