"""A small HTTP/1.1 server for loopback: keep-alive, pipelining, replies that come late or never."""

from __future__ import annotations

import asyncio
import math
import socket
import struct
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, cast
from uuid import uuid4

from migrate_mfa.simulator.server.call import Reply, error_reply

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_HEAD_LIMIT = 64 * 1024
_BODY_LIMIT = 8 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Request:
    """A complete request; header names are lower case."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes


class BadRequestError(Exception):
    """The bytes are not a request that this server can read; the connection is closed."""


class Connection(asyncio.Protocol):
    """One client connection: its requests are answered one after the other."""

    def __init__(self, answer: Callable[[Request], Reply]) -> None:
        """Answer each request with `answer`."""
        self._answer = answer
        self._buffer = bytearray()
        self._busy = False
        self._transport: asyncio.Transport | None = None
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = cast("asyncio.Transport", transport)

    def connection_lost(self, _exc: Exception | None) -> None:
        """Drop a reply that is still to be sent."""
        self._transport = None
        if self._timer is not None:
            self._timer.cancel()

    def data_received(self, data: bytes) -> None:
        """Collect bytes, and answer what is complete."""
        self._buffer += data
        self._work()

    def _work(self) -> None:
        while self._transport is not None and not self._busy:
            try:
                request = read_request(self._buffer)
            except BadRequestError as bad:
                self._send(error_reply("BadRequest", str(bad)), close=True)
                return
            if request is None:
                return
            self._reply(self._answer(request), close=_wants_close(request))

    def _reply(self, reply: Reply, *, close: bool) -> None:
        if reply.drop:
            self._reset()
        elif reply.delay <= 0:
            self._send(reply, close=close)
        else:
            self._busy = True
            if math.isfinite(reply.delay):
                loop = asyncio.get_running_loop()
                self._timer = loop.call_later(reply.delay, lambda: self._resume(reply, close=close))

    def _resume(self, reply: Reply, *, close: bool) -> None:
        self._busy = False
        self._send(reply, close=close)
        self._work()

    def _send(self, reply: Reply, *, close: bool) -> None:
        if self._transport is None:
            return
        self._transport.write(render(reply, close=close))
        if close:
            self._transport.close()
            self._transport = None

    def _reset(self) -> None:
        """Cut the connection so that the client sees a reset, not an orderly end."""
        if self._transport is None:
            return
        raw = self._transport.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._transport.abort()
        self._transport = None


def read_request(buffer: bytearray) -> Request | None:
    """Take a complete request from the start of `buffer`; None if more bytes are needed.

    Raises:
        BadRequestError: It can never become a request.
    """
    end = buffer.find(b"\r\n\r\n")
    if end < 0:
        if len(buffer) > _HEAD_LIMIT:
            raise BadRequestError("header section too long")
        return None
    first, *lines = buffer[:end].decode("latin-1").split("\r\n")
    method, _, rest = first.partition(" ")
    path, _, version = rest.partition(" ")
    headers = {}
    for line in lines:
        name, _, value = line.partition(":")
        headers[name.lower()] = value.strip()
    length = headers.get("content-length", "0")
    if not version.startswith("HTTP/1.") or not length.isdecimal() or "transfer-encoding" in headers:
        raise BadRequestError("not a request with a Content-Length")
    if int(length) > _BODY_LIMIT:
        raise BadRequestError("body too long")
    start, stop = end + 4, end + 4 + int(length)
    if len(buffer) < stop:
        return None
    body = bytes(buffer[start:stop])
    del buffer[:stop]
    return Request(method, path, headers, body)


def render(reply: Reply, *, close: bool = False) -> bytes:
    """Write a reply as bytes."""
    head = (
        f"HTTP/1.1 {reply.status} {HTTPStatus(reply.status).phrase}\r\n"
        f"Content-Type: {reply.content_type}\r\n"
        f"Content-Length: {len(reply.body)}\r\n"
        f"x-amzn-RequestId: {uuid4()}\r\n"
    )
    if reply.code and reply.status != HTTPStatus.OK:
        head += f"x-amzn-errortype: {reply.code}\r\n"
    if close:
        head += "Connection: close\r\n"
    return f"{head}\r\n".encode("latin-1") + reply.body


def _wants_close(request: Request) -> bool:
    return request.headers.get("connection", "").lower() == "close"
