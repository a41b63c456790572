"""A terminal of its own for a child process: a pseudo-terminal that controls it, and somebody who types."""

from __future__ import annotations

import os
import pty
import select
import sys
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tests.support import warm_process

if TYPE_CHECKING:
    import signal
    from collections.abc import Iterator, Mapping
    from pathlib import Path

_PATIENCE_S = 60.0
_TYPES_EVERY_S = 0.2
CTRL_C, CTRL_D = "\x03", "\x04"


@contextmanager
def typing(keys: str) -> Iterator[int]:
    """A terminal to read from, at which somebody types the same keys again and again until they are taken.

    What is typed before a question is thrown away; where standard error is a pipe, nobody sees the question.
    """
    leader, follower = pty.openpty()
    over = threading.Event()

    def type_them() -> None:
        while not over.wait(_TYPES_EVERY_S):
            os.write(leader, keys.encode())

    typist = threading.Thread(target=type_them)
    typist.start()
    try:
        yield follower
    finally:
        over.set()
        typist.join()
        os.close(follower)
        os.close(leader)


class Terminal:
    """The program at a terminal. `shown` is all that appeared on it, what was echoed included."""

    def __init__(
        self, *arguments: object, cwd: Path, env: Mapping[str, str], stdout: Path | None = None
    ) -> None:
        self._leader, follower = pty.openpty()
        self._open: tuple[int, ...] = (self._leader, follower)
        name = os.ttyname(follower)
        command = [sys.executable, "-m", "migrate_mfa", *map(str, arguments)]
        out = name if stdout is None else str(stdout)
        self._process = warm_process.start(command, cwd=cwd, env=env, opens=(name, out, name))
        self._read_to = 0
        self.shown = ""

    def type(self, prompt: str, text: str) -> None:
        """Wait until `prompt` appears after all that was answered before, then type a line."""
        self.expect(prompt)
        self.press(f"{text}\n")

    def press(self, keys: str) -> None:
        """Type keys at once."""
        os.write(self._leader, keys.encode())

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the program."""
        self._process.send_signal(number)

    def expect(self, text: str) -> None:
        """Wait until something new appears."""
        until = time.monotonic() + _PATIENCE_S
        while text not in self.shown[self._read_to :]:
            assert time.monotonic() < until, f"waited in vain for {text!r}:\n{self.shown}"
            assert self._read(1.0) or self._process.poll() is None, f"ended before {text!r}:\n{self.shown}"
        self._read_to = self.shown.index(text, self._read_to) + len(text)

    def end(self) -> int:
        """Wait for the end. Gives the exit code."""
        until = time.monotonic() + _PATIENCE_S
        while self._process.poll() is None:
            assert time.monotonic() < until, f"does not end:\n{self.shown}"
            self._read(0.1)
        while self._read(0):
            pass
        return self._process.returncode

    def close(self) -> None:
        """Let go of the terminal, and of a program that has not ended."""
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        for descriptor in self._open:
            os.close(descriptor)
        self._open = ()

    def _read(self, seconds: float) -> bool:
        ready, _, _ = select.select([self._leader], [], [], seconds)
        if ready:
            self.shown += os.read(self._leader, 65536).decode(errors="replace").replace("\r\n", "\n")
        return bool(ready)
