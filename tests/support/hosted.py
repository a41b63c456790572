"""A simulator in this process: real HTTP on loopback, one event loop for all of them, a port for each.

It costs a few milliseconds where a child process costs half a second. What has to be killed, or is measured
as a process, takes `migrate_mfa.simulator.background` instead.
"""

from __future__ import annotations

import asyncio
import threading
from contextlib import contextmanager, nullcontext
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest
from botocore.awsrequest import AWSResponse
from botocore.httpsession import URLLib3Session

from migrate_mfa.simulator import Running
from migrate_mfa.simulator.files.poolfile import load_world
from migrate_mfa.simulator.server.control import Control
from migrate_mfa.simulator.server.http import Connection, Request, render
from migrate_mfa.simulator.server.service import Service
from migrate_mfa.simulator.server.serving import HOST, _router, ready_line

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Iterator, Mapping

    from migrate_mfa.simulator.server.call import Reply

_PATIENCE_S = 10.0


@contextmanager
def hosted(
    document: Mapping[str, Any],
    *,
    faults: Mapping[str, Any] | None = None,
    control: bool = True,
    directly: bool = True,
) -> Iterator[Running]:
    """Serve a pool file for as long as the context lasts; it takes what `background` takes.

    There is no process to look at or to stop: `Running.process` is None. `directly` spares this process's
    clients HTTP, which is half the cost of a call, as long as there are no faults that make answers late or
    lose them: their requests are answered as they are.
    """
    service = Service(load_world(document, Path()), faults or {}, keep_ledger=control)
    routed, turn = _router(service, Control(service) if control else None), threading.Lock()

    def answer(request: Request) -> Reply:
        with turn:
            return routed(request)

    connections: list[Connection] = []

    def connect() -> Connection:
        connections.append(Connection(answer))
        return connections[-1]

    async def start() -> asyncio.Server:
        return await asyncio.get_running_loop().create_server(connect, HOST, 0, backlog=1024)

    async def stop() -> None:
        server.close()
        for each in connections:
            if each._transport is not None:
                each._transport.abort()

    server: asyncio.Server = _finish(start())
    ready = ready_line(service.world, server.sockets[0].getsockname()[1])
    nobody = cast("subprocess.Popen[str]", None)
    running = Running(ready["endpoint"], ready["account"], ready["region"], tuple(ready["pools"]), nobody)
    try:
        with _answered_directly(service, running.endpoint, answer) if directly else nullcontext():
            yield running
    finally:
        _finish(stop())


@contextmanager
def _answered_directly(service: Service, endpoint: str, answer: Callable[[Request], Reply]) -> Iterator[None]:
    send = URLLib3Session.send

    def sent(session: URLLib3Session, request: Any) -> Any:
        if service.faults._active or not request.url.startswith(f"{endpoint}/"):
            return send(session, request)
        headers = {name.lower(): _text(value) for name, value in request.headers.items()}
        path = request.url.removeprefix(endpoint)
        reply = answer(Request(request.method, path, headers, _bytes(request.body)))
        assert not reply.drop
        assert not reply.delay, "only HTTP can hold an answer back"
        head, _, body = render(reply).partition(b"\r\n\r\n")
        lines: Any = (line.split(": ", 1) for line in head.decode("latin-1").split("\r\n")[1:])
        raw = SimpleNamespace(stream=lambda: [body])
        told: Any = dict(lines)
        return AWSResponse(request.url, reply.status, told, raw)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(URLLib3Session, "send", sent)
        yield


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value


def _bytes(body: str | bytes | None) -> bytes:
    return body.encode() if isinstance(body, str) else body or b""


@cache
def _loop() -> asyncio.AbstractEventLoop:
    """The loop of all simulators; it ends with this process."""
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, name="simulators", daemon=True).start()
    return loop


def _finish(work: Any) -> Any:
    return asyncio.run_coroutine_threadsafe(work, _loop()).result(_PATIENCE_S)
