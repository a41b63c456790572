"""A run as a role whose sessions are shorter than the run: a chained role lasts an hour."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from migrate_mfa.aws.assumed_role import Role
from migrate_mfa.aws.session import Aws, AwsTarget
from tests.commands.support import POOL_ID, assert_code, ends, members_of, roster_of, summary
from tests.support.moto_server import moto_on_loopback
from tests.support.sts import ROLE_ARN, serving

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from tests.commands.conftest import Site

USERS = 20
ATTESTED = ("--verification", "attested")
ADVISED_S, URGENT_S = 15 * 60, 10 * 60
"""How long before its end botocore tries to renew a session, and how long before it must."""


def a_site(raise_site: Callable[..., Site], **told: Any) -> tuple[Site, Any, Any]:
    names = [f"user{number}" for number in range(USERS)]
    site = raise_site(members_of(names), **told)
    return site, roster_of(site.folder, names), site.folder / "run"


@pytest.mark.parametrize("life_s", [ADVISED_S + 1, URGENT_S + 1], ids=["in time", "at the last moment"])
def test_a_run_outlives_several_sessions_of_its_role(raise_site: Callable[..., Site], life_s: int) -> None:
    site, roster, run_dir = a_site(raise_site)
    with serving(life_s=life_s) as sts:
        site.cli.environment["AWS_ENDPOINT_URL_STS"] = sts.endpoint
        slowly = ("--max-rps", "UserUpdate=4", "--role-external-id", "x-1")
        done = site.cli.run(roster, run_dir, *ATTESTED, "--role-arn", ROLE_ARN, *slowly)

    assert_code(done, 0)
    assert ends(run_dir) == {("verified", "enrolled"): USERS}
    assert len(sts.assumed) >= 3
    assert {each["ExternalId"] for each in sts.assumed} == {"x-1"}
    assert "credentials end" not in done.err, "they renew themselves"
    assert summary(run_dir)["caller_arn"].startswith("arn:aws:sts::123456789012:assumed-role/migration/")


def test_a_role_that_is_taken_away_stops_the_run_and_the_same_command_goes_on(
    raise_site: Callable[..., Site],
) -> None:
    site, roster, run_dir = a_site(raise_site)
    command = (roster, run_dir, *ATTESTED, "--role-arn", ROLE_ARN)
    with serving(life_s=60, refuse_after=40) as sts:
        site.cli.environment["AWS_ENDPOINT_URL_STS"] = sts.endpoint
        stopped = site.cli.run(*command)
        found = ends(run_dir)
        sts.refuse_after = 1_000_000
        done = site.cli.run(*command)

    assert_code(stopped, 5)
    assert f"{ROLE_ARN} was not assumed: AssumeRole was refused (AccessDenied)" in stopped.err
    assert found.keys() <= {("verified", "enrolled"), ("unprocessed", "")}
    assert found["unprocessed", ""] > 0
    assert_code(done, 0)
    assert ends(run_dir) == {("verified", "enrolled"): USERS}


def test_the_account_is_that_of_the_role(raise_site: Callable[..., Site]) -> None:
    site, roster, run_dir = a_site(raise_site)
    other = ROLE_ARN.replace("123456789012", "210987654321")
    with serving() as sts:
        site.cli.environment["AWS_ENDPOINT_URL_STS"] = sts.endpoint
        assert_code(site.cli.plan(roster, run_dir, *ATTESTED, "--role-arn", ROLE_ARN), 0)
        strange = site.cli.run(roster, run_dir, *ATTESTED, "--role-arn", other)
        policy = site.cli(
            "iam-policy", "run", "--user-pool-id", POOL_ID, "--account", "current", "--role-arn", other
        )

    assert_code(strange, 3)
    assert "The AWS account is not what this run was planned with" in strange.err
    assert f"{other[13:25]}:userpool" in policy.out


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--role-external-id", "x-1"), "--role-external-id is given without --role-arn"),
        (("--role-session-name", "night"), "--role-session-name is given without --role-arn"),
        (("--role-arn", "migration"), "--role-arn 'migration' is not a role's ARN"),
        (("--role-arn", ROLE_ARN, "--role-session-name", "a b"), "--role-session-name 'a b' cannot be used"),
        (("--role-arn", ROLE_ARN, "--role-external-id", "x"), "--role-external-id 'x' cannot be used"),
    ],
)
def test_what_cannot_be_a_role_is_a_usage_error(
    raise_site: Callable[..., Site], options: tuple[str, ...], words: str
) -> None:
    site = raise_site()

    refused = site.cli("check", "--user-pool-id", POOL_ID, *options)

    assert_code(refused, 2)
    assert words in refused.err


def test_another_sts_knows_the_caller_as_the_role() -> None:
    with moto_on_loopback() as endpoint:
        aws = Aws(AwsTarget(user_pool_id=POOL_ID, endpoint_url=endpoint, role=Role(arn=ROLE_ARN)))
        found = aws.identity()

    assert found.account == "123456789012"
    assert found.arn == "arn:aws:sts::123456789012:assumed-role/migration/migrate-mfa"
