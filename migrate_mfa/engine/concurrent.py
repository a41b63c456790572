"""Concurrent reads of many users: always enough calls in flight to use a quota.

Reads in batches, each waiting for its slowest call, would leave quota unused: the slower the answers, the
more.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from math import ceil
from typing import TypeVar

from migrate_mfa.domain.quotas import QUOTAS, Category

T = TypeVar("T")
R = TypeVar("R")
_WORST_ANSWER_S = 0.5


def rolling(category: Category, work: Callable[[T], R], items: Iterable[T]) -> Iterator[tuple[T, R]]:
    """Each item with its result of `work`, in the order of the items.

    The number of calls in flight is the category's default quota times half a second (Little's law). An error
    of `work` is raised here, after the calls in flight have ended.
    """
    at_once = ceil(QUOTAS[category].default_rps * _WORST_ANSWER_S)
    waiting: deque[tuple[T, Future[R]]] = deque()
    with ThreadPoolExecutor(at_once, thread_name_prefix=category.value) as threads:
        try:
            for item in items:
                waiting.append((item, threads.submit(work, item)))
                if len(waiting) > 2 * at_once:  # so that one slow answer does not idle the other threads
                    yield _result(*waiting.popleft())
            while waiting:
                yield _result(*waiting.popleft())
        finally:
            for _, future in waiting:
                future.cancel()


def _result(item: T, future: Future[R]) -> tuple[T, R]:
    return item, future.result()
