"""What the exit code and the summary say of a pass is the same, whenever a signal comes."""

from __future__ import annotations

import json
import os
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from migrate_mfa.domain.errors import ExitCode, NotAllowed
from migrate_mfa.domain.quotas import Category, Lane
from migrate_mfa.domain.rows import PlannedBy
from migrate_mfa.engine.live_pool import LivePool
from migrate_mfa.invocation import Invocation, open_invocation
from migrate_mfa.journal.lock import Writer
from migrate_mfa.journal.run_dir import last_lane_writer, lock_lane, note_lane_writer
from migrate_mfa.pacing.call_count import CallCount
from migrate_mfa.session import Session
from migrate_mfa.settings import Settings
from migrate_mfa.stop import Stop, StopCause
from tests.support.builders import a_candidate, a_pool, a_user
from tests.support.clock import FakeClock
from tests.support.fakes import WRITES, FakeUserPool, SilentProgress
from tests.support.scene import Scene, make_limiters, scene

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

CALLS = {Category.USER_UPDATE: CallCount(sent=90, throttled=3, retried=2)}


def a_pass(folder: Path, stop: Stop, during: Callable[[], None]) -> Invocation:
    nothing: Any = SimpleNamespace(calls=CALLS, take_moments=dict)
    session = Session(
        stop=stop,
        clock=FakeClock(),
        settings=Settings(),
        live_pool=LivePool(a_pool(), a_pool, clock=FakeClock(), stop=stop),
        user_pool=nothing,
        progress=SilentProgress(),
        lane=LANE,
        aws=nothing,
        begun=0,
        limiters={},
        limits={},
    )
    with open_invocation(
        session, folder, "run", lambda journal: journal.set_meta({"phase": "planned"})
    ) as invocation:
        during()
    return invocation


@pytest.mark.parametrize(
    ("cause", "code"), [(StopCause.SIGTERM, ExitCode.SIGTERM), (StopCause.SIGINT, ExitCode.SIGINT)]
)
def test_a_signal_before_the_end_makes_it_interrupted(
    tmp_path: Path, cause: StopCause, code: ExitCode
) -> None:
    stop = Stop()

    invocation = a_pass(tmp_path / "run", stop, lambda: stop.request(cause))

    assert invocation.summary is not None
    assert (invocation.summary.state, invocation.exit_code(ExitCode.DONE)) == ("interrupted", code)


def test_the_calls_of_a_pass_are_in_its_summary_when_it_ends_in_whatever_way(tmp_path: Path) -> None:
    def fail() -> None:
        raise NotAllowed("It is not allowed.")

    with pytest.raises(NotAllowed):
        a_pass(tmp_path / "run", Stop(), fail)

    written = json.loads((tmp_path / "run" / "report" / "summary.json").read_text(encoding="utf-8"))
    assert written["calls"] == {"UserUpdate": {"sent": 90, "throttled": 3, "retried": 2}}


def test_a_signal_while_the_reports_are_written_changes_nothing(tmp_path: Path) -> None:
    stop = Stop()

    invocation = a_pass(tmp_path / "run", stop, lambda: None)
    stop.request(StopCause.SIGTERM)

    assert invocation.summary is not None
    assert (invocation.summary.state, invocation.exit_code(ExitCode.DONE)) == ("finished", ExitCode.DONE)


LANE = Lane(account="123456789012", region="ap-northeast-1", endpoint="http://127.0.0.1:1")


@pytest.mark.parametrize(
    ("ended", "run_dir", "waits"),
    [
        pytest.param(None, "other", 3.5, id="killed"),
        pytest.param(-1.0, "other", 2.5, id="a moment ago"),
        pytest.param(-60.0, "other", 0.0, id="a minute ago"),
        pytest.param(None, "own", 0.0, id="this directory itself"),
        pytest.param(60.0, "other", 3.5, id="clock set back"),
    ],
)
def test_what_another_directory_wrote_a_moment_ago_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ended: float | None, run_dir: str, waits: float
) -> None:
    monkeypatch.setattr("migrate_mfa.journal.run_dir._lane_lock", lambda _: tmp_path / "lane.lock")
    directory = FakeUserPool([a_user()])
    with scene(tmp_path / "own", directory) as run:
        run.plan([a_candidate()])
        session = a_connection(run)
        lock = lock_lane(LANE)
        ended = None if ended is None else run.clock.now() + ended
        note_lane_writer(LANE, tmp_path / run_dir, ended)
        assert isinstance(run.clock, FakeClock)
        before = len(run.clock.naps)

        Invocation(session, run.journal, run.store, "disable").apply(
            run.decide, (PlannedBy.RUN,), lambda _: None
        )

        assert sum(run.clock.naps[before:]) == pytest.approx(waits, abs=0.2)
        assert run.row() == ("verified", "enrolled")
        wrote = last_lane_writer(LANE)
        assert wrote is not None
        assert (wrote.run_dir, wrote.ended) == (str(tmp_path / "own"), run.clock.now())
        os.close(lock)


@pytest.mark.parametrize(
    ("knows_until", "wrote_until", "said"),
    [(100.0, 200.0, True), (200.5, 200.0, False), (None, 200.0, False), (100.0, None, False)],
    ids=["an older copy", "the same", "cut off", "killed"],
)
def test_a_run_directory_that_is_older_than_its_writes_is_said_to_be(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    knows_until: float | None,
    wrote_until: float | None,
    said: bool,
) -> None:
    monkeypatch.setattr("migrate_mfa.journal.run_dir._lane_lock", lambda _: tmp_path / "lane.lock")
    with scene(tmp_path / "own", FakeUserPool([a_user()])) as run:
        run.plan([a_candidate()])
        run.journal.database.query("UPDATE passes SET ended_at = ?", knows_until)
        run.reopen()
        session = a_connection(run)
        lock = lock_lane(LANE)
        note_lane_writer(LANE, tmp_path / "own", wrote_until)

        Invocation(session, run.journal, run.store, "run").apply(run.decide, (PlannedBy.RUN,), lambda _: None)

        assert isinstance(session.progress, SilentProgress)
        assert any("looks like an older copy" in text for text in session.progress.said) == said
        os.close(lock)


def test_a_command_is_known_as_writing_before_its_first_write(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("migrate_mfa.journal.run_dir._lane_lock", lambda _: tmp_path / "lane.lock")
    directory = FakeUserPool([a_user()])
    seen: list[Writer | None] = []
    directory.hook = lambda call: seen.append(last_lane_writer(LANE)) if call.operation in WRITES else None
    with scene(tmp_path / "own", directory) as run:
        run.plan([a_candidate()])
        lock = lock_lane(LANE)

        Invocation(a_connection(run), run.journal, run.store, "run").apply(
            run.decide, (PlannedBy.RUN,), lambda _: None
        )

        assert seen == [Writer(str(tmp_path / "own"), None)] * 2
        os.close(lock)


def a_connection(run: Scene) -> Session:
    nothing: Any = SimpleNamespace(calls=CALLS)
    assert isinstance(run.clock, FakeClock)
    limiters = make_limiters(run.clock)
    return Session(
        stop=run.stop,
        clock=run.clock,
        settings=Settings(),
        live_pool=LivePool(run.user_pool.pool, run.user_pool.describe, clock=run.clock, stop=run.stop),
        user_pool=run.paced(limiters=limiters),
        progress=SilentProgress(),
        lane=LANE,
        aws=nothing,
        begun=run.clock.monotonic(),
        limiters=limiters,
        limits={},
        owns_lane=True,
    )
