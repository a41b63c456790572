"""What the exit code and the summary say of a pass is the same, whenever a signal comes."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from migrate_mfa.domain.errors import ExitCode
from migrate_mfa.engine.stop import Stop, StopCause
from migrate_mfa.settings import Settings
from migrate_mfa.wiring.passes import Pass, open_pass
from tests.support.builders import a_pool
from tests.support.clock import FakeClock
from tests.support.fakes import SilentProgress

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def a_pass(folder: Path, stop: Stop, during: Callable[[], None]) -> Pass:
    connection: Any = SimpleNamespace(
        stop=stop,
        clock=FakeClock(),
        settings=Settings(),
        pool=a_pool(),
        directory=SimpleNamespace(calls={}),
        progress=SilentProgress(),
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


def test_a_signal_while_the_reports_are_written_changes_nothing(tmp_path: Path) -> None:
    stop = Stop()

    one = a_pass(tmp_path / "run", stop, lambda: None)
    stop.request(StopCause.SIGTERM)

    assert (one.summary["state"], one.exit_code(ExitCode.DONE)) == ("finished", ExitCode.DONE)
