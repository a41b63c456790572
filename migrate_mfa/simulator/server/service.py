"""From a request to a reply: quota, faults, policy, operation, ledger, in this order, in one place."""

from __future__ import annotations

import hashlib
import json
import sys
import traceback
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

from migrate_mfa.simulator.account.errors import CognitoError
from migrate_mfa.simulator.account.recoveries import require_writable
from migrate_mfa.simulator.account.world import Params, Unsettled, World
from migrate_mfa.simulator.files.edits import apply_edit
from migrate_mfa.simulator.operations import OPERATIONS, Operation
from migrate_mfa.simulator.operations.reading import MAX_PAGE
from migrate_mfa.simulator.operations.registry import COGNITO
from migrate_mfa.simulator.server.call import Call, Ledger, Reply, error_reply, json_reply
from migrate_mfa.simulator.server.caller import denial, require_allowed
from migrate_mfa.simulator.server.fault_file import PAGES, Rule
from migrate_mfa.simulator.server.faults import Faults
from migrate_mfa.simulator.server.model import check_model
from migrate_mfa.simulator.server.query import read_form, xml_error, xml_reply
from migrate_mfa.simulator.server.shapes import check_shapes
from migrate_mfa.simulator.server.subjects import category, subject

if TYPE_CHECKING:
    from collections.abc import Mapping


class Service:
    """Answers requests, one at a time: the state needs no locks."""

    def __init__(self, world: World, faults: Mapping[str, Any], *, keep_ledger: bool) -> None:
        """Serve `world`, with the faults of the fault document.

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
        faults = Faults(document, self.world.time.steady())
        unsettled = Unsettled.from_document({**asdict(self._settled), **faults.unsettled})
        self.faults = faults
        self.world.unsettled = unsettled
        self.world.set_lags(faults.list_lag_s, faults.read_lag_s)

    def answer_json(self, target: str, body: bytes) -> Reply:
        """Answer a request of the AWS JSON protocol."""
        service, _, name = target.partition(".")
        operation = OPERATIONS.get(name)
        if operation is None or operation.service != service or operation.is_query:
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
        return self._answer(operation, params)

    def answer_query(self, body: bytes) -> Reply:
        """Answer a request of the AWS query protocol."""
        params = read_form(body)
        operation = OPERATIONS.get(params.get("Action", ""))
        if operation is None or not operation.is_query:
            return xml_error("InvalidAction", "The action is not valid for this endpoint.")
        return self._answer(operation, params)

    def _answer(self, operation: Operation, params: Params) -> Reply:
        call = self._call(operation, params)
        self.faults.begin(call)
        reply, executed = self._run(operation, params, call)
        delay = reply.delay + self.faults.delay(call)
        if delay:
            reply = replace(reply, delay=delay / self.world.time.speed)
        self.ledger.record(call, reply, executed=executed)
        return reply

    def _run(self, operation: Operation, params: Params, call: Call) -> tuple[Reply, bool]:
        """Give the reply, and whether the operation was carried out."""
        self._play_script(call, "before")
        limiter = self.world.limiter
        limiter.others(call.category, self.faults.others(call))
        if not limiter.admit(call.category, call.op, call.pool_id, call.user, now=call.at):
            return _refusal(operation, "TooManyRequestsException", "Rate exceeded"), False
        rule = self.faults.choose(call)
        if rule is not None and rule.prevents:
            return self._faulty(rule, None, operation, call), False
        self.world.page_cap = _page_cap(rule, params)
        reply = self._execute(operation, params, call)
        self._play_script(call, "after")
        if rule is not None and rule.kind not in PAGES:
            return self._faulty(rule, reply, operation, call), reply.ok
        return reply, reply.ok

    def _execute(self, operation: Operation, params: Params, call: Call) -> Reply:
        try:
            require_allowed(self.world, operation, params)
            if operation.service == COGNITO:
                check_model(operation.name, params)
            require_writable(self.world, call.pool_id, call.category)
            answer = operation.handler(self.world, params)
        except CognitoError as refused:
            return _refusal(operation, refused.code, refused.message, refused.status)
        except Exception:  # noqa: BLE001 - a bug here must look like a service's, not like the network's
            sys.stderr.write(traceback.format_exc())
            message = "The simulator has a bug; see its stderr."
            return _refusal(operation, "InternalErrorException", message, 500)
        return xml_reply(operation.name, answer, call.seq) if operation.is_query else json_reply(answer)

    def _faulty(self, rule: Rule, real: Reply | None, operation: Operation, call: Call) -> Reply:
        """Give what the client gets instead of the real reply (None: nothing was carried out)."""
        if rule.kind == "reset":
            return Reply(0, b"", code="ConnectionReset", drop=True)
        if rule.kind == "garbage":
            return Reply(200, b"<html>It works!</html>", "text/html", code="Garbage")
        if rule.kind == "hang":
            return replace(real or Reply(0, b"", code="Hang"), delay=rule.seconds)
        code, message, status = rule.error
        if rule.kind == "access_denied" and rule.message is None:
            message = denial(self.world, f"cognito-idp:{call.op}", self.world.arn(call.pool_id))
        return _refusal(operation, code, message, status)

    def _play_script(self, call: Call, when: str) -> None:
        for step in self.faults.steps(call, when):
            try:
                apply_edit(self.world, step.do)
            except (CognitoError, ValueError, KeyError) as failure:
                self.script_failures.append(str(failure))
                sys.stderr.write(f"script: {failure}\n")

    def _call(self, operation: Operation, params: Params) -> Call:
        self._seq += 1
        pool_id, name = subject(self.world, params)
        user, names = None, frozenset[str]()
        if name is not None:
            user, names = self._identity(pool_id, name)
        who = user or str(params.get("Filter", ""))
        spent = category(operation.name, params, operation.category)
        return Call(self._seq, self.world.time.steady(), operation.name, spent, pool_id, user, who, names)

    def _identity(self, pool_id: str, name: str) -> tuple[str, frozenset[str]]:
        """Give the sub (or a hash, so that no address is kept) and every name of a user."""
        try:
            found = self.world.pools[pool_id].find(name)
        except (KeyError, CognitoError):
            digest = hashlib.blake2s(name.encode(), digest_size=8).hexdigest()
            return f"?{digest}", frozenset({name})
        return found.sub, frozenset({name, found.sub, found.username})


def _refusal(operation: Operation, code: str, message: str, status: int = 400) -> Reply:
    build = xml_error if operation.is_query else error_reply
    return build(code, message, status)


def _page_cap(rule: Rule | None, params: Params) -> int | None:
    if rule is None or rule.kind not in PAGES:
        return None
    if rule.kind == "empty_page":
        return 0
    limit = params.get("Limit") or MAX_PAGE
    return max(1, limit // 3) if isinstance(limit, int) else None
