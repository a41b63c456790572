"""The control endpoint: shows calls and state, and makes changes while the simulator runs.

Served on the same port as plain JSON, only if requested at start-up:

    GET  /_control/ledger?since=SEQ    {"calls": [{seq, at, op, category, user, status, code, executed}]}
    POST /_control/ledger/reset
    GET  /_control/sms                 {SUB: {"count": n, "purposes": {PURPOSE: n}, "failed": {WHY: n}}}
    GET  /_control/outbox?since=SEQ&user=NAME
                                       {"messages": [{seq, at, pool, user, username, medium, purpose,
                                                      destination, code, failure}]}
    GET  /_control/state               {POOL: {SUB: {...}}}
    GET  /_control/state-hash          {"hash": "...", "pools": {POOL: "..."}}; without dates
    GET  /_control/stats               {"calls", "by_category", "users", "faults_fired", ...}
    POST /_control/users               an edit document
    POST /_control/faults              a fault document, in place of the former one
    POST /_control/sns                 a pool file's `sns`, in place of the former one
    POST /_control/caller-policy       an IAM policy document, in place of the former one; {}: everything
    POST /_control/clock               {"advance_s": n}: so much time passes at once

`ledger` and `outbox` give entries with a `seq` above SEQ, `outbox` for one user (username or sub) or all.
Phone numbers of messages are always masked. `sms` counts the text messages that arrived, and by reason those
that did not; the code of a message that did not arrive is null.
"""

from __future__ import annotations

import hashlib
import json
import resource
import sys
from collections import Counter
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from pydantic import BaseModel

from migrate_mfa.simulator.account.errors import CognitoError
from migrate_mfa.simulator.account.outbox import TEXT, Sns
from migrate_mfa.simulator.files.documents import STRICT, parsed, require
from migrate_mfa.simulator.files.edits import apply_edit
from migrate_mfa.simulator.server.call import Reply, json_reply
from migrate_mfa.simulator.server.caller import read_caller_policy

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from migrate_mfa.simulator.account.pool import Pool
    from migrate_mfa.simulator.account.users import User
    from migrate_mfa.simulator.server.service import Service

PREFIX = "/_control/"
_JSON = "application/json"

_Document = dict[str, Any]


class _Advance(BaseModel):
    model_config = STRICT

    advance_s: float


class Control:
    """Answers control requests about one service."""

    def __init__(self, service: Service) -> None:
        """Look into and change `service`."""
        self._service = service
        self._routes: Mapping[tuple[str, str], Callable[[_Document], _Document]] = {
            ("GET", "ledger"): self._ledger,
            ("POST", "ledger/reset"): self._reset,
            ("GET", "sms"): self._sms,
            ("GET", "state"): self._state,
            ("GET", "state-hash"): self._state_hash,
            ("GET", "stats"): self._stats,
            ("POST", "users"): self._users,
            ("POST", "faults"): self._faults,
            ("GET", "outbox"): self._outbox,
            ("POST", "sns"): self._sns,
            ("POST", "clock"): self._clock,
            ("POST", "caller-policy"): self._caller_policy,
        }

    def answer(self, method: str, target: str, body: bytes) -> Reply:
        """Answer; a wrong document gives HTTP 400 and {"error": sentence}."""
        url = urlsplit(target)
        route = self._routes.get((method, url.path.removeprefix(PREFIX)))
        if route is None:
            return Reply(404, b'{"error":"no such control"}', _JSON)
        query = {name: values[-1] for name, values in parse_qs(url.query).items()}
        try:
            return json_reply(route(parsed(body or b"{}") if method == "POST" else query), _JSON)
        except (ValueError, KeyError, CognitoError) as wrong:
            return Reply(400, json.dumps({"error": str(wrong)}).encode(), _JSON)

    def _ledger(self, query: _Document) -> _Document:
        since = int(query.get("since", "0"))
        entries = self._service.ledger.entries
        return {"calls": [entry._asdict() for entry in entries if entry.seq > since]}

    def _reset(self, _: _Document) -> _Document:
        self._service.ledger.reset()
        return {}

    def _sms(self, _: _Document) -> _Document:
        found: _Document = {}
        for message in self._service.world.outbox.messages:
            if message.medium == TEXT:
                row = found.setdefault(message.sub, {"count": 0, "purposes": Counter(), "failed": Counter()})
                row["count"] += message.failure is None
                kind, name = ("failed", message.failure) if message.failure else ("purposes", message.purpose)
                row[kind][name] += 1
        return found

    def _outbox(self, query: _Document) -> _Document:
        since, user = int(query.get("since", "0")), query.get("user")
        messages = self._service.world.outbox.messages[since:]
        return {"messages": [m.shown() for m in messages if user is None or user in (m.sub, m.username)]}

    def _sns(self, document: _Document) -> _Document:
        self._service.world.outbox.sns = Sns.from_document(document)
        return {}

    def _caller_policy(self, document: _Document) -> _Document:
        self._service.world.caller_policy = read_caller_policy(document)
        return {}

    def _clock(self, document: _Document) -> _Document:
        require(_Advance, document)
        self._service.world.time.advance(document["advance_s"])
        return {"now": self._service.world.clock()}

    def _state(self, _: _Document) -> _Document:
        return {pool.id: pool_state(pool) for pool in self._service.world.pools.values()}

    def _state_hash(self, _: _Document) -> _Document:
        pools = {pool.id: state_hash(pool) for pool in self._service.world.pools.values()}
        whole = hashlib.sha256(json.dumps(pools, sort_keys=True).encode()).hexdigest()
        return {"hash": whole, "pools": pools}

    def _stats(self, _: _Document) -> _Document:
        counts = self._service.ledger.counts
        by_category: dict[str, dict[str, int]] = {}
        for (category, op, code), number in sorted(counts.items()):
            by_category.setdefault(category, {})[f"{op}:{code or 'ok'}"] = number
        unit = 1 if sys.platform == "darwin" else 1024
        return {
            "calls": counts.total(),
            "by_category": by_category,
            "live_traffic": self._service.world.limiter.live_traffic,
            "users": {p.id: len(p.by_sub) for p in self._service.world.pools.values()},
            "faults_fired": self._service.faults.fired,
            "script_failures": self._service.script_failures,
            "peak_rss_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit,
        }

    def _users(self, document: _Document) -> _Document:
        apply_edit(self._service.world, document)
        return {}

    def _faults(self, document: _Document) -> _Document:
        self._service.load_faults(document)
        return {}


def pool_state(pool: Pool) -> dict[str, dict[str, Any]]:
    """Give every user's state by sub, without dates and passwords."""
    return {sub: _user_state(user) for sub, user in sorted(pool.by_sub.items())}


def state_hash(pool: Pool) -> str:
    """Give a digest of `pool_state`, equal for equal states."""
    digest = hashlib.sha256()
    for sub, state in pool_state(pool).items():
        digest.update(json.dumps([sub, state], sort_keys=True).encode())
    return digest.hexdigest()


def _user_state(user: User) -> dict[str, Any]:
    return {
        "Username": user.username,
        "UserStatus": user.status,
        "Enabled": user.enabled,
        "Attributes": user.attributes,
        "UserMFASettingList": user.mfa,
        "PreferredMfaSetting": user.preferred,
        "MFAOptions": user.mfa_options,
        "ConfiguredUserAuthFactors": user.auth_factors,
        "totp_registered": user.totp_registered,
        "pending": user.pending,
    }
