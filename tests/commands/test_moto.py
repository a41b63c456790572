"""One run from end to end against an independent Cognito, more lenient than the service."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from migrate_mfa.canary.canary import Request, open_canary
from migrate_mfa.cli.caller import Aws
from migrate_mfa.settings import Settings
from tests.commands.support import ROLE, Cli, assert_code, ends, phone_of, summary, write_roster
from tests.support.fakes import SilentProgress
from tests.support.moto_server import moto_on_loopback
from tests.support.sign_in import Typist

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

USERS = 25
ATTESTED = ("--verification", "attested")


@pytest.fixture
def endpoint() -> Iterator[str]:
    with moto_on_loopback() as endpoint:
        yield endpoint


def _make_role(make: Any, endpoint: str) -> None:
    """The role that the pool sends with, which a run looks at; moto keeps it for all pools."""
    keys = {"aws_access_key_id": "testing", "aws_secret_access_key": "testing"}
    iam = make("iam", region_name="ap-northeast-1", endpoint_url=endpoint, **keys)
    service = {"Service": "cognito-idp.amazonaws.com"}
    trust = {"Statement": [{"Effect": "Allow", "Principal": service, "Action": "sts:AssumeRole"}]}
    with suppress(iam.exceptions.EntityAlreadyExistsException):
        iam.create_role(
            RoleName=ROLE["SnsCallerArn"].rpartition("/")[2], AssumeRolePolicyDocument=json.dumps(trust)
        )


class Members:
    """A pool with users who have an e-mail address and no number."""

    def __init__(self, endpoint: str) -> None:
        make: Any = boto3.client
        self._client = make(
            "cognito-idp",
            region_name="ap-northeast-1",
            endpoint_url=endpoint,
            aws_access_key_id="testing",
            aws_secret_access_key="testing",
        )
        _make_role(make, endpoint)
        pool = self._client.create_user_pool(PoolName="members", AliasAttributes=["email"])
        self.id: str = pool["UserPool"]["Id"]
        self._client.set_user_pool_mfa_config(
            UserPoolId=self.id, MfaConfiguration="OPTIONAL", SmsMfaConfiguration={"SmsConfiguration": ROLE}
        )
        for number in range(USERS):
            name = f"user{number:02d}"
            attributes = {"email": f"{name}@example.com", "email_verified": "true"}
            rows = [{"Name": key, "Value": value} for key, value in attributes.items()]
            self._client.admin_create_user(UserPoolId=self.id, Username=name, UserAttributes=rows)

    def let_sign_in(self, name: str, password: str) -> str:
        """Give a user a password, and the pool an app client; says its id."""
        self._client.admin_set_user_password(
            UserPoolId=self.id, Username=name, Password=password, Permanent=True
        )
        flows = ["ALLOW_ADMIN_USER_PASSWORD_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"]
        made = self._client.create_user_pool_client(
            UserPoolId=self.id, ClientName="app", ExplicitAuthFlows=flows
        )
        return str(made["UserPoolClient"]["ClientId"])

    def state(self) -> dict[str, Any]:
        """Number, flag, factors and date of every user."""
        found = {}
        for number in range(USERS):
            user = self._client.admin_get_user(UserPoolId=self.id, Username=f"user{number:02d}")
            values = {row["Name"]: row["Value"] for row in user["UserAttributes"]}
            phone = values.get("phone_number"), values.get("phone_number_verified")
            found[user["Username"]] = (*phone, user["UserMFASettingList"], user["UserLastModifiedDate"])
        return found


def test_everybody_ends_enrolled_and_a_second_run_changes_nothing(endpoint: str, tmp_path: Path) -> None:
    pool = Members(endpoint)
    cli = Cli(tmp_path, endpoint, pool.id)
    rows = [(f"user{number:02d}@example.com", phone_of(number)) for number in range(USERS)]
    write_roster(tmp_path / "roster.csv", rows)

    done = cli.run("roster.csv", tmp_path / "first", *ATTESTED)
    after = pool.state()
    again = cli.run("roster.csv", tmp_path / "second", *ATTESTED)

    assert_code(done, 0)
    assert ends(tmp_path / "first") == {("verified", "enrolled"): USERS}
    assert {name: user[:3] for name, user in after.items()} == {
        f"user{number:02d}": (phone_of(number), "true", ["SMS_MFA"]) for number in range(USERS)
    }
    assert_code(again, 0)
    assert ends(tmp_path / "second") == {("verified", "already_enrolled"): USERS}
    assert not {"UserUpdate", "UserResourceUpdate"} & summary(tmp_path / "second")["calls"].keys()
    assert pool.state() == after


def test_a_pool_without_mfa_is_refused_there_too(endpoint: str, tmp_path: Path) -> None:
    client: Any = Members(endpoint)
    client._client.set_user_pool_mfa_config(UserPoolId=client.id, MfaConfiguration="OFF")
    write_roster(tmp_path / "roster.csv", [("user00@example.com", phone_of(0))])

    done = Cli(tmp_path, endpoint, client.id).run("roster.csv", "run", *ATTESTED)

    assert_code(done, 4)
    assert client.state()["user00"][0] is None


def test_setup_pool_makes_a_pool_ready_there_too_and_then_it_is_run(endpoint: str, tmp_path: Path) -> None:
    """As far as that goes: there any role is accepted at once, and DescribeUserPool never shows MFA."""
    pool = Members(endpoint)
    client = pool._client
    pool.id = client.create_user_pool(PoolName="plain", AliasAttributes=["email"])["UserPool"]["Id"]
    email = [{"Name": "email", "Value": "user@example.com"}, {"Name": "email_verified", "Value": "true"}]
    client.admin_create_user(UserPoolId=pool.id, Username="user", UserAttributes=email)
    cli = Cli(tmp_path, endpoint, pool.id)
    write_roster(tmp_path / "roster.csv", [("user@example.com", phone_of(0))])

    done = cli("setup-pool", "--user-pool-id", pool.id, "--yes", "--json")
    again = cli("setup-pool", "--user-pool-id", pool.id, "--yes", "--json")
    ran = cli.run("roster.csv", tmp_path / "run", *ATTESTED)

    assert_code(done, 0)
    document = done.json()
    mfa = client.get_user_pool_mfa_config(UserPoolId=pool.id)
    assert mfa["MfaConfiguration"] == "OPTIONAL"
    assert mfa["SmsMfaConfiguration"] == document["after"]["SmsMfaConfiguration"]
    assert document["role_created"] == mfa["SmsMfaConfiguration"]["SmsConfiguration"]["SnsCallerArn"]
    assert_code(again, 0)
    assert again.json()["state"] == "ready"
    assert_code(ran, 0)
    assert ends(tmp_path / "run") == {("verified", "enrolled"): 1}


@pytest.mark.parametrize(
    ("attested", "walked", "steps"),
    [
        (True, True, {"store_number": "ok", "enable_mfa": "ok", "sign_in_again": "ok", "answer_code": "ok"}),
        # It has no GetUserAttributeVerificationCode, so a number cannot be proven by a code there.
        (False, False, {"store_number": "ok", "send_code": "failed"}),
    ],
    ids=["attested", "by code"],
)
def test_a_canary_goes_as_far_as_it_can(
    endpoint: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    *,
    attested: bool,
    walked: bool,
    steps: dict[str, str],
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    members = Members(endpoint)
    client_id = members.let_sign_in("user00", "Abcd-1234")
    aws = Aws(endpoint_url=endpoint)
    settings = Settings(user_pool_id=members.id, run_dir=tmp_path / "run", aws=aws)
    request = Request(user="user00", client_id=client_id, phone=phone_of(0), attested=attested)
    typist = Typist(lambda: "123456", password="Abcd-1234")

    with open_canary(settings, request, SilentProgress()) as canary:
        canary.go(typist, lambda *_: None, lambda _: None)

    # It has no RevokeToken either, and takes any code.
    expected = {"read_user": "ok", "sign_in": "ok", "end_session": "noted"} | steps
    found = {step.name: step.status for step in canary.steps if step.name != "end_first_session"}
    assert (canary.walked, found) == (walked, expected)
    assert members.state()["user00"][0] == phone_of(0)
