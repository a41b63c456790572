"""moto's AWS on loopback. All of one process share what is in it, whatever their ports."""

from __future__ import annotations

import json
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def moto_on_loopback() -> Iterator[str]:
    """Serve it for as long as the context lasts; gives its endpoint."""
    from joserfc.jwk import RSAKey
    from moto.server import ThreadedMotoServer  # most processes collect these tests and run others

    import_key = RSAKey.import_key
    known = cache(lambda text: import_key(json.loads(text)))

    def once(content: dict[str, str]) -> RSAKey:
        return known(json.dumps(content))

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    with pytest.MonkeyPatch.context() as patch:
        # All pools of moto sign with the same key, which takes longer to read than all else of a new pool.
        patch.setattr("moto.cognitoidp.models.jwk.RSAKey.import_key", once)
        try:
            host, port = server.get_host_and_port()
            yield f"http://{host}:{port}"
        finally:
            server.stop()
