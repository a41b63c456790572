"""A terminal of one size with the program on it, and what is on its screen."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import struct
import sys
import termios
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pyte

from tests.support import warm_process

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.commands.conftest import Site

PATIENCE_S = 60.0


class Screen:
    """A terminal of one size, and what is on it."""

    def __init__(self, columns: int, lines: int, site: Site, *arguments: object) -> None:
        self.leader, follower = pty.openpty()
        fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        env = {**site.cli.env(), "TERM": "xterm-256color", "TZ": "UTC"}
        env.pop("COLUMNS", None)
        self.process = warm_process.start(
            [sys.executable, "-m", "migrate_mfa", *map(str, arguments)],
            cwd=site.folder,
            env=env,
            stdin=follower,
            stdout=follower,
            stderr=follower,
            start_new_session=True,
        )
        os.close(follower)
        self._screen = pyte.Screen(columns, lines)
        self._stream = pyte.ByteStream(self._screen)
        self.frames: list[list[str]] = []

    @property
    def rows(self) -> list[str]:
        return [row.rstrip() for row in self._screen.display]

    def read(self, seconds: float = 0.05) -> bool:
        """Take in what comes; False when nothing more will."""
        if select.select([self.leader], [], [], seconds)[0]:
            try:
                self._stream.feed(os.read(self.leader, 65536))
            except OSError:
                return False
            self.frames.append(self.rows)
        return True

    def watch(self, until: Callable[[list[str]], bool]) -> list[str]:
        """Read until a frame is as it should be."""
        end = time.monotonic() + PATIENCE_S
        while not until(self.rows):
            assert time.monotonic() < end, self._story()
            assert self.read(), self._story()
        return self.rows

    def _story(self) -> str:
        """The last frames, for whoever has to find out what was there instead."""
        return "\n----\n".join("\n".join(filter(None, frame)) for frame in self.frames[-5:])

    def type(self, text: str) -> None:
        """Type a line."""
        os.write(self.leader, f"{text}\n".encode())

    def end(self) -> int:
        end = time.monotonic() + PATIENCE_S
        while self.read() and self.process.poll() is None:
            assert time.monotonic() < end, "\n".join(self.rows)
        while self.read() and select.select([self.leader], [], [], 0.05)[0]:
            pass
        return self.process.wait(PATIENCE_S)

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self.leader)


@contextmanager
def at_a_terminal(columns: int, lines: int, site: Site, *arguments: object) -> Iterator[Screen]:
    screen = Screen(columns, lines, site, *arguments)
    try:
        yield screen
    finally:
        screen.close()


def has(*texts: str) -> Callable[[list[str]], bool]:
    return lambda rows: all(any(text in row for row in rows) for text in texts)
