"""ministack, an AWS emulator that others wrote, as a child process.

It pins a botocore of its own, so it lives in an environment of its own: `make witness` makes it.
"""

from __future__ import annotations

import http.client
import os
import socket
import subprocess
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import boto3
from botocore.config import Config

if TYPE_CHECKING:
    from collections.abc import Iterator

PROGRAM: Final = Path(__file__).resolve().parents[2] / ".venv-witness/bin/ministack"
MISSING: Final = "ministack is not here; `make witness` installs it and runs this"
ACCOUNT: Final = "123456789012"
REGION: Final = "ap-northeast-1"
ROOT_KEY: Final = ("test", "test")
"""Access key and secret of the account's root, which no policy limits."""
_HOST: Final = "127.0.0.1"
_PATIENCE_S: Final = 60.0
_POLL_S: Final = 0.05


@dataclass(frozen=True, slots=True)
class Ministack:
    """A server that answers at `endpoint`."""

    endpoint: str

    def client(self, service: Any, key: tuple[str, str] = ROOT_KEY) -> Any:
        """A boto3 client that sends every call once."""
        return boto3.client(
            service,
            region_name=REGION,
            endpoint_url=self.endpoint,
            aws_access_key_id=key[0],
            aws_secret_access_key=key[1],
            config=Config(retries={"mode": "standard", "total_max_attempts": 1}, proxies={}),
        )


@contextmanager
def ministack(
    folder: Path, *, services: str = "cognito-idp,iam,sns,sts", enforce: bool = False
) -> Iterator[Ministack]:
    """Start a server without any state on a free port of the loopback interface, and end it.

    Args:
        folder: Where its log goes.
        services: What it serves, separated by commas.
        enforce: Whether signatures are checked and IAM policies decide.

    Raises:
        RuntimeError: it does not answer.
    """
    port = _free_port()
    settings = {
        "BIND_HOST": _HOST,
        "GATEWAY_PORT": str(port),
        "MINISTACK_REGION": REGION,
        "MINISTACK_ACCOUNT_ID": ACCOUNT,
        "SERVICES": services,
        "LOG_LEVEL": "WARNING",
        "AUTH": str(enforce).lower(),
    }
    with (folder / "ministack.log").open("wb") as log:
        process = subprocess.Popen(
            [PROGRAM],
            cwd=folder,
            env={"PATH": os.environ["PATH"], "HOME": str(folder), "TMPDIR": str(folder), **settings},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        _wait_for(port, process)
        yield Ministack(f"http://{_HOST}:{port}")
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind((_HOST, 0))
        return int(taken.getsockname()[1])


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + _PATIENCE_S
    while process.poll() is None and time.monotonic() < until:
        connection = http.client.HTTPConnection(_HOST, port, timeout=5)
        try:
            connection.request("GET", "/_ministack/health")
            if connection.getresponse().status == http.HTTPStatus.OK:
                return
        except OSError:
            time.sleep(_POLL_S)  # noqa: TID251 - a real process needs real time
        finally:
            connection.close()
    raise RuntimeError(f"ministack does not answer (exit code {process.poll()}); see its log")
