"""A run as a person sees it, on real terminals of two sizes; and the same from another terminal."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pyte
import pytest

from tests.commands.support import POOL_ID, members_of, roster_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.commands.conftest import Site

NAMES = tuple(f"user{number:02d}" for number in range(60))
PATIENCE_S = 60.0


class Screen:
    """A terminal of one size, and what is on it."""

    def __init__(self, columns: int, lines: int, site: Site, *arguments: object) -> None:
        self.leader, follower = pty.openpty()
        fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        env = {**site.cli.env(), "TERM": "xterm-256color", "TZ": "UTC"}
        env.pop("COLUMNS", None)
        self.process = subprocess.Popen(
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


@pytest.fixture
def site(raise_site: Callable[..., Site]) -> Site:
    made = raise_site(members_of(NAMES))
    roster_of(made.folder, NAMES)
    return made


def a_run(*options: object, rps: int = 15) -> tuple[object, ...]:
    return (
        "run", "roster.csv", "--user-pool-id", POOL_ID, "--run-dir", "run", "--verification", "attested",
        "--yes", "--max-rps", f"UserUpdate={rps}", *options,
    )  # fmt: skip


@pytest.mark.parametrize(("columns", "lines"), [(80, 24), (120, 40)])
def test_a_run_is_seen_live_and_leaves_one_summary(site: Site, columns: int, lines: int) -> None:
    with at_a_terminal(columns, lines, site, *a_run()) as screen:
        rows = screen.watch(has("writing  █", "until about", "calls/s", "verified"))
        shown = [row for row in rows if row.startswith(("writing ", "update", "mfa"))]
        assert screen.end() == 0
        left = screen.rows

    assert re.match(r"writing  █+░+  \d+ %  \d+ of 60", shown[0])
    assert re.match(r"update +\d+\.\d +15 +\d+ +\d+", shown[1])
    assert not has("█")(left), "the view has gone"
    assert has("verified", "60 of 60 users have SMS MFA", "Next: ", "  migrate-mfa audit")(left)
    drawn = [[row for row in frame if row] for frame in screen.frames if has("writing  █")(frame)]
    assert drawn
    assert max(len(frame) for frame in drawn) <= lines


def test_another_terminal_watches_it_and_ends_with_it(site: Site) -> None:
    with at_a_terminal(80, 24, site, *a_run("--progress", "none")) as run:
        run.watch(lambda _: (site.folder / "run" / "log.jsonl").exists())
        with at_a_terminal(80, 24, site, "status", "--run-dir", "run", "--watch") as watcher:
            watcher.watch(has("run of pool", "writing  █", "Ctrl-C leaves this view"))
            assert not has("█")(run.rows)
            assert run.end() == 0
            assert watcher.end() == 0
            assert has("run: finished")(watcher.rows)
            assert not has("█")(watcher.rows)


def test_leaving_the_view_leaves_the_run_alone(site: Site) -> None:
    with at_a_terminal(80, 24, site, *a_run("--progress", "none", rps=1)) as run:
        run.watch(lambda _: (site.folder / "run" / "log.jsonl").exists())
        with at_a_terminal(80, 24, site, "status", "--run-dir", "run", "--watch") as watcher:
            watcher.watch(has("writing  ", "of 60"))
            watcher.process.send_signal(signal.SIGINT)
            assert watcher.end() == 0
            assert any(map(has("run: running"), watcher.frames))
        assert run.process.poll() is None
        run.process.terminate()
        assert run.end() == 143


def test_a_view_without_a_terminal_is_refused(site: Site) -> None:
    done = site.cli("status", "--run-dir", "run", "--watch")

    assert done.code == 2
    assert "--watch needs a terminal" in done.err
