"""A machine that tests can do no harm from: worthless credentials, an empty home, no network but loopback."""

from __future__ import annotations

import os
import socket
from contextlib import contextmanager
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any, Final

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

POISON: Final = "poisoned-by-the-tests"
_PREFIXES: Final = ("AWS_", "MIGRATE_MFA_", "LC_", "PYTHON")


class OutsideError(Exception):
    """Something wanted to reach another machine."""


def poison(patch: pytest.MonkeyPatch, home: Path) -> None:
    """Leave no settings of whoever runs the tests, for the program here and for its children."""
    for name in [name for name in os.environ if name.startswith(_PREFIXES)]:
        patch.delenv(name)
    patch.setenv("LANG", "C.UTF-8")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        patch.setenv(name, POISON)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        patch.setenv(name, os.devnull)
    patch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    patch.setenv("HOME", str(home))


@contextmanager
def stay_here() -> Iterator[None]:
    """Refuse connections beyond loopback, and fail at the end even where the refusal was taken for a fault.

    Raises:
        AssertionError: somebody tried; names of other machines are not asked for either.
    """
    tried: list[str] = []

    def refuse(place: object) -> None:
        tried.append(str(place))
        raise OutsideError(f"a test wanted to reach {place}")

    def connect(connection: socket.socket, address: Any) -> Any:
        if connection.family != socket.AF_UNIX and not _is_here(address[0]):
            refuse(address)
        return _CONNECT(connection, address)

    def connect_ex(connection: socket.socket, address: Any) -> Any:
        if connection.family != socket.AF_UNIX and not _is_here(address[0]):
            refuse(address)
        return _CONNECT_EX(connection, address)

    def look_up(host: Any, *more: Any, **named: Any) -> Any:
        if not _is_here(host):
            refuse(host)
        return _LOOK_UP(host, *more, **named)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", connect)
        patch.setattr(socket.socket, "connect_ex", connect_ex)
        patch.setattr(socket, "getaddrinfo", look_up)
        yield
    assert not tried, f"beyond loopback: {tried}"


_CONNECT: Final = socket.socket.connect
_CONNECT_EX: Final = socket.socket.connect_ex
_LOOK_UP: Final = socket.getaddrinfo


def _is_here(host: object) -> bool:
    name = host.decode() if isinstance(host, bytes) else host
    if name in {None, "", "localhost"}:
        return True
    try:
        return ip_address(str(name)).is_loopback
    except ValueError:
        return False
