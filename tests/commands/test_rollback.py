"""rollback over the whole tool: what a run did is undone, for everybody whom nobody else has touched."""

from __future__ import annotations

import shutil
from collections import Counter
from itertools import product
from typing import TYPE_CHECKING, Any

import pytest

from tests.commands.support import (
    LEGACY_SMS,
    POOL_ID,
    SENDS_CODES,
    WRITES,
    a_member,
    assert_code,
    calls,
    endings,
    ends,
    phone_of,
    report,
    sms,
    state,
    state_hash,
    summary,
    words,
    write_roster,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tests.commands.conftest import Site
    from tests.commands.support import Done

OTHER = "+818012345678"
RESTORED = ("skipped", "restored")
EVERYTHING = [
    "--despite", "has_totp", "--despite", "has_email_mfa", "--despite", "disabled_user",
    "--despite", "no_recovery_left", "--max-failures", "100%", "--max-sms", "100",
]  # fmt: skip

FACTORS: dict[str, dict[str, Any]] = {
    "none": {},
    "sms": {"UserMFASettingList": ["SMS_MFA"], "PreferredMfaSetting": "SMS_MFA"},
    "sms-idle": {"UserMFASettingList": ["SMS_MFA"]},
    "totp": {"UserMFASettingList": ["SOFTWARE_TOKEN_MFA"], "PreferredMfaSetting": "SOFTWARE_TOKEN_MFA"},
    "totp-idle": {"UserMFASettingList": ["SOFTWARE_TOKEN_MFA"]},
    "email": {"UserMFASettingList": ["EMAIL_OTP"], "PreferredMfaSetting": "EMAIL_OTP"},
    "both": {
        "UserMFASettingList": ["SMS_MFA", "SOFTWARE_TOKEN_MFA"],
        "PreferredMfaSetting": "SOFTWARE_TOKEN_MFA",
    },
    "legacy": {"MFAOptions": LEGACY_SMS},
}
PHONES = ("no", "same-unproven", "other-unproven", "same-proven", "other-proven")
STATUSES: tuple[dict[str, Any], ...] = (
    {"UserStatus": "UNCONFIRMED"},
    {"UserStatus": "RESET_REQUIRED"},
    {"UserStatus": "FORCE_CHANGE_PASSWORD"},
    {"UserStatus": "EXTERNAL_PROVIDER"},
    {"UserStatus": "ARCHIVED"},
    {"Enabled": False},
)


def everybody() -> tuple[list[dict[str, Any]], list[tuple[str, str]]]:
    """Users with every number and every factor, and of every status, and a roster with a number for each."""
    states = [(phone, FACTORS[factor]) for phone, factor in product(PHONES, FACTORS)]
    states += [(phone, status) for phone in ("no", "other-proven") for status in STATUSES]
    users, rows = [], []
    for number, (phone, members) in enumerate(states):
        wished, name = phone_of(number), f"user{number}"
        stored = None if phone == "no" else wished if phone.startswith("same") else phone_of(1000 + number)
        users.append(a_member(name, phone=stored, verified=phone.endswith("-proven"), **members))
        rows.append((f"{name}@example.com", wished))
    return users, rows


def rollback(site: Site, *arguments: object, run_dir: str = "run") -> Done:
    site.running.control("ledger/reset", {})
    usual = ("--run-dir", site.folder / run_dir, "--quiet", "--quota-share", "1.0", "--yes")
    return site.cli("rollback", *arguments, *usual)


def enrolled(raise_site: Callable[..., Site], names: Sequence[str], policy: str = "attested") -> Site:
    """A pool whose users a run has just enrolled."""
    site = raise_site([a_member(name) for name in names])
    rows = [(f"{name}@example.com", phone_of(number)) for number, name in enumerate(names)]
    roster = write_roster(site.folder / "roster.csv", rows)
    assert_code(site.cli.run(roster, site.folder / "run", "--verification", policy), 0)
    return site


def prove(site: Site, name: str) -> None:
    """A user enters the code in the app."""
    verified = {"Username": name, "Attributes": {"phone_number_verified": "true"}}
    site.running.control("users", {"upsert": [verified]})


def mfa_of(site: Site, name: str) -> list[str]:
    found: list[str] = state(site.running)[name]["UserMFASettingList"]
    return found


@pytest.mark.parametrize(
    ("policy", "options"),
    [
        ("attested", ["--phone-conflict", "replace"]),
        ("by-code", []),
        ("at-sign-in", []),
    ],
    ids=["attested", "by-code", "at-sign-in"],
)
def test_rolling_back_a_run_over_a_pool_in_every_state_gives_the_pool_back(
    raise_site: Callable[..., Site], policy: str, options: list[str]
) -> None:
    users, rows = everybody()
    site = raise_site(users)
    before = state_hash(site.running)
    roster = write_roster(site.folder / "roster.csv", rows)
    ran = site.cli.run(roster, site.folder / "run", "--verification", policy, *EVERYTHING, *options)
    changed, written = state_hash(site.running), calls(site.running)

    done = rollback(site)

    assert ran.code in {0, 7}, ran.said
    assert changed != before
    assert sum(written[operation] for operation in WRITES) > 10
    assert_code(done, 0)
    assert state_hash(site.running) == before
    assert ends(site.folder / "run").keys() == {RESTORED, ("skipped", "nothing_to_restore")}
    assert sms(site.running) == {}


def test_what_would_need_an_sms_is_said_and_not_done(raise_site: Callable[..., Site]) -> None:
    users, rows = everybody()
    site = raise_site(users, config=SENDS_CODES)
    before = state(site.running)
    roster = write_roster(site.folder / "roster.csv", rows)
    options = ("--verification", "attested", "--phone-conflict", "replace", *EVERYTHING)
    assert site.cli.run(roster, site.folder / "run", *options).code in {0, 7}

    done = rollback(site, "--max-failures", "100%")

    after = state(site.running)
    assert_code(done, 7)
    assert sms(site.running) == {}
    left = [f"user{row - 1}" for row, ending in endings(site.folder / "run").items() if ending[0] == "failed"]
    assert set(endings(site.folder / "run").values()) >= {("failed", "restore_would_send_sms"), RESTORED}
    assert left
    for name, user in after.items():
        if name not in left:
            assert user == before[name]
            continue
        assert before[name]["Attributes"]["phone_number_verified"] == "false"
        assert user["Attributes"]["phone_number_verified"] == "true"
        factors = ("UserMFASettingList", "PreferredMfaSetting", "MFAOptions")
        assert [user[factor] for factor in factors] == [before[name][factor] for factor in factors]


def test_what_it_cannot_restore_stops_no_rollback_and_each_repetition_gets_further(
    raise_site: Callable[..., Site],
) -> None:
    names = [f"user{number:02}" for number in range(50)]
    unproven = names[:25]
    users = [a_member(name, phone=OTHER if name in unproven else None) for name in names]
    site = raise_site(users, config=SENDS_CODES)
    rows = [(f"{name}@example.com", phone_of(number)) for number, name in enumerate(names)]
    roster = write_roster(site.folder / "roster.csv", rows)
    assert_code(site.cli.run(roster, site.folder / "run", "--verification", "attested"), 0)

    first = rollback(site, "--max-users", "30")
    second = rollback(site, "--max-users", "30")
    ended = ends(site.folder / "run")
    third = rollback(site)

    assert [first.code, second.code, third.code] == [10, 7, 7]
    assert ended == {("failed", "restore_would_send_sms"): 25, RESTORED: 25}
    assert ends(site.folder / "run") == ended
    assert not WRITES & calls(site.running).keys(), "there is nothing left to write"
    assert all(not user["UserMFASettingList"] for user in state(site.running).values())
    assert sms(site.running) == {}


def test_whoever_was_changed_by_somebody_else_is_left_alone(raise_site: Callable[..., Site]) -> None:
    names = ["ann", "renumbered", "unproven", "totp", "off", "gone", "disabled"]
    site = enrolled(raise_site, names)
    edits: dict[str, dict[str, Any]] = {
        "renumbered": {"Attributes": {"phone_number": OTHER, "phone_number_verified": "true"}},
        "unproven": {"Attributes": {"phone_number_verified": "false"}},
        "totp": {
            "UserMFASettingList": ["SMS_MFA", "SOFTWARE_TOKEN_MFA"],
            "PreferredMfaSetting": "SOFTWARE_TOKEN_MFA",
        },
        "off": {"UserMFASettingList": [], "PreferredMfaSetting": None},
        "disabled": {"Enabled": False},
    }
    site.running.control(
        "users", {"upsert": [{"Username": n, **e} for n, e in edits.items()], "delete": ["gone"]}
    )
    changed = state(site.running)

    done = rollback(site)

    assert_code(done, 7)
    found = {names[row - 1]: ending for row, ending in endings(site.folder / "run").items()}
    left = {"renumbered", "unproven", "totp", "off"}
    assert {name for name, ending in found.items() if ending == ("skipped", "changed_by_others")} == left
    assert found["gone"] == ("failed", "user_not_found")
    assert found["ann"] == found["disabled"] == RESTORED
    after = state(site.running)
    assert all(after[name] == changed[name] for name in left)
    assert "phone_number" not in after["ann"]["Attributes"]


def test_one_user_who_cannot_get_in_is_given_back_alone(raise_site: Callable[..., Site]) -> None:
    names = ["ann", "bob", "cyd", "dan"]
    site = enrolled(raise_site, names)
    sub = next(line["user_sub"] for line in report(site.folder / "run", "verified") if "cyd" in line["email"])

    stranger = rollback(site, "--user", "ann", "--user", "nobody@example.com")
    untouched = calls(site.running)
    done = rollback(site, "--user", "ann", "--user", "BOB@example.com", "--user", sub)
    spent = calls(site.running)

    assert_code(stranger, 3)
    assert "--user number 2 of 2 does not match a user of this run. Nothing was undone" in stranger.err
    assert "rollback: stopped" in stranger.out
    assert not WRITES & untouched.keys()
    assert_code(done, 0)
    assert [bool(mfa_of(site, name)) for name in names] == [False, False, False, True]
    assert [endings(site.folder / "run")[row] for row in (1, 2, 3)] == [RESTORED] * 3
    assert endings(site.folder / "run")[4] == ("verified", "enrolled")
    assert spent["ListUsers"] == 0
    assert "3 users" in done.err
    assert summary(site.folder / "run")["command"] == "rollback"


def test_a_roster_chooses_who_is_given_back_and_its_numbers_are_not_read(
    raise_site: Callable[..., Site],
) -> None:
    names = ["ann", "bob", "cyd", "dan"]
    site = enrolled(raise_site, names)
    rows = [
        ("ann@example.com", "not a number"),
        ("BOB@example.com", ""),
        ("stranger@example.com", phone_of(1)),
        ("", phone_of(2)),
    ]
    chosen = write_roster(site.folder / "chosen.csv", rows)
    other_users = write_roster(site.folder / "strangers.csv", rows[2:])

    nobody = rollback(site, other_users)
    untouched = calls(site.running)
    done = rollback(site, chosen)

    assert_code(nobody, 3)
    assert "No row" in nobody.err
    assert not WRITES & untouched.keys()
    assert_code(done, 0)
    assert "Not in this run: 2 of 4 rows of the roster." in done.err
    assert summary(site.folder / "run")["roster_rows_of_nobody"] == 2
    assert [bool(mfa_of(site, name)) for name in names] == [False, False, True, True]


def test_a_report_of_the_run_is_a_roster_for_its_rollback(raise_site: Callable[..., Site]) -> None:
    site = enrolled(raise_site, ["ann", "bob"])
    before = len(report(site.folder / "run", "verified"))

    done = rollback(site, site.folder / "run" / "report" / "verified.csv")

    assert before == 2
    assert_code(done, 0)
    assert "Not in this run" not in done.err
    assert set(endings(site.folder / "run").values()) == {RESTORED}


def test_a_rollback_by_outcome_goes_on_with_the_same_command_where_it_stopped(
    raise_site: Callable[..., Site],
) -> None:
    users = [a_member(f"user{number}") for number in range(4)]
    site = raise_site([*users, a_member("late", UserStatus="UNCONFIRMED")])
    before = state_hash(site.running)
    names = [f"user{number}" for number in range(4)] + ["late"]
    rows = [(f"{name}@example.com", phone_of(number)) for number, name in enumerate(names)]
    roster = write_roster(site.folder / "roster.csv", rows)
    assert_code(site.cli.run(roster, site.folder / "run", "--verification", "attested"), 0)

    none = rollback(site, "--outcome", "pending")
    not_written = Counter(calls(site.running))
    first = rollback(site, "--outcome", "verified", "--max-users", "3")
    stopped = summary(site.folder / "run")
    second = rollback(site, "--outcome", "verified")
    spent = calls(site.running)

    assert [none.code, first.code, second.code] == [0, 10, 0], first.said + second.said
    assert not WRITES & not_written.keys()
    assert (stopped["state"], stopped["counts"]["unprocessed"]) == ("stopped", 1)
    assert sum(spent[operation] for operation in WRITES) == 2
    assert state_hash(site.running) == before
    assert ends(site.folder / "run")[RESTORED] == 4


def test_after_a_rollback_everything_else_leaves_these_users_alone(raise_site: Callable[..., Site]) -> None:
    site = enrolled(raise_site, ["ann", "bob"])
    assert_code(rollback(site), 0)
    given_back = state_hash(site.running)

    again = rollback(site)
    run = site.cli.run(site.folder / "roster.csv", site.folder / "run", "--verification", "attested")
    night = site.cli("reconcile", "--run-dir", site.folder / "run", "--yes", "--quiet")

    assert [again.code, run.code, night.code] == [0, 0, 0], again.said + run.said + night.said
    told = words(run.out)
    assert f"2 rows were rolled back in {site.folder / 'run'}." in told
    assert "To enrol these users again, use a new --run-dir." in told
    assert not WRITES & calls(site.running).keys()
    assert state_hash(site.running) == given_back


def test_who_has_proved_a_number_keeps_it_and_gets_rid_of_mfa(raise_site: Callable[..., Site]) -> None:
    names = ["ann", "bob", "cyd"]
    site = enrolled(raise_site, names, "by-code")
    prove(site, "ann")
    assert_code(site.cli("reconcile", "--run-dir", site.folder / "run", "--yes", "--quiet"), 0)
    prove(site, "bob")
    promoted = [mfa_of(site, name) for name in names]

    done = rollback(site)

    assert_code(done, 0)
    assert promoted == [["SMS_MFA"], [], []]
    assert endings(site.folder / "run") == {1: RESTORED, 2: RESTORED, 3: RESTORED}
    details = [line["detail"] for line in report(site.folder / "run", "skipped")]
    assert ["proved" in detail for detail in details] == [True, True, False]
    after = state(site.running)
    assert [after[name]["UserMFASettingList"] for name in names] == [[], [], []]
    for number, name in enumerate(names[:2]):
        attributes = after[name]["Attributes"]
        assert (attributes["phone_number"], attributes["phone_number_verified"]) == (phone_of(number), "true")
    assert "phone_number" not in after["cyd"]["Attributes"]
    assert "restored, except the number" in done.out

    assert_code(rollback(site), 0)
    assert not calls(site.running)["AdminGetUser"]


def test_a_user_named_who_must_be_left_alone_is_not_passed_over_in_silence(
    raise_site: Callable[..., Site],
) -> None:
    site = enrolled(raise_site, ["ann", "bob"])
    other = {"phone_number": OTHER, "phone_number_verified": "true"}
    site.running.control("users", {"upsert": [{"Username": "ann", "Attributes": other}]})

    done = rollback(site, "--user", "ann", "--user", "bob")
    again = rollback(site)

    assert_code(done, 7)
    assert "Left as they are: 1 of the users named," in done.err
    assert endings(site.folder / "run") == {1: ("skipped", "changed_by_others"), 2: RESTORED}
    assert_code(again, 0)


def test_whatever_becomes_of_its_calls_a_rollback_comes_to_its_end(raise_site: Callable[..., Site]) -> None:
    names = [f"user{number}" for number in range(60)]
    site = raise_site([a_member(name, phone=phone_of(900)) for name in names])
    before = state_hash(site.running)
    rows = [(f"{name}@example.com", phone_of(number)) for number, name in enumerate(names)]
    roster = write_roster(site.folder / "roster.csv", rows)
    assert_code(site.cli.run(roster, site.folder / "run", "--verification", "attested"), 0)
    lost = [{"kind": "reset", "when": when, "rate": 0.08} for when in ("before", "after")]
    broken = [{"kind": "internal_error", "when": when, "rate": 0.08} for when in ("before", "after")]
    site.running.control("faults", {"seed": 5, "rules": lost + broken})

    done = rollback(site)

    assert_code(done, 0)
    assert set(endings(site.folder / "run").values()) == {RESTORED}
    assert state_hash(site.running) == before


def test_it_says_what_it_is_about_to_do_and_refuses_when_nobody_can_agree(
    raise_site: Callable[..., Site],
) -> None:
    site = enrolled(raise_site, ["ann"])
    before = state_hash(site.running)

    unasked = site.cli("rollback", "--run-dir", site.folder / "run", "--quiet")
    done = rollback(site)

    assert_code(unasked, 2)
    assert state_hash(site.running) != before
    for told in ("About to write to 1 user", "123456789012", "ap-northeast-1", POOL_ID, "before the run"):
        assert told in words(done.err)


def test_an_old_number_that_somebody_else_has_proved_since_is_not_taken_from_them(
    raise_site: Callable[..., Site],
) -> None:
    old = {"phone_number": OTHER, "phone_number_verified": "true"}
    site = raise_site(
        [a_member("ann", phone=OTHER, verified=True), a_member("bob")],
        config={"AliasAttributes": ["email", "phone_number"]},
    )
    roster = write_roster(site.folder / "roster.csv", [("ann@example.com", phone_of(0))])
    replacing = ("--verification", "attested", "--phone-conflict", "replace")
    assert_code(site.cli.run(roster, site.folder / "run", *replacing), 0)
    site.running.control("users", {"upsert": [{"Username": "bob", "Attributes": old}]})

    done = rollback(site)

    assert_code(done, 0)
    assert endings(site.folder / "run") == {1: ("skipped", "changed_by_others")}
    assert "another user's" in report(site.folder / "run", "skipped")[0]["detail"]
    assert state(site.running)["bob"]["Attributes"]["phone_number_verified"] == "true"
    assert state(site.running)["ann"]["Attributes"]["phone_number"] == phone_of(0)
    assert mfa_of(site, "ann") == []


def test_a_name_that_two_users_share_takes_nobody_back(raise_site: Callable[..., Site]) -> None:
    users = [a_member("ann"), a_member("bob")]
    for user in users:
        user["Attributes"]["email"] = "family@example.com"
    site = raise_site(users, config={"AliasAttributes": None})
    rows = [(name, phone_of(number)) for number, name in enumerate(("ann", "bob"))]
    roster = write_roster(site.folder / "roster.csv", rows, ("username", "phone_number"))
    assert_code(site.cli.run(roster, site.folder / "run", "--verification", "attested"), 0)

    shared = rollback(site, "--user", "family@example.com")
    untouched = calls(site.running)
    by_name = rollback(site, "--user", "ann")

    assert_code(shared, 3)
    assert "matches 2 users" in shared.err
    assert "family" not in shared.err
    assert not WRITES & untouched.keys()
    assert_code(by_name, 0)
    assert [bool(mfa_of(site, name)) for name in ("ann", "bob")] == [False, True]


def test_its_end_says_what_it_has_restored_and_not_that_rows_were_skipped(
    raise_site: Callable[..., Site],
) -> None:
    site = enrolled(raise_site, ["ann", "bob"])
    run = ("--run-dir", site.folder / "run", "--yes")

    one = site.cli("rollback", *run, "--user", "ann")
    off = site.cli(
        "disable", site.folder / "roster.csv", "--user-pool-id", POOL_ID, "--run-dir", "off", "--yes"
    )

    told = words(one.out)
    assert "restored 1 Back to what it was before the run. See report/skipped.csv. verified 1" in told
    assert "skipped 0" in told
    assert "Done in this pass: restored 1." in one.err
    assert summary(site.folder / "run")["ended_now"] == {"restored": 1}
    assert "mfa_disabled" in off.out
    assert "Done in this pass: " in off.err


def test_a_plan_that_was_never_run_is_not_used_up_by_a_rollback(raise_site: Callable[..., Site]) -> None:
    site = raise_site([a_member("aya")])
    roster = write_roster(site.folder / "roster.csv", [("aya@example.com", phone_of(0))])
    assert_code(site.cli.plan(roster, site.folder / "run", "--verification", "attested"), 0)

    done = rollback(site)

    assert_code(done, 0)
    assert "was never run, so there was nothing to roll back." in done.err
    shutil.copytree(site.folder / "run", site.folder / "given up")
    assert_code(site.cli("purge", "--run-dir", site.folder / "given up", "--yes"), 0)
    assert_code(site.cli("run", "--run-dir", site.folder / "run", "--yes"), 0)
    assert mfa_of(site, "aya") == ["SMS_MFA"]
