"""Engines place the supervisors of the lanes. An engine may lose a supervisor, or run it twice."""

import os
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Protocol

from migrate_mfa.fleet.supervise import supervise
from migrate_mfa.fleet.unit import Result, Unit

_CORES_A_LANE = 0.2
"""The share of a core that a lane needs at Cognito's default quota of 25 users/s."""


class Engine(Protocol):
    """Runs supervisors somewhere."""

    needs_shared_run_dir: bool
    """Whether its workers can be on other machines."""

    def submit(self, unit: Unit) -> "Future[tuple[Result, ...]]":
        """Start one lane. If its worker fails in any way, the future ends with an exception."""
        ...

    def begun(self, future: "Future[tuple[Result, ...]]") -> bool:
        """Whether a lane may be at work now; if False, its targets need not be read."""
        ...

    def drain(self) -> None:
        """Ask every command at work to end, and start no other one. A second call does nothing."""
        ...

    def close(self) -> None:
        """Release the resources of the engine."""
        ...


class Processes:
    """Commands on this machine, each with a thread that waits for it."""

    needs_shared_run_dir = False

    def __init__(self, workers: int | None = None) -> None:
        self.workers = workers or default_workers(_cores())
        self._draining = threading.Event()
        self._threads = ThreadPoolExecutor(self.workers, thread_name_prefix="lane")

    def submit(self, unit: Unit) -> "Future[tuple[Result, ...]]":
        """See `Engine.submit`."""
        return self._threads.submit(supervise, unit, self._draining.is_set)

    def begun(self, future: "Future[tuple[Result, ...]]") -> bool:
        """See `Engine.begun`."""
        return future.running()

    def drain(self) -> None:
        """See `Engine.drain`."""
        self._draining.set()

    def close(self) -> None:
        """See `Engine.close`."""
        self._threads.shutdown()


def default_workers(cores: int) -> int:
    """The number of lanes for some cores at full speed."""
    return max(1, round(cores / _CORES_A_LANE))


def _cores() -> int:
    """The number of cores that this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # macOS
        return os.cpu_count() or 1
