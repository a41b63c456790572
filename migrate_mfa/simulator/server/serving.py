"""The command line of the simulator, and its work from the ready line to the signal."""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import os
import signal
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from migrate_mfa.simulator.files.documents import parsed
from migrate_mfa.simulator.files.poolfile import load_world
from migrate_mfa.simulator.server.control import PREFIX, Control
from migrate_mfa.simulator.server.http import Connection, Request
from migrate_mfa.simulator.server.service import Service

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from migrate_mfa.simulator.account.world import World
    from migrate_mfa.simulator.server.call import Reply

    Announce = Callable[[Service, Mapping[str, Any]], None]

HOST = "127.0.0.1"
_HIGHEST_PORT = 65535


@dataclass(frozen=True, slots=True, kw_only=True)
class Serving:
    """What is served, and how."""

    port: int = 0
    """0 takes a free one."""
    pool_file: Path | None = None
    faults: Path | None = None
    control: bool = False
    """Whether to serve /_control/ too."""
    enforce_quotas: bool = False
    burst_seconds: float | None = None
    speed: float | None = None
    """These three override the pool file if they are given."""
    show_codes: bool = False
    """Whether to print every message on standard error."""
    exit_with_parent: bool = False
    """Whether to stop when standard input ends."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the simulator until SIGTERM or SIGINT.

    Args:
        argv: The arguments, without the program's name; None takes those of the process.

    Returns:
        0 when it was stopped, 2 when a file or argument is unusable.
    """
    return serve(Serving(**vars(_parser().parse_args(argv))))


def announce(service: Service, ready: Mapping[str, Any]) -> None:
    """Print the ready line."""
    del service
    sys.stdout.write(json.dumps(ready) + "\n")
    sys.stdout.flush()


def serve(serving: Serving, announce: Announce = announce) -> int:
    """Run the simulator until SIGTERM or SIGINT.

    Args:
        serving: What is served, and how.
        announce: Called once when the port answers, with the service, whose ledger counts the calls, and with
            the content of the ready line.

    Returns:
        0 when it was stopped, 2 when a file or argument is unusable.
    """
    # The users never become garbage, but each garbage collection would visit all of them.
    gc.disable()
    try:
        service = _service(serving)
    except (OSError, ValueError) as wrong:
        sys.stderr.write(f"simulator: {wrong}\n")
        return 2
    finally:
        gc.freeze()
        gc.enable()
    control = Control(service) if serving.control else None
    try:
        asyncio.run(_serve(service, control, serving, announce))
    except OSError as wrong:
        why = os.strerror(wrong.errno) if wrong.errno else wrong
        sys.stderr.write(f"simulator: port {serving.port} cannot be used: {why}\n")
        return 2
    return 0


def _parser() -> argparse.ArgumentParser:
    """The parser for tests and tools; people use `migrate-mfa simulate`, which explains the options."""
    parser = argparse.ArgumentParser(prog="simulator", description=Serving.__doc__)
    parser.add_argument("--port", type=_port, default=0)
    for name in ("--pool-file", "--faults"):
        parser.add_argument(name, type=Path)
    for name in ("--burst-seconds", "--speed"):
        parser.add_argument(name, type=float)
    for name in ("--control", "--enforce-quotas", "--show-codes", "--exit-with-parent"):
        parser.add_argument(name, action="store_true")
    return parser


def _port(text: str) -> int:
    port = int(text)
    if not 0 <= port <= _HIGHEST_PORT:
        raise argparse.ArgumentTypeError(f"{text} is not from 0 to {_HIGHEST_PORT}")
    return port


def _service(serving: Serving) -> Service:
    with _named(serving.pool_file):
        document = _document(serving.pool_file)
        folder = Path() if serving.pool_file is None else serving.pool_file.parent
        world = load_world(_with_options(document, serving), folder)
    if serving.control or serving.show_codes:
        world.outbox.console = sys.stderr.write
    with _named(serving.faults):
        return Service(world, _document(serving.faults), keep_ledger=serving.control)


def _with_options(document: dict[str, Any], serving: Serving) -> dict[str, Any]:
    named = {name: getattr(serving, name) for name in ("burst_seconds", "speed")}
    given = {name: value for name, value in named.items() if value is not None}
    return {**document, **given, **({"enforce_quotas": True} if serving.enforce_quotas else {})}


@contextmanager
def _named(path: Path | None) -> Iterator[None]:
    """Say which file is wrong."""
    try:
        yield
    except OSError as error:
        raise ValueError(f"{path}: {error.strerror}") from error
    except ValueError as wrong:
        raise ValueError(f"{path}: {wrong}" if path else str(wrong)) from wrong


def _document(path: Path | None) -> dict[str, Any]:
    if path is None:
        return {}
    return parsed(path.read_text(encoding="utf-8"))


async def _serve(service: Service, control: Control | None, serving: Serving, announce: Announce) -> None:
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    if serving.exit_with_parent:
        loop.add_reader(sys.stdin.fileno(), _stop_at_end, stop)
    answer = _router(service, control)
    server = await loop.create_server(lambda: Connection(answer), HOST, serving.port, backlog=1024)
    bound = server.sockets[0].getsockname()[1]
    announce(service, ready_line(service.world, bound))
    await stop.wait()
    server.close()


def _stop_at_end(stop: asyncio.Event) -> None:
    if not os.read(sys.stdin.fileno(), 4096):
        stop.set()
        asyncio.get_running_loop().remove_reader(sys.stdin.fileno())


def ready_line(world: World, port: int) -> dict[str, Any]:
    """Give what is printed once the port answers."""
    return {
        "endpoint": f"http://{HOST}:{port}",
        "account": world.account,
        "region": world.region,
        "pools": [
            {
                "id": pool.id,
                "name": pool.name,
                "users": len(pool.by_sub),
                "clients": {client["ClientName"]: client["ClientId"] for client in pool.clients.values()},
            }
            for pool in world.pools.values()
        ],
    }


def _router(service: Service, control: Control | None) -> Callable[[Request], Reply]:
    def answer(request: Request) -> Reply:
        target = request.headers.get("x-amz-target")
        if target is not None:
            return service.answer_json(target, request.body)
        if control is not None and request.target.startswith(PREFIX):
            return control.answer(request.method, request.target, request.body)
        return service.answer_query(request.body)

    return answer
