"""From a request to a reply: quota, faults, operation, ledger, in this order, in one place."""

from __future__ import annotations

import hashlib
import json
import sys
import time
import traceback
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from migrate_mfa.simulator.call import Call, Ledger, Reply, error_reply, json_reply
from migrate_mfa.simulator.edits import apply_edit
from migrate_mfa.simulator.errors import CognitoError
from migrate_mfa.simulator.faults import CALLER_IDENTITY, ERRORS, PAGES, Faults, Rule
from migrate_mfa.simulator.operations import OPERATIONS, Operation
from migrate_mfa.simulator.operations.reading import MAX_PAGE
from migrate_mfa.simulator.shapes import check_shapes
from migrate_mfa.simulator.world import Params, Unsettled, World

if TYPE_CHECKING:
    from collections.abc import Mapping

_CALLER = """<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
<GetCallerIdentityResult><Arn>arn:aws:iam::{account}:user/simulator</Arn>
<UserId>AIDASIMULATOR</UserId><Account>{account}</Account></GetCallerIdentityResult>
<ResponseMetadata><RequestId>{request}</RequestId></ResponseMetadata>
</GetCallerIdentityResponse>"""
_XML_ERROR = """<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code>
<Message>{message}</Message></Error></ErrorResponse>"""
_DENIED = (
    "User: arn:aws:iam::{account}:user/simulator is not authorized to perform: cognito-idp:{op} "
    "on resource: arn:aws:cognito-idp:{region}:{account}:userpool/{pool}"
)


class Service:
    """Answers requests, one at a time: the state needs no locks."""

    def __init__(self, world: World, faults: Mapping[str, Any], *, keep_ledger: bool) -> None:
        """Serve `world`, misbehaving as the fault document says.

        Raises:
            ValueError: The fault document is wrong.
        """
        self.world = world
        self.ledger = Ledger(keep=keep_ledger)
        #: Messages of script steps that could not be carried out.
        self.script_failures: list[str] = []
        self._seq = 0
        self._settled = world.unsettled
        self.load_faults(faults)

    def load_faults(self, document: Mapping[str, Any]) -> None:
        """Replace the faults; everything in a fault document counts from now.

        Raises:
            ValueError: The document is wrong; then nothing has changed.
        """
        faults = Faults(document, time.monotonic())
        unsettled = Unsettled.from_document({**asdict(self._settled), **faults.unsettled})
        self.faults = faults
        self.world.unsettled = unsettled
        self.world.set_lags(faults.list_lag_s, faults.read_lag_s)

    def answer_json(self, target: str, body: bytes) -> Reply:
        """Answer a request of the AWS JSON protocol."""
        service, _, name = target.partition(".")
        operation = OPERATIONS.get(name)
        if operation is None or operation.service != service:
            return error_reply("UnknownOperationException", "")
        try:
            params = json.loads(body)
        except ValueError:
            params = None
        if not isinstance(params, dict):
            return error_reply("SerializationException", "The request is not a JSON object.")
        try:
            check_shapes(params)
        except CognitoError as refused:
            return error_reply(refused.code, refused.message)
        call = self._call(operation, params)
        self.faults.begin(call)
        reply, executed = self._run(operation, params, call)
        delay = self.faults.delay(call)
        if delay:
            reply = replace(reply, delay=reply.delay + delay)
        self.ledger.record(call, reply, executed=executed)
        return reply

    def answer_query(self, body: bytes) -> Reply:
        """Answer a request of the AWS query protocol: STS GetCallerIdentity."""
        if parse_qs(body.decode("latin-1")).get("Action") != [CALLER_IDENTITY]:
            return _xml_error("InvalidAction", "The action is not valid for this endpoint.", 400)
        self._seq += 1
        call = Call(self._seq, time.monotonic(), CALLER_IDENTITY, "STS", "", None, "", frozenset())
        self.faults.begin(call)
        rule = self.faults.choose(call)
        text = _CALLER.format(account=self.world.account, request=f"{self._seq:032x}")
        reply = Reply(200, text.encode(), "text/xml")
        if rule is not None and rule.kind not in PAGES:
            reply = _xml_error(*rule.error) if rule.kind in ERRORS else self._faulty(rule, reply, call)
        self.ledger.record(call, reply, executed=reply.ok)
        return reply

    def _run(self, operation: Operation, params: Params, call: Call) -> tuple[Reply, bool]:
        """Give the reply, and whether the operation was carried out."""
        self._play_script(call, "before")
        drain = self.faults.drain(call)
        if not self.world.limiter.admit(
            call.category, call.op, call.pool_id, call.user, now=call.at, drain=drain
        ):
            return error_reply("TooManyRequestsException", "Rate exceeded"), False
        rule = self.faults.choose(call)
        if rule is not None and rule.prevents:
            return self._faulty(rule, None, call), False
        self.world.page_cap = _page_cap(rule, params)
        reply = self._execute(operation, params)
        self._play_script(call, "after")
        if rule is not None and rule.kind not in PAGES:
            return self._faulty(rule, reply, call), reply.ok
        return reply, reply.ok

    def _execute(self, operation: Operation, params: Params) -> Reply:
        try:
            return json_reply(operation.handler(self.world, params))
        except CognitoError as refused:
            return error_reply(refused.code, refused.message, refused.status)
        except Exception:  # noqa: BLE001 - a bug here must look like a service's, not like the network's
            sys.stderr.write(traceback.format_exc())
            return error_reply("InternalErrorException", "The simulator has a bug; see its stderr.", 500)

    def _faulty(self, rule: Rule, real: Reply | None, call: Call) -> Reply:
        """Give what the client gets instead of the real reply (None: nothing was carried out)."""
        if rule.kind == "reset":
            return Reply(0, b"", code="ConnectionReset", drop=True)
        if rule.kind == "garbage":
            return Reply(200, b"<html>It works!</html>", "text/html", code="Garbage")
        if rule.kind == "hang":
            return replace(real or Reply(0, b"", code="Hang"), delay=rule.seconds)
        code, message, status = rule.error
        if rule.kind == "access_denied" and rule.message is None:
            account, region = self.world.account, self.world.region
            message = _DENIED.format(op=call.op, account=account, region=region, pool=call.pool_id)
        return error_reply(code, message, status)

    def _play_script(self, call: Call, when: str) -> None:
        for step in self.faults.steps(call, when):
            try:
                apply_edit(self.world, step.do)
            except (CognitoError, ValueError, KeyError) as failure:
                self.script_failures.append(str(failure))
                sys.stderr.write(f"script: {failure}\n")

    def _call(self, operation: Operation, params: Params) -> Call:
        self._seq += 1
        pool_id, name = str(params.get("UserPoolId", "")), params.get("Username")
        user, names = None, frozenset[str]()
        if isinstance(name, str):
            user, names = self._identity(pool_id, name)
        who = user or str(params.get("Filter", ""))
        at = time.monotonic()
        return Call(self._seq, at, operation.name, operation.category, pool_id, user, who, names)

    def _identity(self, pool_id: str, name: str) -> tuple[str, frozenset[str]]:
        """Give the sub (or a hash, so that no address is kept) and every name of a user."""
        try:
            found = self.world.pools[pool_id].find(name)
        except (KeyError, CognitoError):
            digest = hashlib.blake2s(name.encode(), digest_size=8).hexdigest()
            return f"?{digest}", frozenset({name})
        return found.sub, frozenset({name, found.sub, found.username})


def _xml_error(code: str, message: str, status: int) -> Reply:
    body = _XML_ERROR.format(code=code, message=message).encode()
    return Reply(status, body, "text/xml", code=code)


def _page_cap(rule: Rule | None, params: Params) -> int | None:
    if rule is None or rule.kind not in PAGES:
        return None
    if rule.kind == "empty_page":
        return 0
    limit = params.get("Limit") or MAX_PAGE
    return max(1, limit // 3) if isinstance(limit, int) else None
