"""`fleet init` beside an organization with user pools in its accounts."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from migrate_mfa.commands.fleet import _options
from migrate_mfa.fleet.file import read_fleet
from tests.commands.support import Cli, assert_code
from tests.support.moto_server import moto_on_loopback
from tests.support.sts import serving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

KEYS = {"aws_access_key_id": "testing", "aws_secret_access_key": "testing"}
INIT = ("fleet", "init", "--from-organizations", "--role-name", "mfa")
TOKYO = ("--region", "ap-northeast-1")
ACCOUNTS = 25
"""More than are on a page, which has 20."""


class Organization:
    """One at moto's endpoint."""

    def __init__(self, endpoint: str) -> None:
        self._endpoint = endpoint
        self.client: Any = self._make("organizations", "us-east-1", KEYS)

    def _make(self, service: str, region: str, keys: dict[str, str]) -> Any:
        make: Any = boto3.client
        return make(service, region_name=region, endpoint_url=self._endpoint, **keys)

    def create(self, *names: str) -> list[str]:
        """The organization, and accounts in it; their ids."""
        self.client.create_organization(FeatureSet="ALL")
        return [
            self.client.create_account(Email=f"{name}@example.com", AccountName=name)["CreateAccountStatus"][
                "AccountId"
            ]
            for name in names
        ]

    def add_pool(self, account: str, region: str, name: str) -> str:
        """A user pool in one of the accounts."""
        sts = self._make("sts", "us-east-1", KEYS)
        got = sts.assume_role(RoleArn=f"arn:aws:iam::{account}:role/mfa", RoleSessionName="test")[
            "Credentials"
        ]
        keys = {
            "aws_access_key_id": got["AccessKeyId"],
            "aws_secret_access_key": got["SecretAccessKey"],
            "aws_session_token": got["SessionToken"],
        }
        pool = self._make("cognito-idp", region, keys).create_user_pool(PoolName=name)
        found: str = pool["UserPool"]["Id"]
        return found


@pytest.fixture
def organization(tmp_path: Path) -> Iterator[tuple[Organization, Cli]]:
    from moto.backends import get_backend

    with moto_on_loopback() as endpoint:
        get_backend("organizations").reset()
        cli = Cli(tmp_path)
        cli.environment |= {"AWS_ENDPOINT_URL": endpoint, **{name.upper(): key for name, key in KEYS.items()}}
        yield Organization(endpoint), cli
        get_backend("organizations").reset()


def test_each_pool_of_the_active_accounts_is_a_target_that_validate_finds(
    organization: tuple[Organization, Cli], tmp_path: Path
) -> None:
    made, cli = organization
    shop, closed, *_ = made.create("shop", "closed", *(f"empty{number}" for number in range(ACCOUNTS)))
    pools = [
        made.add_pool(shop, "ap-northeast-1", "users"),
        made.add_pool(shop, "ap-northeast-1", "staff"),
        made.add_pool(shop, "eu-west-1", "users"),
    ]
    made.add_pool(closed, "eu-west-1", "users")
    made.client.close_account(AccountId=closed)

    done = cli(*INIT, *TOKYO, "--region", "eu-west-1", "-o", "fleet.toml")

    assert_code(done, 0)
    assert f"3 user pools in {ACCOUNTS + 2} active accounts." in done.said
    text = (tmp_path / "fleet.toml").read_text(encoding="utf-8")
    targets = tomllib.loads(text)["target"]
    assert {each["user_pool_id"] for each in targets} == set(pools)
    assert {each["account"] for each in targets} == {shop}
    assert targets[-1]["name"].startswith("shop-users-eu-west-1_")
    assert "example.com" not in text

    seen = cli("fleet", "validate", "fleet.toml")
    assert_code(seen, 8)
    assert f"shop-staff: The roster {tmp_path}/shop-staff.csv is not there." in seen.out
    for each in targets:
        (tmp_path / each["roster"]).touch()
    assert_code(cli("fleet", "validate", "fleet.toml"), 0)


def test_a_role_that_is_refused_leaves_a_comment_and_exit_code_8(
    organization: tuple[Organization, Cli], tmp_path: Path
) -> None:
    made, cli = organization
    made.create("shop")
    with serving(refuse_after=0) as sts:
        cli.environment["AWS_ENDPOINT_URL_STS"] = sts.endpoint
        done = cli(*INIT, *TOKYO)
        into_file = cli(*INIT, *TOKYO, "-o", "fleet.toml")

    assert_code(done, 8)
    assert_code(into_file, 8)
    assert into_file.out == done.out
    assert "fleet.toml is not written: it would have no target." in into_file.said
    assert "[[target]]" not in tomllib.loads(done.out)
    assert done.out.count("# [[target]]") == 2  # the management account too
    assert "was not assumed: AssumeRole was refused (AccessDenied)" in done.out.replace("\n# ", " ")
    assert "2 of 2 accounts and Regions" in done.said
    assert not list(tmp_path.glob("*.toml"))


def test_the_external_id_is_shown_to_each_role_and_is_in_the_file(
    organization: tuple[Organization, Cli], tmp_path: Path
) -> None:
    made, cli = organization
    made.create("shop")
    made.add_pool("123456789012", "ap-northeast-1", "users")
    with serving() as sts:
        cli.environment["AWS_ENDPOINT_URL_STS"] = sts.endpoint
        assert_code(cli(*INIT, *TOKYO, "--role-external-id", "mfa-2026", "-o", "fleet.toml"), 0)

        assert {each.get("ExternalId") for each in sts.assumed} == {"mfa-2026"}
    written = tomllib.loads((tmp_path / "fleet.toml").read_text(encoding="utf-8"))
    assert written["defaults"]["role_external_id"] == "mfa-2026"
    targets = read_fleet(tmp_path / "fleet.toml", "plan", _options())
    assert {each.text("role_external_id") for each in targets} == {"mfa-2026"}


@pytest.mark.parametrize("into", [(), ("-o", "fleet.toml")])
def test_an_organization_without_pools_gets_no_file(
    organization: tuple[Organization, Cli], tmp_path: Path, into: tuple[str, ...]
) -> None:
    made, cli = organization
    made.create()  # it has the account that makes it

    done = cli(*INIT, *TOKYO, "--region", "eu-west-1", *into)

    assert_code(done, 3)
    assert "There are no user pools in 1 active account in ap-northeast-1, eu-west-1" in done.said
    assert not done.out
    assert not list(tmp_path.glob("*.toml"))


def test_a_file_that_is_there_is_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "fleet.toml").write_text("mine")

    done = Cli(tmp_path)(*INIT, *TOKYO, "-o", "fleet.toml")

    assert_code(done, 2)
    assert "fleet.toml is there already" in done.said
    assert (tmp_path / "fleet.toml").read_text() == "mine"


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (("init", *TOKYO), "--from-organizations is missing."),
        (("init", "--from-organizations", *TOKYO), "--role-name is missing."),
        (INIT[1:], "--region is missing."),
        (("init", "--from-organizations", "--role-name", "arn:aws:iam::1:role/x"), "cannot be used."),
        ((*INIT[1:], *TOKYO, "fleet.toml"), "fleet init reads no fleet file"),
        ((*INIT[1:], *TOKYO, "--verb", "run"), "--verb is not for fleet init."),
        (("status", "fleet.toml", "--role-name", "mfa"), "--role-name is not for fleet status."),
        (("status", "fleet.toml", "--role-external-id", "x1"), "--role-external-id is not for fleet status."),
        (("fleet.toml", "--verb", "run", "-o", "x.toml"), "--output is not for fleet --verb."),
        (("validate", "fleet.toml", "--json"), "--json is not for fleet validate."),
        (("status", "fleet.toml", "--yes", "--workers", "3"), "--workers, --yes is not for fleet status."),
        (("report", "fleet.toml", "--index-from-env"), "--index-from-env is not for fleet report."),
        (("status", "fleet.toml", *TOKYO, "--region", "eu-west-1"), "--region is given more than once."),
    ],
)
def test_options_that_do_not_go_together_are_refused(
    tmp_path: Path, words: tuple[str, ...], text: str
) -> None:
    done = Cli(tmp_path)("fleet", *words)

    assert_code(done, 2)
    assert text in done.said
