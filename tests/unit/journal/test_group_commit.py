"""Several threads' changes in one commit: kept or lost together, and nobody returns before it is done."""

import sqlite3
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from typing import cast

import pytest

from migrate_mfa.domain.errors import RunDirectoryError
from migrate_mfa.journal.database import Database, Journal
from migrate_mfa.journal.group_commit import GroupCommit

PATIENCE_S = 10.0


class Commits:
    """A transaction that notes what was done in it; the first one ends when `go_on` is set."""

    def __init__(self) -> None:
        self.groups: list[list[str]] = []
        self.go_on, self.begun = threading.Event(), threading.Event()
        self.fails: Exception | None = None
        self.group = GroupCommit(cast("Database", self))

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        with closing(sqlite3.connect(":memory:")) as connection:
            self.groups.append([])
            yield connection
            self.begun.set()
            assert self.go_on.wait(PATIENCE_S)
            if self.fails and len(self.groups) > 1:
                raise self.fails

    def commit(self, name: str) -> None:
        self.group.commit(lambda _: self.groups[-1].append(name))

    def while_one_is_under_way(self, threads: ThreadPoolExecutor, *names: str) -> list[Future[None]]:
        """Have some come while the first one commits, in this order."""
        made = [threads.submit(self.commit, "first")]
        assert self.begun.wait(PATIENCE_S)
        for number, name in enumerate(names, start=1):
            made.append(threads.submit(self.commit, name))
            while len(self.group._queue) < number:
                assert not self.go_on.wait(0.001)
        self.go_on.set()
        return made


def test_who_comes_alone_commits_at_once() -> None:
    commits = Commits()
    commits.go_on.set()

    commits.commit("one")
    commits.commit("two")

    assert commits.groups == [["one"], ["two"]]


def test_who_comes_while_another_one_commits_shares_the_next_commit() -> None:
    commits = Commits()
    with ThreadPoolExecutor(4) as threads:
        for made in commits.while_one_is_under_way(threads, "a", "b", "c"):
            made.result(PATIENCE_S)
    commits.commit("later")

    assert commits.groups == [["first"], ["a", "b", "c"], ["later"]]


def test_an_error_reaches_everybody_whose_change_is_lost_and_nobody_else() -> None:
    commits = Commits()
    commits.fails = RunDirectoryError("The disk is full.", "")
    with ThreadPoolExecutor(3) as threads:
        first, *others = commits.while_one_is_under_way(threads, "a", "b")
        first.result(PATIENCE_S)
        assert [made.exception(PATIENCE_S) for made in others] == [commits.fails] * 2
    commits.fails = None
    commits.commit("later")

    assert commits.groups[-1] == ["later"]


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with Journal.create_or_open(tmp_path / "run") as journal:
        yield journal.database


@pytest.fixture
def group(database: Database) -> GroupCommit:
    return GroupCommit(database)


def keep(group: GroupCommit, key: str) -> None:
    group.commit(lambda db: db.execute("INSERT INTO meta VALUES (?, '0')", (key,)))


def test_a_change_gives_back_what_it_found(group: GroupCommit) -> None:
    assert group.commit(lambda db: db.execute("SELECT 7").fetchone()[0]) == 7


def test_each_change_is_in_the_file_when_its_own_call_returns(database: Database, group: GroupCommit) -> None:
    def several(thread: int) -> list[str]:
        missing = []
        with closing(sqlite3.connect(database.path)) as other:
            for number in range(8):
                keep(group, key := f"{thread}-{number}")
                if not other.execute("SELECT 1 FROM meta WHERE key = ?", (key,)).fetchone():
                    missing.append(key)
        return missing

    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(several, range(4))) == [[]] * 4


def test_after_a_change_that_failed_the_next_one_is_kept(database: Database, group: GroupCommit) -> None:
    keep(group, "there")

    with pytest.raises(RunDirectoryError, match="SQLITE_CONSTRAINT"):
        keep(group, "there")
    keep(group, "after")

    assert database.value("SELECT COUNT(*) FROM meta WHERE key IN ('there', 'after')") == 2


def test_each_commit_looks_who_owns_the_directory(database: Database, group: GroupCommit) -> None:
    with closing(sqlite3.connect(database.path)) as other, other:
        other.execute("""UPDATE meta SET value = '"another"' WHERE key = 'owner'""")

    with pytest.raises(RunDirectoryError, match="taken over"):
        keep(group, "mine")
