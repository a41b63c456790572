"""An interpreter that has imported the program, and forks for each order of `warm_process`.

    python -m tests.support.warm_interpreter DESCRIPTOR

It has one thread and has run nothing, so that what it forks is as a process that has just imported the same.
AWS's models are read once: no command line changes them. A process that starts commands itself, as a fleet
does, first forks an interpreter like this one, so that its commands are its children and start as quickly.
"""

from __future__ import annotations

import fcntl
import gc
import importlib
import io
import json
import os
import pkgutil
import runpy
import signal
import socket
import sys
import time
from typing import Any

import boto3
import dask.config
import distributed.cli.dask_scheduler
import distributed.cli.dask_worker  # noqa: F401 - for those that are forked

import migrate_mfa
from migrate_mfa.fleet import supervise
from migrate_mfa.reports import page
from tests.support import warm_process
from tests.support.quick_clients import make_clients_quickly

_SERVICES = ("cognito-idp", "sts", "service-quotas", "iam", "sns", "s3")
_MADE = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
_OF_PYTHON = {signal.SIGPIPE, signal.SIGXFSZ, signal.SIGKILL, signal.SIGSTOP}
"""What an interpreter ignores from its start, and what nobody can change."""
_PROGRAMS = ("migrate_mfa.__main__", "migrate_mfa.simulator.__main__")
_MOST_DESCRIPTORS = 16
_OUT_OF_THE_WAY = 200
"""Above every descriptor that an order can ask for."""


def warm_up() -> None:
    """Import what commands import, read AWS's models, and compile the page."""
    for found in pkgutil.walk_packages(migrate_mfa.__path__, "migrate_mfa."):
        if found.name not in _PROGRAMS:
            importlib.import_module(found.name)
    make_clients_quickly(setattr)
    session: Any = boto3.Session(aws_access_key_id="x", aws_secret_access_key="x", region_name="us-east-1")
    for service in _SERVICES:
        session.client(service)
    del session
    for name in ("body.html", "shell.html"):
        page._environment(escaped=True).get_template(name)
    gc.collect()
    gc.freeze()


def await_order(control: socket.socket) -> dict[str, Any] | None:
    """Fork for each order. Returns it in the new process, and None in this one when there are no more."""
    while True:
        text, streams, _, _ = socket.recv_fds(control, 2**20, _MOST_DESCRIPTORS)
        if not text:
            return None
        reading, writing = os.pipe()
        if not os.fork():
            between = os.getpid()
            if not (child := os.fork()):
                while os.getppid() == between:  # an orphan goes to whoever ordered it
                    os.sched_yield()
                for each in (control.detach(), reading, writing):
                    os.close(each)
                order: dict[str, Any] = json.loads(text)
                return order | {"streams": streams}
            os.write(writing, str(child).encode())
            os._exit(0)
        os.wait()
        control.send(os.read(reading, 64))
        for each in (reading, writing, *streams):
            os.close(each)


def take_place(order: dict[str, Any]) -> None:
    """Make this process what the order says, as exec and the start of an interpreter would."""
    if order["leads"]:
        os.setsid()
    places = [0, 1, 2, *order["passed"]]
    aside = [fcntl.fcntl(given, fcntl.F_DUPFD, _OUT_OF_THE_WAY) for given in order["streams"]]
    for given in order["streams"]:
        os.close(given)
    for place, given in zip(places, aside, strict=True):
        os.dup2(given, place)
        os.close(given)
    for place, path in enumerate(order["opens"]):
        opened = os.open(path, (os.O_RDONLY, _MADE, os.O_WRONLY)[place], 0o666)
        os.dup2(opened, place)
        os.close(opened)
    os.chdir(order["folder"])
    os.environ.clear()
    os.environ.update(order["env"])
    dask.config.refresh()
    time.tzset()
    for number in signal.valid_signals() - _OF_PYTHON:
        signal.signal(number, signal.SIG_IGN if number in order["ignored"] else signal.SIG_DFL)
    if signal.SIGINT not in order["ignored"]:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.pthread_sigmask(signal.SIG_SETMASK, order["held"])
    for name, place, mode in (("stdin", 0, "r"), ("stdout", 1, "w"), ("stderr", 2, "w")):
        before = getattr(sys, name)
        stream: Any = io.TextIOWrapper(
            open(place, f"{mode}b", closefd=False),  # noqa: SIM115 - as long as we live
            encoding=before.encoding,
            errors=before.errors,
            newline=None if name == "stdin" else "\n",
            line_buffering=name == "stderr" or os.isatty(place),
        )
        stream.mode = mode
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)


def run(kind: str, program: str, *arguments: str) -> None:
    """Run what stands behind the interpreter in a command, to the end of this process."""
    sys.argv = [kind, *arguments]
    if kind == "-m":
        sys.path[0] = str(os.getcwd())  # noqa: PTH109 - as it stands, links and all
        runpy.run_module(program, run_name="__main__", alter_sys=True)
    else:
        sys.path[0] = ""
        exec(compile(program, "<string>", "exec"), {"__name__": "__main__"})  # noqa: S102 - that is what -c does


def serve(control: socket.socket) -> None:
    """Become what an order asks for, in a process of its own for each; return where there are no more."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # what ends a test at a terminal is not meant for us
    warm_process.call_this_process(warm_process.WARM)
    if (order := await_order(control)) is None:
        return
    warm_process.call_this_process("python")
    take_place(order)
    if order["starts_more"]:
        here, below = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        if not os.fork():
            here.close()
            let_go_of_streams()
            serve(below)
            return
        below.close()
        warm_process.start_from(here)
        warm_process.start_warm(supervise)
    run(*order["command"])


def let_go_of_streams() -> None:
    """Let nobody wait for the end of what the process above writes until this one has ended, too."""
    nothing = os.open(os.devnull, os.O_RDWR)
    for place in (0, 1, 2):
        os.dup2(nothing, place)
    os.close(nothing)


if __name__ == "__main__":
    way = socket.socket(fileno=int(sys.argv[1]))
    warm_up()
    way.send(b"ready")
    serve(way)
