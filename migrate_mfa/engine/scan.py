"""Read the whole pool: ListUsers in several concurrent chains, because one chain waits for each answer.

Latency limits a chain, so one chain for each first character of `sub` runs under the one limiter of their
category. AWS does not promise the form of a `sub`, so one page is read first: if it has anything but
lower-case UUIDs, a single chain reads everything.
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
"""How often a list is started before it is given up."""
_EMPTY_PAGES = 1000
"""Too many pages in a row without a user; filters can give a few ("ListUsers")."""
_PREFIXES = "0123456789abcdef"
"""The first characters, one chain each: enough for 30 pages a second, the quota of UserList, if an answer
takes half a second. More chains would not be faster; fewer would be slower with a slow pool.
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
    """A list of users cannot be continued: its next page is refused, or repeats an earlier one."""

    def __init__(self, cause: str) -> None:
        super().__init__(cause)
        self.cause = cause

    def out_of_reach(self) -> OutOfReach:
        """The error that ends the command after the last start of the list."""
        return OutOfReach(
            f"ListUsers cannot be read to its end ({self.cause}), although it was started {STARTS} times.",
            _NO_USER_IS_TO_BLAME,
        )


def pages(user_pool: "UserPool", only: Filter | None = None) -> Iterator[Users]:
    """The pages of one list. A list that breaks off starts again and yields its first users again.

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
    """The pages of one chain. Short and empty pages are normal; only a missing token ends it.

    Raises:
        BrokenListError: a page is refused, but not because of the value searched for, or the tokens repeat.
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
        if count & (count - 1) == 0:  # Brent's algorithm: one remembered token finds a cycle of any length
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
    """The users that a filter finds; its value comes from Cognito itself.

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
    """The error that ends the command if ListUsers is refused and no row is the cause."""
    return OutOfReach(f"Cognito refuses ListUsers ({error.code}).", _NO_USER_IS_TO_BLAME)


def user_if_there(user_pool: "UserPool", username: str) -> "UserState | None":
    """AdminGetUser; None for a user who was deleted after ListUsers."""
    try:
        return user_pool.user(username)
    except ApiError as error:
        if error.effect is Effect.REFUSED and error.code == "UserNotFoundException":
            return None
        raise


def scan(user_pool: "UserPool", estimated_users: int, *, once: bool = False) -> Iterator[Users]:
    """Every user of the pool, page by page, in no particular order.

    A chain that breaks off starts again and yields users again; with `once` the scan ends instead.

    Raises:
        BrokenListError: a chain broke off, with `once`.
        OutOfReach: it broke off `STARTS` times, or Cognito refuses every list of users.
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
    """Every user of the pool, in lists of about `size`; after each page, `seen` gets the number so far.

    Short pages are joined: a commit of a thousand users takes no longer than one of sixty. If a chain starts
    again, its users come again.
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
    """Chains that fill one bounded queue, so that they cannot be far ahead of the consumer."""

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
                return  # its error is raised after the other chains have ended
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
