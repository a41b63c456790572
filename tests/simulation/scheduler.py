"""One step at a time: greenlets in place of threads, a virtual clock, and a seed that says who goes next.

The engine keeps its locks, queues and thread pools. While a simulation runs, the names that its modules
imported from `threading`, `queue` and `concurrent.futures` mean the classes of this module.
"""

import heapq
import random
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from itertools import count
from queue import Empty, Full
from types import SimpleNamespace
from typing import Any, Self

from greenlet import GreenletExit, getcurrent, greenlet

_ROOMS = ("migrate_mfa.engine.", "migrate_mfa.pacing.")
_MODULES = {"migrate_mfa.stop", "migrate_mfa.journal.database", "migrate_mfa.journal.group_commit"}
"""Where the program waits for threads: `without_threads` has them wait for the scheduler."""
_MOST_STEPS = 200_000
"""A command that takes more has no end."""


class NoEndError(Exception):
    """Nobody can go on, or somebody goes on for ever."""


class Scheduler:
    """Who goes next, and what time it is. Times are seconds since the world began."""

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance
        self.now = 0.0
        self.steps = 0
        self.alive = True
        """Whether the process lives whose tasks these are; what is dead raises at its next wait."""
        self._hub = getcurrent()
        self._ready: list[greenlet] = []
        self._tasks: dict[greenlet, None] = {}  # in the order of their beginning, which a seed decides
        self._timers: list[tuple[float, int, greenlet | Callable[[], None]]] = []
        self._order = count()

    @property
    def in_task(self) -> bool:
        return getcurrent() is not self._hub

    def spawn(self, run: Callable[[], None]) -> None:
        task = greenlet(run, parent=self._hub)
        self._tasks[task] = None
        self._ready.append(task)

    def at(self, moment: float, event: Callable[[], None]) -> None:
        """Something that happens in the world, whichever process lives then."""
        heapq.heappush(self._timers, (moment, next(self._order), event))

    def pause(self) -> None:
        """Let others go first, perhaps."""
        if self.in_task:
            self._ready.append(getcurrent())
            self.park()

    def sleep(self, seconds: float) -> None:
        heapq.heappush(self._timers, (self.now + max(0.0, seconds), next(self._order), getcurrent()))
        self.park()

    def park(self) -> None:
        self._require_alive()
        if not self.in_task:
            raise AssertionError("somebody waits for whom no time passes")
        self._hub.switch()
        self._require_alive()

    def _require_alive(self) -> None:
        if not self.alive:
            raise GreenletExit

    def wake(self, task: greenlet) -> None:
        self._ready.append(task)

    def wake_from_sleep(self, task: greenlet) -> None:
        """Wake a task before its time, if it sleeps."""
        left = [each for each in self._timers if each[2] is not task]
        if len(left) < len(self._timers):
            self._timers = left
            heapq.heapify(self._timers)
            self._ready.append(task)

    def run(self, main: Callable[[], None], *, die_at: int | None = None) -> bool:
        """Go on until `main` has returned, or the process dies at the step `die_at`.

        Returns:
            Whether it came to its end; what it raises is raised.
        """
        ended = Future[None]()

        def act() -> None:
            try:
                main()
            except Exception as error:  # noqa: BLE001 - raised below, to whoever runs it
                ended.set_exception(error)
            else:
                ended.set_result(None)

        self.alive, begun = True, self.steps
        self.spawn(act)
        while not ended.done():
            if die_at is not None and self.steps - begun >= die_at:
                return False
            if self.steps - begun > _MOST_STEPS:
                raise NoEndError(f"no end after {_MOST_STEPS} steps")
            self._step()
        ended.result()
        return True

    def pass_time(self, seconds: float) -> None:
        """Nobody works; the world goes on."""
        until = self.now + seconds
        while self._timers and self._timers[0][0] <= until:
            self._next_event()
        self.now = until

    def die(self) -> None:
        """All tasks end where they are, without another effect."""
        self.alive = False
        for task in list(self._tasks):
            while not task.dead:
                try:
                    task.throw(GreenletExit)
                except BaseException:  # noqa: BLE001, S112 - the dead tell nothing
                    continue
        self._tasks.clear()
        self._ready.clear()
        self._timers = [each for each in self._timers if not isinstance(each[2], greenlet)]
        heapq.heapify(self._timers)

    def _step(self) -> None:
        self.steps += 1
        if not self._ready:
            if not self._timers:
                raise NoEndError("all wait for each other")
            self._next_event()
            return
        task = self._ready.pop(self.chance.randrange(len(self._ready)))
        task.switch()
        if task.dead:
            self._tasks.pop(task, None)

    def _next_event(self) -> None:
        moment, _, what = heapq.heappop(self._timers)
        self.now = max(self.now, moment)
        if isinstance(what, greenlet):
            self._ready.append(what)
        else:
            what()


class VirtualClock:
    """`ports.Clock` of one process."""

    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler

    def monotonic(self) -> float:
        return 1_000.0 + self._scheduler.now

    def now(self) -> float:
        return 1_700_000_000.0 + self._scheduler.now

    def sleep(self, seconds: float) -> None:
        self._scheduler.sleep(seconds)


class _Lock:
    def __init__(self, scheduler: Scheduler, *, reentrant: bool = False) -> None:
        self._scheduler = scheduler
        self._reentrant = reentrant
        self._owner: greenlet | None = None
        self._depth = 0
        self._waiting: deque[greenlet] = deque()

    def __enter__(self) -> Self:
        me = getcurrent()
        if self._reentrant and self._owner is me:
            self._depth += 1
            return self
        # Another thread may have been quicker.
        if self._scheduler.alive and self._scheduler.chance.random() < 0.1:
            self._scheduler.pause()
        while self._owner is not None:
            if not self._scheduler.in_task:
                raise AssertionError("somebody outside waits for a lock")
            self._waiting.append(me)
            self._scheduler.park()
        self._owner, self._depth = me, 1
        return self

    def __exit__(self, *_: object) -> None:
        self._depth -= 1
        if not self._depth:
            self._owner = None
            if self._waiting:
                self._scheduler.wake(self._waiting.popleft())

    def acquire(self) -> bool:
        self.__enter__()
        return True

    def release(self) -> None:
        self.__exit__()


class _Signal:
    """Tasks that wait for somebody to say that something has changed."""

    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler
        self._waiting: list[greenlet] = []

    def wait(self, seconds: float) -> None:
        me = getcurrent()
        self._waiting.append(me)
        self._scheduler.sleep(seconds)
        if me in self._waiting:  # nobody told it anything: the time was up
            self._waiting.remove(me)

    def tell(self) -> None:
        for task in self._waiting:
            self._scheduler.wake_from_sleep(task)
        self._waiting.clear()

    def until(self, true: Callable[[], bool], seconds: float = 1e9) -> bool:
        end = self._scheduler.now + seconds
        while not true() and self._scheduler.now < end:
            self.wait(end - self._scheduler.now)
        return true()


class _Condition(_Lock):
    def __init__(self, scheduler: Scheduler) -> None:
        super().__init__(scheduler, reentrant=True)
        self._changed = _Signal(scheduler)

    def wait_for(self, predicate: Callable[[], bool], timeout: float) -> bool:
        until = self._scheduler.now + timeout
        while not predicate() and self._scheduler.now < until:
            self.__exit__()
            self._changed.wait(until - self._scheduler.now)
            self.__enter__()
        return predicate()

    def notify_all(self) -> None:
        self._changed.tell()


class _Queue:
    def __init__(self, scheduler: Scheduler, size: int = 0) -> None:
        self._size = size
        self._items: deque[Any] = deque()
        self._changed = _Signal(scheduler)

    def put(self, item: object, timeout: float = 0.0) -> None:
        if self._size and not self._changed.until(lambda: len(self._items) < self._size, timeout):
            raise Full
        self._items.append(item)
        self._changed.tell()

    def get(self, timeout: float = 0.0) -> Any:
        if not self._changed.until(lambda: bool(self._items), timeout):
            raise Empty
        self._changed.tell()
        return self._items.popleft()


class _Future(Future[Any]):
    def __init__(self, scheduler: Scheduler) -> None:
        super().__init__()
        self._ended = _Signal(scheduler)
        self.add_done_callback(lambda _: self._ended.tell())

    def result(self, timeout: float | None = None) -> Any:
        self._ended.until(self.done)
        return super().result(0)

    def exception(self, timeout: float | None = None) -> BaseException | None:
        self._ended.until(self.done)
        return super().exception(0)


class _Tasks:
    """A `ThreadPoolExecutor`."""

    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler
        self._futures: list[_Future] = []

    def submit(self, call: Callable[..., object], *arguments: object) -> _Future:
        future = _Future(self._scheduler)

        def act() -> None:
            if not future.set_running_or_notify_cancel():
                return
            try:
                answer = call(*arguments)
            except GreenletExit:
                raise
            except BaseException as error:  # noqa: BLE001 - as a ThreadPoolExecutor does
                future.set_exception(error)
            else:
                future.set_result(answer)

        self._futures.append(future)
        self._scheduler.spawn(act)
        return future

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(GreenletExit):  # the process has died; whoever waits next knows it too
            for future in self._futures:
                future.exception()


class _Event:
    def __init__(self) -> None:
        self._set = False

    def set(self) -> None:
        self._set = True

    def is_set(self) -> bool:
        return self._set


@contextmanager
def without_threads(scheduler: Scheduler) -> Iterator[None]:
    """Have every module of the engine, and the journal, use this scheduler instead of threads."""
    import sys
    import threading
    from concurrent.futures import ThreadPoolExecutor
    from queue import Queue, SimpleQueue

    kinds = SimpleNamespace(
        Lock=lambda: _Lock(scheduler),
        RLock=lambda: _Lock(scheduler, reentrant=True),
        Condition=lambda: _Condition(scheduler),
        Event=_Event,
    )
    instead: dict[object, object] = {
        threading: kinds,
        ThreadPoolExecutor: lambda *_, **__: _Tasks(scheduler),
        SimpleQueue: _Generic(lambda: _Queue(scheduler)),
        Queue: _Generic(lambda size=0: _Queue(scheduler, size)),
    }
    changed: list[tuple[Any, str, object]] = []
    for name, module in list(sys.modules.items()):
        if name.startswith(_ROOMS) or name in _MODULES:
            for attribute, value in list(vars(module).items()):
                if isinstance(value, type | type(threading)) and value in instead:
                    changed.append((module, attribute, value))
                    setattr(module, attribute, instead[value])
    try:
        yield
    finally:
        for module, attribute, value in changed:
            setattr(module, attribute, value)


class _Generic:
    """`Queue[T](n)` and `Queue(n)` both make one."""

    def __init__(self, make: Callable[..., object]) -> None:
        self._make = make

    def __getitem__(self, _: object) -> Callable[..., object]:
        return self._make

    def __call__(self, *arguments: Any) -> object:
        return self._make(*arguments)
