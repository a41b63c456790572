"""A fleet: what more workers bring on one machine, and what a coordinator of many lanes costs."""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from migrate_mfa.clock import SystemClock
from migrate_mfa.fleet.coordinate import Coordination
from migrate_mfa.fleet.place import BucketPlace
from migrate_mfa.fleet.unit import Job, Result, State, Unit, Whereabouts
from migrate_mfa.remote.objects import BucketUrl
from migrate_mfa.stop import Stop
from tests.support.fake_objects import FakeObjects
from tests.support.fakes import FakeClock
from tests.support.fleet_site import fleet_site

if TYPE_CHECKING:
    from collections.abc import Iterator

LANES = 16
HEAD = ("workers", "s", "users/s", "of one worker's", "CPU s")
COORDINATOR_HEAD = ("lanes", "s", "CPU s", "MB more", "requests a lane")
_WORKERS = (1, 2, 4, 8)
_QUOTAS = {"UserRead": 120, "UserUpdate": 25, "UserResourceUpdate": 25, "UserList": 30}
_AT_WORK, _LANE_S = 50, 2.0


def rows(users: int) -> Iterator[tuple[str, ...]]:
    """The lines of the first table: sixteen lanes with so many users each, at Cognito's quotas."""
    first = 0.0
    for workers in _WORKERS:
        with tempfile.TemporaryDirectory() as folder:
            names = [f"lane{number:02}" for number in range(LANES)]
            with fleet_site(
                Path(folder), names, users, process=True, quotas=_QUOTAS, enforce_quotas=True
            ) as site:
                site.write()
                line = ("fleet", "fleet.toml", "--verb", "run", "--run-dir", "runs", "--yes")
                begun, before = time.monotonic(), _cpu_of_children()
                subprocess.run(
                    [sys.executable, "-m", "migrate_mfa", *line, "--workers", str(workers)],
                    cwd=folder,
                    env=site.cli.env(),
                    check=True,
                    capture_output=True,
                )
                seconds, cpu = time.monotonic() - begun, _cpu_of_children() - before
                assert site.all_right()
        rate = LANES * users / seconds
        first = first or rate
        yield (str(workers), f"{seconds:.0f}", f"{rate:.0f}", f"{rate / first:.2f}", f"{cpu:.0f}")


def _cpu_of_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def coordinator_rows(lanes: int) -> Iterator[tuple[str, ...]]:
    """The line of the second table: lanes of two seconds each, 50 at a time, with a bucket in memory."""
    requests: Counter[str] = Counter()
    objects = FakeObjects(FakeClock(), before=lambda method, _: requests.update([method]))
    place = BucketPlace(BucketUrl("bench", "fleet"), objects)
    units = [_unit(number) for number in range(lanes)]
    memory, begun, before = _memory_mb(), time.monotonic(), time.process_time()
    with ThreadPoolExecutor(_AT_WORK) as threads:
        engine = _Waits(threads)
        Coordination(
            units, engine, place, SystemClock(), Stop(), say=lambda _: None, show=lambda _: None
        ).run()
    seconds, cpu = time.monotonic() - begun, time.process_time() - before
    each = requests.total() / lanes
    yield (f"{lanes:,}", f"{seconds:.0f}", f"{cpu:.1f}", f"{_memory_mb() - memory:.0f}", f"{each:.1f}")


def _unit(number: int) -> Unit:
    job = Job(name=f"lane{number}", words=(), account=f"{number:012}", region="eu-west-1")
    where = Whereabouts(run_dir="s3://bench/fleet")
    return Unit(lane=f"{number:012} eu-west-1", verb="run", jobs=(job,), where=where, invocation="bench")


def _memory_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


class _Waits:
    """An engine whose supervisors only wait: what is left is the coordinator."""

    needs_shared_run_dir = True

    def __init__(self, threads: ThreadPoolExecutor) -> None:
        self._threads = threads

    def submit(self, unit: Unit) -> Future[tuple[Result, ...]]:
        return self._threads.submit(_wait, unit)

    def begun(self, future: Future[tuple[Result, ...]]) -> bool:
        return future.running()

    def drain(self) -> None:
        """Nothing is at work."""

    def close(self) -> None:
        """The threads are not ours."""


def _wait(unit: Unit) -> tuple[Result, ...]:
    SystemClock().sleep(_LANE_S)
    return tuple(Result(name=job.name, state=State.FINISHED, exit_code=0) for job in unit.jobs)
