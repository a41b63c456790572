"""A clock for threads that are none: each goes on until it waits, then the next one does, and time passes."""

import random
from collections.abc import Callable

from tests.simulation.scheduler import Scheduler, without_threads
from tests.support.clock import FakeClock


class StepwiseClock(FakeClock):
    """Everybody's sleep is their own: nobody else's time passes by it, as with real threads."""

    def __init__(self, seed: int = 1) -> None:
        self.scheduler = Scheduler(random.Random(seed))
        super().__init__()

    def monotonic(self) -> float:
        return super().monotonic() + self.scheduler.now

    def now(self) -> float:
        return super().now() + self.scheduler.now

    def sleep(self, seconds: float) -> None:
        self.naps.append(seconds)
        self.scheduler.sleep(seconds)

    def perform(self, work: Callable[[], None]) -> None:
        """Do what waits or starts threads; its limiters must be made by it too."""
        with without_threads(self.scheduler):
            self.scheduler.run(work)
