"""Reading about many users at once: as many calls under way as keep a quota busy, without a pause.

Waiting for the slowest of a handful before the next handful begins would leave quota unused, the more the
slower the answers are.
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
    """Each item with what `work` makes of it, in the order of the items.

    Little's law says how many are under way: the category's default quota times half a second. What `work`
    raises is raised here, and ends it once the calls under way have ended.
    """
    at_once = ceil(QUOTAS[category].default_rps * _WORST_ANSWER_S)
    waiting: deque[tuple[T, Future[R]]] = deque()
    with ThreadPoolExecutor(at_once, thread_name_prefix=category.value) as threads:
        try:
            for item in items:
                waiting.append((item, threads.submit(work, item)))
                if len(waiting) > 2 * at_once:  # so that one slow answer keeps no thread idle
                    yield _result(*waiting.popleft())
            while waiting:
                yield _result(*waiting.popleft())
        finally:
            for _, future in waiting:
                future.cancel()


def _result(item: T, future: Future[R]) -> tuple[T, R]:
    return item, future.result()
