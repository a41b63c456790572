"""What the exit code and the summary say of a pass is the same, whenever a signal comes."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from migrate_mfa.domain.errors import ExitCode, NotAllowed
from migrate_mfa.domain.quotas import Category
from migrate_mfa.engine.live_pool import LivePool
from migrate_mfa.engine.paced import CallCount
from migrate_mfa.engine.stop import Stop, StopCause
from migrate_mfa.settings import Settings
from migrate_mfa.wiring.lane import Connection
from migrate_mfa.wiring.passes import Pass, open_pass
from tests.support.builders import a_pool
from tests.support.clock import FakeClock
from tests.support.fakes import SilentProgress

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

CALLS = {Category.USER_UPDATE: CallCount(sent=90, throttled=3, retried=2)}


def a_pass(folder: Path, stop: Stop, during: Callable[[], None]) -> Pass:
    nothing: Any = SimpleNamespace(calls=CALLS)
    connection = Connection(
        stop=stop,
        clock=FakeClock(),
        settings=Settings(),
        live_pool=LivePool(a_pool(), a_pool, clock=FakeClock(), stop=stop),
        directory=nothing,
        progress=SilentProgress(),
        lane=nothing,
        aws=nothing,
        begun=0,
        pacers={},
        limits={},
    )
    with open_pass(connection, folder, "run", lambda journal: journal.set_meta({"phase": "planned"})) as one:
        during()
    return one


@pytest.mark.parametrize(
    ("cause", "code"), [(StopCause.SIGTERM, ExitCode.SIGTERM), (StopCause.SIGINT, ExitCode.SIGINT)]
)
def test_a_signal_before_the_end_makes_it_interrupted(
    tmp_path: Path, cause: StopCause, code: ExitCode
) -> None:
    stop = Stop()

    one = a_pass(tmp_path / "run", stop, lambda: stop.request(cause))

    assert (one.summary["state"], one.exit_code(ExitCode.DONE)) == ("interrupted", code)


def test_the_calls_of_a_pass_are_in_its_summary_when_it_ends_in_whatever_way(tmp_path: Path) -> None:
    def fail() -> None:
        raise NotAllowed("It is not allowed.")

    with pytest.raises(NotAllowed):
        a_pass(tmp_path / "run", Stop(), fail)

    written = json.loads((tmp_path / "run" / "report" / "summary.json").read_text(encoding="utf-8"))
    assert written["calls"] == {"UserUpdate": {"sent": 90, "throttled": 3, "retried": 2}}


def test_a_signal_while_the_reports_are_written_changes_nothing(tmp_path: Path) -> None:
    stop = Stop()

    one = a_pass(tmp_path / "run", stop, lambda: None)
    stop.request(StopCause.SIGTERM)

    assert (one.summary["state"], one.exit_code(ExitCode.DONE)) == ("finished", ExitCode.DONE)
