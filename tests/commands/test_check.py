"""check as an operator meets it, and at the start of a run."""

from __future__ import annotations

import os
import tempfile
import time
from typing import TYPE_CHECKING, Any

import pytest

from migrate_mfa.domain.quotas import Lane
from migrate_mfa.journal.run_dir import lock_lane
from tests.commands.support import (
    POOL_ID,
    WRITES,
    assert_code,
    calls,
    ends,
    members_of,
    roster_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.commands.conftest import Site

ATTESTED = ("--verification", "attested")
NAMES = tuple(f"user{number:02d}" for number in range(12))
READ_ONLY = ("Describe", "Get", "List", "Simulate")
SANDBOX = {"sandbox": True, "monthly_spend_limit_usd": 100}


def check(site: Site, *options: object) -> Any:
    return site.cli("check", "--user-pool-id", POOL_ID, *options)


def test_a_ready_pool_as_text(raise_site: Callable[..., Site]) -> None:
    site = raise_site(members_of(NAMES), sns={"monthly_spend_limit_usd": 100})

    done = check(site)

    assert_code(done, 0)
    assert "Check of members (ap-northeast-1_Members01)" in done.out
    assert "ok           mfa_mode: MFA is optional" in done.out
    assert done.out.endswith("Ready. Failures: 0, warnings: 1, not checked: 0.\n")
    assert max(map(len, done.out.splitlines())) <= 80
    plan = f"migrate-mfa plan ROSTER --user-pool-id {POOL_ID}"
    assert done.err.startswith(f"Next: Plan your roster.\n  {plan}")
    assert all(op.startswith(READ_ONLY) for op in calls(site.running))
    assert [path.name for path in site.folder.iterdir()] == ["scratch"]


def test_a_pool_that_is_not_ready_as_json_and_denied_looks(raise_site: Callable[..., Site]) -> None:
    denied = {"rules": [{"kind": "access_denied", "ops": ["SimulatePrincipalPolicy", "GetSMSAttributes"]}]}
    site = raise_site(members_of(NAMES), config={"MfaConfiguration": "OFF"}, faults=denied)

    done = check(site, "--json", *ATTESTED)
    text = check(site)

    assert_code(done, 4)
    found = done.json()
    levels = {each["code"]: each["level"] for each in found["findings"]}
    assert found["ready"] is False
    assert (found["account"], found["pool"], found["verb"]) == ("123456789012", POOL_ID, "run")
    assert found["verification"] == "attested"
    assert levels["mfa_mode"] == "failure"
    assert levels["sms_spend_limit"] == levels["caller_permissions"] == "unchecked"
    assert found["counts"]["failure"] == 1
    assert set(found["findings"][0]) == {"code", "level", "saw", "why", "remedy"}
    assert_code(text, 4)
    assert "Not ready. Failures: 1," in text.out
    assert max(map(len, text.out.splitlines())) <= 80


def test_a_plan_says_how_many_users_and_which_policy(raise_site: Callable[..., Site]) -> None:
    config = {"AutoVerifiedAttributes": ["phone_number"]}
    site = raise_site(members_of(NAMES), config=config, sns=SANDBOX)
    roster = roster_of(site.folder, NAMES[:7])
    planned = site.cli.plan(roster, "saved", "--verification", "by-code", "--max-sms", 7)

    done = site.cli("check", "--run-dir", "saved", "--json")

    assert_code(planned, 0)
    assert_code(done, 0)
    found = {each["code"]: each for each in done.json()["findings"]}
    assert (done.json()["users"], done.json()["verification"]) == (7, "by-code")
    assert found["code_sms"]["level"] == "warning"
    assert found["sms_sandbox"]["level"] == "warning"
    assert "7 codes" in found["sms_spend_limit"]["why"]
    other = site.cli("check", "--run-dir", "saved", "--user-pool-id", "ap-northeast-1_Another01")
    assert_code(other, 3)


def test_it_works_while_a_run_holds_the_lane(
    raise_site: Callable[..., Site], monkeypatch: pytest.MonkeyPatch
) -> None:
    site = raise_site(members_of(NAMES))
    roster = roster_of(site.folder, NAMES)
    monkeypatch.setattr(tempfile, "tempdir", site.cli.env()["TMPDIR"])
    lock = lock_lane(Lane(site.running.endpoint, "123456789012", "ap-northeast-1"))
    try:
        assert_code(site.cli.plan(roster, "run", *ATTESTED), 6)
        assert_code(check(site), 0)
    finally:
        os.close(lock)


def test_a_run_prints_warnings_and_what_could_not_be_checked(raise_site: Callable[..., Site]) -> None:
    denied = {"rules": [{"kind": "access_denied", "ops": ["GetRole"]}]}
    site = raise_site(members_of(NAMES), config={"AccountRecoverySetting": None}, faults=denied)

    done = site.cli.run(roster_of(site.folder, NAMES), site.folder / "run", *ATTESTED)

    assert_code(done, 0)
    assert "warning: There is no AccountRecoverySetting. (recovery)" in done.err
    assert "Could not be checked (see check): sms_role_trust" in done.err
    assert "recovery)" not in done.out
    assert ends(site.folder / "run") == {("verified", "enrolled"): 12}
    assert not {"DescribeUserPoolClient", "GetMetricData"} & calls(site.running).keys()


def test_a_run_into_the_sandbox_is_refused_and_a_wave_that_fits_it_is_not(
    raise_site: Callable[..., Site],
) -> None:
    site = raise_site(members_of(NAMES), sns=SANDBOX)
    roster = roster_of(site.folder, NAMES)

    done = site.cli.run(roster, site.folder / "run", *ATTESTED)
    untouched = not {*WRITES, "AdminGetUser"} & calls(site.running).keys()
    wave = site.cli.run(roster, site.folder / "run", *ATTESTED, "--max-users", 10)

    assert_code(done, 4)
    assert "sandbox" in done.err
    assert "production access" in done.err
    assert untouched
    assert_code(wave, 10)
    assert "warning: Amazon SNS is in the SMS sandbox" in wave.err


def test_a_run_whose_caller_may_not_write_is_refused_before_the_first_write(
    raise_site: Callable[..., Site],
) -> None:
    caller = "arn:aws:sts::123456789012:assumed-role/cognito-sms/me"
    site = raise_site(members_of(NAMES), caller=caller)

    done = site.cli.run(roster_of(site.folder, NAMES), site.folder / "run", *ATTESTED)

    assert_code(done, 5)
    assert "cognito-idp:AdminUpdateUserAttributes" in done.err
    assert not {*WRITES, "AdminGetUser"} & calls(site.running).keys()


def test_a_job_file_and_its_effective_values(raise_site: Callable[..., Site]) -> None:
    site = raise_site(members_of(NAMES))
    job = site.folder / "check.toml"
    job.write_text(f'command = "check"\nuser_pool_id = "{POOL_ID}"\nverb = "audit"\n', encoding="utf-8")

    shown = site.cli("check", "--job", job, "--show-config")
    done = site.cli("check", "--job", job, "--json")

    assert_code(shown, 0)
    assert "verb = audit  # job file" in shown.out
    assert_code(done, 0)
    assert done.json()["verb"] == "audit"


def test_an_endpoint_where_nothing_listens_is_said_after_seconds(raise_site: Callable[..., Site]) -> None:
    site, begun = raise_site(members_of(NAMES)), time.monotonic()

    done = check(site, "--endpoint-url", "http://127.0.0.1:9")

    assert_code(done, 8)
    assert "AWS does not answer GetCallerIdentity (ConnectFailed)." in done.err
    assert time.monotonic() - begun < 12  # with the patience of a run: 30 seconds


@pytest.mark.parametrize(
    ("config", "sns", "told"),
    [
        ({"MfaConfiguration": "OFF"}, {}, f"migrate-mfa setup-pool --user-pool-id {POOL_ID}"),
        ({}, SANDBOX, f"migrate-mfa check --user-pool-id {POOL_ID}"),
    ],
    ids=["setup-pool mends it", "somebody else does"],
)
def test_a_failed_check_ends_with_the_command_that_takes_it_further(
    raise_site: Callable[..., Site], config: dict[str, str], sns: dict[str, Any], told: str
) -> None:
    site = raise_site(members_of(NAMES), config=config, sns=sns)

    done = check(site)

    assert_code(done, 4)
    assert done.err.splitlines()[0].startswith("Next: ")
    assert done.err.splitlines()[1] == f"  {told}"


def test_a_good_check_of_a_plan_ends_with_its_run(raise_site: Callable[..., Site]) -> None:
    site = raise_site(members_of(NAMES))
    assert_code(site.cli.plan(roster_of(site.folder, NAMES), site.folder / "run", *ATTESTED), 0)

    done = check(site, "--run-dir", site.folder / "run")

    assert_code(done, 0)
    assert done.err == (
        "Next: Review the plan, then apply it. The command asks before it writes. "
        "Add --max-users 10 to begin with a first wave.\n"
        f"  migrate-mfa run --run-dir {site.folder / 'run'} --quota-share 1 "
        f"--endpoint-url {site.running.endpoint}\n"
    )
