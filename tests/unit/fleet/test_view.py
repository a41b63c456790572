"""The display of a fleet at work, also after its terminal is gone."""

from __future__ import annotations

import io
import os
from contextlib import suppress

import pytest
from rich.console import Console

from migrate_mfa.fleet.coordinate import Speed
from migrate_mfa.fleet.standing import Progress, Standing, counts_of
from migrate_mfa.fleet.unit import State
from migrate_mfa.fleet.view import View, rows_of, sentence
from tests.support.fakes import FakeClock

WAITS = Standing(state=State.WAITING)
ENDED = Standing(state=State.FINISHED, counts={"verified": 3, "failed": 1})


def at_work(done: int, at: float) -> Standing:
    return Standing(state=State.RUNNING, progress=Progress(done=done, total=90, at=at))


def test_a_rate_is_told_only_where_one_is_known() -> None:
    speed, standings = Speed(), {"a": WAITS, "b": ENDED, "c": ENDED}
    speed.see(standings)

    assert sentence(standings, speed) == "1 waiting, 2 finished; 2 failed rows"
    assert not any("users/s" in row.plain for row in rows_of({"a": WAITS}, speed))
    for at in (1.0, 2.0):
        standings["a"] = at_work(int(at * 20), at)
        speed.see(standings)
    assert sentence(standings, speed) == "1 running, 2 finished; 20.0 users/s over all lanes; 2 failed rows"


def test_a_killed_fleet_leaves_a_terminal_with_its_cursor() -> None:
    drawn = io.StringIO()
    view = View(FakeClock(), console=Console(file=drawn, force_terminal=True, width=80, height=24))

    view.show({"a": WAITS})

    assert drawn.getvalue().rindex("\x1b[?25h") > drawn.getvalue().rindex("\x1b[?25l")
    view.close()


def test_a_terminal_that_is_gone_ends_no_fleet(monkeypatch: pytest.MonkeyPatch) -> None:
    ours, theirs = os.openpty()
    terminal = os.fdopen(theirs, "w", encoding="utf-8")
    monkeypatch.setattr("sys.stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    view = View(FakeClock())
    view.show({"a": WAITS})
    drawn = b""
    while b"1 waiting" not in drawn:
        drawn += os.read(ours, 4096)

    os.close(ours)

    with pytest.raises(OSError, match="Input/output error"):
        os.write(theirs, b"x")
    view.say("one is tried again.")
    view.show({"a": ENDED})
    view.close()
    view.say("Report: runs/report/report.html")
    with suppress(OSError):  # what it could not write
        terminal.close()


def test_what_a_rollback_has_restored_is_not_lost_among_what_it_left_alone() -> None:
    summary = {
        "command": "rollback",
        "counts": {"verified": 0, "skipped": 5},
        "reasons": {"skipped": {"restored": 3, "nothing_to_restore": 2}},
    }

    assert counts_of(summary) == {"restored": 3, "verified": 0, "skipped": 2}
    assert counts_of(summary | {"command": "run"}) == {"verified": 0, "skipped": 5}
