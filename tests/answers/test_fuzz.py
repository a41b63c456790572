"""Spoiled answers of every operation: the right end or a garbled answer, never a bug, a lie or a blamed user.

`ANSWERS_FUZZ=20000 ANSWERS_FUZZ_SEED=7` tries so many of each kind, by another seed.
"""

from __future__ import annotations

import json
import os
from dataclasses import replace
from random import Random
from typing import TYPE_CHECKING, Final

import pytest

from migrate_mfa.aws.clients import Calls
from migrate_mfa.aws.organization import Lists
from migrate_mfa.canary.aws_sign_in import CognitoSignIn
from migrate_mfa.canary.sign_in import Challenge, Tokens
from migrate_mfa.checks.aws_account import Account
from migrate_mfa.checks.aws_pool_reader import PoolReader
from migrate_mfa.checks.principals import principal_of
from migrate_mfa.domain.errors import MigrateMfaError
from migrate_mfa.domain.failure import ApiError
from migrate_mfa.domain.model import Phone
from migrate_mfa.domain.point_in_time_recovery import LIST as RECOVERIES
from migrate_mfa.domain.quotas import Category
from migrate_mfa.pool_setup.aws_mfa_config import CognitoPoolSettings
from migrate_mfa.pool_setup.aws_role import IamRoles
from migrate_mfa.pool_setup.role import SmsRole
from tests.answers.fuzz import Spoiled, body_of, made, spoil
from tests.answers.operations import called
from tests.answers.row_way import CONFIG, OF_A_ROW, POOL_MFA, READ, Ways
from tests.commands.support import POOL_ID, phone_of
from tests.support.builders import ATTESTED, PHONE
from tests.support.wire import Wire, wired_aws

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from migrate_mfa.simulator.server.call import Reply

TRIES: Final = int(os.environ.get("ANSWERS_FUZZ", "24"))
SEED: Final = int(os.environ.get("ANSWERS_FUZZ_SEED", "1"))
IN_A_ROW: Final = 60
"""Users of one pool."""


# On a user's way


@pytest.mark.parametrize("operation", OF_A_ROW)
def test_a_spoiled_answer_on_a_users_way_harms_and_blames_nobody(tmp_path: Path, operation: str) -> None:
    random = Random(f"{SEED}/{operation}")
    wrong: list[str] = []
    for start in range(0, TRIES, IN_A_ROW):
        cases = min(IN_A_ROW, TRIES - start)
        ways = Ways(tmp_path / f"{start}", cases, ATTESTED, CONFIG.get(operation, {}))
        try:
            for row in range(1, cases + 1):
                wrong += _one(ways, row, operation, random)
        finally:
            ways.close()
    assert not wrong, "\n".join(wrong)


def _one(ways: Ways, row: int, operation: str, random: Random) -> list[str]:
    """Spoil the first answer of the operation, or each of them; give what did not hold."""
    each, name, told = random.random() < 0.3, ways.names[row - 1], list[Spoiled]()
    same = Random(random.random())

    def spoiling(made_by: str, reply: Reply) -> Reply:
        if made_by != operation or reply.status != 200 or (told and not each):
            return reply
        whole = json.loads(reply.body or b"{}")
        told.append(spoil(whole, Random(1) if each and told else same))
        return (told[0] if each else told[-1]).instead_of(reply)

    ways.wire.spoil = spoiling
    end = ways.go(row)
    ways.wire.spoil = lambda _, reply: reply
    what = f"{operation} {[(one.how, one.body[:300]) for one in told[:1]]} {'each time' if each else 'once'}"
    broken = bool(told) and told[0].broken
    user, executed = ways.wire.users()[name], ways.executed(name)
    holds = {
        f"{end}": not broken or end.told in {"enrolled", "gave_up", "exit 8"},
        f"blamed: {end}": end.told not in {"user_not_found", "rejected"} or not broken,
        f"carried out: {executed}": max(executed.values(), default=0) <= (1 if broken else 2),
        "another number": user["Attributes"].get("phone_number", phone_of(row)) == phone_of(row),
    }
    return [f"{what}: {key}" for key, held in holds.items() if not held]


# Elsewhere: what a reader makes of an answer

TOKENS: Final = Tokens("access", "refresh")
CHALLENGE: Final = Challenge(name="SMS_MFA", session="s", username="ann", destination=None)


def _readers() -> dict[str, Callable[[], object]]:
    aws = wired_aws()
    account, reader = Account(Calls(aws)), PoolReader(Calls(aws), POOL_ID, aws.region)
    sign_in, settings, roles = CognitoSignIn(aws, "client"), CognitoPoolSettings(aws), IamRoles(aws)
    role = SmsRole(name="r", arn="arn:r", external_id="x", trust={})
    caller = principal_of("arn:aws:sts::123456789012:assumed-role/admin/me")
    assert caller is not None
    return {
        "AdminInitiateAuth": lambda: sign_in.begin("ann", "secret"),
        "CreateRole": lambda: roles.create(role),
        "PutRolePolicy": lambda: roles.allow_publish(role),
        "AdminRespondToAuthChallenge": lambda: sign_in.answer(CHALLENGE, "123456"),
        "DescribeAccountAttributes": lambda: account.eums_sandbox(aws.region),
        "DescribeSpendLimits": lambda: account.eums_limit_usd(aws.region),
        "DescribeUserPool": lambda: (reader.settings(), settings.read()),
        "DescribeUserPoolClient": lambda: (sign_in.learn_secret(), reader.client("client")),
        "GetCallerIdentity": aws.identity,
        "GetLogDeliveryConfiguration": reader.logs_delivery,
        "GetMetricData": lambda: account.busiest_rps(Category.USER_UPDATE, 1_700_000_000.0),
        "GetProvisionedLimit": lambda: _wire().user_pool.enforced_limit(Category.USER_READ),
        "GetRole": lambda: (roles.find("r"), roles.trust("arn:r"), account.source_arn(caller)),
        "GetRolePolicy": lambda: roles.find("r"),
        "GetSMSAttributes": lambda: account.sns_limit_usd(aws.region),
        "GetSMSSandboxAccountStatus": lambda: account.sns_sandbox(aws.region),
        "GetServiceQuota": lambda: _wire().user_pool.enforced_limit(Category.USER_UPDATE),
        "GetUserAttributeVerificationCode": lambda: sign_in.send_code(TOKENS),
        "GetUserPoolMfaConfig": lambda: (reader.settings(), settings.read()),
        "ListAttachedRolePolicies": lambda: roles.find("r"),
        "ListRolePolicies": lambda: roles.find("r"),
        "ListUserPoolClients": reader.client_ids,
        "ListUserPoolReplicas": reader.replica,
        "ListUserPools": lambda: Lists(aws).pools(None),
        RECOVERIES: reader.recoveries,
        "RevokeToken": lambda: sign_in.revoke(TOKENS),
        "SetUserPoolMfaConfig": lambda: settings.write({"MfaConfiguration": "OPTIONAL"}),
        "SimulatePrincipalPolicy": lambda: account.decisions("arn:r", ["sns:Publish"], "*"),
        "UpdateUserAttributes": lambda: sign_in.store_phone(TOKENS, Phone(PHONE)),
        "VerifyUserAttribute": lambda: sign_in.verify_phone(TOKENS, "123456"),
    }


_TRULY: Final = frozenset({"DescribeUserPool", "GetUserPoolMfaConfig"})
"""Beside the one that is spoiled, these are answered by the pool itself."""


def _wire() -> Wire:
    wire = wired_aws().wire
    assert wire is not None
    return wire


def test_every_operation_that_the_code_calls_is_spoiled_somewhere() -> None:
    Wire([])

    assert _readers().keys() | {*OF_A_ROW} >= called().keys()


def test_no_reader_of_an_answer_breaks_on_one() -> None:
    wire, wrong = Wire([]), list[str]()
    readers, operations = _readers(), called()
    random, spoiled = Random(f"{SEED}/readers"), [""]

    def answered(name: str, reply: Reply) -> Reply:
        operation = operations[name]
        if name in _TRULY and name != spoiled[0]:
            return reply
        answer = made(operation.output, random)
        one = spoil(answer, random) if name == spoiled[0] and random.random() < 0.6 else None
        json_protocol = operation.model.service_model.resolved_protocol == "json"
        if one is not None and (json_protocol or one.how in {"cut", "bytes", "html"}):
            return _ok(reply, one.body)
        return _ok(reply, body_of(operation, answer))

    wire.spoil = answered
    for name in readers.keys() & operations.keys():
        spoiled[0] = name
        for attempt in range(TRIES):
            try:
                readers[name]()
            except (ApiError, MigrateMfaError):
                continue
            except Exception as error:  # noqa: BLE001 - what is looked for
                wrong.append(f"{name} {attempt}: {type(error).__name__}: {error}")
                break
    assert not wrong, "\n".join(wrong)


def _ok(reply: Reply, body: bytes) -> Reply:
    return replace(reply, status=200, body=body, drop=False)


@pytest.mark.parametrize(
    ("operation", "member"),
    [
        ("DescribeUserPool", {"UserPool": {"Id": POOL_ID, "Name": 5}}),
        (POOL_MFA, {"MfaConfiguration": ["ON"]}),
    ],
)
def test_a_member_of_another_kind_is_a_garbled_answer(operation: str, member: dict[str, object]) -> None:
    wire = Wire([])
    body = json.dumps(member).encode()
    wire.spoil = lambda name, reply: _ok(reply, body) if name == operation else reply

    with pytest.raises(ApiError) as failed:
        wire.user_pool.describe()

    assert (failed.value.operation, failed.value.code) == (operation, "GarbledAnswer")


def test_a_read_that_is_spoiled_each_time_ends_the_run_and_not_the_user(tmp_path: Path) -> None:
    ways = Ways(tmp_path, 1, ATTESTED, {})
    ways.wire.spoil = lambda name, reply: _ok(reply, b"{}") if name == READ else reply

    assert ways.go(1).told in {"gave_up", "exit 8"}
    assert ways.executed("user1").total() == 0
    ways.close()
