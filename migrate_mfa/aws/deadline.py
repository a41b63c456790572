"""A time limit for a whole call: a connection's time-outs only limit the wait for the next byte."""

import threading
import weakref
from collections.abc import Callable
from contextvars import ContextVar, copy_context
from queue import SimpleQueue
from typing import TypeVar

T = TypeVar("T")


class Abandoned(Exception):
    """The caller no longer waits for this call, so its request must not be sent."""


class TooLate(Exception):
    """The call did not end in time; `sent` says whether its request may have been sent."""

    def __init__(self, *, sent: bool) -> None:
        super().__init__("too late")
        self.sent = sent


class _Attempt:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sent = self._abandoned = False

    def begin_sending(self) -> None:
        with self._lock:
            if self._abandoned:
                raise Abandoned
            self._sent = True

    def abandon(self) -> bool:
        """Forbid sending. Returns whether the request may already have been sent."""
        with self._lock:
            self._abandoned = True
            return self._sent


_attempt: ContextVar[_Attempt | None] = ContextVar("attempt", default=None)


def may_send(**_: object) -> None:
    """Botocore's `before-send`: the last moment at which a request can be stopped.

    Raises:
        Abandoned: the caller has given it up, and may have sent another request.
    """
    if (attempt := _attempt.get()) is not None:
        attempt.begin_sending()


class _Companion:
    """A thread that serves one other thread and ends with it: one per call would cost three times the CPU."""

    def __init__(self) -> None:
        self.queue = queue = SimpleQueue[Callable[[], None] | None]()
        threading.Thread(target=_work, args=(queue,), daemon=True, name="call").start()
        weakref.finalize(self, queue.put, None)


def _work(queue: "SimpleQueue[Callable[[], None] | None]") -> None:
    while (task := queue.get()) is not None:
        task()
        del task


_own = threading.local()


def within(seconds: float, work: Callable[[], T]) -> T:
    """Do `work` in another thread; if it takes too long, leave that thread running.

    A call can also hang where no socket is involved: in a DNS look-up, in a credential_process. A timer at
    the socket alone would cost a tenth less CPU, but would not end every call.

    Raises:
        TooLate: it took too long. A request that has not been sent by then will not be sent.
    """
    attempt, context, done = _Attempt(), copy_context(), threading.Event()
    answer: list[T] = []
    raised: list[BaseException] = []

    def run() -> None:
        _attempt.set(attempt)
        try:
            answer.append(work())
        except BaseException as error:  # noqa: BLE001 - raised where it is waited for
            raised.append(error)

    def task() -> None:
        context.run(run)
        done.set()

    companion = _own.companion = getattr(_own, "companion", None) or _Companion()
    companion.queue.put(task)
    in_time = sent = False
    try:
        in_time = done.wait(seconds)
    finally:
        if not in_time:
            _own.companion = None
            sent = attempt.abandon()
    if not done.is_set():
        raise TooLate(sent=sent)
    if raised:
        raise raised[0]
    return answer[0]
