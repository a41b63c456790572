"""What is looked at in every journal after every pass: each breach of it is noticed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from migrate_mfa.domain.rows import PlannedBy
from migrate_mfa.journal.purge import purge_journal
from tests.support.builders import a_candidate, a_user
from tests.support.fakes import FakeUserPool
from tests.support.journal_invariants import _NONE_OF, _NONE_OF_PURGED, broken
from tests.support.scene import scene

if TYPE_CHECKING:
    from pathlib import Path

BREACHES = {
    "UPDATE writes SET row = 9 WHERE id = 1": "a write has no row",
    "UPDATE writes SET user_sub = 'sub-bob' WHERE id = 1": "a write is of another user than its row",
    "DELETE FROM users": "a write's user is not known",
    "DELETE FROM before_images": "a write has no before-image",
    "UPDATE writes SET pass = 9 WHERE id = 1": "a write has no pass",
    "INSERT INTO passes (id, command, state, started_at) VALUES (2, 'run', 'finished', 0);"
    "UPDATE writes SET pass = 2 WHERE id = 1": "a later one than the write after it",
    "UPDATE writes SET user_sub = 'sub-ann';UPDATE rows SET user_sub = 'sub-ann'": (
        "two rows have written to one user"
    ),
    "UPDATE before_images SET row = 9": "a before-image has no row",
    "UPDATE before_images SET state = replace(state, 'sub-ann', 'sub-eve')": "it cannot be read",
    "UPDATE rows SET user_sub = 'sub-eve' WHERE row = 2": "a row's user is not known",
    "INSERT INTO drift VALUES ('sub-eve', 1, 'no_phone', '', 0, 1)": "a drift has no row and user",
    "UPDATE writes SET step = replace(step, '+8190', '+8180')": "a stored number is not that of its row",
    "UPDATE rows SET used = '+818011112222' WHERE row = 1": "another number as used",
    "UPDATE rows SET reason = NULL WHERE row = 1": "an open row has a reason, or a done one none",
    "UPDATE rows SET outcome = 'failed' WHERE row = 1": "a row is failed for enrolled",
    "UPDATE writes SET result = 'intent' WHERE id = 1": "a finished pass left an intent without a result",
    "UPDATE writes SET result = 'intent';UPDATE passes SET state = 'stopped'": (
        "without a result in a row that is done"
    ),
    "INSERT INTO audited VALUES (1, 'ann', 'sub-ann', NULL, NULL, 'CONFIRMED', 'unread')": "no list names",
    "INSERT INTO meta VALUES ('roster_records', '9')": "more or fewer rows than records",
    "INSERT INTO passes (id, command, state, started_at) VALUES (9, 'run', 'running', 0)": "not numbered",
    "UPDATE rows SET outcome = 'unprocessed', reason = NULL, user_sub = NULL": "are ever claimed",
    "UPDATE rows SET outcome = 'unprocessed', reason = NULL, verb = 'disable'": "are ever claimed",
    "UPDATE rows SET outcome = 'unprocessed', reason = NULL, steps = NULL": "rows without a plan",
}
PURGED = {
    "INSERT INTO audited VALUES (1, 'ann', 'sub-ann', NULL, NULL, 'CONFIRMED', 'no_mfa')": "keeps a user",
    "INSERT INTO drift VALUES ('sub-ann', 1, 'no_phone', '', 0, 1)": "keeps a user",
    "UPDATE rows SET wish = '+818011112222' WHERE row = 1": "keeps what a row or a write says",
    "UPDATE writes SET user_sub = 'sub-ann' WHERE id = 1": "keeps what a row or a write says",
}


@pytest.mark.damages_journal
@pytest.mark.parametrize("sql", BREACHES)
def test_each_breach_is_noticed(tmp_path: Path, sql: str) -> None:
    with scene(tmp_path / "run", FakeUserPool([a_user("ann"), a_user("bob")])) as run:
        run.journal.set_meta({"kind": "run", "phase": "planned"})
        run.plan([a_candidate("ann"), a_candidate("bob", row=2)])
        run.settle_open()
        run.store.end("finished", run.clock.now(), reads_only=0, extra={})
        assert not broken(run.path)
        for each in sql.split(";"):
            run.journal.database.query(each)

        found = broken(run.path)

    assert any(BREACHES[sql] in each for each in found), found


@pytest.mark.damages_journal
@pytest.mark.parametrize("sql", PURGED)
def test_what_a_purge_leaves_of_a_user_is_noticed(tmp_path: Path, sql: str) -> None:
    with scene(tmp_path / "run", FakeUserPool([a_user("ann")])) as run:
        run.plan([a_candidate("ann")])
        run.settle_open()
        run.store.end("finished", run.clock.now(), reads_only=0, extra={})
        purge_journal(run.journal.database)
        assert not broken(run.path)
        run.journal.database.query(sql)

        found = broken(run.path)

    assert any(PURGED[sql] in each for each in found), found


def test_for_each_invariant_there_is_a_breach() -> None:
    noticed = [*BREACHES.values(), *PURGED.values()]

    assert [what for what in (*_NONE_OF, *_NONE_OF_PURGED) if not any(each in what for each in noticed)] == []


def test_a_row_that_waits_for_its_command_is_no_breach(tmp_path: Path) -> None:
    with scene(tmp_path / "run", FakeUserPool([a_user("ann")])) as run:
        run.plan([a_candidate("ann")])
        assert run.store.open_rows((PlannedBy.RUN,)) == 1
        assert not broken(run.path)
