"""setup-pool as an operator has it: a pool without SMS made ready, and pools that are not touched."""

from __future__ import annotations

import json
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore import xform_name

from migrate_mfa.checks.permissions import PERMISSIONS
from migrate_mfa.main import main
from tests.commands.support import (
    FAST,
    POOL_ID,
    POOL_NAME,
    ROLE,
    Cli,
    Done,
    a_member,
    assert_code,
    calls,
    ends,
    phone_of,
    write_roster,
)
from tests.support.aws_cli import requests_of
from tests.support.clock import QuickClock
from tests.support.hosted import hosted
from tests.support.terminal import typing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from migrate_mfa.simulator import Running
    from tests.commands.conftest import Site

PLAIN: dict[str, Any] = {"MfaConfiguration": "OFF", "SmsConfiguration": None}
REST: dict[str, Any] = {
    "SoftwareTokenMfaConfiguration": {"Enabled": True},
    "EmailMfaConfiguration": {"Message": "Code {####}", "Subject": "Hello"},
    "WebAuthnConfiguration": {"RelyingPartyId": "example.com", "UserVerification": "required"},
}
EUMS = {"EumsSms": {"CallerArn": "arn:aws:iam::123456789012:role/eums", "ExternalId": "x"}}
ROLE_NAME = f"migrate-mfa-sms-{POOL_ID}"
WRITES = {"CreateRole", "PutRolePolicy", "SetUserPoolMfaConfig", "UpdateUserPool"}
SETUP = ("setup-pool", "--user-pool-id", POOL_ID)


def client_of(running: Running, service: Any) -> Any:
    make: Any = boto3.client
    keys = {"aws_access_key_id": "testing", "aws_secret_access_key": "testing"}
    return make(service, region_name=running.region, endpoint_url=running.endpoint, **keys)


def mfa_of(running: Running, pool_id: str = POOL_ID) -> dict[str, Any]:
    found: dict[str, Any] = client_of(running, "cognito-idp").get_user_pool_mfa_config(UserPoolId=pool_id)
    del found["ResponseMetadata"]
    return found


# --- with processes of its own ---------------------------------------------------------------------------


def test_a_pool_without_sms_is_made_ready_by_setup_pool_alone_and_then_run(
    raise_site: Callable[..., Site],
) -> None:
    users = [a_member("aiko"), a_member("botan")]
    site = raise_site(users, config=PLAIN | REST, roles="strict", role_propagation_s=40, speed=40)
    write_roster(
        site.folder / "roster.csv",
        [(f"{user['Username']}@example.com", phone_of(n)) for n, user in enumerate(users)],
    )
    before = site.cli.run("roster.csv", "early", "--verification", "attested")

    done = site.cli(*SETUP, "--yes")
    asked = calls(site.running)
    ran = site.cli.run("roster.csv", "run", "--verification", "attested")

    assert_code(before, 4)
    assert "setup-pool" in before.err
    assert_code(done, 0)
    assert "cannot be undone" in done.out
    assert asked["SetUserPoolMfaConfig"] > 1, "the role was not new to Cognito"
    assert asked["UpdateUserPool"] == 0
    mfa = mfa_of(site.running)
    assert {name: mfa[name] for name in REST} == REST
    assert mfa["MfaConfiguration"] == "OPTIONAL"
    assert mfa["SmsMfaConfiguration"]["SmsConfiguration"]["SnsCallerArn"].endswith(f"role/{ROLE_NAME}")
    assert_code(ran, 0)
    assert ends(site.folder / "run") == {("verified", "enrolled"): 2}


def at_a_terminal(site: Site, answer: str) -> Done:
    with typing(f"{answer}\n") as stdin:
        return site.cli(*SETUP, stdin=stdin)


def test_only_the_pool_s_name_lets_it_write(raise_site: Callable[..., Site]) -> None:
    site = raise_site(config=PLAIN, roles="strict")

    declined = at_a_terminal(site, "yes")
    untouched = calls(site.running)
    agreed = at_a_terminal(site, POOL_NAME)

    assert_code(declined, 130)
    assert not untouched.keys() & WRITES
    assert all(
        word in declined.said
        for word in ("123456789012", "ap-northeast-1", POOL_NAME, POOL_ID, "cannot be undone")
    )
    assert_code(agreed, 0)
    assert mfa_of(site.running)["MfaConfiguration"] == "OPTIONAL"


# --- in this process, against one simulator --------------------------------------------------------------


POOLS: dict[str, dict[str, Any]] = {
    "Printed01": {**REST, "SmsAuthenticationMessage": "It's {####}"},
    "Printed02": {},
    "SetUp0001": {**REST, "SmsAuthenticationMessage": "It's {####}"},
    "Plain0001": {},
    "Denied001": {},
    "Json00001": {},
    "Given0001": {},
    "Eums00001": {"SmsConfiguration": EUMS},
    "Own000001": {"SmsConfiguration": ROLE, "AutoVerifiedAttributes": ["phone_number"]},
    "Ready0001": {"MfaConfiguration": "OPTIONAL", "SmsConfiguration": ROLE},
    "On0000001": {"MfaConfiguration": "ON", "SmsConfiguration": ROLE},
    "Future001": {"FutureMfaBlocks": {"SmellMfaConfiguration": {"Enabled": True}}},
}


@pytest.fixture(scope="module")
def shared() -> Iterator[Running]:
    pools = [
        {"id": f"ap-northeast-1_{name}", "name": POOL_NAME, "config": config}
        for name, config in POOLS.items()
    ]
    with hosted({"quotas": dict(FAST), "pools": pools}) as running:
        yield running


@pytest.fixture
def here(
    shared: Running, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> Iterator[Callable[..., Done]]:
    """Give setup-pool of a pool of the shared simulator, and forget its calls."""
    for name, value in Cli(tmp_path, shared.endpoint).env().items():
        if name.startswith("AWS_"):
            monkeypatch.setenv(name, value)
    shared.control("ledger/reset", {})

    def command(name: str, *options: str) -> Done:
        code = main(["setup-pool", "--user-pool-id", f"ap-northeast-1_{name}", *options])
        said = capsys.readouterr()
        return Done(code, said.out, said.err)

    yield command
    shared.control("faults", {})


def written(running: Running) -> list[str]:
    return [operation for operation in calls(running) if operation in WRITES]


def test_a_second_setup_writes_nothing(here: Callable[..., Done], shared: Running) -> None:
    first = here("Plain0001", "--yes")
    shared.control("ledger/reset", {})

    second = here("Plain0001", "--yes")

    assert_code(first, 0)
    assert_code(second, 0)
    assert "Nothing to do" in second.out
    assert "\n  migrate-mfa check --user-pool-id ap-northeast-1_Plain0001" in second.err
    assert written(shared) == []


def test_print_only_writes_nothing_and_its_commands_give_the_same_pool(
    here: Callable[..., Done], shared: Running
) -> None:
    printed = here("Printed01", "--print-only", "--json")
    asked = written(shared)
    for service, operation, request in requests_of(printed.json()["aws_cli"]):
        client = client_of(shared, service)
        getattr(client, xform_name(operation))(**request)
    done = here("SetUp0001", "--yes", "--json")

    assert_code(printed, 0)
    assert asked == []
    assert_code(done, 0)
    one, other = (
        json.dumps(mfa_of(shared, f"ap-northeast-1_{name}")).replace(name, "NAME")
        for name in ("Printed01", "SetUp0001")
    )
    printed_id, own_id = (
        document["after"]["SmsMfaConfiguration"]["SmsConfiguration"]["ExternalId"]
        for document in (printed.json(), done.json())
    )
    assert one.replace(printed_id, "ID") == other.replace(own_id, "ID")
    assert '"OPTIONAL"' in one


def test_two_prints_are_equal(here: Callable[..., Done]) -> None:
    first, second = (here("Printed02", "--print-only") for _ in range(2))

    assert_code(first, 0)
    assert first.out == second.out


def test_print_only_shows_the_three_texts_without_a_terminal(
    here: Callable[..., Done], shared: Running
) -> None:
    done = here("Printed01", "--print-only")

    assert_code(done, 0)
    assert all(
        text in done.out for text in ("aws cognito-idp", '"Resources"', 'resource "aws_cognito_user_pool"')
    )
    assert written(shared) == []


def test_json_has_plan_and_result_and_nothing_else_is_on_standard_output(here: Callable[..., Done]) -> None:
    done = here("Json00001", "--yes", "--json")

    document = done.json()
    assert_code(done, 0)
    assert (document["version"], document["command"], document["state"]) == (1, "setup-pool", "set_up")
    assert document["before"] == {"MfaConfiguration": "OFF"}
    assert document["now"] == document["after"]
    assert document["changes"][0] == {"where": "MfaConfiguration", "before": "OFF", "after": "OPTIONAL"}
    assert document["role_created"] == document["role"]["arn"]
    assert document["role"]["inline_policies"]["publish-sms"]["Statement"][0]["Action"] == "sns:Publish"
    assert "cannot be undone" in done.err
    assert "created and stays" not in done.err


@pytest.mark.parametrize(("name", "path"), [("Eums00001", EUMS), ("Own000001", ROLE)])
def test_a_path_that_is_there_is_kept_and_no_role_is_made(
    here: Callable[..., Done], shared: Running, name: str, path: dict[str, Any]
) -> None:
    done = here(name, "--yes")

    assert_code(done, 0)
    assert written(shared) == ["SetUserPoolMfaConfig"]
    assert mfa_of(shared, f"ap-northeast-1_{name}") == {
        "MfaConfiguration": "OPTIONAL",
        "SmsMfaConfiguration": {"SmsConfiguration": path},
    }


def test_a_role_that_is_given_is_used(here: Callable[..., Done], shared: Running) -> None:
    arn, external_id = ROLE["SnsCallerArn"], ROLE["ExternalId"]

    done = here(
        "Given0001", "--yes", "--sms-role-arn", arn, "--external-id", external_id, "--sns-region", "us-east-1"
    )

    assert_code(done, 0)
    assert written(shared) == ["SetUserPoolMfaConfig"]
    sms = mfa_of(shared, "ap-northeast-1_Given0001")["SmsMfaConfiguration"]
    assert sms == {"SmsConfiguration": {**ROLE, "SnsRegion": "us-east-1"}}


@pytest.mark.parametrize(
    ("name", "options", "code", "said"),
    [
        ("On0000001", ["--yes"], 4, "requires MFA (ON, with SMS)"),
        ("Future001", ["--yes"], 4, "SmellMfaConfiguration"),
        ("Nobody001", ["--yes"], 4, "does not exist"),
        ("Ready0001", [], 2, "There is no terminal to ask on"),
        ("Ready0001", ["--yes", "--external-id", "x"], 2, "needs --sms-role-arn"),
        ("Ready0001", ["--yes", "--sms-role-arn", "role/x"], 2, "is not a role's ARN"),
    ],
)
def test_what_is_refused_writes_nothing(
    here: Callable[..., Done], shared: Running, *, name: str, options: list[str], code: int, said: str
) -> None:
    done = here(name, *options)

    assert_code(done, code)
    assert said in done.err
    assert written(shared) == []


@pytest.mark.parametrize("operation", ["GetUserPoolMfaConfig", "GetRole", "CreateRole"])
def test_a_missing_permission_is_named(here: Callable[..., Done], shared: Running, operation: str) -> None:
    shared.control("faults", {"rules": [{"kind": "access_denied", "ops": [operation]}]})

    done = here("Denied001", "--yes")

    assert_code(done, 5)
    assert operation in done.err


def test_what_was_made_before_a_failure_is_said_and_the_same_command_goes_on(
    here: Callable[..., Done], shared: Running
) -> None:
    shared.control("faults", {"rules": [{"kind": "access_denied", "ops": ["SetUserPoolMfaConfig"]}]})
    failed = here("Denied001", "--yes")
    shared.control("faults", {})

    done = here("Denied001", "--yes")

    assert_code(failed, 5)
    assert "migrate-mfa-sms-ap-northeast-1_Denied001 was created and stays" in failed.err
    assert_code(done, 0)
    asked = calls(shared)
    assert asked["CreateRole"] == 1
    allowed = {permission.action.split(":")[1] for permission in PERMISSIONS["setup-pool"]}
    assert asked.keys() - {"GetCallerIdentity"} == allowed - {"PassRole"}


def test_a_job_file_gives_its_options(here: Callable[..., Done], shared: Running, tmp_path: Path) -> None:
    job = tmp_path / "setup.toml"
    job.write_text('command = "setup-pool"\nsns_region = "us-east-1"\nprint_only = true\n', encoding="utf-8")

    done = here("Printed01", "--job", str(job), "--show-config")

    assert_code(done, 0)
    assert "sns_region = us-east-1  # job file" in done.out
    assert "print_only = true  # job file" in done.out
    assert not calls(shared)


@contextmanager
def a_lane_that_is_taken(endpoint: str) -> Iterator[None]:
    from migrate_mfa.domain.quotas import Lane
    from migrate_mfa.journal.run_dir import lock_lane

    held = lock_lane(Lane(endpoint, "123456789012", "ap-northeast-1"))
    try:
        yield
    finally:
        os.close(held)


def test_it_needs_no_lane_of_its_own(here: Callable[..., Done], shared: Running) -> None:
    with a_lane_that_is_taken(shared.endpoint):
        assert_code(here("Ready0001", "--yes"), 0)


def test_a_person_hears_what_is_waited_for(tmp_path: Path) -> None:
    cli = Cli(tmp_path, clock=QuickClock(100))
    cli.environment["AWS_ENDPOINT_URL"] = "http://127.0.0.1:9"

    done = cli(*SETUP, "--yes")

    assert_code(done, 8)
    assert "AWS cannot be reached: nothing answers at http://127.0.0.1:9/. Trying again …" in done.err
