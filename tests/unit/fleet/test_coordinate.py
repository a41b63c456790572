"""The coordinator places the targets of a lost lane again, or sets them aside."""

from __future__ import annotations

from concurrent.futures import Future
from typing import TYPE_CHECKING

import pytest

from migrate_mfa.domain.errors import MigrateMfaError, RunDirectoryError, UsageError
from migrate_mfa.fleet.coordinate import Coordination
from migrate_mfa.fleet.place import LocalPlace
from migrate_mfa.fleet.unit import Job, Patience, Result, State, Unit, Whereabouts
from migrate_mfa.stop import Stop, StopCause
from tests.support.fakes import FakeClock

if TYPE_CHECKING:
    from pathlib import Path

FULL = RunDirectoryError("The run directory of the fleet cannot be written (no space left).")
OTHER_VERSION = UsageError("A worker has migrate-mfa 1.0, and this command is 2.0.")


class Loses:
    """An engine that loses every lane with the same error."""

    needs_shared_run_dir = False

    def __init__(self, error: Exception) -> None:
        self._error = error
        self.submitted = 0

    def submit(self, unit: Unit) -> Future[tuple[Result, ...]]:
        self.submitted += 1
        future: Future[tuple[Result, ...]] = Future()
        future.set_exception(self._error)
        return future

    def begun(self, future: Future[tuple[Result, ...]]) -> bool:
        return not future.done()

    def drain(self) -> None:
        """Do nothing: no lane is at work."""

    def close(self) -> None:
        """Do nothing: there are no resources."""


def coordinated(folder: Path, error: Exception, *, asked: bool = False) -> tuple[Coordination, list[str]]:
    said: list[str] = []
    stop = Stop()
    if asked:
        stop.request(StopCause.SIGTERM)
    unit = Unit(
        lane="lane",
        verb="run",
        jobs=(Job(name="one", words=(), account=None, region="eu-west-1"),),
        where=Whereabouts(run_dir=str(folder)),
        invocation="now",
        patience=Patience(tries=2),
    )
    made = Coordination(
        [unit], Loses(error), LocalPlace(folder), FakeClock(), stop, said.append, lambda _: None
    )
    made.run()
    return made, said


@pytest.mark.parametrize("asked", [False, True])
def test_a_run_directory_that_cannot_be_used_is_told_also_while_the_fleet_ends(
    tmp_path: Path, *, asked: bool
) -> None:
    made, said = coordinated(tmp_path, FULL, asked=asked)

    assert made.standings["one"].state is State.SET_ASIDE
    assert made.standings["one"].error == FULL.message
    assert said == [f"one: set aside. {FULL.message}"]


def test_a_worker_that_is_lost_while_the_fleet_ends_has_interrupted_its_targets(tmp_path: Path) -> None:
    made, _ = coordinated(tmp_path, ConnectionError("gone"), asked=True)

    assert made.standings["one"].state is State.INTERRUPTED


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (OTHER_VERSION, OTHER_VERSION.message),
        (ConnectionError("gone\nand more"), "Its worker was lost (ConnectionError: gone)."),
    ],
)
def test_a_known_error_is_not_called_a_lost_worker(
    tmp_path: Path, error: MigrateMfaError | ConnectionError, told: str
) -> None:
    made, said = coordinated(tmp_path, error)

    assert said == [f"lane: {told} Its targets are placed again.", f"one: set aside. {told}"]
    assert made.standings["one"].error == told
