"""Reading the whole pool: ListUsers in several chains at once, because one chain waits for each answer.

A chain is bound by latency, so chains over the first character of `sub` run side by side under the one
limiter of their category. AWS does not promise what a `sub` looks like, so one page is looked at first; where
it shows anything but lower-case UUIDs, one chain reads everything.
"""

import re
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from queue import Empty, Full, Queue
from typing import TYPE_CHECKING

from migrate_mfa.domain.failure import ApiError, Effect
from migrate_mfa.ports import Filter

if TYPE_CHECKING:
    from migrate_mfa.domain.model import UserState
    from migrate_mfa.ports import Directory

PAGE = 60
_PREFIXES = "0123456789abcdef"
"""One chain each: what 30 pages a second, the quota of UserList, keep busy if an answer takes half a second.
More could not be used; fewer would wait for a slow pool.
"""
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_WORTH_CHAINS = 16 * PAGE
_WAITING_PAGES = 64
_POLL_S = 0.1

Users = tuple["UserState", ...]


def pages(directory: "Directory", only: Filter | None = None) -> Iterator[Users]:
    """The pages of one chain; short and empty ones are normal, only a missing token ends it."""
    token = None
    while True:
        page = directory.page(only, token)
        yield page.users
        if page.token is None:
            return
        token = page.token


def user_if_there(directory: "Directory", username: str) -> "UserState | None":
    """AdminGetUser; None for a user who was deleted since ListUsers showed it."""
    try:
        return directory.user(username)
    except ApiError as error:
        if error.effect is Effect.REFUSED and error.code == "UserNotFoundException":
            return None
        raise


def scan(directory: "Directory", estimated_users: int) -> Iterator[Users]:
    """Every user of the pool once, page by page, in no particular order."""
    if estimated_users < _WORTH_CHAINS:
        yield from pages(directory)
        return
    first = directory.page(None, None)
    if not all(_UUID.fullmatch(user.sub) for user in first.users):
        yield from pages(directory)
        return
    yield from _Chains(directory).run()


def batches(
    directory: "Directory", estimated_users: int, size: int, seen: Callable[[int], None]
) -> Iterator[list["UserState"]]:
    """Every user of the pool once, in lists of about `size`; `seen` is told after each page how many so far.

    Short pages are joined, because a journal takes a thousand users in one commit as fast as sixty.
    """
    count, batch = 0, list["UserState"]()
    for users in scan(directory, estimated_users):
        batch += users
        count += len(users)
        if len(batch) >= size:
            yield batch
            batch = []
        seen(count)
    yield batch


class _Chains:
    """Chains that feed one bounded queue, so that reading never outruns the one who takes."""

    def __init__(self, directory: "Directory") -> None:
        self._directory = directory
        self._queue: Queue[Users] = Queue(_WAITING_PAGES)
        self._abandoned = threading.Event()

    def run(self) -> Iterator[Users]:
        with ThreadPoolExecutor(len(_PREFIXES), thread_name_prefix="chain") as threads:
            chains = [threads.submit(self._read, prefix) for prefix in _PREFIXES]
            try:
                yield from self._drain(chains)
            finally:
                self._abandoned.set()
        for chain in chains:
            chain.result()

    def _drain(self, chains: list[Future[None]]) -> Iterator[Users]:
        while True:
            ended = all(chain.done() for chain in chains)
            if any(chain.done() and chain.exception() for chain in chains):
                return  # its error is raised once the other chains have ended
            try:
                yield self._queue.get(timeout=_POLL_S if not ended else 0.0)
            except Empty:
                if ended:
                    return

    def _read(self, prefix: str) -> None:
        for users in pages(self._directory, Filter("sub", prefix, prefix=True)):
            self._queue_up(users)
            if self._abandoned.is_set():
                return

    def _queue_up(self, users: Users) -> None:
        while not self._abandoned.is_set():
            try:
                self._queue.put(users, timeout=_POLL_S)
            except Full:
                continue
            return
