"""A forked process is what one of its own would be: other tests rely on it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from tests.commands.support import Cli
from tests.support import warm_process

if TYPE_CHECKING:
    from pathlib import Path


LOOK = """
import atexit, json, os, signal, sys, tempfile, threading, time
atexit.register(sys.stderr.write, "the end")
of = lambda each: [each.encoding, each.errors, each.line_buffering, each.isatty(), each.fileno(), each.mode]
seen = {
    "environment": dict(os.environ), "folder": os.getcwd(), "arguments": sys.argv, "path": sys.path,
    "umask": os.umask(0), "parent": os.getppid(), "group": os.getpgrp() == os.getpid(),
    "session": os.getsid(0) == os.getpid(), "time zone": time.tzname, "temporary": tempfile.gettempdir(),
    "streams": [of(each) for each in (sys.stdin, sys.stdout, sys.stderr)],
    "first streams": [of(each) for each in (sys.__stdin__, sys.__stdout__, sys.__stderr__)],
    "descriptors": [each for each in range(64) if os.path.exists(f"/proc/self/fd/{each}")],
    "signals": [str(signal.getsignal(each)) for each in sorted(signal.valid_signals())],
    "held signals": sorted(signal.pthread_sigmask(signal.SIG_BLOCK, [])),
    "threads": threading.active_count(), "name": __name__, "read": sys.stdin.read(),
}
json.dump(seen, sys.stdout)
sys.exit(int(sys.argv[1]))
"""
ENDS = {
    "a code": "import sys; sys.exit(7)",
    "a sentence": "import sys; sys.exit('what is wrong')",
    "an error": "{}['missing']",
    "a signal": "import os, signal; os.kill(os.getpid(), signal.SIGKILL)",
    "a broken pipe": "import os, sys; os.close(1); print('nobody reads this')",
}
"""How a program ends."""
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere each starts an interpreter")


def ended(child: subprocess.Popen[bytes], said: bytes = b"") -> tuple[int, str, str]:
    out, err = child.communicate(said, timeout=60)
    return child.returncode, out.decode(), err.decode()


@pytest.mark.parametrize("hang_up", [signal.SIG_DFL, signal.SIG_IGN])
@pytest.mark.parametrize("leads", [False, True])
def test_it_sees_what_a_process_of_its_own_sees(
    tmp_path: Path, leads: bool, hang_up: signal.Handlers
) -> None:
    cli = Cli(tmp_path, environment={"TZ": "Asia/Tokyo", "ONE_MORE": "日本"})
    command = [sys.executable, "-c", LOOK, "3", "two words", ""]
    options: dict[str, Any] = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    listen, speak = os.pipe()
    options |= {"env": cli.env(), "cwd": tmp_path, "start_new_session": leads, "pass_fds": (speak,)}

    before = signal.signal(signal.SIGHUP, hang_up)  # nohup has it ignored, also by those that come after
    try:
        own = subprocess.Popen(command, **options)
        warm = warm_process.start(command, **options)
    finally:
        signal.signal(signal.SIGHUP, before)
        for each in (listen, speak):
            os.close(each)

    assert isinstance(warm, warm_process.Forked)
    code, seen, said = ended(warm, b"given")
    assert (code, said) == (3, "the end")
    found, (own_code, own_seen, own_said) = json.loads(seen), ended(own, b"given")
    assert (own_code, own_said) == (3, "the end")
    assert found == json.loads(own_seen)
    assert found["parent"] == os.getpid()
    assert speak in found["descriptors"]


@pytest.mark.parametrize("how", ENDS)
def test_it_ends_as_a_process_of_its_own_ends(tmp_path: Path, how: str) -> None:
    options: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    options |= {"env": Cli(tmp_path).env(), "cwd": tmp_path}
    command = [sys.executable, "-c", ENDS[how]]

    own, warm = (ended(each(command, **options)) for each in (subprocess.Popen, warm_process.start))

    assert warm[0] == own[0] != 0 or how == "a broken pipe"
    assert warm[:2] == own[:2]
    assert warm[2].splitlines()[-1:] == own[2].splitlines()[-1:]


def test_what_only_an_interpreter_reads_at_its_start_gets_one_that_starts(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "import sys; print(sys.stdout.encoding)"]
    cli = Cli(tmp_path, environment={"PYTHONIOENCODING": "latin-1"})

    child = warm_process.start(command, env=cli.env(), stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    assert ended(child)[1].strip() == "iso8859-1"


def test_it_can_be_stopped_and_goes_on(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "print('up', flush=True); input(); print('on')"]
    options: dict[str, Any] = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    child = warm_process.start(command, env=Cli(tmp_path).env(), **options)
    assert child.stdout is not None
    assert child.stdout.readline() == b"up\n"

    os.kill(child.pid, signal.SIGSTOP)
    assert os.WIFSTOPPED(os.waitpid(child.pid, os.WUNTRACED)[1])
    os.kill(child.pid, signal.SIGCONT)

    assert ended(child, b"\n") == (0, "on\n", "")
