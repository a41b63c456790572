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

import structlog

from migrate_mfa.domain.errors import OutOfReach
from migrate_mfa.domain.failure import ApiError, Effect
from migrate_mfa.ports import Filter

if TYPE_CHECKING:
    from migrate_mfa.domain.model import UserState
    from migrate_mfa.ports import Page, UserPool

PAGE = 60
STARTS = 3
"""How often a list is begun before its pages are given up."""
_EMPTY_PAGES = 1000
"""Pages in a row without a user; filters may give some ("ListUsers"), never so many."""
_PREFIXES = "0123456789abcdef"
"""One chain each: what 30 pages a second, the quota of UserList, keep busy if an answer takes half a second.
More could not be used; fewer would wait for a slow pool.
"""
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_WORTH_CHAINS = 16 * PAGE
_WAITING_PAGES = 64
_POLL_S = 0.1
_NO_USER_IS_TO_BLAME = (
    "No user is to blame. Check AWS Health and --endpoint-url, then run the same command again."
)
log = structlog.get_logger()

Users = tuple["UserState", ...]


class BrokenListError(Exception):
    """A list of users that cannot be read on: its next page is refused, or is one that was there."""

    def __init__(self, cause: str) -> None:
        super().__init__(cause)
        self.cause = cause

    def out_of_reach(self) -> OutOfReach:
        """The run's problem, once the list has been begun often enough."""
        return OutOfReach(
            f"ListUsers cannot be read to its end ({self.cause}), although it was started {STARTS} times.",
            _NO_USER_IS_TO_BLAME,
        )


def pages(user_pool: "UserPool", only: Filter | None = None) -> Iterator[Users]:
    """The pages of one list. A list that breaks off starts again, and yields its first users again.

    A pagination token lives one hour ("Managing and searching for user accounts").

    Raises:
        OutOfReach: it broke off `STARTS` times.
        ApiError: the search for a value is refused.
    """
    for start in range(1, STARTS + 1):
        try:
            yield from pages_once(user_pool, only)
        except BrokenListError as broken:
            log.warning("list_begins_anew", code=broken.cause, attempt=start)
            if start == STARTS:
                raise broken.out_of_reach() from broken
        else:
            return


def pages_once(user_pool: "UserPool", only: Filter | None = None) -> Iterator[Users]:
    """The pages of one chain; short and empty ones are normal, only a missing token ends it.

    Raises:
        BrokenListError: a page is refused, but not for the value that is sought, or the tokens go round in a
            circle.
    """
    token, mark, count, empty = None, None, 0, 0
    while True:
        page = _page(user_pool, only, token)
        yield page.users
        if page.token is None:
            return
        token, count, empty = page.token, count + 1, 0 if page.users else empty + 1
        if empty == _EMPTY_PAGES:
            raise OutOfReach(f"ListUsers gave {_EMPTY_PAGES:,} pages without a user.", _NO_USER_IS_TO_BLAME)
        if token == mark:
            raise BrokenListError("RepeatedToken")
        if count & (count - 1) == 0:  # Brent's algorithm: one token kept finds a circle of any length
            mark = token


def _page(user_pool: "UserPool", only: Filter | None, token: str | None) -> "Page":
    try:
        return user_pool.page(only, token)
    except ApiError as error:
        for_a_value = token is None and only is not None and not only.prefix
        if for_a_value or error.effect is not Effect.REFUSED:
            raise
        raise BrokenListError(error.code) from error


def look_up(user_pool: "UserPool", only: Filter) -> list["UserState"]:
    """Whom a filter shows whose value came from Cognito itself.

    Raises:
        OutOfReach: it is refused.
    """
    try:
        return [user for users in pages(user_pool, only) for user in users]
    except ApiError as error:
        if error.effect is not Effect.REFUSED:
            raise
        raise refused(error) from error


def refused(error: ApiError) -> OutOfReach:
    """The run's problem for a refused ListUsers that has nothing to do with any row."""
    return OutOfReach(f"Cognito refuses ListUsers ({error.code}).", _NO_USER_IS_TO_BLAME)


def user_if_there(user_pool: "UserPool", username: str) -> "UserState | None":
    """AdminGetUser; None for a user who was deleted since ListUsers showed it."""
    try:
        return user_pool.user(username)
    except ApiError as error:
        if error.effect is Effect.REFUSED and error.code == "UserNotFoundException":
            return None
        raise


def scan(user_pool: "UserPool", estimated_users: int, *, once: bool = False) -> Iterator[Users]:
    """Every user of the pool, page by page, in no particular order.

    A chain that breaks off begins anew and gives users again; with `once` the scan ends instead.

    Raises:
        BrokenListError: a chain broke off, with `once`.
        OutOfReach: it did so `STARTS` times, or Cognito refuses to list users at all.
    """
    read = pages_once if once else pages
    try:
        if estimated_users < _WORTH_CHAINS or not _all_uuids(user_pool.page(None, None).users):
            yield from read(user_pool)
            return
        yield from _Chains(lambda prefix: read(user_pool, Filter("sub", prefix, prefix=True))).run()
    except ApiError as error:
        if error.effect is not Effect.REFUSED:
            raise
        raise refused(error) from error


def _all_uuids(users: Users) -> bool:
    return all(_UUID.fullmatch(user.sub) for user in users)


def batches(
    user_pool: "UserPool", estimated_users: int, size: int, seen: Callable[[int], None]
) -> Iterator[list["UserState"]]:
    """Every user of the pool, in lists of about `size`; `seen` is told after each page how many so far.

    Short pages are joined, because a journal takes a thousand users in one commit as fast as sixty. Users
    come again where a chain begins anew.
    """
    count, batch = 0, list["UserState"]()
    for users in scan(user_pool, estimated_users):
        batch += users
        count += len(users)
        if len(batch) >= size:
            yield batch
            batch = []
        seen(count)
    yield batch


class _Chains:
    """Chains that feed one bounded queue, so that reading never outruns the consumer."""

    def __init__(self, chain: Callable[[str], Iterator[Users]]) -> None:
        self._chain = chain
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
        for users in self._chain(prefix):
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
