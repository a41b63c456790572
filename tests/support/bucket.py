"""A bucket on loopback: moto's S3, whose conditional writes are real, behind a door that can misbehave."""

from __future__ import annotations

import json
import logging
import sys
import threading
import time
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Final

import boto3
from botocore.config import Config

from tests.support.moto_server import moto_on_loopback

if TYPE_CHECKING:
    from collections.abc import Iterator

BUCKET: Final = "runs"
_BUSY: Final = b"<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>"
_FORBIDDEN: Final = b"<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>"
_OF_THE_CONNECTION: Final = {"connection", "content-length", "transfer-encoding"}


@dataclass
class Door:
    """What stands between a program and S3, and how it behaves now."""

    delay_s: float = 0.0
    """How long each request waits before it goes on."""
    refuses: bool = False
    """Whether S3 answers 503 to everything."""
    away: bool = False
    """Whether every connection is closed without an answer."""
    forbids: str = ""
    """Writes of which names are not allowed."""
    puts: int = 0
    """How many objects were written."""
    longest_put_s: float = 0.0
    """How long the longest write has taken, from its head to its answer."""
    loses: int = 0
    """How many answers to writes are lost, after the writes were carried out."""
    closed: threading.Event = field(default_factory=threading.Event)


@dataclass(frozen=True)
class Bucket:
    """An empty bucket; `endpoint` is where S3 is for a program, and `door` stands before it."""

    endpoint: str
    door: Door
    behind: str

    @cached_property
    def s3(self) -> Any:
        """A client that sees everything in it."""
        return boto3.client(
            "s3",
            endpoint_url=self.behind,
            region_name="us-east-1",
            aws_access_key_id="x",
            aws_secret_access_key="x",
            config=Config(s3={"addressing_style": "path"}),
        )

    def names(self, prefix: str = "") -> list[str]:
        """The names of all objects that begin so."""
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix=prefix)
        return [each["Key"] for page in pages for each in page.get("Contents", ())]

    def empty(self) -> None:
        """Remove every version of everything."""
        pages = self.s3.get_paginator("list_object_versions").paginate(Bucket=BUCKET)
        for each in [each for page in pages for each in page.get("Versions", [])]:
            self.s3.delete_object(Bucket=BUCKET, Key=each["Key"], VersionId=each["VersionId"])

    def read(self, name: str) -> bytes:
        """An object."""
        body: bytes = self.s3.get_object(Bucket=BUCKET, Key=name)["Body"].read()
        return body

    def lease(self, prefix: str) -> dict[str, Any] | None:
        """What stands in the lease of a run directory, if anybody holds it."""
        if f"{prefix}/lock.json" not in self.names(prefix):
            return None
        found: dict[str, Any] = json.loads(self.read(f"{prefix}/lock.json"))
        return found if found["owner"] else None


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *of: Any) -> None:
        """Say nothing of programs that were killed in the middle of a request."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(*of)


@contextmanager
def _doorway(door: Door, behind: str) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_one(self) -> None:
            door.puts += self.command == "PUT"
            began = time.monotonic()
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            door.closed.wait(door.delay_s)
            if door.away:
                self.close_connection = True
                return
            if door.refuses:
                self._answer(503, [("Content-Type", "application/xml")], _BUSY)
                return
            if door.forbids and self.command == "PUT" and door.forbids in self.path:
                self._answer(403, [("Content-Type", "application/xml")], _FORBIDDEN)
                return
            headers = {name: value for name, value in self.headers.items() if name.lower() != "expect"}
            with closing(HTTPConnection(behind.removeprefix("http://"), timeout=30)) as inner:
                inner.request(self.command, self.path, body, headers)
                answer = inner.getresponse()
                content = answer.read()
            if self.command == "PUT":
                door.longest_put_s = max(door.longest_put_s, time.monotonic() - began)
            if door.loses and self.command == "PUT":
                door.loses -= 1
                self.close_connection = True
                return
            self._answer(answer.status, answer.getheaders(), content)

        def _answer(self, status: int, headers: list[tuple[str, str]], content: bytes) -> None:
            self.send_response_only(status)
            for name, value in headers:
                if name.lower() not in _OF_THE_CONNECTION:
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(content)

        do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = handle_one  # noqa: N815 - as http.server has them

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = _Server(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def bucket_on_loopback() -> Iterator[Bucket]:
    """Serve an empty bucket for as long as the context lasts."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    with moto_on_loopback() as behind, bucket_at(behind) as bucket:
        yield bucket


@contextmanager
def bucket_at(behind: str) -> Iterator[Bucket]:
    """An empty bucket in an S3 that others serve, with a door before it."""
    door = Door()
    with _doorway(door, behind) as endpoint:
        bucket = Bucket(endpoint, door, behind)
        bucket.s3.create_bucket(Bucket=BUCKET)
        yield bucket
