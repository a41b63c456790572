"""Why and how a run ends early: signals, limits, failures. After a request, users in flight are finished."""

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from enum import StrEnum
from queue import SimpleQueue
from types import FrameType
from typing import TYPE_CHECKING

from migrate_mfa.domain.errors import ExitCode

if TYPE_CHECKING:
    from migrate_mfa.ports import Clock

_SLICE_S = 0.2
_HERALD_S = 1.0
DRAIN_S = 15.0
"""How long users in flight may wait for their turn after a signal; a healthy drain needs a few seconds."""
SILENT_DRAIN_S = 40.0
"""The longest drain: with a call that is sent at the last moment and gets no answer."""


class StopCause(StrEnum):
    """The cause of an early end."""

    SIGINT = "sigint"
    SIGTERM = "sigterm"
    LIMIT = "limit"
    FAILURES = "failures"
    PROBLEM = "problem"


class Stopped(Exception):
    """Raised instead of a wait while the run is ending; the row stays unprocessed."""


class Stop:
    """A request to end, with its first cause."""

    def __init__(self) -> None:
        self._event = threading.Event()
        self._lock = threading.Lock()
        self._draining_since: float | None = None
        self.cause: StopCause | None = None
        self.detail = ""

    def request(self, cause: StopCause, detail: str = "") -> None:
        """Ask the run to end; the first cause wins."""
        with self._lock:
            if self.cause is None:
                self.cause, self.detail = cause, detail
        self._event.set()

    @property
    def requested(self) -> bool:
        """Whether the run must take no new users."""
        return self._event.is_set()

    @property
    def must_stop_now(self) -> bool:
        """Whether waits must end: after a signal they must, after a limit users in flight may still wait."""
        return self.requested and self.cause not in {StopCause.LIMIT, StopCause.FAILURES}

    def check(self) -> None:
        """Raise `Stopped` if the run is ending in a hurry."""
        if self.must_stop_now:
            raise Stopped

    def check_drain(self, clock: "Clock") -> None:
        """Raise `Stopped` if the time for users in flight is over after a signal.

        With heavy throttling, a drain would otherwise take so long that the sender of the signal sends
        SIGKILL, which cannot be caught.
        """
        if not self.must_stop_now:
            return
        now = clock.monotonic()
        with self._lock:
            since = self._draining_since = now if self._draining_since is None else self._draining_since
        if now - since >= DRAIN_S:
            raise Stopped

    def sleep(self, clock: "Clock", seconds: float) -> None:
        """Let `seconds` pass, in slices, unless the run is ending in a hurry.

        Raises:
            Stopped: it is.
        """
        until = clock.monotonic() + seconds
        while (remaining := until - clock.monotonic()) > 0:
            self.check()
            clock.sleep(min(remaining, _SLICE_S))


_SIGNALS = {
    signal.SIGINT: StopCause.SIGINT,
    signal.SIGTERM: StopCause.SIGTERM,
    signal.SIGHUP: StopCause.SIGTERM,  # a closed terminal counts as a request to end
}
SIGNAL_EXITS = {StopCause.SIGINT: ExitCode.SIGINT, StopCause.SIGTERM: ExitCode.SIGTERM}


@contextmanager
def at_a_question(stop: Stop) -> Iterator[Callable[[], None]]:
    """During a question nothing is in flight, so the first signal ends the command at once.

    Yields a function to call at intervals while waiting for the answer; it raises `Stopped` after a signal.
    The handler only records the signal: an exception in a handler could interrupt any code.
    """
    came: list[int] = []

    def check() -> None:
        if came:
            stop.request(_SIGNALS[signal.Signals(came[0])])
        stop.check()

    previous = {number: signal.signal(number, lambda *of: came.append(of[0])) for number in _heeded()}
    try:
        yield check
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
        if came:
            stop.request(_SIGNALS[signal.Signals(came[0])])


def _heeded() -> list[signal.Signals]:
    """The signals that end a command; without SIGHUP if it is ignored (nohup)."""
    return [
        each for each in _SIGNALS if each is not signal.SIGHUP or signal.getsignal(each) is not signal.SIG_IGN
    ]


_OWN: list[str] = []
"""The reason why this process asks itself to end."""


def drain(reason: str) -> None:
    """End this process as at SIGTERM; `reason` is the subject of a sentence, such as "The lease"."""
    _OWN[:] = [reason]
    os.kill(os.getpid(), signal.SIGTERM)


def _answer(number: int) -> str:
    reason = _OWN.pop() if _OWN else signal.Signals(number).name
    return (
        f"{reason}: finishing the calls in flight, at most {DRAIN_S:.0f} s "
        f"({SILENT_DRAIN_S:.0f} s if AWS does not answer).\n"
        "A second signal stops at once, without a report. Nothing is lost by that."
    )


@contextmanager
def on_signals(stop: Stop, say: Callable[[str], None] = lambda _: None) -> Iterator[None]:
    """First SIGINT, SIGTERM or SIGHUP: drain, checkpoint, report. A second one ends the process at once.

    A second SIGHUP does not: when a terminal closes, both the kernel and the shell can send one.

    The journal survives both: each step is committed before and after it is made.

    Args:
        stop: gets the request to end.
        say: prints at once that the first signal was received.
    """
    heard = SimpleQueue[int | None]()

    def handle(number: int, _: FrameType | None) -> None:
        for each in previous:
            signal.signal(each, signal.SIG_IGN if each == signal.SIGHUP else signal.SIG_DFL)
        _heard.append(number)
        heard.put(number)

    def answer() -> None:
        if (number := heard.get()) is not None:
            stop.request(_SIGNALS[signal.Signals(number)])
            say(_answer(number))

    # A handler must neither print nor take a lock: the interrupted code may be printing or hold that lock.
    signal_thread = threading.Thread(target=answer, name="herald", daemon=True)
    signal_thread.start()
    previous = {number: signal.getsignal(number) for number in _heeded()}
    for number in previous:
        signal.signal(number, handle)
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
        heard.put(None)
        signal_thread.join(_HERALD_S)


_heard: list[int] = []
"""The first signals that `on_signals` has caught in this process."""


def drain_with_parent() -> None:
    """End this process as at SIGTERM when its standard input ends: its parent has ended, or asks it to end.

    A process that has received a signal is draining already; a second one would end it without a report.
    """

    def wait() -> None:
        with suppress(OSError):
            while os.read(descriptor, _CHUNK):
                pass
        if not _heard:
            os.kill(os.getpid(), signal.SIGTERM)

    descriptor = sys.stdin.fileno()
    threading.Thread(target=wait, name="parent", daemon=True).start()


_CHUNK = 4096
