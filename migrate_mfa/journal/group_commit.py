"""One commit for the changes of several threads: each change is on disk when its own call returns.

A single thread commits at once. Threads that call during a commit wait for its end; then the first of them
commits for all. So no thread waits longer than two commits take. This needs no clock and no thread of its
own, so it works the same under a scheduler that runs one user at a time.
"""

import sqlite3
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar, cast

if TYPE_CHECKING:
    from migrate_mfa.journal.database import Database

T = TypeVar("T")


@dataclass(slots=True)
class _Waiting:
    """A change before its commit. `woken` is released after the commit, or when its thread must commit."""

    change: Callable[[sqlite3.Connection], object]
    result: object = None
    committed: bool = False
    error: BaseException | None = None
    woken: threading.Lock = field(init=False)

    def __post_init__(self) -> None:
        self.woken = threading.Lock()
        self.woken.acquire()


class GroupCommit:
    """Commits changes, several together if several are waiting."""

    def __init__(self, database: "Database") -> None:
        self._database = database
        self._mutex = threading.Lock()
        self._queue: list[_Waiting] = []
        self._somebody_commits = False

    def commit(self, change: Callable[[sqlite3.Connection], T]) -> T:
        """Make a change and commit it, alone or with those of other threads. Returns the result of `change`.

        Raises:
            RunDirectoryError: as `Database.transaction`. After any error no change of this commit is kept,
                and each of its threads gets the error.
        """
        mine = _Waiting(change)
        with self._mutex:
            self._queue.append(mine)
            must_wait = self._somebody_commits
            self._somebody_commits = True
        if must_wait:
            mine.woken.acquire()
        if not mine.committed and mine.error is None:
            self._commit_all()
        if mine.error is not None:
            raise mine.error
        return cast("T", mine.result)

    def _commit_all(self) -> None:
        with self._mutex:
            group, self._queue = self._queue, []
        error: BaseException | None = None
        try:
            with self._database.transaction() as connection:
                for each in group:
                    each.result = each.change(connection)
        except BaseException as problem:  # noqa: BLE001 - raised by every thread whose change it was
            error = problem
        for each in group:
            each.committed, each.error = error is None, error
        with self._mutex:
            follower = self._queue[0] if self._queue else None
            self._somebody_commits = follower is not None
        for each in [follower, *group] if follower else group:
            each.woken.release()
