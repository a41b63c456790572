"""The printed policies, enforced by an emulator that others wrote: signatures, an IAM user, its policy.

ministack lacks GetProvisionedLimit, AdminGetUserAuthFactors and Service Quotas: those are left to the
simulator (test_policy.py).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from migrate_mfa.domain.errors import ExitCode
from migrate_mfa.main import main
from tests.commands.support import ends, phone_of, write_roster
from tests.support.ministack import MISSING, PROGRAM, ROOT_KEY, Ministack, ministack
from tests.support.policies import act_as, without_action

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.skipif(not PROGRAM.exists(), reason=MISSING)

USERS = 3
OPERATOR = "operator"
_AFTER = {"reconcile", "rollback"}
_ON_RUN = {"run", *_AFTER}


@dataclass
class Site:
    """A server that enforces, and an IAM user without a permission of its own."""

    server: Ministack
    key: tuple[str, str]
    folder: Path
    pools: int = 0

    def call(self, arguments: list[str], key: tuple[str, str]) -> int:
        with pytest.MonkeyPatch.context() as patch:
            act_as(patch, key)
            return main([*arguments, "--endpoint-url", self.server.endpoint])

    def grant(self, policy: dict[str, Any]) -> None:
        self.server.client("iam").put_user_policy(
            UserName=OPERATOR, PolicyName="printed", PolicyDocument=json.dumps(policy)
        )


class Pool:
    """A pool with three users, a roster of them, and a run directory."""

    def __init__(self, site: Site, *, ready: bool = True) -> None:
        site.pools += 1
        self.site = site
        self.cognito = site.server.client("cognito-idp")
        name = f"members-{site.pools}"
        self.id = self.cognito.create_user_pool(PoolName=name, AliasAttributes=["email"])["UserPool"]["Id"]
        if ready:
            assert site.call(["setup-pool", "--user-pool-id", self.id, "--yes"], ROOT_KEY) == ExitCode.DONE
        emails = [f"u{number}@example.com" for number in range(USERS)]
        for email in emails:
            self._add(email)
        rows = [(email, phone_of(number)) for number, email in enumerate(emails)]
        self.roster = str(write_roster(site.folder / f"{name}.csv", rows))
        self.run_dir = site.folder / f"{name}-run"

    def _add(self, email: str) -> None:
        user = {"UserPoolId": self.id, "Username": email.split("@", maxsplit=1)[0]}
        attributes = [{"Name": "email", "Value": email}, {"Name": "email_verified", "Value": "true"}]
        self.cognito.admin_create_user(**user, UserAttributes=attributes, MessageAction="SUPPRESS")
        self.cognito.admin_set_user_password(**user, Password="Passw0rd!x", Permanent=True)

    def line(self, command: str, *options: str) -> list[str]:
        named = [] if command in _AFTER else ["--user-pool-id", self.id]
        roster = [self.roster] if command in {"plan", "run", "disable"} else []
        how = ["--verification", "attested"] if command in {"plan", "run"} else []
        consent = [] if command == "plan" else ["--yes"]
        where = self.run_dir if command in _ON_RUN else self.run_dir.with_suffix(f".{command}")
        return [command, *roster, *named, "--run-dir", str(where), "--quiet", *how, *consent, *options]

    def enrol(self) -> None:
        assert self.site.call(self.line("run"), ROOT_KEY) == ExitCode.DONE

    def preferred(self) -> list[str | None]:
        users = [f"u{number}" for number in range(USERS)]
        read = [self.cognito.admin_get_user(UserPoolId=self.id, Username=user) for user in users]
        return [user.get("PreferredMfaSetting") or None for user in read]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("witness")
    with ministack(folder, enforce=True) as server:
        iam = server.client("iam")
        iam.create_user(UserName=OPERATOR)
        key = iam.create_access_key(UserName=OPERATOR)["AccessKey"]
        yield Site(server, (key["AccessKeyId"], key["SecretAccessKey"]), folder)


def _printed(pool: Pool, capsys: pytest.CaptureFixture[str], command: str, *options: str) -> dict[str, Any]:
    capsys.readouterr()
    line = ["iam-policy", command, "--user-pool-id", pool.id, "--account", "current", *options]
    assert pool.site.call(line, pool.site.key) == ExitCode.DONE
    document: dict[str, Any] = json.loads(capsys.readouterr().out)
    return document


@pytest.mark.parametrize(
    ("command", "options"),
    [
        ("plan", ()),
        ("run", ()),
        ("audit", ()),
        ("audit", ("--deep",)),
        ("reconcile", ("--deep",)),
        ("rollback", ()),
        ("disable", ()),
    ],
)
def test_an_iam_user_with_exactly_the_policy_gets_through(
    site: Site, capsys: pytest.CaptureFixture[str], command: str, options: tuple[str, ...]
) -> None:
    pool = Pool(site)
    if command in _AFTER or options:
        pool.enrol()
    site.grant(_printed(pool, capsys, command, "--no-optional", *options))

    assert site.call(pool.line(command, *options), site.key) == ExitCode.DONE
    assert pool.preferred() == [
        "SMS_MFA" if command in {"run", "reconcile"} or options else None for _ in range(USERS)
    ]


@pytest.mark.parametrize(
    ("command", "operation"),
    [
        ("plan", "DescribeUserPool"),
        ("plan", "GetUserPoolMfaConfig"),
        ("plan", "ListUsers"),
        ("run", "AdminGetUser"),
        ("run", "AdminUpdateUserAttributes"),
        ("run", "AdminSetUserMFAPreference"),
        ("audit", "ListUsers"),
        ("audit", "AdminGetUser"),
        ("rollback", "AdminUpdateUserAttributes"),
        ("disable", "AdminSetUserMFAPreference"),
    ],
)
def test_an_iam_user_who_lacks_one_action_is_told_so(
    site: Site, capsys: pytest.CaptureFixture[str], command: str, operation: str
) -> None:
    pool = Pool(site)
    options = ["--deep"] if (command, operation) == ("audit", "AdminGetUser") else []
    if command in {"rollback", "disable"} or options:
        pool.enrol()
    policy = _printed(pool, capsys, command, "--no-optional", *options)  # else `run` looks at IAM first
    site.grant(without_action(policy, operation))

    assert site.call(pool.line(command, *options), site.key) == ExitCode.NOT_ALLOWED
    assert f"{operation}: your credentials do not allow this" in capsys.readouterr().err
    if command in {"run", "rollback"}:
        assert not [outcome for outcome, _ in ends(pool.run_dir) if outcome == "failed"]


def test_a_pool_is_set_up_and_checked_with_exactly_the_policies(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    pool = Pool(site, ready=False)
    where = ["--user-pool-id", pool.id]

    site.grant(_printed(pool, capsys, "setup-pool"))
    assert site.call(["setup-pool", *where, "--yes"], site.key) == ExitCode.DONE
    site.grant(_printed(pool, capsys, "check"))
    assert site.call(["check", *where, "--verb", "check", "--json"], site.key) == ExitCode.DONE

    found = {each["code"]: each["level"] for each in json.loads(capsys.readouterr().out)["findings"]}
    names = ("mfa_mode", "sms_factor", "sms_role_trust", "sms_role_external_id", "sms_role_source")
    assert {found[name] for name in names} == {"ok"}
    assert "failure" not in found.values()


def test_the_policy_of_one_pool_is_of_no_use_in_another(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    mine, other = Pool(site), Pool(site)
    site.grant(_printed(mine, capsys, "audit"))

    assert site.call(mine.line("audit"), site.key) == ExitCode.DONE
    assert site.call(other.line("audit"), site.key) == ExitCode.NOT_ALLOWED
