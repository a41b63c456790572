"""audit over a pool of every kind of user, against a count of its own."""

from __future__ import annotations

import csv
import sqlite3
from collections import Counter
from contextlib import closing
from random import Random
from typing import TYPE_CHECKING, Any

import pytest

from tests.commands.messy_oracle import Setting
from tests.commands.messy_roster import make_users
from tests.commands.support import (
    POOL_ID,
    a_member,
    assert_code,
    calls,
    ends,
    phone_of,
    state,
    state_hash,
    write_roster,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from tests.commands.conftest import Site
    from tests.commands.support import Done

KINDS = ("verified", "unverified", "no_phone")
ASIDE = {"DISABLED", "EXTERNAL_PROVIDER"}


def group(user: dict[str, Any]) -> str:
    if user["UserStatus"] == "EXTERNAL_PROVIDER":
        return "EXTERNAL_PROVIDER"
    return str(user["UserStatus"]) if user["Enabled"] else "DISABLED"


def kind(user: dict[str, Any]) -> str:
    if not user["Attributes"].get("phone_number"):
        return "no_phone"
    return "verified" if user["Attributes"]["phone_number_verified"] == "true" else "unverified"


def counted(users: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    return [user for user in users if group(user) not in ASIDE]


def read(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def audit(site: Site, *options: object) -> Done:
    return site.cli("audit", "--user-pool-id", POOL_ID, "--run-dir", "audit", "--quiet", *options)


@pytest.fixture
def site(raise_site: Callable[..., Site]) -> Site:
    """The users of the messy pool."""
    return raise_site(make_users(Random("audit"), Setting(policy="attested")))


def test_coverage_is_that_of_the_pool_and_nobody_is_read_one_by_one(site: Site) -> None:
    users = state(site.running).values()
    expected = Counter((group(user), kind(user)) for user in users)

    done = audit(site, "--json")

    assert_code(done, 0)
    told = done.json()
    assert told["coverage"] == {
        name: {each: expected[name, each] for each in KINDS} for name in {name for name, _ in expected}
    }
    assert told["total"] == {each: sum(kind(user) == each for user in counted(users)) for each in KINDS}
    assert calls(site.running)["AdminGetUser"] == 0
    lacking = {user["Username"] for user in counted(users) if kind(user) != "verified"}
    assert {line["username"] for line in read(site.folder / "audit" / "report" / "unverified.csv")} == {
        name if name[0] not in "=+-@" else f"'{name}" for name in lacking
    }


def test_the_list_of_the_unverified_filled_in_is_a_roster(raise_site: Callable[..., Site]) -> None:
    users = [
        a_member("has", phone=phone_of(1), verified=True),
        a_member("lacks"),
        a_member("unproven", phone=phone_of(2)),
    ]
    site = raise_site(users)
    audit(site)
    lines = read(site.folder / "audit" / "report" / "unverified.csv")
    for number, line in enumerate(lines):
        line["phone_number"] = line["phone_number"] or phone_of(50 + number)
    roster = write_roster(site.folder / "filled.csv", [list(line.values()) for line in lines], list(lines[0]))

    done = site.cli.run(roster, "run", "--verification", "attested")
    after = audit(site, "--json").json()

    assert {line["why"] for line in lines} == {"unverified", "no_phone"}
    assert_code(done, 0)
    assert ends(site.folder / "run") == {("verified", "enrolled"): 2}
    assert after["total"] == {"verified": 3, "unverified": 0, "no_phone": 0}


def test_a_list_that_was_filled_in_where_it_stood_outlives_the_next_audit(
    raise_site: Callable[..., Site],
) -> None:
    site = raise_site([a_member("ann"), a_member("bob")])
    report = site.folder / "audit" / "report"
    assert_code(audit(site), 0)
    filled = (report / "unverified.csv").read_text("utf-8-sig").replace(",,", f",{phone_of(1)},")
    (report / "unverified.csv").write_text(filled)
    assert_code(site.cli("report", "--run-dir", "audit"), 0)

    for _ in range(2):
        assert_code(audit(site), 0)

    assert phone_of(1) not in (report / "unverified.csv").read_text()
    assert (report / "unverified.kept-1.csv").read_text() == filled
    assert len(list(report.glob("*.csv"))) == 2


def test_a_deep_audit_reads_whom_it_counts_with_a_verified_number_and_nobody_else(site: Site) -> None:
    users = [user for user in counted(state(site.running).values()) if kind(user) == "verified"]
    before = state_hash(site.running)

    done = audit(site, "--deep", "--yes", "--json")

    assert_code(done, 0)
    sms = [
        user
        for user in users
        if "SMS_MFA" in user["UserMFASettingList"] or (user["MFAOptions"] and not user["UserMFASettingList"])
    ]
    others = [user for user in users if user not in sms and user["UserMFASettingList"]]
    assert done.json()["mfa"] == {
        "sms_mfa": len(sms), "other_factor": len(others), "none": len(users) - len(sms) - len(others),
        "unread": 0,
    }  # fmt: skip
    assert calls(site.running)["AdminGetUser"] == len(users)
    assert len(read(site.folder / "audit" / "report" / "verified_without_mfa.csv")) == len(users) - len(
        sms
    ) - len(others)
    assert state_hash(site.running) == before


@pytest.mark.parametrize(
    ("deep", "names"),
    [((), {"unverified.csv"}), (("--deep", "--yes"), {"unverified.csv", "verified_without_mfa.csv"})],
    ids=["plain", "deep"],
)
def test_report_writes_the_lists_of_an_audit_again(
    site: Site, deep: tuple[str, ...], names: set[str]
) -> None:
    assert_code(audit(site, *deep), 0)
    report = site.folder / "audit" / "report"
    lists = {path.name: path.read_bytes() for path in report.glob("*.csv")}
    for path in report.glob("*.csv"):
        path.unlink()

    done = site.cli("report", "--run-dir", "audit")

    assert_code(done, 0)
    assert lists.keys() == names
    assert {path.name: path.read_bytes() for path in report.glob("*.csv")} == lists


def test_report_leaves_the_lists_of_an_audit_whose_journal_has_none(raise_site: Callable[..., Site]) -> None:
    """As it is with one that an earlier version made."""
    site = raise_site([a_member("ann")])
    assert_code(audit(site), 0)
    report = site.folder / "audit" / "report"
    before = (report / "unverified.csv").read_bytes()
    with closing(sqlite3.connect(site.folder / "audit" / "journal.sqlite")) as connection:
        connection.executescript(
            "DELETE FROM meta WHERE key = 'audit_lists'; DROP TABLE audited; PRAGMA user_version = 5;"
        )

    assert_code(site.cli("report", "--run-dir", "audit"), 0)
    left = (report / "unverified.csv").read_bytes()
    again = audit(site)

    assert left == before
    assert_code(again, 0)
    assert (report / "unverified.csv").read_bytes() == before


def test_a_plain_audit_keeps_nobody_whom_its_list_does_not_name(site: Site) -> None:
    assert_code(audit(site, "--deep", "--yes"), 0)
    assert_code(audit(site), 0)

    listed = {line["sub"] for line in read(site.folder / "audit" / "report" / "unverified.csv")}
    with closing(sqlite3.connect(site.folder / "audit" / "journal.sqlite")) as connection:
        assert {sub for (sub,) in connection.execute("SELECT sub FROM audited")} == listed
        assert connection.execute("SELECT COUNT(*) FROM users").fetchone() == (0,)


def test_a_deep_audit_asks_first(site: Site) -> None:
    done = audit(site, "--deep")

    assert_code(done, 2)
    assert "--yes" in done.err
    assert calls(site.running)["AdminGetUser"] == 0


@pytest.mark.parametrize(("share", "code"), [("60", 0), ("75%", 0), ("75.1", 9), ("100", 9)])
def test_fail_under_is_about_enabled_local_users(
    raise_site: Callable[..., Site], share: str, code: int
) -> None:
    """Three of four have a verified phone; the federated and the disabled one do not count."""
    users = [a_member(f"has{number}", phone=phone_of(number), verified=True) for number in range(3)]
    users += [a_member("lacks"), a_member("away", Enabled=False)]
    users += [{"Username": "Google_1", "UserStatus": "EXTERNAL_PROVIDER", "Attributes": {}}]
    site = raise_site(users)

    assert_code(audit(site, "--fail-under", share), code)


def test_nobody_passes_a_gate(raise_site: Callable[..., Site]) -> None:
    site = raise_site([{"Username": "Google_1", "UserStatus": "EXTERNAL_PROVIDER", "Attributes": {}}])

    done = audit(site, "--fail-under", "1")

    assert_code(done, 9)
    assert "Is it the right pool?" in done.err


REFUSED = {
    "kind": "error", "code": "InvalidParameterException", "message": "Invalid pagination token.",
    "ops": ["ListUsers"],
}  # fmt: skip


def crowd() -> list[dict[str, Any]]:
    return [a_member(f"user{number:04}") for number in range(300)]


@pytest.mark.parametrize("deep", [(), ("--deep", "--yes")], ids=["plain", "deep"])
def test_a_list_that_breaks_off_is_read_anew_and_nobody_is_counted_twice(
    raise_site: Callable[..., Site], deep: tuple[str, ...]
) -> None:
    had = a_member("had", phone=phone_of(1), verified=True)
    site = raise_site([had, *crowd()], faults={"rules": [{**REFUSED, "after_calls": 9, "times": 1}]})

    done = audit(site, "--json", *deep)

    assert_code(done, 0)
    assert done.json()["total"] == {"verified": 1, "unverified": 0, "no_phone": 300}
    assert len(read(site.folder / "audit" / "report" / "unverified.csv")) == 300
    assert calls(site.running)["AdminGetUser"] == len(deep) // 2


def test_a_list_that_breaks_off_for_good_ends_with_8_and_shows_whom_it_saw(
    raise_site: Callable[..., Site],
) -> None:
    site = raise_site(crowd(), faults={"rules": [{**REFUSED, "after_calls": 9}]})

    done = audit(site)

    assert_code(done, 8)
    assert "ListUsers" in done.err
    assert not list(site.folder.rglob("migrate-mfa-bug-*"))
    assert "stopped" in done.out


def test_a_user_who_cannot_be_read_ends_no_deep_audit(raise_site: Callable[..., Site]) -> None:
    users = [a_member(f"u{n}", phone=phone_of(n), verified=True) for n in range(3)]
    refused = {"kind": "error", "ops": ["AdminGetUser"], "users": ["u1"]}
    site = raise_site(users, faults={"rules": [refused]})

    done = audit(site, "--deep", "--yes", "--json")

    assert_code(done, 0)
    assert done.json()["mfa"] == {"sms_mfa": 0, "other_factor": 0, "none": 2, "unread": 1}
