"""The number that is used is judged wherever it comes from, and told in every report; what a plan binds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from migrate_mfa.main import main
from tests.commands.support import (
    POOL_ID,
    Cli,
    a_member,
    phone_of,
    pool_document,
    report,
    state,
    write_roster,
)
from tests.support.hosted import hosted

if TYPE_CHECKING:
    from pathlib import Path

    from migrate_mfa.simulator import Running

OWN = "outcome,reason,detail,user_sub,updated_at,row,phone_number_used"
LANDLINE = "+81312345678"


@dataclass
class Place:
    folder: Path
    running: Running

    def run(self, roster: str, *options: str, run_dir: str = "run", command: str = "run") -> int:
        where = ["--user-pool-id", POOL_ID, "--endpoint-url", self.running.endpoint]
        consent = ["--yes"] if command == "run" else []
        policy = [] if "--verification" in options else ["--verification", "attested"]
        line = [command, roster, *where, *policy, *options, *consent, "--run-dir", run_dir, "--quiet"]
        return main(line)

    def again(self, command: str, *options: str, run_dir: str = "run") -> int:
        return main([command, "--run-dir", run_dir, *options])

    def rows(self, outcome: str, run_dir: str = "run") -> list[dict[str, str]]:
        return report(self.folder / run_dir, outcome)

    def user(self, name: str) -> dict[str, Any]:
        users = state(self.running)
        return next(user for user in users.values() if user["Username"] == name)


Raise = Callable[..., Place]


@pytest.fixture
def raise_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Raise]:
    monkeypatch.chdir(tmp_path)
    for name, value in Cli(tmp_path).env().items():
        if name.startswith("AWS_"):
            monkeypatch.setenv(name, value)
    with ExitStack() as stack:

        def make(*users: dict[str, Any], **pool: Any) -> Place:
            document = pool_document(users, **pool)
            return Place(tmp_path, stack.enter_context(hosted(document)))

        yield make


def used(rows: list[dict[str, str]]) -> dict[str, tuple[str, str]]:
    return {row["email"].partition("@")[0]: (row["reason"], row["phone_number_used"]) for row in rows}


def test_a_number_of_the_pool_is_judged_and_said_to_be_the_pools(raise_place: Raise) -> None:
    place = raise_place(
        a_member("land", phone=LANDLINE, verified=True),
        a_member("toll", phone="+18005551234", verified=True),
        a_member("trunk", phone="+8109012345678", verified=True),
        a_member("short", phone="+1112", verified=True),
        a_member("pager", phone="+812012345678", verified=True),
        a_member("good", phone=phone_of(1), verified=True),
    )
    names = ("land", "toll", "trunk", "short", "pager", "good")
    write_roster(place.folder / "r.csv", [(f"{name}@example.com",) for name in names], ("email",))

    assert place.run("r.csv", "--max-failures", "100%") == 7

    failed = place.rows("failed")
    assert used(failed) == {
        "land": ("not_sms_capable", ""),
        "toll": ("not_sms_capable", ""),
        "trunk": ("invalid_phone", ""),
        "short": ("invalid_phone", ""),
        "pager": ("not_sms_capable", ""),
    }
    assert all("This is the number in the pool, not in the roster: " in row["detail"] for row in failed)
    assert used(place.rows("verified")) == {"good": ("enrolled", phone_of(1))}
    assert not place.user("land").get("UserMFASettingList")


def test_a_kept_number_is_the_one_that_is_judged_and_told(raise_place: Raise) -> None:
    place = raise_place(
        a_member("land", phone=LANDLINE, verified=True), a_member("own", phone=phone_of(8), verified=True)
    )
    rows = [("land@example.com", phone_of(1)), ("own@example.com", phone_of(2))]
    write_roster(place.folder / "r.csv", rows)

    assert place.run("r.csv", "--phone-conflict", "keep", "--max-failures", "100%") == 7

    assert used(place.rows("failed")) == {"land": ("not_sms_capable", "")}
    (row,) = place.rows("verified")
    assert (row["phone_number"], row["phone_number_used"], row["row"]) == (phone_of(2), phone_of(8), "2")


def test_a_report_as_roster_means_what_it_meant(raise_place: Raise) -> None:
    place = raise_place(a_member("own", phone=phone_of(8), verified=True))
    write_roster(place.folder / "r.csv", [("own@example.com",)], ("email",))
    assert place.run("r.csv") == 0

    assert place.run("run/report/verified.csv", run_dir="again") == 0

    (row,) = place.rows("verified", "again")
    assert ",".join(row) == f"email,{OWN}"
    assert (row["reason"], row["phone_number_used"]) == ("already_enrolled", phone_of(8))


def test_columns_of_the_rosters_own_come_back_and_ours_have_a_prefix(raise_place: Raise) -> None:
    place = raise_place(a_member("ann"))
    row = ("ann@example.com", phone_of(1), "new hire", "desk 4", "won")
    write_roster(place.folder / "r.csv", [row], ("email", "phone_number", "reason", "detail", "outcome"))
    assert place.run("r.csv") == 0

    assert place.run("run/report/verified.csv", run_dir="again") == 0

    prefixed = ",".join(f"mfa_{name}" for name in OWN.split(","))
    for run_dir, reason in (("run", "enrolled"), ("again", "already_enrolled")):
        (found,) = place.rows("verified", run_dir)
        assert ",".join(found) == f"email,phone_number,reason,detail,outcome,{prefixed}"
        assert tuple(found.values())[:5] == row
        assert (found["mfa_reason"], found["mfa_phone_number_used"]) == (reason, phone_of(1))


def test_reconcile_judges_the_number_that_users_chose_since_and_drift_does_not(raise_place: Raise) -> None:
    """Under keep the user's own proved number is taken: it passes the same rules when it is promoted."""
    names = ("land", "own", "proves", "moves")
    place = raise_place(
        *[a_member(name) for name in names[:-1]], a_member("moves", phone=phone_of(9), verified=True)
    )
    rows = [(f"{name}@example.com", phone_of(at)) for at, name in enumerate(names)]
    write_roster(place.folder / "r.csv", rows)
    assert place.run("r.csv", "--verification", "by-code", "--phone-conflict", "keep") == 0
    for name, number in (
        ("land", LANDLINE),
        ("own", phone_of(8)),
        ("proves", phone_of(2)),
        ("moves", LANDLINE),
    ):
        told = {"phone_number": number, "phone_number_verified": "true"}
        place.running.control("users", {"upsert": [{"Username": name, "Attributes": told}]})

    code = place.again("reconcile", "--endpoint-url", place.running.endpoint, "--yes", "--quiet")

    assert code == 7
    assert used(place.rows("failed")) == {"land": ("not_sms_capable", "")}
    assert used(place.rows("verified")) == {
        "own": ("promoted", phone_of(8)),
        "proves": ("promoted", phone_of(2)),
        "moves": ("enrolled", phone_of(9)),
    }
    assert place.rows("drift") == []
    assert not place.user("land").get("UserMFASettingList")


def test_a_run_refused_between_two_writes_is_told_as_that(
    raise_place: Raise, capsys: pytest.CaptureFixture[str]
) -> None:
    place = raise_place(a_member("ann"), a_member("bob", phone=phone_of(9)))
    rows = [("ann@example.com", phone_of(1)), ("bob@example.com", phone_of(2))]
    write_roster(place.folder / "r.csv", rows)
    rule = {
        "kind": "error",
        "code": "AccessDeniedException",
        "status": 403,
        "ops": ["AdminSetUserMFAPreference"],
    }
    place.running.control("faults", {"rules": [rule | {"message": "no"}]})

    assert place.run("r.csv") == 5

    said = "The number is stored and verified, SMS MFA is not switched on yet; run the same command again."
    assert {row["detail"] for row in place.rows("unprocessed")} == {said}
    assert used(place.rows("unprocessed")) == {"ann": ("", phone_of(1)), "bob": ("", phone_of(2))}
    ended = capsys.readouterr().out
    assert place.again("status") == 0
    for text in (ended, capsys.readouterr().out):
        assert "2 users have the number stored, but SMS MFA is not known to be switched on yet" in text
    place.running.control("faults", {})
    assert place.run("r.csv") == 0
    assert used(place.rows("verified")) == {
        "ann": ("enrolled", phone_of(1)),
        "bob": ("enrolled", phone_of(2)),
    }


def test_a_row_that_failed_after_its_number_was_stored_says_so(raise_place: Raise) -> None:
    place = raise_place(a_member("ann"), a_member("bob"))
    rows = [("ann@example.com", phone_of(1)), ("bob@example.com", phone_of(2))]
    write_roster(place.folder / "r.csv", rows)
    for operation in ("AdminUpdateUserAttributes", "AdminSetUserMFAPreference"):
        rule = {"kind": "error", "code": "InvalidParameterException", "status": 400, "ops": [operation]}
        place.running.control("faults", {"rules": [rule | {"message": "no"}]})

        assert place.run("r.csv", "--max-users", "1", run_dir=operation) == 10

    (after,) = place.rows("failed", "AdminSetUserMFAPreference")
    (before,) = place.rows("failed", "AdminUpdateUserAttributes")
    assert after["detail"].endswith("The number was stored before that.")
    assert (after["reason"], after["phone_number_used"]) == ("rejected", phone_of(1))
    assert "stored" not in before["detail"]
    assert before["phone_number_used"] == ""


@pytest.mark.parametrize(
    ("option", "value", "says"),
    [
        ("--phone-country", "US", "planned JP, now US"),
        ("--strict-e164", None, "planned no, now yes"),
        ("--id-column", "email", "planned none, now email"),
        ("--phone-column", "phone_number", "planned none, now phone_number"),
        ("--encoding", "cp932", "planned none, now cp932"),
        ("--verification", "by-code", "planned attested, now by-code"),
        ("--phone-conflict", "keep", "planned fail, now keep"),
        ("--despite", "has_totp", "planned none, now has_totp"),
    ],
)
def test_an_option_that_differs_from_the_plan_is_refused_and_both_are_named(
    raise_place: Raise, capsys: pytest.CaptureFixture[str], option: str, value: str | None, says: str
) -> None:
    place = raise_place(a_member("ann"))
    write_roster(place.folder / "r.csv", [("ann@example.com", "090-1000-0001")])
    assert place.run("r.csv", "--phone-country", "JP", command="plan") == 0
    where = ["--endpoint-url", place.running.endpoint, "--yes"]

    refused = place.again("run", option, *([value] if value else []), *where)

    assert refused == 3
    said = " ".join(capsys.readouterr().err.split())
    assert f"{option} is not what this run was planned with: {says}." in said
    assert "phone_number" not in place.user("ann")["Attributes"]


def test_the_same_options_and_defaults_are_no_contradiction(
    raise_place: Raise, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    place = raise_place(a_member("ann", phone=phone_of(3), verified=True))
    write_roster(place.folder / "r.csv", [("ann@example.com", "090-1000-0001")])
    assert place.run("r.csv", "--phone-country", "JP", "--phone-conflict", "keep", command="plan") == 0
    where = ["--endpoint-url", place.running.endpoint, "--yes"]
    monkeypatch.setenv("MIGRATE_MFA_PHONE_COUNTRY", "US")

    assert place.again("run", *where) == 3  # a variable is a statement
    monkeypatch.setenv("MIGRATE_MFA_PHONE_COUNTRY", "jp")
    capsys.readouterr()
    assert place.again("run", "--show-config", *where) == 0
    shown = capsys.readouterr().out
    assert place.again("run", "--verification", "attested", *where) == 0

    assert "\nphone_conflict = keep  # from the plan\n" in shown
    assert "\nverification = attested  # from the plan\n" in shown
    assert f"\nuser_pool_id = {POOL_ID}  # from the plan\n" in shown
    assert "\nphone_country = jp  # variable\n" in shown
    assert place.user("ann")["UserMFASettingList"] == ["SMS_MFA"]


def test_another_roster_is_named_with_the_one_that_was_planned(
    raise_place: Raise, capsys: pytest.CaptureFixture[str]
) -> None:
    place = raise_place(a_member("ann"))
    write_roster(place.folder / "r.csv", [("ann@example.com", phone_of(1))])
    write_roster(place.folder / "s.csv", [("ann@example.com", phone_of(2))])
    assert place.run("r.csv", command="plan") == 0

    assert place.run("s.csv") == 3
    (place.folder / "r.csv").write_text("email,phone_number\n")
    write_roster(place.folder / "r.csv", [("ann@example.com", phone_of(3))])
    assert place.run("r.csv") == 3

    said = " ".join(capsys.readouterr().err.split())
    assert "The roster is not what this run was planned with: planned r.csv, now s.csv." in said
    assert "The roster is not what this run was planned with: r.csv has changed since." in said


def test_a_purge_waits_for_pending_rows_unless_they_are_given_up(
    raise_place: Raise, capsys: pytest.CaptureFixture[str]
) -> None:
    place = raise_place(a_member("ann"), a_member("bob"), a_member("cid", UserStatus="UNCONFIRMED"))
    rows = [(f"{name}@example.com", phone_of(at)) for at, name in enumerate(("ann", "bob", "cid"))]
    write_roster(place.folder / "r.csv", rows)
    assert place.run("r.csv", "--verification", "by-code") == 0

    refused = place.again("purge", "--yes")

    said = " ".join(capsys.readouterr().err.split())
    assert refused == 6
    assert "has pending rows: 2 awaiting_code, 1 awaiting_confirmation." in said
    assert "--despite-pending" in said
    assert len(place.rows("pending")) == 3
    assert place.again("purge", "--yes", "--despite-pending") == 0
    assert not (place.folder / "run/report/pending.csv").exists()
    assert place.again("purge", "--yes") == 0  # what a first one has left behind goes with the second


def test_after_a_rollback_nobody_is_pending_and_a_purge_is_possible(raise_place: Raise) -> None:
    place = raise_place(a_member("ann"), a_member("cid", UserStatus="UNCONFIRMED"))
    rows = [("ann@example.com", phone_of(1)), ("cid@example.com", phone_of(2))]
    write_roster(place.folder / "r.csv", rows)
    assert place.run("r.csv", "--verification", "by-code") == 0
    where = ["--endpoint-url", place.running.endpoint, "--yes"]

    assert place.again("rollback", "--outcome", "pending", *where) == 0

    assert {row["phone_number_used"] for row in place.rows("skipped")} == {""}
    assert place.again("purge", "--yes") == 0
