"""One call, one reply, and the ledger of both."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from http import HTTPStatus
from typing import NamedTuple

AMZ_JSON = "application/x-amz-json-1.1"


@dataclass(frozen=True, slots=True)
class Call:
    """A request, for quotas, faults and the ledger."""

    seq: int
    #: Seconds of the steady clock, at arrival.
    at: float
    op: str
    category: str
    pool_id: str
    #: The user's sub, or a hash of an unknown name; None for an operation without a user.
    user: str | None
    #: What attempts are counted by: the user, or the request's filter.
    who: str
    #: All the names by which a fault document may mean this user.
    names: frozenset[str]


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer after `delay` seconds (infinite: never), or a cut connection instead."""

    status: int
    body: bytes
    content_type: str = AMZ_JSON
    code: str = ""
    delay: float = 0.0
    drop: bool = False

    @property
    def ok(self) -> bool:
        """Whether the operation succeeded."""
        return self.status == HTTPStatus.OK


def json_reply(document: object, content_type: str = AMZ_JSON) -> Reply:
    """Build a successful reply."""
    return Reply(200, json.dumps(document, separators=(",", ":")).encode(), content_type)


def error_reply(code: str, message: str, status: int = 400) -> Reply:
    """Build a refusal, in the shape that SDKs read."""
    return Reply(status, json.dumps({"__type": code, "message": message}).encode(), code=code)


class Entry(NamedTuple):
    """A line of the ledger; `status` 0 means that no answer was sent."""

    seq: int
    at: float
    op: str
    category: str
    user: str | None
    status: int
    code: str
    #: Whether the operation was carried out, whatever the client was told.
    executed: bool


class Ledger:
    """The calls and their results; the lines are kept only while `keep` is set."""

    def __init__(self, *, keep: bool) -> None:
        """Start empty."""
        self.keep = keep
        self.entries: list[Entry] = []
        self.counts: Counter[tuple[str, str, str]] = Counter()

    def record(self, call: Call, reply: Reply, *, executed: bool) -> None:
        """Add a line."""
        sent = not reply.drop and reply.delay != float("inf")
        status, code = (reply.status, reply.code) if sent else (0, reply.code or "NoAnswer")
        self.counts[call.category, call.op, code] += 1
        if self.keep:
            self.entries.append(
                Entry(call.seq, call.at, call.op, call.category, call.user, status, code, executed)
            )

    def reset(self) -> None:
        """Forget everything."""
        self.entries.clear()
        self.counts.clear()
