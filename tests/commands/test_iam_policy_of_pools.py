"""The printed policies of check, setup-pool and canary, enforced: what is needed, and nothing else."""

from __future__ import annotations

import json
import re
import shlex
from itertools import cycle
from typing import TYPE_CHECKING, Any

import pytest

from migrate_mfa.canary.canary import Request, open_canary
from migrate_mfa.cli.caller import Aws
from migrate_mfa.domain.errors import ExitCode, NotAllowed
from migrate_mfa.main import main
from migrate_mfa.settings import Settings
from tests.commands.support import POOL_ID, a_member, phone_of, pool_document
from tests.support.fakes import SilentProgress
from tests.support.hosted import hosted
from tests.support.policies import act_as, without_action
from tests.support.sign_in import Typist

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from migrate_mfa.simulator import Running

ACCOUNT, PASSWORD = "123456789012", "Abcd-1234"
FLOWS = ["ALLOW_ADMIN_USER_PASSWORD_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"]
PLAIN = 16
"""Pools without MFA: each is made ready once at the most."""
numbers = cycle(range(PLAIN))
"""A worker that does other tests in between has new pools afterwards, with the same numbers."""

Printed = dict[str, Any]


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    config = {
        "AliasAttributes": ["email", "phone_number"],
        "Policies": {"SignInPolicy": {"AllowedFirstAuthFactors": ["PASSWORD", "WEB_AUTHN"]}},
    }
    document = pool_document([], config=config, role_propagation_s=0)
    (ready,) = document["pools"]
    ready["clients"] = [{"ClientName": "app", "ClientId": "app", "ExplicitAuthFlows": FLOWS}]
    plain = {"config": {"MfaConfiguration": "OFF", "AliasAttributes": ["email"]}, "users": []}
    document["pools"] += [plain | {"id": plain_pool(n), "name": f"plain{n}"} for n in range(PLAIN)]
    with pytest.MonkeyPatch.context() as patch, hosted(document) as found:
        act_as(patch, ("testing", "testing"))
        yield found


def plain_pool(number: int) -> str:
    return f"ap-northeast-1_Plain{number:04d}"


@pytest.fixture
def call(running: Running) -> Callable[..., int]:
    return lambda *line: main([*map(str, line), "--endpoint-url", running.endpoint])


@pytest.fixture
def printed(capsys: pytest.CaptureFixture[str]) -> Callable[..., Printed]:
    def ask(command: str, pool_id: str, *options: str) -> Printed:
        capsys.readouterr()
        line = ["iam-policy", command, "--user-pool-id", pool_id, "--account", ACCOUNT, *options]
        assert main(line) == ExitCode.DONE
        document: Printed = json.loads(capsys.readouterr().out)
        return document

    return ask


@pytest.fixture(autouse=True)
def nothing_forbidden(running: Running) -> Iterator[None]:
    yield
    allow(running, {})


def require_pasted(capsys: pytest.CaptureFixture[str], policy: Printed) -> None:
    """The command that the last refusal prints must print this policy."""
    [line] = re.findall(r"^ +(migrate-mfa iam-policy .*)$", capsys.readouterr().err, re.MULTILINE)
    assert main([*shlex.split(line)[1:], "--account", ACCOUNT]) == ExitCode.DONE
    assert json.loads(capsys.readouterr().out) == policy


def allow(running: Running, policy: Printed) -> None:
    running.control("caller-policy", policy)
    running.control("ledger/reset", {})


def used(running: Running) -> set[str]:
    return {call["op"] for call in running.control("ledger")["calls"]} - {"GetCallerIdentity"}


def denied(running: Running) -> set[str]:
    calls = running.control("ledger")["calls"]
    return {call["op"] for call in calls if call["code"].startswith("AccessDenied")}


def actions(policy: Printed, *sids: str) -> set[str]:
    rows = [row for row in policy["Statement"] if not sids or row["Sid"].startswith(sids)]
    return {action.partition(":")[2] for row in rows for action in row["Action"]}


# --- check


def test_check_uses_all_of_its_policy_but_that_of_the_other_way_to_send(
    running: Running, call: Callable[..., int], printed: Callable[..., Printed]
) -> None:
    policy = printed("check", POOL_ID)
    allow(running, policy)

    assert call("check", "--user-pool-id", POOL_ID, "--verb", "check") == ExitCode.DONE
    assert denied(running) == set()
    left = {"DescribeAccountAttributes", "DescribeSpendLimits"} | (
        {"ListPointInTimeRecoveries"} - used(running)
    )
    assert used(running) == actions(policy) - left


def test_check_does_without_what_is_optional(
    running: Running, call: Callable[..., int], printed: Callable[..., Printed]
) -> None:
    policy = printed("check", POOL_ID, "--no-optional")
    allow(running, policy)

    assert call("check", "--user-pool-id", POOL_ID) == ExitCode.DONE
    assert used(running) - denied(running) == actions(policy)


@pytest.mark.parametrize("operation", ["DescribeUserPool", "GetUserPoolMfaConfig"])
def test_check_ends_where_the_pool_cannot_be_described(
    running: Running,
    call: Callable[..., int],
    printed: Callable[..., Printed],
    capsys: pytest.CaptureFixture[str],
    operation: str,
) -> None:
    policy = printed("check", POOL_ID)
    allow(running, without_action(policy, operation))

    assert call("check", "--user-pool-id", POOL_ID) == ExitCode.NOT_ALLOWED
    require_pasted(capsys, policy)


# --- setup-pool

WITH_A_ROLE_FOUND = {"ListRolePolicies", "GetRolePolicy", "ListAttachedRolePolicies"}
SETS_UP = (
    "DescribeUserPool",
    "GetUserPoolMfaConfig",
    "SetUserPoolMfaConfig",
    "GetRole",
    "CreateRole",
    "PutRolePolicy",
)


def test_setup_pool_makes_a_pool_ready_under_exactly_its_policy(
    running: Running, call: Callable[..., int], printed: Callable[..., Printed]
) -> None:
    pool_id = plain_pool(next(numbers))
    policy = printed("setup-pool", pool_id)
    allow(running, policy)

    assert call("setup-pool", "--user-pool-id", pool_id, "--yes") == ExitCode.DONE
    assert denied(running) == set()
    assert used(running) == actions(policy) - WITH_A_ROLE_FOUND - {"PassRole"}


@pytest.mark.parametrize("operation", [*SETS_UP, "PassRole"])
def test_setup_pool_ends_when_an_action_is_taken_away(
    running: Running,
    call: Callable[..., int],
    printed: Callable[..., Printed],
    capsys: pytest.CaptureFixture[str],
    operation: str,
) -> None:
    pool_id = plain_pool(next(numbers))
    policy = printed("setup-pool", pool_id)
    allow(running, without_action(policy, operation))

    assert call("setup-pool", "--user-pool-id", pool_id, "--yes") == ExitCode.NOT_ALLOWED
    require_pasted(capsys, policy)


@pytest.mark.parametrize("operation", sorted(WITH_A_ROLE_FOUND))
def test_setup_pool_ends_when_it_may_not_look_at_the_role_of_an_earlier_try(
    running: Running, call: Callable[..., int], printed: Callable[..., Printed], operation: str
) -> None:
    pool_id = plain_pool(next(numbers))
    policy = printed("setup-pool", pool_id)
    allow(running, without_action(policy, "SetUserPoolMfaConfig"))
    assert call("setup-pool", "--user-pool-id", pool_id, "--yes") == ExitCode.NOT_ALLOWED
    allow(running, without_action(policy, operation))

    assert call("setup-pool", "--user-pool-id", pool_id, "--yes") == ExitCode.NOT_ALLOWED
    allow(running, policy)
    assert call("setup-pool", "--user-pool-id", pool_id, "--yes") == ExitCode.DONE
    assert operation in used(running)


# --- canary


def walk(running: Running, folder: Path, *, attested: bool) -> bool:
    """Whether a new user came to the tokens."""
    number = next(numbers)
    name = f"user{number}"
    running.control("users", {"pool": POOL_ID, "upsert": [a_member(name, password=PASSWORD)]})
    person = Typist(
        lambda: str(running.control(f"outbox?user={name}")["messages"][-1]["code"]), password=PASSWORD
    )
    request = Request(user=name, client_id="app", phone=phone_of(number), attested=attested)
    aws = Aws(endpoint_url=running.endpoint)
    settings = Settings(user_pool_id=POOL_ID, run_dir=folder / name, aws=aws)
    with open_canary(settings, request, SilentProgress()) as canary:
        canary.go(person, lambda *_: None, lambda _: None)
    return canary.walked


@pytest.mark.parametrize("attested", [True, False])
def test_canary_walks_under_exactly_its_policy(
    running: Running, tmp_path: Path, printed: Callable[..., Printed], *, attested: bool
) -> None:
    allow(running, printed("canary", POOL_ID))

    assert walk(running, tmp_path, attested=attested)
    assert denied(running) == set()


def test_canary_uses_all_of_its_policy(
    running: Running, tmp_path: Path, printed: Callable[..., Printed]
) -> None:
    policy = printed("canary", POOL_ID)
    allow(running, policy)

    assert walk(running, tmp_path, attested=True)
    assert used(running) >= actions(policy)


@pytest.mark.parametrize(
    "operation",
    [
        *("DescribeUserPool", "GetUserPoolMfaConfig", "ListUsers", "AdminGetUser", "AdminGetUserAuthFactors"),
        *("AdminUpdateUserAttributes", "AdminSetUserMFAPreference"),
        *("AdminInitiateAuth", "AdminRespondToAuthChallenge"),
    ],
)
def test_canary_does_not_come_to_the_tokens_when_an_action_is_taken_away(
    running: Running, tmp_path: Path, printed: Callable[..., Printed], operation: str
) -> None:
    policy = without_action(printed("canary", POOL_ID), operation)
    allow(running, policy)

    try:
        came = walk(running, tmp_path, attested=True)
    except NotAllowed:
        came = False

    assert not came
    assert denied(running) == {operation}
