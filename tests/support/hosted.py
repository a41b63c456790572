"""A simulator in this process: real HTTP on loopback, one event loop for all of them, a port for each.

It costs a few milliseconds where a child process costs half a second. What has to be killed, or is measured
as a process, takes `migrate_mfa.simulator.background` instead.
"""

from __future__ import annotations

import asyncio
import threading
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from migrate_mfa.simulator import Running
from migrate_mfa.simulator.files.poolfile import load_world
from migrate_mfa.simulator.server.control import Control
from migrate_mfa.simulator.server.http import Connection
from migrate_mfa.simulator.server.service import Service
from migrate_mfa.simulator.server.serving import HOST, _router, ready_line

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator, Mapping

_PATIENCE_S = 10.0


@contextmanager
def hosted(
    document: Mapping[str, Any], *, faults: Mapping[str, Any] | None = None, control: bool = True
) -> Iterator[Running]:
    """Serve a pool file for as long as the context lasts; it takes what `background` takes.

    There is no process to look at or to stop: `Running.process` is None.
    """
    service = Service(load_world(document, Path()), faults or {}, keep_ledger=control)
    answer = _router(service, Control(service) if control else None)
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
    try:
        yield Running(ready["endpoint"], ready["account"], ready["region"], tuple(ready["pools"]), nobody)
    finally:
        _finish(stop())


@cache
def _loop() -> asyncio.AbstractEventLoop:
    """The loop of all simulators; it ends with this process."""
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, name="simulators", daemon=True).start()
    return loop


def _finish(work: Any) -> Any:
    return asyncio.run_coroutine_threadsafe(work, _loop()).result(_PATIENCE_S)
