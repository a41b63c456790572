"""An STS on loopback that hands out a role's credentials, and remembers who asked for what."""

from __future__ import annotations

import re
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from migrate_mfa.clock import SystemClock

if TYPE_CHECKING:
    from collections.abc import Iterator

ROLE_ARN = "arn:aws:iam::123456789012:role/mfa/migration"
_ASSUMED = """<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult>
<AssumedRoleUser><AssumedRoleId>AROA:x</AssumedRoleId><Arn>{arn}</Arn></AssumedRoleUser>
<Credentials><AccessKeyId>{key}</AccessKeyId><SecretAccessKey>secret</SecretAccessKey>
<SessionToken>token</SessionToken><Expiration>{end}</Expiration></Credentials>
</AssumeRoleResult></AssumeRoleResponse>"""
_IDENTITY = """<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
<GetCallerIdentityResult><Arn>{arn}</Arn><UserId>AROA:x</UserId><Account>{account}</Account>
</GetCallerIdentityResult></GetCallerIdentityResponse>"""
_REFUSED = """<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type>
<Code>{code}</Code><Message>no</Message></Error></ErrorResponse>"""


@dataclass
class Sts:
    """What it does, and what it was asked."""

    endpoint: str = ""
    life_s: float = 3600
    """How long a session lasts; botocore asks anew from 15 minutes before its end, and waits from 10 on."""
    refuse_after: int = 1_000_000
    code: str = "AccessDenied"
    assumed: list[dict[str, str]] = field(default_factory=list)
    """The members of each AssumeRole, with `key`, the access key that signed it."""
    keys: list[tuple[str, str]] = field(default_factory=list)
    """Action and access key of every request; of other services, the action is empty."""

    def answer(self, key: str, sent: dict[str, str]) -> tuple[int, str]:
        """Status and body."""
        action = sent.get("Action", "")
        self.keys.append((action, key))
        if action == "AssumeRole":
            return self._assume(key, sent)
        if action == "GetCallerIdentity":
            account, _, name = (self.assumed[-1]["RoleArn"] if self.assumed else ROLE_ARN)[13:].partition(":")
            arn = f"arn:aws:sts::{account}:assumed-role/{name.rpartition('/')[2]}/session"
            return 200, _IDENTITY.format(arn=arn, account=account)
        return 400, "{}"

    def _assume(self, key: str, sent: dict[str, str]) -> tuple[int, str]:
        if len(self.assumed) >= self.refuse_after:
            return 403, _REFUSED.format(code=self.code)
        self.assumed.append(sent | {"key": key})
        end = datetime.fromtimestamp(SystemClock().now() + self.life_s, UTC)
        return 200, _ASSUMED.format(
            arn="arn:aws:sts::123456789012:assumed-role/migration/x",
            key=f"ASIAROLE{len(self.assumed):06d}",
            end=end.strftime("%Y-%m-%dT%H:%M:%SZ"),
        )


@contextmanager
def serving(**told: Any) -> Iterator[Sts]:
    """An STS, as long as the context lasts."""
    sts, lock = Sts(**told), threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            signed = re.search(r"Credential=(\w+)/", self.headers.get("Authorization", ""))
            with lock:
                status, answer = sts.answer(signed[1] if signed else "", dict(parse_qsl(body)))
            self.send_response(status)
            self.send_header("Content-Type", "text/xml")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer.encode())

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    sts.endpoint = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield sts
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
