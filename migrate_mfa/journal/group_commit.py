"""One commit for the changes of several threads: each is on disk when its own call returns.

A thread that comes alone commits at once. Whoever comes while another one commits waits for the end of that,
and the first of them then commits for all: nobody waits longer than two commits take. No clock and no thread
is needed for it, so it does the same under a scheduler that runs one user at a time.
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
    """A change before its commit; `woken` is released after that, or when its own thread has to commit."""

    change: Callable[[sqlite3.Connection], object]
    result: object = None
    committed: bool = False
    error: BaseException | None = None
    woken: threading.Lock = field(init=False)

    def __post_init__(self) -> None:
        self.woken = threading.Lock()
        self.woken.acquire()


class GroupCommit:
    """Commits changes, several at a time where several come."""

    def __init__(self, database: "Database") -> None:
        self._database = database
        self._mutex = threading.Lock()
        self._queue: list[_Waiting] = []
        self._somebody_commits = False

    def commit(self, change: Callable[[sqlite3.Connection], T]) -> T:
        """Carry out a change and commit it, alone or with those of other threads. Returns what it returned.

        Raises:
            RunDirectoryError: as `Database.transaction`. Whatever is raised, no change of this commit is
                kept, and the threads of all of them are told so.
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
