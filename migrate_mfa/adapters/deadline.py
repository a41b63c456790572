"""A time limit for a whole call: the time-outs of a connection only count from one byte to the next."""

import threading
from collections.abc import Callable
from contextvars import ContextVar, copy_context
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


def within(seconds: float, work: Callable[[], T]) -> T:
    """Do `work` in a thread of its own, which is left alone where it takes longer.

    Raises:
        TooLate: it does; what it might still send is kept back.
    """
    attempt, done = _Attempt(), threading.Event()
    answer: list[T] = []
    raised: list[BaseException] = []

    def run() -> None:
        _attempt.set(attempt)
        try:
            answer.append(work())
        except BaseException as error:  # noqa: BLE001 - raised where it is waited for
            raised.append(error)
        done.set()

    threading.Thread(target=copy_context().run, args=(run,), daemon=True, name="call").start()
    if not done.wait(seconds):
        sent = attempt.abandon()
        if not done.is_set():
            raise TooLate(sent=sent)
    if raised:
        raise raised[0]
    return answer[0]
