"""What a journal tells after each kind of ending of a run: everything that was done, and nothing else.

Then the same command resumes, and a rollback gives everybody back what the journal has kept of them.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any, Final

import pytest

from migrate_mfa.domain.errors import ExitCode
from migrate_mfa.journal import write_store
from migrate_mfa.journal.values import state_from_json
from tests.commands.support import POOL_ID
from tests.model.machine import PREFER, UPDATE, Trouble
from tests.model.program import KILLED, Ended, Halt, Program, program
from tests.model.world import document, rosters, shape
from tests.support.journal_invariants import broken

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

QUIETLY: Final = ("--quiet", "--max-failures", "100%")
CALM: Final = Trouble({})
SIGNALLED: Final = {"sigint": ExitCode.SIGINT, "sigterm": ExitCode.SIGTERM}


def failing(**rule: Any) -> Trouble:
    return Trouble({"rules": [{"kind": "error", **rule}]})


ENDINGS: Final = {
    "all is done": (CALM, ExitCode.SOME_FAILED, "finished"),
    "a wave is done": (Trouble({}, ("--max-users", "2")), ExitCode.LIMIT, "stopped"),
    **{
        f"{how} at write {at}": (Trouble({}, halt=Halt(how, at, after=True)), code, "interrupted")
        for how, code in SIGNALLED.items()
        for at in (1, 4)
    },
    **{
        f"killed {'after' if after else 'before'} write {at}": (
            Trouble({}, halt=Halt("kill", at, after)), KILLED, "running",
        )
        for after in (False, True)
        for at in (1, 2, 5)
    },
    "killed while it plans": (Trouble({}, halt=Halt("kill", 8, after=True, of_all=True)), KILLED, "running"),
    "every answer to a write is lost": (
        Trouble({"rules": [{"kind": "reset", "when": "after", "ops": [UPDATE], "times": 99}]}),
        ExitCode.SOME_FAILED, "finished",
    ),
    "one write is refused to everybody": (failing(ops=[PREFER], times=99), ExitCode.SOME_FAILED, "finished"),
    "the service fails for good": (
        Trouble({"rules": [{"kind": "internal_error", "after_calls": 12}]}), ExitCode.STOPPED, "stopped",
    ),
    "the credentials expire": (
        Trouble({"rules": [{"kind": "expired_token", "after_calls": 12}]}), ExitCode.NOT_ALLOWED, "stopped",
    ),
}  # fmt: skip
"""What befalls the first command, its exit code, and how its pass says that it ended."""


class Site:
    """A pool, a roster of all kinds of users, and one run directory."""

    def __init__(self, running: Program, folder: Path) -> None:
        self.running = running
        self.run_dir = folder / "run"
        self.before = running.users()
        self._roster = str(rosters(folder)["one"])

    def run(self, trouble: Trouble = CALM) -> Ended:
        self.running.service.load_faults({"seed": 1, **trouble.faults})
        line = (self._roster, "--user-pool-id", POOL_ID, "--verification", "attested", *QUIETLY)
        done = self.running(self.run_dir, "run", *line, *trouble.options, halt=trouble.halt)
        self.running.service.load_faults({})
        return done

    def rollback(self) -> Ended:
        return self.running(self.run_dir, "rollback", *QUIETLY)

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(self.run_dir / "journal.sqlite")) as journal:
            return journal.execute(sql).fetchall()

    def require_true(self) -> None:
        """The journal is sound, and has everybody who is not as before, as they were before."""
        assert broken(self.run_dir) == []
        kept = self.query("SELECT user_sub, state FROM before_images")
        images = {sub: state_from_json(text) for sub, text in kept}
        written = {sub for (sub,) in self.query("SELECT user_sub FROM writes WHERE result <> 'refused'")}
        changed = {sub for sub, user in self.running.users().items() if user != self.before[sub]}
        assert changed <= written <= set(images)
        for sub, image in images.items():
            number, verified, factors, preferred = shape(self.before[sub])
            assert (image.phone, image.phone_verified) == (number, verified)
            assert image.mfa is not None
            assert (image.mfa.enabled, image.mfa.preferred) == (factors, preferred)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with program(document(sends_codes=False), tmp_path) as running:
        yield Site(running, tmp_path)


def require_good_end(site: Site) -> None:
    """The same command resumes to the end, and a rollback brings everybody back."""
    assert site.run().code == ExitCode.SOME_FAILED
    site.require_true()
    assert site.query("SELECT row FROM rows WHERE outcome = 'unprocessed'") == []

    site.rollback()

    assert broken(site.run_dir) == []
    after = site.running.users()
    assert {sub: shape(user) for sub, user in after.items()} == {
        sub: shape(user) for sub, user in site.before.items()
    }


@pytest.mark.parametrize("ending", ENDINGS)
def test_after_each_ending_the_journal_knows_all_that_was_done(site: Site, ending: str) -> None:
    trouble, code, state = ENDINGS[ending]

    done = site.run(trouble)

    assert done.code == code, done.said
    assert site.query("SELECT state, ended_at NOTNULL FROM passes") == [(state, code != KILLED)]
    site.require_true()
    site.running.edit(config={"MfaConfiguration": "OPTIONAL"})
    require_good_end(site)


@pytest.mark.parametrize("at", [1, 2, 5])
def test_after_an_error_of_the_program_itself_the_journal_knows_all_that_was_done(
    site: Site, monkeypatch: pytest.MonkeyPatch, at: int
) -> None:
    results = iter(range(1, 1000))
    set_result = write_store._set_result

    def breaks(*given: Any) -> None:
        if next(results) == at:
            raise KeyError(at)
        set_result(*given)

    monkeypatch.setattr(write_store, "_set_result", breaks)

    assert site.run().code == ExitCode.BUG
    assert site.query("SELECT state FROM passes") == [("stopped",)]
    assert site.query("SELECT COUNT(*) FROM writes WHERE result = 'intent'") == [(1,)]
    site.require_true()
    require_good_end(site)
