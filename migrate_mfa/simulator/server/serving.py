"""The command line of the simulator, and its life from the ready line to the signal."""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import os
import signal
import sys
from contextlib import contextmanager
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


def main(argv: Sequence[str] | None = None) -> int:
    """Run the simulator until SIGTERM or SIGINT.

    Args:
        argv: The arguments, without the program's name; None takes those of the process.

    Returns:
        0 when it was stopped, 2 when a file or argument is unusable.
    """
    return serve(make_parser("simulator").parse_args(argv))


def announce(service: Service, ready: Mapping[str, Any]) -> None:
    """Print the ready line."""
    del service
    sys.stdout.write(json.dumps(ready) + "\n")
    sys.stdout.flush()


def serve(args: argparse.Namespace, announce: Announce = announce) -> int:
    """Run the simulator as the arguments of `make_parser` say, until SIGTERM or SIGINT.

    Args:
        args: The arguments.
        announce: What is called once, when the port answers: with the service, whose ledger counts the calls,
            and with the content of the ready line.

    Returns:
        0 when it was stopped, 2 when a file or argument is unusable.
    """
    # The users never become garbage: collections would walk all of them, again and again.
    gc.disable()
    try:
        service = _service(args)
    except (OSError, ValueError) as wrong:
        sys.stderr.write(f"simulator: {wrong}\n")
        return 2
    finally:
        gc.freeze()
        gc.enable()
    control = Control(service) if args.control else None
    try:
        asyncio.run(_serve(service, control, args, announce))
    except OSError as wrong:
        sys.stderr.write(f"simulator: {wrong}\n")
        return 2
    return 0


def make_parser(program: str) -> argparse.ArgumentParser:
    """Make the parser of the command line; a program that adds to it may have a name of its own."""
    parser = argparse.ArgumentParser(
        prog=program, description="A strict Amazon Cognito user pools service on loopback."
    )
    parser.add_argument("--port", type=_port, default=0, help="0 takes a free one")
    parser.add_argument("--pool-file", type=Path, help="JSON: account, pools and users")
    parser.add_argument("--faults", type=Path, help="JSON: misbehaviour on purpose")
    parser.add_argument("--control", action="store_true", help="serve /_control/ too")
    parser.add_argument("--enforce-quotas", action="store_true", help="refuse calls over the rate")
    parser.add_argument("--burst-seconds", type=float, help="a full bucket, in seconds of its rate")
    parser.add_argument("--speed", type=float, help="simulated seconds in a real one")
    parser.add_argument("--show-codes", action="store_true", help="print every message on stderr")
    parser.add_argument("--exit-with-parent", action="store_true", help="stop when stdin ends")
    return parser


def _port(text: str) -> int:
    port = int(text)
    if not 0 <= port <= _HIGHEST_PORT:
        raise argparse.ArgumentTypeError(f"{text} is not from 0 to {_HIGHEST_PORT}")
    return port


def _service(args: argparse.Namespace) -> Service:
    with _named(args.pool_file):
        document = _document(args.pool_file)
        folder = Path() if args.pool_file is None else args.pool_file.parent
        world = load_world(_with_options(document, args), folder)
    if args.control or args.show_codes:
        world.outbox.console = sys.stderr.write
    with _named(args.faults):
        return Service(world, _document(args.faults), keep_ledger=args.control)


def _with_options(document: dict[str, Any], args: argparse.Namespace) -> dict[str, Any]:
    named = {name: getattr(args, name) for name in ("burst_seconds", "speed")}
    given = {name: value for name, value in named.items() if value is not None}
    return {**document, **given, **({"enforce_quotas": True} if args.enforce_quotas else {})}


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


async def _serve(
    service: Service, control: Control | None, args: argparse.Namespace, announce: Announce
) -> None:
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    if args.exit_with_parent:
        loop.add_reader(sys.stdin.fileno(), _stop_at_end, stop)
    answer = _router(service, control)
    server = await loop.create_server(lambda: Connection(answer), HOST, args.port, backlog=1024)
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
