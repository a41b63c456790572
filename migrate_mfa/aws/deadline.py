"""A time limit for a whole call: the time-outs of a connection only count from one byte to the next."""

import threading
import weakref
from collections.abc import Callable
from contextvars import ContextVar, copy_context
from queue import SimpleQueue
from typing import TypeVar

T = TypeVar("T")


class Abandoned(Exception):
    """Nobody waits for this call any more, so its request must not go out."""


class TooLate(Exception):
    """The call did not end in time; `sent` says whether its request may have gone out."""

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
        """Forbid to send. Says whether it is too late for that."""
        with self._lock:
            self._abandoned = True
            return self._sent


_attempt: ContextVar[_Attempt | None] = ContextVar("attempt", default=None)


def may_send(**_: object) -> None:
    """Botocore's `before-send`: the last moment at which a request can be kept back.

    Raises:
        Abandoned: its caller has gone on without it, and may have sent another one.
    """
    if (attempt := _attempt.get()) is not None:
        attempt.begin_sending()


class _Companion:
    """A thread that works for one other, and ends with it: one for each call takes thrice the CPU."""

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
    """Do `work` in another thread, which is left running if it takes too long.

    A call can stall where no socket is waited for: in a look-up of a name, in a credential_process. So a
    clock at the socket alone, which takes a tenth of the CPU less, would not end every call.

    Raises:
        TooLate: it does; what it might still send is kept back.
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
