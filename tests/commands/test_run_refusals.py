"""What plan and run refuse, before anything is written: the pool, the access, the messages, the directory."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING, Any

import pytest

from migrate_mfa.journal.database import Journal
from tests.commands.support import (
    POOL_ID,
    assert_code,
    calls,
    ends,
    members_of,
    roster_of,
    sms,
    summary,
    untouched,
    words,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tests.commands.conftest import Site

ATTESTED = ("--verification", "attested")
BY_CODE = ("--verification", "by-code")
ENROLLED = ("verified", "enrolled")
NAMES = tuple(f"user{number:02d}" for number in range(12))


@pytest.fixture
def site(raise_site: Callable[..., Site]) -> Site:
    """Twelve members without a number, and roster.csv with one for each."""
    made = raise_site(members_of(NAMES))
    roster_of(made.folder, NAMES)
    return made


READY = {"AutoVerifiedAttributes": ["phone_number"]}
HELD_BACK = READY | {
    "UserAttributeUpdateSettings": {"AttributesRequireVerificationBeforeUpdate": ["phone_number"]}
}


@pytest.mark.promise(14)
class TestPool:
    @pytest.mark.parametrize(
        ("config", "policy"),
        [
            ({"MfaConfiguration": "OFF"}, "attested"),
            ({"SmsConfiguration": None}, "attested"),
            ({"SmsConfigurationFailure": "InvalidSmsRoleAccessPolicyException"}, "attested"),
            ({"Schema": [{"Name": "phone_number", "Mutable": False}]}, "attested"),
            ({"MfaConfiguration": "ON"}, "by-code"),
            ({"MfaConfiguration": "ON"}, "by-column"),
            (HELD_BACK, "by-code"),
            (HELD_BACK, "at-sign-in"),
        ],
        ids=[
            "OFF",
            "no SMS",
            "SMS role",
            "immutable",
            "ON by-code",
            "ON by-column",
            "held by-code",
            "held sign-in",
        ],
    )
    def test_a_pool_in_which_a_write_would_be_in_vain_or_harmful_is_refused(
        self, raise_site: Callable[..., Site], config: dict[str, Any], policy: str
    ) -> None:
        site = raise_site(members_of(NAMES), config=config)

        done = site.cli.run(
            roster_of(site.folder, NAMES), site.folder / "run", "--verification", policy, "--max-sms", 99
        )

        assert_code(done, 4)
        assert untouched(site.running)

    def test_a_pool_that_does_not_exist_is_refused(self, site: Site) -> None:
        site.cli.pool_id = "ap-northeast-1_Nowhere01"

        done = site.cli.run("roster.csv", site.folder / "run", *ATTESTED)

        assert_code(done, 4)
        assert "--user-pool-id" in done.err

    def test_where_mfa_is_required_a_vouched_number_is_stored_and_no_preference_written(
        self, raise_site: Callable[..., Site]
    ) -> None:
        site = raise_site(members_of(NAMES), config={"MfaConfiguration": "ON"})

        done = site.cli.run(roster_of(site.folder, NAMES), site.folder / "run", *ATTESTED)

        assert_code(done, 0)
        assert ends(site.folder / "run") == {ENROLLED: 12}
        assert calls(site.running)["AdminSetUserMFAPreference"] == 0

    def test_numbers_that_are_held_back_until_verified_can_be_attested(
        self, raise_site: Callable[..., Site]
    ) -> None:
        site = raise_site(members_of(NAMES), config=HELD_BACK)

        done = site.cli.run(roster_of(site.folder, NAMES), site.folder / "run", *ATTESTED)

        assert_code(done, 0)
        assert ends(site.folder / "run") == {ENROLLED: 12}
        assert sms(site.running) == {}


class TestAccess:
    @pytest.mark.parametrize(
        "op",
        ["GetCallerIdentity", "DescribeUserPool", "ListUsers", "AdminGetUser", "AdminUpdateUserAttributes"],
    )
    def test_a_missing_permission_ends_the_run_and_blames_no_user(
        self, raise_site: Callable[..., Site], op: str
    ) -> None:
        site = raise_site(members_of(NAMES), faults={"rules": [{"kind": "access_denied", "ops": [op]}]})
        roster = roster_of(site.folder, NAMES)

        done = site.cli.run(roster, site.folder / "run", *ATTESTED)
        site.running.control("faults", {})
        again = site.cli.run(roster, site.folder / "run", *ATTESTED)

        assert_code(done, 5)
        assert op in done.err
        assert_code(again, 0)
        assert ends(site.folder / "run") == {ENROLLED: 12}

    def test_credentials_that_expire_midway_end_the_run_and_the_same_command_goes_on(
        self, raise_site: Callable[..., Site]
    ) -> None:
        site = raise_site(members_of(NAMES), faults={"rules": [{"kind": "expired_token", "after_calls": 30}]})
        roster = roster_of(site.folder, NAMES)

        done = site.cli.run(roster, site.folder / "run", *ATTESTED)
        left = summary(site.folder / "run")
        site.running.control("faults", {})
        again = site.cli.run(roster, site.folder / "run", *ATTESTED)

        assert_code(done, 5)
        assert left["counts"]["unprocessed"] > 0
        assert left["counts"]["failed"] == 0
        assert_code(again, 0)
        assert ends(site.folder / "run") == {ENROLLED: 12}

    def test_without_credentials_it_says_how_to_sign_in(self, site: Site) -> None:
        site.cli.environment |= {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}

        done = site.cli.run("roster.csv", site.folder / "run", *ATTESTED)

        assert_code(done, 5)
        assert not calls(site.running)


class TestSms:
    def test_more_sms_than_allowed_are_refused_at_plan_and_at_run(
        self, raise_site: Callable[..., Site]
    ) -> None:
        site = raise_site(members_of(NAMES), config=READY)
        roster = roster_of(site.folder, NAMES)

        planned = site.cli.plan(roster, site.folder / "plan", *BY_CODE, "--max-sms", 11)
        run = site.cli.run(roster, site.folder / "run", *BY_CODE)

        assert_code(planned, 8)
        assert_code(run, 8)
        assert "--max-sms" in run.err
        assert untouched(site.running)
        assert summary(site.folder / "run")["counts"]["unprocessed"] == 12

    def test_as_many_sms_as_allowed_are_sent_one_for_each_user(self, raise_site: Callable[..., Site]) -> None:
        site = raise_site(members_of(NAMES), config=READY)

        done = site.cli.run(roster_of(site.folder, NAMES), site.folder / "run", *BY_CODE, "--max-sms", 12)

        assert_code(done, 0)
        assert ends(site.folder / "run") == {("pending", "awaiting_code"): 12}
        assert list(sms(site.running).values()) == [1] * 12
        assert calls(site.running)["AdminSetUserMFAPreference"] == 0

    def test_a_later_wave_is_told_what_the_earlier_ones_sent(self, raise_site: Callable[..., Site]) -> None:
        site = raise_site(members_of(NAMES), config=READY)
        command = (roster_of(site.folder, NAMES), site.folder / "run", *BY_CODE)
        assert_code(site.cli.run(*command, "--max-sms", 12, "--max-users", 5), 10)

        refused = site.cli.run(*command, "--max-sms", 11)

        assert_code(refused, 8)
        assert "12 SMS in all, 5 of them before this pass; --max-sms allows 11." in words(refused.err)
        assert sum(sms(site.running).values()) == 5


class TestRunDirectory:
    def test_a_directory_with_other_files_is_foreign(self, site: Site) -> None:
        (site.folder / "run").mkdir()
        (site.folder / "run" / "thesis.txt").write_text("mine")

        done = site.cli.run("roster.csv", site.folder / "run", *ATTESTED)

        assert_code(done, 6)
        assert (site.folder / "run" / "thesis.txt").read_text() == "mine"

    def test_a_file_is_no_run_directory(self, site: Site) -> None:
        done = site.cli.run("roster.csv", site.folder / "roster.csv", *ATTESTED)

        assert_code(done, 6)

    def test_a_journal_of_a_newer_version_is_left_alone(self, site: Site) -> None:
        site.cli.plan("roster.csv", site.folder / "run", *ATTESTED)
        connection = sqlite3.connect(site.folder / "run" / "journal.sqlite")
        connection.execute("PRAGMA user_version = 99")
        connection.close()

        done = site.cli.run("roster.csv", site.folder / "run", *ATTESTED)

        assert_code(done, 6)
        assert "newer" in done.err
        assert untouched(site.running)

    def test_another_pool_does_not_fit_the_directory(
        self, raise_site: Callable[..., Site], site: Site
    ) -> None:
        site.cli.plan("roster.csv", site.folder / "run", *ATTESTED)
        other = raise_site(members_of(NAMES), pool_id="ap-northeast-1_Another01")
        other.cli.pool_id = "ap-northeast-1_Another01"

        done = other.cli.run("roster.csv", site.folder / "run", *ATTESTED)

        assert_code(done, 3)
        assert "This run began at the endpoint" in done.err
        assert untouched(other.running)


@pytest.mark.parametrize(
    ("kind", "advice"),
    [
        (
            "canary",
            "It holds the user of a canary; `rollback` restores that user from it.",
        ),
        ("audit", "It holds no plan; its report/unverified.csv, with the numbers filled in, is a roster."),
    ],
)
@pytest.mark.parametrize(
    "roster", [(), ("roster.csv", *ATTESTED, "--user-pool-id", POOL_ID)], ids=["", "roster"]
)
def test_the_directory_of_another_kind_is_said_to_be_one(
    site: Site, kind: str, advice: str, roster: Sequence[str]
) -> None:
    with Journal.create_or_open(site.folder / "other") as journal:
        journal.set_meta(
            {"kind": kind, "phase": "planned", "account": "123456789012", "user_pool_id": POOL_ID}
        )

    done = site.cli("run", *roster, "--run-dir", "other", "--yes")

    assert_code(done, 3)
    assert f"This --run-dir belongs to `{kind}`, not to `run`." in done.err
    assert advice in done.err
    assert "Use another --run-dir, or name a ROSTER without --run-dir." in done.err
    assert untouched(site.running)
