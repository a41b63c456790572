"""Whose the files of a run directory are, whether they are still ours, and whether the journal is whole."""

from __future__ import annotations

import os
import shutil
import sqlite3
from contextlib import contextmanager
from itertools import product
from typing import TYPE_CHECKING

import pytest

from migrate_mfa.domain.errors import ExitCode, RunDirectoryError
from migrate_mfa.domain.model import PhoneConflict
from migrate_mfa.journal import run_files
from migrate_mfa.journal.database import NAME, Database, Journal
from migrate_mfa.journal.lock import Writer, is_locked, last_writer, name_holder, take_lock
from migrate_mfa.journal.log import configure
from migrate_mfa.journal.purge import purge_journal
from migrate_mfa.journal.run_files import MARK
from tests.support.builders import PHONE, a_candidate, a_policy, a_user
from tests.support.fakes import FakeUserPool
from tests.support.scene import Scene, scene

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


def refusal(act: Callable[[], object]) -> RunDirectoryError:
    with pytest.raises(RunDirectoryError) as refused:
        act()
    assert refused.value.exit_code == ExitCode.RUN_DIRECTORY
    assert refused.value.hint
    return refused.value


def opened(directory: Path) -> None:
    Journal.create_or_open(directory).close()


# Planted by somebody else


@pytest.mark.parametrize("mode", [0o777, 0o770, 0o702], ids=oct)
def test_a_directory_that_others_can_write_to_is_refused(tmp_path: Path, mode: int) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run").chmod(mode)

    error = refusal(lambda: opened(tmp_path / "run"))

    assert "Other users of this machine can write" in error.message
    assert list((tmp_path / "run").iterdir()) == [], "nothing was left in it"


@pytest.mark.parametrize("name", ["", NAME, "lock", "log.jsonl", "report"])
def test_what_belongs_to_another_user_is_refused(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened(tmp_path)
    (tmp_path / "log.jsonl").touch()
    (tmp_path / "report").mkdir()
    theirs = (tmp_path / name).stat().st_ino
    require = run_files._require_ours

    def as_if_theirs(path: Path, found: os.stat_result) -> None:
        values = list(found)
        values[4] += found.st_ino == theirs  # st_uid
        require(path, os.stat_result(values))

    monkeypatch.setattr(run_files, "_require_ours", as_if_theirs)

    assert "belongs to another user" in refusal(lambda: opened(tmp_path)).message


@pytest.mark.parametrize("name", [NAME, f"{NAME}-wal", "lock", "log.jsonl"])
def test_a_file_that_others_can_write_to_is_refused(tmp_path: Path, name: str) -> None:
    opened(tmp_path)
    (tmp_path / name).touch()
    (tmp_path / name).chmod(0o666)

    assert name in refusal(lambda: opened(tmp_path)).message


@pytest.mark.damages_journal
@pytest.mark.parametrize("look", [Journal.create_or_open, Journal.look_at])
@pytest.mark.parametrize(
    ("name", "plant"),
    [("report", "link"), *product([NAME, f"{NAME}-wal", "lock", "log.jsonl", MARK], ["link", "pipe"])],
)
def test_links_and_pipes_in_the_place_of_files_are_refused_and_never_waited_for(
    tmp_path: Path, look: Callable[[Path], object], name: str, plant: str
) -> None:
    directory, target = tmp_path / "run", tmp_path / "target"
    opened(directory)
    target.mkdir() if name == "report" else shutil.copy(directory / NAME, target)
    (directory / name).unlink(missing_ok=True)
    (directory / name).symlink_to(target) if plant == "link" else os.mkfifo(directory / name)

    assert str(directory) in refusal(lambda: look(directory)).message


def test_no_lock_and_no_log_that_is_a_pipe_is_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "lock")

    with pytest.raises(OSError, match="not a file"):
        take_lock(tmp_path / "lock", "taken", "wait")
    name_holder(tmp_path / "lock")
    assert not is_locked(tmp_path)
    with configure(tmp_path / "lock") as log:
        assert last_writer(tmp_path / "lock") is None
        log._sink.write(b"{}\n")
        assert "it is a pipe" in log.loss


def test_a_log_that_is_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "log.jsonl").symlink_to(tmp_path / "elsewhere")

    with configure(tmp_path / "log.jsonl") as log:
        log._sink.write(b"{}\n")
        assert log.loss

    assert not (tmp_path / "elsewhere").exists()


# Gone, or replaced, while we work


def removed(directory: Path) -> None:
    shutil.rmtree(directory)


def replaced(directory: Path) -> None:
    shutil.copytree(directory, directory.with_name("copy"))
    shutil.rmtree(directory)
    directory.with_name("copy").rename(directory)


def without(name: str) -> Callable[[Path], None]:
    return lambda directory: (directory / name).unlink()


@pytest.mark.parametrize(
    ("harm", "saves"),
    [
        pytest.param(removed, True, id="directory removed"),
        pytest.param(replaced, True, id="directory replaced"),
        pytest.param(without("lock"), False, id="lock"),
        pytest.param(without(NAME), True, id="journal"),
        pytest.param(without(f"{NAME}-wal"), True, id="wal"),
    ],
)
def test_a_run_whose_directory_goes_stops_before_its_next_write(
    tmp_path: Path, harm: Callable[[Path], None], saves: bool
) -> None:
    run = Scene(tmp_path / "run", FakeUserPool([a_user("ann"), a_user("bob")]))
    run.plan([a_candidate("ann", row=1), a_candidate("bob", row=2)])
    [ann, bob] = run.store.claim(("run",), 0, 2)  # type: ignore[arg-type]
    intent = run.store.record_intent(ann, a_user("ann"), run.decide(ann, a_user("ann")), 0.0)  # type: ignore[arg-type]

    harm(tmp_path / "run")

    for act in (
        lambda: run.store.record_intent(bob, a_user("bob"), run.decide(bob, a_user("bob")), 0.0),  # type: ignore[arg-type]
        lambda: run.store.record_result(intent, "done", 0.0),
        run.store.require_ours,
    ):
        assert "was removed or replaced" in refusal(act).message
    run.close()
    assert (tmp_path / "run-saved-1").exists() is saves
    if saves:
        with scene(tmp_path / "run-saved-1", run.user_pool) as saved:
            assert saved.store.before_image("sub-ann") == a_user("ann"), "what was done can be undone"
            assert saved.writes() == ["intent"]
            assert saved.store.open_rows() == 2
    assert not (tmp_path / "run-saved-2").exists()


def test_of_two_owners_of_one_journal_the_first_ends(tmp_path: Path) -> None:
    first = Journal.create_or_open(tmp_path)
    (tmp_path / "lock").rename(tmp_path / "report")  # as if by another file system, where locks do not hold
    (tmp_path / "report").rename(tmp_path / "lock")
    first.set_meta({"still": "ours"})
    token = sqlite3.connect(tmp_path / NAME)
    token.execute("UPDATE meta SET value = '\"another\"' WHERE key = 'owner'")
    token.commit()
    token.close()

    assert "taken over" in refusal(lambda: first.set_meta({"x": 1})).message
    assert "taken over" in refusal(first.database.require_ours).message
    first.close()
    with Journal.create_or_open(tmp_path) as third:
        assert third.meta() == {"still": "ours"}, "the token is nobody's business"
        third.set_meta({"x": 1})


# Less than there was


def killed_in_mid_run(directory: Path) -> Path:
    """A run directory as it is when its process has died: most of the journal is in the -wal."""
    with scene(directory / "run", FakeUserPool([a_user()])) as run:
        shutil.copy(directory / "run" / NAME, directory / "planless")
        run.plan([a_candidate()])
        run.settle_open()
        run.store.claim(("run",), 0, 1)  # type: ignore[arg-type]
        shutil.copytree(directory / "run", directory / "killed")
    return directory / "killed"


@pytest.mark.parametrize("look", [Journal.create_or_open, Journal.look_at])
def test_a_missing_wal_is_noticed(tmp_path: Path, look: Callable[[Path], Journal]) -> None:
    killed = killed_in_mid_run(tmp_path)
    look(killed).close()
    killed = killed_in_mid_run(tmp_path / "again")
    (killed / f"{NAME}-wal").unlink()

    error = refusal(lambda: look(killed))

    assert f"{NAME}-wal is missing" in error.message
    (killed / MARK).unlink()
    look(killed).close()  # as the hint says


class Full(Database):
    """Has room for everything but the end of a commit."""

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        with super().transaction() as db:
            yield db
            raise RunDirectoryError("The disk is full.", "Make room.")


def test_a_write_that_could_not_be_committed_is_not_missed_later(tmp_path: Path) -> None:
    with scene(tmp_path, FakeUserPool([a_user()])) as run:
        run.plan([a_candidate()])
        [work] = run.store.claim(("run",), 0, 1)  # type: ignore[arg-type]
        plan = run.decide(work, a_user())
        run.journal.database.__class__ = Full
        refusal(lambda: run.store.record_intent(work, a_user(), plan, 0.0))  # type: ignore[arg-type]
        run.journal.database.__class__ = Database
        run.store.claim(("run",), 0, 1)  # type: ignore[arg-type]

    opened(tmp_path)


def test_an_older_copy_of_the_journal_is_noticed(tmp_path: Path) -> None:
    with scene(tmp_path / "run", FakeUserPool([a_user()])) as run:
        run.plan([a_candidate()])
        run.journal.database.query("PRAGMA wal_checkpoint(TRUNCATE)")
        shutil.copy(tmp_path / "run" / NAME, tmp_path / "planned")
        run.settle_open()
        run.store.end("finished", 0.0, reads_only=0, extra={})
    shutil.copy(tmp_path / "planned", tmp_path / "run" / NAME)

    assert "older copy" in refusal(lambda: opened(tmp_path / "run")).message


def test_a_journal_that_is_gone_is_not_made_anew_over_what_was_done(tmp_path: Path) -> None:
    with scene(tmp_path / "run", FakeUserPool([a_user()])) as run:
        run.plan([a_candidate()])
    (tmp_path / "run" / NAME).unlink()

    assert "older copy" in refusal(lambda: opened(tmp_path / "run")).message
    assert not (tmp_path / "run" / NAME).exists()


def test_a_mark_that_cannot_be_read_is_no_word_against_a_journal(tmp_path: Path) -> None:
    opened(tmp_path)
    (tmp_path / MARK).write_bytes(b"\xff\xff")

    opened(tmp_path)


# A damaged number


@pytest.mark.damages_journal
@pytest.mark.parametrize("column", ["phone", "wish", "cells"])
def test_a_number_that_is_not_the_same_everywhere_is_never_written(tmp_path: Path, column: str) -> None:
    with scene(tmp_path, FakeUserPool([a_user()])) as run:
        run.plan([a_candidate()])
        flipped = PHONE[:-1] + chr(ord(PHONE[-1]) ^ 1)
        damage = f"UPDATE rows SET {column} = replace({column}, ?, ?)"  # noqa: S608 - one of three names
        run.journal.database.query(damage, PHONE, flipped)

        error = refusal(run.settle_open)

        assert "Row 1" in error.message
        assert PHONE not in error.message
        assert run.user_pool.writes == []


@pytest.mark.damages_journal
@pytest.mark.parametrize("damage", ["digit", "end"])
def test_a_damaged_state_before_is_not_given_back(tmp_path: Path, damage: str) -> None:
    before = a_user(phone="+819087654320", phone_verified=True)
    with scene(tmp_path, FakeUserPool([before]), policy=a_policy(conflict=PhoneConflict.REPLACE)) as run:
        run.plan([a_candidate()])
        run.settle_open()
        assert run.store.before_image(before.sub) == before
        sql = (
            "UPDATE before_images SET state = replace(state, '54320', '54321')"
            if damage == "digit"
            else "UPDATE before_images SET state = substr(state, 1, 40)"
        )
        run.journal.database.query(sql)

        assert "damaged" in refusal(lambda: run.store.before_image(before.sub)).message
        run.journal.database.query("UPDATE before_images SET state = '{\"username\": 1}'")
        refusal(lambda: run.store.before_image(before.sub))


# What a purge leaves


def test_a_purge_beside_a_reader_says_that_copies_are_left(tmp_path: Path) -> None:
    with scene(tmp_path, FakeUserPool([a_user()])) as run:
        run.plan([a_candidate()])
        run.settle_open()
        run.journal.database.query("PRAGMA busy_timeout = 1")
        run.journal.database.query("PRAGMA wal_checkpoint(TRUNCATE)")
        reader = sqlite3.connect(tmp_path / NAME, isolation_level=None)
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM rows").fetchall()

        error = refusal(lambda: purge_journal(run.journal.database))

        assert "Copies of the personal data" in error.message
        assert PHONE.encode() in (tmp_path / NAME).read_bytes()
        reader.close()
        purge_journal(run.journal.database)
        files = [tmp_path / NAME, tmp_path / f"{NAME}-wal"]
        assert not any(PHONE.encode() in file.read_bytes() for file in files)
        assert run.journal.meta()["phase"] == "purged"


def test_a_purge_looks_for_what_it_removed_in_the_files_themselves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with scene(tmp_path, FakeUserPool([a_user()])) as run:
        run.plan([a_candidate()])
        monkeypatch.setattr("migrate_mfa.journal.run_files._CHUNK", 7)  # also where two reads share a number
        run.journal.set_meta({"leak": f"to {PHONE}"})

        assert "Copies of the personal data" in refusal(lambda: purge_journal(run.journal.database)).message


# Who wrote last in a lane


def test_a_lock_remembers_who_wrote_last_whoever_takes_it_since(tmp_path: Path) -> None:
    path = tmp_path / "lane"
    os.close(take_lock(path, "taken", "wait"))
    assert last_writer(path) is None

    name_holder(path, str(tmp_path), Writer("/runs/one", 12.5))
    os.close(take_lock(path, "taken", "wait"))
    name_holder(path, str(tmp_path))

    assert last_writer(path) == Writer("/runs/one", 12.5)
    path.write_text('{"wrote": 7}')
    assert last_writer(path) is None
