"""The tool's own AWS clients in this process, with a strict Cognito in the place of the network.

Between the two an answer can be spoiled. Nothing is stubbed above the bytes: botocore signs, sends, parses.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

from botocore.awsrequest import AWSResponse, HeadersDict
from botocore.exceptions import ConnectionClosedError

from migrate_mfa.aws.session import Aws, AwsTarget
from migrate_mfa.aws.user_pool import CognitoUserPool
from migrate_mfa.simulator.account.outbox import TEXT
from migrate_mfa.simulator.files.poolfile import load_world
from migrate_mfa.simulator.server.control import pool_state
from migrate_mfa.simulator.server.service import Service
from tests.commands.support import POOL_ID, pool_document
from tests.support.clock import FakeClock

if TYPE_CHECKING:
    from botocore.client import BaseClient

    from migrate_mfa.domain.model import PoolFacts
    from migrate_mfa.simulator.server.call import Reply

Spoil = Callable[[str, "Reply"], "Reply"]
"""Told the operation and the true answer, gives what arrives."""
SERVICES = (
    "cognito-idp", "sts", "iam", "sns", "service-quotas", "cloudwatch", "pinpoint-sms-voice-v2",
)  # fmt: skip
_KEYS = {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing", "AWS_CONFIG_FILE": "/dev/null"}
_UNBOUND = {"UserRead": 1e6, "UserUpdate": 1e6, "UserResourceUpdate": 1e6, "UserList": 1e6}


class _Body:
    def __init__(self, content: bytes) -> None:
        self._content = content

    def stream(self) -> list[bytes]:
        return [self._content]


class _WiredAws(Aws):
    """Makes each client once: that takes longer than a test."""

    def __init__(self) -> None:
        self._made: dict[str, BaseClient] = {}
        self.wire: Wire | None = None
        super().__init__(AwsTarget(user_pool_id=POOL_ID))

    def client(self, service: str, region: str | None = None) -> BaseClient:
        if service not in self._made:
            self._made[service] = super().client(service, region)
            events: Any = self._made[service].meta.events
            events.register_last("before-send", self._send)
        return self._made[service]

    def _send(self, request: Any, event_name: str, **_: object) -> AWSResponse:
        assert self.wire is not None
        return self.wire.send(event_name.rpartition(".")[2], request)


@cache
def wired_aws() -> _WiredAws:
    """The tool's own session, once for all tests of a process."""
    with patch.dict("os.environ", _KEYS):
        aws = _WiredAws()
        for service in SERVICES:
            aws.client(service)
    return aws


class WiredDirectory(CognitoUserPool):
    """The adapter, with the two things that a scene wants of a directory."""

    clock: FakeClock
    pool: PoolFacts


@cache
def _user_pool() -> WiredDirectory:
    return WiredDirectory(wired_aws())


class Wire:
    """A pool of its own behind the clients of this process, until the next one is made."""

    def __init__(self, users: list[dict[str, Any]], **config: Any) -> None:
        """`config` changes the pool's settings as `pool_document` takes them."""
        document = pool_document(users, config=config, quotas=_UNBOUND)
        self.service = Service(load_world(document, Path()), {}, keep_ledger=True)
        self.spoil: Spoil = lambda _, reply: reply
        self.user_pool = _user_pool()
        self.user_pool.clock = FakeClock()
        wired_aws().wire = self
        self.user_pool.pool = self.user_pool.describe()

    def send(self, operation: str, request: Any) -> AWSResponse:
        """Botocore's `before-send`: answer in the place of the network."""
        target = request.headers.get("X-Amz-Target")
        if target is None:
            reply = self.service.answer_query(request.body.encode())
        else:
            name = target.decode() if isinstance(target, bytes) else target
            reply = self.service.answer_json(name, request.body)
        reply = self.spoil(operation, reply)
        if reply.drop:
            raise ConnectionClosedError(endpoint_url=request.url)
        headers: Any = HeadersDict({"Content-Type": reply.content_type})
        return AWSResponse(request.url, reply.status, headers, _Body(reply.body))

    def users(self) -> Mapping[str, dict[str, Any]]:
        """Every user as the pool really has it, by username."""
        return {user["Username"]: user for user in pool_state(self.service.world.pools[POOL_ID]).values()}

    def sms(self, name: str) -> int:
        """How many text messages a user was sent."""
        return sum(
            each.username == name and each.medium == TEXT for each in self.service.world.outbox.messages
        )


def lost(reply: Reply) -> Reply:
    """The connection broke instead."""
    return replace(reply, drop=True)
