"""One run from end to end against an independent Cognito, more lenient than the service."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from moto.server import ThreadedMotoServer

from tests.e2e.support import ROLE, Cli, assert_code, ends, phone_of, summary, write_roster

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

USERS = 25
ATTESTED = ("--verification", "attested")


@pytest.fixture
def endpoint() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        yield f"http://{host}:{port}"
    finally:
        server.stop()


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
