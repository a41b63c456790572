"""A process of the program's own that need not import it: forked from one that has done nothing else.

It is a child of this process as any other: it has a number of its own, is killed, signalled, stopped and
waited for. Its directory, environment, streams and terminal are those that were asked for, and it runs the
same code. What it cannot show is how an interpreter starts, and how much memory a process takes.
"""

from __future__ import annotations

import atexit
import ctypes
import json
import os
import shlex
import signal
import socket
import subprocess
import sys
import threading
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

ROOT: Final = Path(__file__).resolve().parents[2]
_STARTS_WITH: Final = {"LANG": "C.UTF-8", "PYTHONPATH": str(ROOT)}
"""What an interpreter reads when it starts: whoever wants it otherwise gets one that starts."""
_SUBREAPER: Final = 36
"""PR_SET_CHILD_SUBREAPER of prctl(2): an orphan becomes the child of its nearest such ancestor."""
_NAME: Final = 15
"""PR_SET_NAME of prctl(2)."""
WARM: Final = "warm"
"""The name, as ps(1) and /proc show it, of an interpreter that waits for orders."""
_START_MORE: Final = (["migrate_mfa", "fleet"], ["dask", "worker"])
"""Commands that start commands of the program: each has a warm interpreter below it for them."""
_TURN: Final = threading.Lock()
_BELOW: Final[list[socket.socket]] = []
"""The way to the warm interpreter below this process, where this one is forked and starts others."""


def start(
    command: Sequence[str], *, env: Mapping[str, str], opens: Sequence[str] = (), **options: Any
) -> subprocess.Popen[Any]:
    """Start a command as `subprocess.Popen` does, from a warm interpreter where that shows the same.

    Args:
        command: the interpreter of this process, `-m` and a module or `-c` and a program, then arguments.
        env: all of its environment.
        opens: what it opens as its three streams when it has become the leader of a session: the first
            terminal that a leader opens is the one that controls it.
        options: what `subprocess.Popen` takes.
    """
    read_at_start = {
        name: value for name, value in env.items() if name.startswith(("LANG", "LC_", "PYTHON", "COVERAGE_"))
    }
    usual = command[0] == sys.executable and command[1] in {"-m", "-c"} and "preexec_fn" not in options
    if sys.platform == "linux" and usual and read_at_start == _STARTS_WITH:
        return Forked(command, opens=opens, env=env, **options)
    if opens:
        shell = "exec {} <{} >{} 2>{}".format(shlex.join(command), *map(shlex.quote, opens))
        return subprocess.Popen(["sh", "-c", shell], env=env, start_new_session=True, **options)
    return subprocess.Popen(command, env=env, **options)


class Forked(subprocess.Popen[Any]):
    """A child that is forked by the warm interpreter, and then let go of it."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        opens: Sequence[str],
        start_new_session: bool = False,
        **options: Any,
    ) -> None:
        self._leads, self._opens = start_new_session or bool(opens), opens
        super().__init__(command, **options)

    def _execute_child(self, args: Sequence[str], _executable: object, *given: Any) -> None:
        """Take the place of fork and exec; the names are those of the standard library."""
        _, _, passed, cwd, env, _, _, _, p2cread, p2cwrite, c2pread, c2pwrite, errread, errwrite, *_ = given
        order = {
            "command": args[1:],
            "folder": str(cwd or Path.cwd()),
            "env": env,
            "passed": list(passed),
            "starts_more": list(args[2:4]) in _START_MORE,
            "leads": self._leads,
            "opens": self._opens,
            "ignored": [each for each in signal.valid_signals() if signal.getsignal(each) is signal.SIG_IGN],
            "held": list(signal.pthread_sigmask(signal.SIG_BLOCK, [])),
        }
        given_ends = (p2cread, c2pwrite, errwrite)
        streams = [own if end < 0 else end for own, end in enumerate(given_ends)]
        self.pid = _forked(json.dumps(order).encode(), [*streams, *passed])
        self._child_created = True
        closing: Any = self
        closing._close_pipe_fds(p2cread, p2cwrite, c2pread, c2pwrite, errread, errwrite)


def start_warm(module: Any, replace: Callable[[Any, str, Any], object] = setattr) -> None:
    """Let a module of the program start its children as `start` does.

    Args:
        module: it knows `subprocess` by that name.
        replace: sets an attribute, as `setattr` does.
    """

    def popen(command: Sequence[str], *, env: Mapping[str, str] | None = None, **options: Any) -> Any:
        return start(command, env=dict(os.environ) if env is None else env, **options)

    replace(module, "subprocess", SimpleNamespace(**vars(subprocess) | {"Popen": popen}))


def start_from(below: socket.socket) -> None:
    """Have a process that was forked start what it starts from an interpreter below it."""
    _BELOW.append(below)


def call_this_process(name: str) -> None:
    """Give this process a name for ps(1) and /proc."""
    assert ctypes.CDLL(None).prctl(_NAME, name.encode(), 0, 0, 0) == 0


def _forked(order: bytes, streams: Sequence[int]) -> int:
    """The number of the new process, which is a child of this one."""
    with _TURN:
        warm = _BELOW[0] if _BELOW else _warm()
        prctl = ctypes.CDLL(None).prctl
        assert prctl(_SUBREAPER, 1, 0, 0, 0) == 0
        try:
            socket.send_fds(warm, [order], streams)
            answer = warm.recv(64)
        finally:
            assert prctl(_SUBREAPER, 0, 0, 0, 0) == 0
    assert answer, "the warm interpreter has ended"
    return int(answer)


@cache
def _warm() -> socket.socket:
    """The way to the warm interpreter, which ends when nobody is at this end."""
    here, there = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("LC_", "PYTHON"))}
    with there:
        child = subprocess.Popen(
            [sys.executable, "-m", "tests.support.warm_interpreter", str(there.fileno())],
            cwd=ROOT,
            env=kept | _STARTS_WITH,
            stdin=subprocess.DEVNULL,
            pass_fds=[there.fileno()],
        )
    assert here.recv(64) == b"ready"

    def end() -> None:
        here.close()
        child.wait()

    atexit.register(end)
    return here
