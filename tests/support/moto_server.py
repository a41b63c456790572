"""moto's AWS on loopback. All of one process share what is in it, whatever their ports."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def moto_on_loopback() -> Iterator[str]:
    """Serve it for as long as the context lasts; gives its endpoint."""
    from moto.server import ThreadedMotoServer  # most processes collect these tests and run others

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        yield f"http://{host}:{port}"
    finally:
        server.stop()
