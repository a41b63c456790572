"""plan and run as an operator meets them: exit codes, what is refused before anything is written, plans."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.commands.support import (
    POOL_ID,
    POOL_NAME,
    WRITES,
    Done,
    a_member,
    assert_code,
    calls,
    endings,
    ends,
    members_of,
    phone_of,
    report,
    roster_of,
    state,
    state_hash,
    summary,
    untouched,
    words,
    write_roster,
)
from tests.support.terminal import typing

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


class TestUsage:
    @pytest.mark.parametrize("command", ["plan", "run"])
    def test_without_a_policy_the_choices_are_explained(self, site: Site, command: str) -> None:
        done = site.cli(command, "roster.csv", "--user-pool-id", POOL_ID, *["--yes"] * (command == "run"))

        assert_code(done, 2)
        assert all(choice in done.err for choice in ("by-code", "attested", "at-sign-in", "by-column"))
        assert not calls(site.running)

    def test_without_a_terminal_and_without_yes_nothing_is_written(self, site: Site) -> None:
        done = site.cli("run", "roster.csv", "--user-pool-id", POOL_ID, *ATTESTED)

        assert_code(done, 2)
        assert "--yes" in done.err
        assert untouched(site.running)

    def test_yes_does_not_come_from_a_variable(self, site: Site) -> None:
        site.cli.environment |= {"MIGRATE_MFA_YES": "1", "MIGRATE_MFA_VERIFICATION": "attested"}

        done = site.cli("run", "roster.csv", "--user-pool-id", POOL_ID)

        assert_code(done, 2)
        assert "--yes" in done.err

    def test_the_default_run_directory_is_named_after_pool_and_roster(self, site: Site) -> None:
        done = site.cli("plan", "roster.csv", "--user-pool-id", POOL_ID, *ATTESTED)

        assert_code(done, 0)
        (made,) = (site.folder / "migrate-mfa-runs" / POOL_ID).iterdir()
        assert made.name.startswith("roster-")
        assert len(made.name) == len("roster-") + 8


class TestRoster:
    @pytest.mark.parametrize(
        "content",
        [
            None,
            b"",
            b"email,phone_number\r\n",
            b"colour,phone_number\r\nred,+819012345678\r\n",
            b'email,phone_number\r\n"a@example.com,+819012345678\r\nb@example.com,\r\n',
            b"email,mail,phone_number\r\na@example.com,a@example.com,\r\n",
        ],
        ids=["missing", "empty", "no rows", "no identity", "unterminated quote", "two columns for one thing"],
    )
    def test_an_unusable_roster_is_refused(self, site: Site, content: bytes | None) -> None:
        path = site.folder / "other.csv"
        if content is not None:
            path.write_bytes(content)

        done = site.cli.run(path, site.folder / "run", *ATTESTED)

        assert_code(done, 3)
        assert untouched(site.running)

    @pytest.mark.parametrize("command", ["plan", "run"])
    def test_too_many_unusable_rows_stop_before_the_first_write(self, site: Site, command: str) -> None:
        rows = [
            (f"{name}@example.com", phone_of(1) if place % 2 else "call me")
            for place, name in enumerate(NAMES)
        ]
        roster = write_roster(site.folder / "half.csv", rows)

        done = getattr(site.cli, command)(roster, site.folder / "run", *ATTESTED)

        assert_code(done, 3)
        assert "--max-failures" in done.err
        assert untouched(site.running)
        assert len(report(site.folder / "run", "failed")) == 6

    def test_four_unusable_rows_are_never_too_many(self, site: Site) -> None:
        rows = [(f"{name}@example.com", "call me") for name in NAMES[:4]]
        rows += [(f"{NAMES[5]}@example.com", phone_of(5))]

        done = site.cli.run(write_roster(site.folder / "few.csv", rows), site.folder / "run", *ATTESTED)

        assert_code(done, 7)
        assert ends(site.folder / "run") == {("failed", "invalid_phone"): 4, ENROLLED: 1}

    def test_a_roster_is_read_from_standard_input(self, site: Site) -> None:
        text = (site.folder / "roster.csv").read_text(encoding="utf-8")

        done = site.cli.run("-", site.folder / "run", *ATTESTED, stdin=text)

        assert_code(done, 0)
        assert ends(site.folder / "run") == {ENROLLED: 12}

    def test_a_failed_row_is_mended_in_the_saved_csv_and_run_again(self, site: Site) -> None:
        rows = [(f"{NAMES[0]}@example.com", "090-1234"), (f"{NAMES[1]}@example.com", phone_of(1))]
        first = site.cli.run(write_roster(site.folder / "two.csv", rows), site.folder / "first", *ATTESTED)
        lines = report(site.folder / "first", "failed")
        lines[0]["phone_number"] = phone_of(0)
        mended = write_roster(
            site.folder / "mended.csv", [list(line.values()) for line in lines], list(lines[0])
        )

        again = site.cli.run(mended, site.folder / "again", *ATTESTED)

        assert_code(first, 7)
        assert_code(again, 0)
        assert ends(site.folder / "again") == {ENROLLED: 1}
        assert state(site.running)[NAMES[0]]["Attributes"]["phone_number"] == phone_of(0)


class TestBinding:
    def test_a_changed_roster_does_not_fit_an_explicit_run_directory(self, site: Site) -> None:
        site.cli.plan("roster.csv", site.folder / "run", *ATTESTED)

        done = site.cli.run(roster_of(site.folder, NAMES[:3], "other.csv"), site.folder / "run", *ATTESTED)

        assert_code(done, 3)
        assert "roster" in done.err
        assert untouched(site.running)

    @pytest.mark.parametrize(
        ("option", "named"),
        [
            (BY_CODE, "--verification"),
            ((*ATTESTED, "--phone-conflict", "keep"), "--phone-conflict"),
            ((*ATTESTED, "--despite", "has_totp"), "--despite"),
            ((*ATTESTED, "--phone-country", "JP"), "--phone-country"),
            ((*ATTESTED, "--strict-e164"), "--strict-e164"),
        ],
    )
    def test_a_changed_option_that_decides_is_refused_by_name(
        self, site: Site, option: Sequence[str], named: str
    ) -> None:
        site.cli.plan("roster.csv", site.folder / "run", *ATTESTED)

        done = site.cli.run("roster.csv", site.folder / "run", *option)

        assert_code(done, 3)
        assert named in done.err
        assert untouched(site.running)

    def test_pacing_options_may_change(self, site: Site) -> None:
        site.cli.plan("roster.csv", site.folder / "run", *ATTESTED)

        done = site.cli.run(
            "roster.csv", site.folder / "run", *ATTESTED, "--max-rps", "UserUpdate=50", "--batch-size", 3
        )

        assert_code(done, 0)

    def test_a_plan_does_not_forget_writes(self, site: Site) -> None:
        site.cli.run("roster.csv", site.folder / "run", *ATTESTED)

        done = site.cli.plan("roster.csv", site.folder / "run", *ATTESTED)

        assert_code(done, 3)
        assert ends(site.folder / "run") == {ENROLLED: 12}


class TestPlan:
    def test_a_dry_run_equals_a_plan_and_neither_writes(self, site: Site) -> None:
        rows = [(f"{name}@example.com", phone_of(place)) for place, name in enumerate(NAMES)]
        write_roster(site.folder / "mixed.csv", [*rows, ("nobody@example.com", phone_of(99))])

        planned = site.cli.plan("mixed.csv", site.folder / "plan", *ATTESTED)
        dry = site.cli.run("mixed.csv", site.folder / "dry", *ATTESTED, "--dry-run")

        assert_code(planned, 0)
        assert_code(dry, 0)
        assert dry.out == planned.out
        assert endings(site.folder / "dry") == endings(site.folder / "plan")
        assert summary(site.folder / "dry")["command"] == "plan"
        assert untouched(site.running)

    def test_a_saved_plan_is_applied_by_its_directory_alone(self, site: Site) -> None:
        site.cli.plan("roster.csv", site.folder / "run", *ATTESTED)
        (site.folder / "roster.csv").unlink()

        done = site.cli(
            "run", "--run-dir", site.folder / "run", "--yes", "--json", "--quiet", "--quota-share", "1.0"
        )

        assert_code(done, 0)
        assert done.json()["counts"]["verified"] == 12
        assert ends(site.folder / "run") == {ENROLLED: 12}

    def test_a_finished_run_is_not_done_again(self, site: Site) -> None:
        site.cli.run("roster.csv", site.folder / "run", *ATTESTED)
        before = calls(site.running)

        done = site.cli.run("roster.csv", site.folder / "run", *ATTESTED)

        assert_code(done, 0)
        after = calls(site.running)
        assert {op: after[op] - before[op] for op in (*WRITES, "AdminGetUser")} == dict.fromkeys(
            (*WRITES, "AdminGetUser"), 0
        )

    def test_failed_rows_of_a_finished_run_are_decided_again(self, site: Site) -> None:
        rows = [("late@example.com", phone_of(77)), (f"{NAMES[0]}@example.com", phone_of(0))]
        roster = write_roster(site.folder / "late.csv", rows)
        first = site.cli.run(roster, site.folder / "run", *ATTESTED)
        site.running.control("users", {"upsert": [a_member("late")]})

        again = site.cli.run(roster, site.folder / "run", *ATTESTED)

        assert_code(first, 7)
        assert_code(again, 0)
        assert ends(site.folder / "run") == {ENROLLED: 2}

    def test_a_row_with_a_wrong_number_and_identities_that_differ_is_a_bad_row(self, site: Site) -> None:
        row = (NAMES[0], f"{NAMES[1]}@example.com", "call me")
        roster = write_roster(site.folder / "both.csv", [row], ("username", "email", "phone_number"))

        site.cli.plan(roster, site.folder / "run", *ATTESTED)

        assert ends(site.folder / "run") == {("failed", "bad_row"): 1}


class TestConfirmation:
    def answer(self, site: Site, text: str) -> Done:
        """Run at a terminal of its own, and type one line at the prompt."""
        arguments = (
            "run",
            "roster.csv",
            "--user-pool-id",
            POOL_ID,
            "--run-dir",
            site.folder / "run",
            *ATTESTED,
        )
        with typing(f"{text}\n") as stdin:
            return site.cli(*arguments, "--quota-share", "1.0", stdin=stdin)

    def test_the_pools_name_lets_the_run_go_on(self, site: Site) -> None:
        done = self.answer(site, POOL_NAME)

        assert_code(done, 0)
        assert all(
            word in done.err for word in ("12 users", "123456789012", "ap-northeast-1", POOL_NAME, POOL_ID)
        )
        assert ends(site.folder / "run") == {ENROLLED: 12}

    @pytest.mark.parametrize("text", ["yes", "", POOL_ID])
    def test_anything_else_declines_and_writes_nothing(self, site: Site, text: str) -> None:
        before = state_hash(site.running)

        done = self.answer(site, text)

        assert_code(done, 130)
        assert state_hash(site.running) == before
        assert untouched(site.running)


def test_a_number_that_somebody_proved_since_the_plan_is_not_taken_from_them(
    raise_site: Callable[..., Site],
) -> None:
    site = raise_site(
        [a_member("ann"), a_member("bob")], config={"AliasAttributes": ["email", "phone_number"]}
    )
    roster = write_roster(site.folder / "roster.csv", [("ann@example.com", phone_of(0))])
    assert_code(site.cli.plan(roster, site.folder / "run", "--verification", "attested"), 0)
    proved = {"phone_number": phone_of(0), "phone_number_verified": "true"}
    site.running.control("users", {"upsert": [{"Username": "bob", "Attributes": proved}]})

    done = site.cli.run(roster, site.folder / "run", "--verification", "attested")

    assert_code(done, 7)
    assert ends(site.folder / "run") == {("failed", "phone_taken"): 1}
    assert state(site.running)["bob"]["Attributes"]["phone_number_verified"] == "true"
    assert "phone_number" not in state(site.running)["ann"]["Attributes"]


def test_numbers_that_several_users_share_are_told_before_the_question(
    raise_site: Callable[..., Site],
) -> None:
    """A column that was filled down by mistake would send everybody's codes to one phone."""
    names = ["ann", "bob", "cid", "dan", "eve", "fay", "gus"]
    site = raise_site([a_member(name) for name in names])
    numbers = [1, 1, 1, 2, 3, 3, 4]
    rows = [(f"{name}@example.com", phone_of(number)) for name, number in zip(names, numbers, strict=True)]
    rows.append(("nobody@example.com", phone_of(4)))
    rows.append(("ann@example.com", phone_of(1)))
    roster = write_roster(site.folder / "roster.csv", rows)
    command = (roster, site.folder / "run", "--verification", "attested", "--max-failures", "100%")

    planned = site.cli.plan(*command)
    shared = summary(site.folder / "run")["shared_numbers"]
    done = site.cli.run(*command)
    again = site.cli.run(*command)

    told = "2 phone numbers are shared by 5 users, up to 3 each"
    assert shared == {"numbers": 2, "users": 5, "most": 3}
    assert told in words(planned.out)
    assert f"{told}." in words(done.err)
    assert "shared by" not in again.said


def test_the_question_counts_whom_despite_lets_in_and_names_the_risk_of_at_sign_in(
    raise_site: Callable[..., Site],
) -> None:
    users = [a_member(name) for name in ("ann", "bob", "cid")]
    for user in users[:2]:
        user["Attributes"]["email_verified"] = "false"
    site = raise_site(users)
    rows = [(name, phone_of(number)) for number, name in enumerate(("ann", "bob", "cid"))]
    roster = write_roster(site.folder / "roster.csv", rows, ("username", "phone_number"))
    lifted = ("--despite", "no_recovery_left", "--despite", "has_totp")

    done = site.cli.run(roster, site.folder / "run", "--verification", "at-sign-in", *lifted)

    assert_code(done, 0)
    asked = words(done.err)
    assert "Despite has_totp (known at the write), no_recovery_left 2." in asked
    assert "3 users with SMS MFA on an unproved number: a wrong number locks its user out" in asked
