"""The simulator as a child process, for a demo or a test."""

from __future__ import annotations

import http.client
import json
import os
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence


_PROGRAM = "migrate_mfa.simulator"


_PATIENCE_S = 10.0


@dataclass(frozen=True, slots=True)
class Running:
    """A simulator that answers at `endpoint`."""

    endpoint: str
    account: str
    region: str
    #: {"id", "name", "users", "clients"} of every pool.
    pools: tuple[Mapping[str, Any], ...]
    process: subprocess.Popen[str]

    def control(self, path: str, document: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Ask the control endpoint: GET, or POST when a document is given.

        Args:
            path: What comes after ``/_control/``, for example ``sms``.
            document: What to post.

        Raises:
            ValueError: The answer is not HTTP 200; the text is the server's.
        """
        host = urlsplit(self.endpoint)
        connection = http.client.HTTPConnection(str(host.hostname), host.port)
        body = None if document is None else json.dumps(document)
        try:
            connection.request("GET" if body is None else "POST", f"/_control/{path}", body)
            answer = connection.getresponse()
            text = answer.read().decode()
        finally:
            connection.close()
        if answer.status != http.client.OK:
            raise ValueError(text)
        found: dict[str, Any] = json.loads(text)
        return found

    def stop(self) -> None:
        """End the child; calling it again does nothing."""
        if self.process.stdin is not None:
            self.process.stdin.close()
        try:
            self.process.wait(_PATIENCE_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()


@contextmanager
def background(
    pool_file: Path | Mapping[str, Any],
    *,
    faults: Path | Mapping[str, Any] | None = None,
    control: bool = False,
    args: Sequence[str] = (),
) -> Iterator[Running]:
    """Run a simulator in a child process for as long as the context lasts.

    The child also ends when this process ends, even if it is killed, because its standard input closes.

    Args:
        pool_file: The pool file, or its content; then relative paths in it start here.
        faults: A fault file, or its content.
        control: Whether to serve the control endpoint.
        args: More command-line arguments.

    Raises:
        RuntimeError: The child ended before it was ready; its stderr says why.
    """
    with tempfile.TemporaryDirectory(prefix="simulator-") as folder:
        command = [sys.executable, "-m", _PROGRAM, "--exit-with-parent", *args]
        command += ["--pool-file", str(_as_file(pool_file, Path(folder, "pool.json")))]
        if faults is not None:
            command += ["--faults", str(_as_file(faults, Path(folder, "faults.json")))]
        if control:
            command.append("--control")
        # Ready means that the files have been read: then users' data is removed from the disk.
        running = _start(command)
    try:
        yield running
    finally:
        running.stop()


def _as_file(document: Path | Mapping[str, Any], path: Path) -> Path:
    """Give a path to the document; content with relative paths must be made absolute first."""
    if isinstance(document, Path):
        return document
    path.write_text(json.dumps(_absolute(document)), encoding="utf-8")
    return path


def _absolute(document: Mapping[str, Any]) -> Mapping[str, Any]:
    pools = [
        {**pool, "users_jsonl": str(Path(pool["users_jsonl"]).resolve())} if "users_jsonl" in pool else pool
        for pool in document.get("pools", ())
    ]
    return {**document, "pools": pools} if pools else document


def _start(command: Sequence[str]) -> Running:
    root = str(Path(__file__).resolve().parents[3])
    path = os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH"))))
    process = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": path},
    )
    line = process.stdout.readline() if process.stdout is not None else ""
    if not line:
        process.communicate()
        raise RuntimeError(f"the simulator did not start (exit {process.returncode})")
    ready = json.loads(line)
    return Running(ready["endpoint"], ready["account"], ready["region"], tuple(ready["pools"]), process)
