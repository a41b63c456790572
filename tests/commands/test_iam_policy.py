"""`iam-policy`: each command runs under exactly what it prints, and ends with 5 when an action is taken away.

The simulator enforces the document, see `caller_policy` of its pool file. Each case has users of its own.
"""

from __future__ import annotations

import json
import re
import shlex
import sqlite3
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from migrate_mfa.checks.permissions import PERMISSIONS, When
from migrate_mfa.domain.errors import ExitCode
from migrate_mfa.main import main
from tests.commands.support import POOL_ID, a_member, phone_of, pool_document, write_roster
from tests.simulator.sim_site import client_of
from tests.support.hosted import hosted
from tests.support.policies import act_as, without_action
from tests.support.sdk import know_recoveries

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from migrate_mfa.simulator import Running

ACCOUNT = "123456789012"
PASSKEY_POOL = "ap-northeast-1_Passkeys1"
EUMS_POOL = "ap-northeast-1_EndUserMs"
_POOLS = {POOL_ID: "", PASSKEY_POOL: "_passkeys", EUMS_POOL: "_eums"}


@dataclass
class Stage:
    """A simulator with two pools, and the program in this process."""

    running: Running
    folder: Path
    made: int = 0

    def call(self, *arguments: object) -> int:
        return main([*map(str, arguments), "--endpoint-url", self.running.endpoint])

    def allow(self, policy: dict[str, Any]) -> None:
        self.running.control("caller-policy", policy)
        self.running.control("ledger/reset", {})

    def calls(self) -> list[tuple[str, str]]:
        ledger = self.running.control("ledger")["calls"]
        return [(each["op"], each["code"]) for each in ledger if each["op"] != "GetCallerIdentity"]


@dataclass
class Case:
    """One user, who is in a pool and in a roster, and the run directory for both."""

    stage: Stage
    pool_id: str
    number: int = field(init=False)

    def __post_init__(self) -> None:
        self.stage.made += 1
        self.number = self.stage.made
        self.put(UserMFASettingList=[])

    @property
    def run_dir(self) -> Path:
        return self.stage.folder / f"run-{self.number}"

    @property
    def roster(self) -> Path:
        row = (f"u{self.number}@example.com", phone_of(self.number))
        return write_roster(self.stage.folder / f"roster-{self.number}.csv", [row])

    def put(self, *, verified: bool | None = None, **members: Any) -> None:
        phone = None if verified is None else phone_of(self.number)
        user = a_member(f"u{self.number}", phone=phone, verified=bool(verified), **members)
        self.stage.running.control("users", {"pool": self.pool_id, "upsert": [user]})

    def run(self, policy: str = "attested", verb: str = "run") -> list[object]:
        consent = ["--yes"] if verb == "run" else []
        return [verb, self.roster, "--verification", policy, *self.where(), *consent]

    def where(self, *, pool: bool = True) -> list[object]:
        named = ["--user-pool-id", self.pool_id] if pool else []
        return [*named, "--run-dir", self.run_dir, "--quiet", "--quota-share", "1"]

    def after(self, verb: str, *options: str) -> list[object]:
        return [verb, *self.where(pool=False), "--yes", *options]

    def failed_rows(self) -> int:
        journal = self.run_dir / "journal.sqlite"
        if not journal.exists():
            return 0
        connection = sqlite3.connect(journal)
        try:
            (found,) = connection.execute("SELECT COUNT(*) FROM rows WHERE outcome = 'failed'").fetchone()
        finally:
            connection.close()
        return int(found)


def _plan(case: Case) -> list[object]:
    return case.run(verb="plan")


def _attested(case: Case) -> list[object]:
    return case.run()


def _by_code(case: Case) -> list[object]:
    return case.run("by-code")


def _audit(case: Case) -> list[object]:
    return ["audit", *case.where()]


def _deep_audit(case: Case) -> list[object]:
    case.put(verified=True)
    return ["audit", *case.where(), "--deep", "--yes"]


def _promote(case: Case) -> list[object]:
    assert case.stage.call(*case.run("by-code")) == ExitCode.DONE
    case.put(verified=True)
    return case.after("reconcile")


def _try_again(case: Case) -> list[object]:
    limit = {"kind": "error", "code": "LimitExceededException", "ops": ["AdminUpdateUserAttributes"]}
    case.stage.running.control("faults", {"rules": [limit]})
    assert case.stage.call(*case.run()) == ExitCode.SOME_FAILED
    case.stage.running.control("faults", {})
    return case.after("reconcile")


def _compare_deeply(case: Case) -> list[object]:
    assert case.stage.call(*case.run()) == ExitCode.DONE
    return case.after("reconcile", "--deep")


def _repair(case: Case) -> list[object]:
    assert case.stage.call(*case.run()) == ExitCode.DONE
    case.put(verified=True, UserMFASettingList=[])
    return case.after("reconcile", "--repair")


def _roll_back(case: Case) -> list[object]:
    assert case.stage.call(*case.run()) == ExitCode.DONE
    return case.after("rollback")


def _disable(case: Case) -> list[object]:
    assert case.stage.call(*case.run()) == ExitCode.DONE
    (case.run_dir).rename(case.stage.folder / f"enrolled-{case.number}")
    return ["disable", case.roster, *case.where(), "--yes"]


@dataclass(frozen=True)
class Variant:
    """A way to run a command, and the operations that it uses beside those of every command."""

    command: str
    prepare: Callable[[Case], list[object]]
    uses: frozenset[str]
    pool_id: str = POOL_ID
    options: tuple[str, ...] = ()
    asks: frozenset[str] = frozenset()
    """What it asks beside, and does without otherwise."""

    @property
    def name(self) -> str:
        return f"{self.command}{self.prepare.__name__}{_POOLS[self.pool_id]}"

    @property
    def optional(self) -> frozenset[str]:
        """What it uses where it may, and does without otherwise."""
        if self.command != "run":
            return LIMITS | self.asks
        return LIMITS | RECOVERIES | AROUND | (EUMS if self.pool_id == EUMS_POOL else SNS)


def _variant(command: str, prepare: Callable[[Case], list[object]], uses: str, **more: Any) -> Variant:
    return Variant(command, prepare, frozenset(uses.split()), **more)


ALWAYS = frozenset({"DescribeUserPool", "GetUserPoolMfaConfig"})
LIMITS = frozenset({"GetProvisionedLimit", "GetServiceQuota"})
RECOVERIES = frozenset({"ListPointInTimeRecoveries"})
IN_TROUBLE = dict.fromkeys(("run", "reconcile", "rollback", "disable"), RECOVERIES)
"""What a command asks when one user after another is refused: `tests/commands/test_recovery.py`."""
AROUND = frozenset({"ListUserPoolReplicas", "GetRole", "SimulatePrincipalPolicy"})
SNS = frozenset({"GetSMSAttributes", "GetSMSSandboxAccountStatus"})
EUMS = frozenset({"DescribeAccountAttributes", "DescribeSpendLimits"})
_WRITES = "AdminGetUser AdminUpdateUserAttributes AdminSetUserMFAPreference"
VARIANTS = [
    _variant("plan", _plan, "ListUsers"),
    _variant("run", _attested, f"ListUsers {_WRITES}"),
    _variant("run", _attested, f"ListUsers {_WRITES} AdminGetUserAuthFactors", pool_id=PASSKEY_POOL),
    _variant("run", _attested, f"ListUsers {_WRITES}", pool_id=EUMS_POOL),
    _variant("run", _by_code, "ListUsers AdminGetUser AdminUpdateUserAttributes"),
    _variant("audit", _audit, "ListUsers"),
    _variant("audit", _deep_audit, "ListUsers AdminGetUser", options=("--deep",)),
    _variant("reconcile", _promote, "ListUsers AdminGetUser AdminSetUserMFAPreference"),
    _variant(
        "reconcile",
        _promote,
        "ListUsers AdminGetUser AdminSetUserMFAPreference AdminGetUserAuthFactors",
        pool_id=PASSKEY_POOL,
    ),
    _variant("reconcile", _try_again, f"ListUsers {_WRITES}"),
    _variant("reconcile", _compare_deeply, "ListUsers AdminGetUser", options=("--deep",)),
    _variant("reconcile", _repair, "ListUsers AdminGetUser AdminSetUserMFAPreference", asks=RECOVERIES),
    _variant("rollback", _roll_back, _WRITES),
    _variant("disable", _disable, "ListUsers AdminGetUser AdminSetUserMFAPreference"),
]
COMMANDS = sorted({each.command for each in VARIANTS})
DRIVEN_ELSEWHERE = {"canary", "check", "setup-pool"}
"""In `test_policy_of_pools`."""
WITHOUT = {
    (each.command, operation): each for each in reversed(VARIANTS) for operation in sorted(ALWAYS | each.uses)
}
"""For every action that a command cannot do without, the first variant that uses it."""


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    document = pool_document()
    (members,) = document["pools"]
    passkeys = {"AllowedFirstAuthFactors": ["PASSWORD", "WEB_AUTHN"]}
    config = members["config"] | {"Policies": {"SignInPolicy": passkeys}}
    document["pools"].append(members | {"id": PASSKEY_POOL, "config": config})
    sender = {"CallerArn": f"arn:aws:iam::{ACCOUNT}:role/eums", "ExternalId": "members"}
    sender |= {"OriginationIdentity": "+18005550100"}
    config = members["config"] | {"SmsConfiguration": {"EumsSms": sender}}
    document["pools"].append(members | {"id": EUMS_POOL, "config": config})
    with pytest.MonkeyPatch.context() as patch, hosted(document) as running:
        act_as(patch, ("testing", "testing"))
        know_recoveries(patch)
        anything = "arn:aws:iam::aws:policy/AdministratorAccess"
        client_of(running, "iam").attach_role_policy(RoleName="eums", PolicyArn=anything)
        yield Stage(running, tmp_path_factory.mktemp("policy"))


@pytest.fixture
def printed(stage: Stage, capsys: pytest.CaptureFixture[str]) -> Callable[..., dict[str, Any]]:
    """The document that the program prints, which asks nothing of AWS."""

    def ask(command: str, *options: str, pool_id: str = POOL_ID) -> dict[str, Any]:
        capsys.readouterr()
        stage.running.control("ledger/reset", {})
        where = ("--user-pool-id", pool_id, "--account", ACCOUNT)
        assert stage.call("iam-policy", command, *where, *options) == ExitCode.DONE
        assert stage.running.control("ledger")["calls"] == []
        document: dict[str, Any] = json.loads(capsys.readouterr().out)
        return document

    return ask


def _ready(stage: Stage, variant: Variant) -> tuple[Case, list[object]]:
    """Come as far as everything but the command itself, with all permissions."""
    stage.allow({})
    case = Case(stage, variant.pool_id)
    return case, variant.prepare(case)


def _actions(document: dict[str, Any]) -> set[str]:
    return {action for statement in document["Statement"] for action in statement["Action"]}


@pytest.mark.parametrize("variant", VARIANTS, ids=lambda each: each.name)
def test_it_runs_to_its_end_under_exactly_the_policy(
    stage: Stage, printed: Callable[..., dict[str, Any]], variant: Variant
) -> None:
    policy = printed(variant.command, *variant.options, pool_id=variant.pool_id)
    case, arguments = _ready(stage, variant)
    stage.allow(policy)

    assert stage.call(*arguments) == ExitCode.DONE
    calls = stage.calls()
    assert {op for op, _ in calls} == ALWAYS | variant.optional | variant.uses
    assert [call for call in calls if call[1].startswith("AccessDenied")] == []
    assert case.failed_rows() == 0


@pytest.mark.parametrize("command", COMMANDS)
def test_it_does_without_what_is_optional(
    stage: Stage, printed: Callable[..., dict[str, Any]], command: str
) -> None:
    variant = next(each for each in VARIANTS if each.command == command)
    policy = printed(command, "--no-optional")
    _, arguments = _ready(stage, variant)
    stage.allow(policy)

    assert stage.call(*arguments) == ExitCode.DONE
    denied = {op for op, code in stage.calls() if code.startswith("AccessDenied")}
    assert denied == variant.optional


@pytest.mark.parametrize(("command", "operation"), sorted(WITHOUT))
def test_it_ends_and_blames_nobody_when_an_action_is_taken_away(
    stage: Stage,
    printed: Callable[..., dict[str, Any]],
    capsys: pytest.CaptureFixture[str],
    command: str,
    operation: str,
) -> None:
    variant = WITHOUT[command, operation]
    policy = printed(command, *variant.options, pool_id=variant.pool_id)
    case, arguments = _ready(stage, variant)
    before = case.failed_rows()
    stage.allow(without_action(policy, operation))
    capsys.readouterr()

    assert stage.call(*arguments) == ExitCode.NOT_ALLOWED
    said = capsys.readouterr().err
    assert operation in said
    assert "your credentials do not allow" in said.casefold()
    assert case.failed_rows() <= before
    [line] = re.findall(r"^ +(migrate-mfa iam-policy .*)$", said, re.MULTILINE)
    assert stage.call(*shlex.split(line)[1:], "--account", ACCOUNT) == ExitCode.DONE
    assert json.loads(capsys.readouterr().out) == policy


@pytest.mark.parametrize("command", COMMANDS)
def test_every_action_of_the_policy_is_used(printed: Callable[..., dict[str, Any]], command: str) -> None:
    used = [ALWAYS | each.optional | each.uses for each in VARIANTS if each.command == command]
    allowed = {action.partition(":")[2] for action in _actions(printed(command, "--deep"))}

    assert allowed == set().union(*used) | IN_TROUBLE.get(command, frozenset())


def test_every_command_is_run_here_but_those_with_tests_of_their_own() -> None:
    assert PERMISSIONS.keys() - COMMANDS <= DRIVEN_ELSEWHERE


def test_without_deep_an_audit_may_read_nobody(printed: Callable[..., dict[str, Any]]) -> None:
    assert "cognito-idp:AdminGetUser" not in _actions(printed("audit"))
    assert any(each.when is When.DEEP for each in PERMISSIONS["audit"])


def test_another_pool_is_not_covered(stage: Stage, printed: Callable[..., dict[str, Any]]) -> None:
    policy = printed("audit", pool_id=PASSKEY_POOL)
    _, arguments = _ready(stage, VARIANTS[0])
    stage.allow(policy)

    assert stage.call(*arguments) == ExitCode.NOT_ALLOWED


def test_without_a_pool_the_policy_is_for_the_bucket_only_and_says_so(
    stage: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    assert stage.call("iam-policy", "run", "--run-dir", "s3://runs/members") == ExitCode.DONE

    shown = capsys.readouterr()
    assert {action.partition(":")[0] for action in _actions(json.loads(shown.out))} == {"s3"}
    assert "add --user-pool-id" in shown.err
    assert stage.call("iam-policy", "dance", "--run-dir", "s3://runs/members") == ExitCode.USAGE


def test_without_an_account_the_place_for_it_is_marked(
    stage: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    assert stage.call("iam-policy", "plan", "--user-pool-id", POOL_ID) == ExitCode.DONE

    shown = capsys.readouterr()
    assert f":ACCOUNT-ID:userpool/{POOL_ID}" in json.loads(shown.out)["Statement"][0]["Resource"]
    assert "ACCOUNT-ID" in shown.err
    assert "--account" in shown.err


def test_the_account_is_asked_for_only_on_demand(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    stage.allow({})
    capsys.readouterr()
    assert (
        stage.call("iam-policy", "plan", "--user-pool-id", POOL_ID, "--account", "current") == ExitCode.DONE
    )

    assert f":{ACCOUNT}:" in json.loads(capsys.readouterr().out)["Statement"][0]["Resource"]
    assert [each["op"] for each in stage.running.control("ledger")["calls"]] == ["GetCallerIdentity"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["status", "--user-pool-id", POOL_ID], "is no command that calls AWS"),
        (["run"], "--user-pool-id is missing"),
        (["run", "--user-pool-id", "members"], "not a user pool id"),
        (["run", "--user-pool-id", POOL_ID, "--account", "12345"], "not an account's id"),
        (["run", "--user-pool-id", POOL_ID, "--sms-role-arn", "cognito-sms"], "not a role's ARN"),
        (["run", "--user-pool-id", POOL_ID, "--region", "eu-west-1"], "The pool is in"),
    ],
)
def test_what_cannot_be_used_is_refused(
    stage: Stage, capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    capsys.readouterr()
    assert stage.call("iam-policy", *arguments) == ExitCode.USAGE

    shown = capsys.readouterr()
    assert said in shown.err
    assert shown.out == ""
