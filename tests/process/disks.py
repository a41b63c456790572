"""Real disks that are full or read-only, where this machine allows to make them."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


def _mount(*arguments: str) -> str:
    """Why it cannot be mounted; empty when it was."""
    try:
        done = subprocess.run(["mount", *arguments], check=False, capture_output=True, text=True)
    except FileNotFoundError as error:
        return str(error)
    return done.stderr.strip() if done.returncode else ""


@contextmanager
def small_disk(folder: Path, size_kb: int) -> Iterator[Callable[[str], None]]:
    """A file system of so many kilobytes at `folder`. Gives what changes its options, such as `size=8m`.

    Skips the test where mounting is not allowed, with the reason that mount gave.
    """
    folder.mkdir()
    if trouble := _mount("-t", "tmpfs", "-o", f"size={size_kb}k", "tmpfs", str(folder)):
        pytest.skip(f"cannot mount a file system here: {trouble}")

    def change(options: str) -> None:
        trouble = _mount("-o", f"remount,{options}", str(folder))
        assert not trouble, trouble

    try:
        yield change
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def limit_files(size_kb: int) -> Callable[[], None]:
    """What a child does before it starts, so that no file of its can grow beyond so many kilobytes."""

    def limit() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size_kb * 1024, size_kb * 1024))

    return limit


def fill(folder: Path, *, leave_kb: int) -> None:
    """Take all the room of a file system but so much."""
    found = os.statvfs(folder)
    with (folder / "ballast").open("wb") as file:
        file.write(b"\0" * max(0, found.f_bavail * found.f_frsize - leave_kb * 1024))
