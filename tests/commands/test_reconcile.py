"""reconcile over the whole tool: who has proved a number, who drifts, and nights on which nothing happens."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING, Any

import pytest

from tests.commands.support import (
    POOL_ID,
    SENDS_CODES,
    WRITES,
    a_member,
    assert_code,
    calls,
    endings,
    members_of,
    mfa_of,
    phone_of,
    report,
    roster_of,
    sms,
    state,
    state_hash,
    summary,
    words,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.commands.conftest import Site
    from tests.commands.support import Done

OTHER = "+818012345678"
SMS_ON = (["SMS_MFA"], "SMS_MFA")


def edit(site: Site, *names: str, attributes: dict[str, str | None] | None = None, **members: Any) -> None:
    """Somebody else changes users."""
    changes: dict[str, Any] = {"Attributes": attributes} if attributes else {}
    rows = [{"Username": name, **changes, **members} for name in names]
    site.running.control("users", {"upsert": rows})


def reconcile(site: Site, *options: str) -> Done:
    """One night: what it cost is in the ledger afterwards."""
    site.running.control("ledger/reset", {})
    return site.cli(
        "reconcile", "--run-dir", site.folder / "run", "--quiet", "--quota-share", "1.0", "--yes", *options
    )


def drift_of(site: Site) -> dict[str, str]:
    with (site.folder / "run" / "report" / "drift.csv").open(encoding="utf-8-sig", newline="") as file:
        return {line["username"]: line["kind"] for line in csv.DictReader(file)}


def test_each_pending_row_becomes_what_its_user_made_of_it(raise_site: Callable[..., Site]) -> None:
    names = ["proves", "proves-another", "leaves", "waits", "confirms", "changes-again"]
    users = [a_member(name) for name in names if name != "confirms"]
    site = raise_site([*users, a_member("confirms", UserStatus="UNCONFIRMED")], config=SENDS_CODES)
    assert_code(
        site.cli.run(
            roster_of(site.folder, names), site.folder / "run", "--verification", "by-code", "--max-sms", 6
        ),
        0,
    )
    sent = sms(site.running)
    edit(site, "proves", attributes={"phone_number_verified": "true"})
    edit(site, "proves-another", attributes={"phone_number": OTHER, "phone_number_verified": "true"})
    edit(site, "changes-again", attributes={"phone_number": OTHER, "phone_number_verified": "false"})
    edit(site, "confirms", UserStatus="CONFIRMED")
    site.running.control("users", {"delete": ["leaves"]})

    done = reconcile(site, "--max-sms", "6")

    assert_code(done, 7)
    assert [ending for _, ending in sorted(endings(site.folder / "run").items())] == [
        ("verified", "promoted"),
        ("failed", "phone_differs"),
        ("failed", "user_not_found"),
        ("pending", "awaiting_code"),
        ("pending", "awaiting_code"),
        ("pending", "awaiting_code"),
    ]
    assert mfa_of(site.running, "proves") == SMS_ON
    assert all(mfa_of(site.running, name) == ([], None) for name in names if name not in {"proves", "leaves"})
    assert state(site.running)["changes-again"]["Attributes"]["phone_number"] == OTHER
    now = sms(site.running)
    assert len(now) == len(sent) + 1
    assert set(now.values()) == {1} == {row["count"] for row in site.running.control("sms").values()}


def test_a_promotion_sends_nothing_so_no_sms_limit_is_in_its_way(raise_site: Callable[..., Site]) -> None:
    site = raise_site([a_member("ann"), a_member("bob")], config=SENDS_CODES)
    roster = roster_of(site.folder, ["ann", "bob"])
    assert_code(site.cli.run(roster, site.folder / "run", "--verification", "by-code", "--max-sms", 2), 0)
    edit(site, "ann", attributes={"phone_number_verified": "true"})

    done = reconcile(site)

    assert_code(done, 0)
    assert mfa_of(site.running, "ann") == SMS_ON
    assert set(sms(site.running).values()) == {1}


def test_who_needs_a_code_first_does_not_keep_the_others_from_being_promoted(
    raise_site: Callable[..., Site],
) -> None:
    names = ["ann", "bob", "cyd"]
    users = [a_member("ann"), a_member("bob", UserStatus="UNCONFIRMED"), a_member("cyd")]
    site = raise_site(users, config=SENDS_CODES)
    wave = ("--verification", "by-code", "--max-sms", 2, "--max-users", 1)  # cyd is still to be done
    assert_code(site.cli.run(roster_of(site.folder, names), site.folder / "run", *wave), 10)
    edit(site, "ann", attributes={"phone_number_verified": "true"})
    edit(site, "bob", UserStatus="CONFIRMED")

    night = reconcile(site)
    waiting = summary(site.folder / "run")["waiting_for_max_sms"]
    (waits,) = report(site.folder / "run", "pending")
    allowed = reconcile(site, "--max-sms", "2")

    assert_code(night, 0)
    assert "1 user waits for --max-sms" in night.err
    assert waiting == 1
    assert "waiting for --max-sms 1" in words(night.out)
    assert "the user waits for --max-sms now" in waits["detail"]
    assert_code(allowed, 0)
    assert mfa_of(site.running, "ann") == SMS_ON
    assert state(site.running)["bob"]["Attributes"]["phone_number"] == phone_of(1)
    assert set(sms(site.running).values()) == {1}


@pytest.mark.parametrize("policy", ["attested", "by-code", "at-sign-in"])
def test_a_night_on_which_nothing_changed_costs_the_scan_and_writes_nothing(
    raise_site: Callable[..., Site], policy: str
) -> None:
    names = [f"user{number}" for number in range(130)]
    site = raise_site([a_member(name) for name in names])
    roster = roster_of(site.folder, names)
    assert_code(site.cli.run(roster, site.folder / "run", "--verification", policy), 0)
    before, ended = state_hash(site.running), endings(site.folder / "run")

    done = reconcile(site)

    assert_code(done, 0)
    spent = calls(site.running)
    assert spent["ListUsers"] == 3
    assert not spent.keys() & (WRITES | {"AdminGetUser"})
    assert (state_hash(site.running), endings(site.folder / "run")) == (before, ended)
    told = summary(site.folder / "run")
    assert (told["command"], told["state"], told["drift"]) == ("reconcile", "finished", {})
    assert (told["calls"]["UserList"]["sent"], told["users_read_only"]) == (3, 0)


def test_drift_is_reported_until_it_is_over_and_a_repair_never_writes_a_number(
    raise_site: Callable[..., Site],
) -> None:
    names = ["lost-phone", "off", "renumbered-off", "gone", "unproven", "fine", "renumbered"]
    site = raise_site([a_member(name) for name in names])
    roster = roster_of(site.folder, names)
    assert_code(site.cli.run(roster, site.folder / "run", "--verification", "attested"), 0)
    off: dict[str, Any] = {"UserMFASettingList": [], "PreferredMfaSetting": None}
    renumbered: dict[str, str | None] = {"phone_number": OTHER, "phone_number_verified": "true"}
    edit(site, "lost-phone", attributes={"phone_number": None, "phone_number_verified": None}, **off)
    edit(site, "off", **off)
    edit(site, "renumbered-off", attributes=renumbered, **off)
    edit(site, "renumbered", attributes=renumbered)
    edit(site, "unproven", attributes={"phone_number_verified": "false"})
    site.running.control("users", {"delete": ["gone"]})
    changed = state_hash(site.running)
    drift = {
        "lost-phone": "no_phone",
        "off": "mfa_off",
        "renumbered-off": "mfa_off",
        "gone": "user_gone",
        "unproven": "phone_unverified",
    }

    first, second = reconcile(site), reconcile(site)
    seen, spent, told = drift_of(site), calls(site.running), summary(site.folder / "run")
    untouched = state_hash(site.running)
    repaired = reconcile(site, "--repair")
    written = calls(site.running)

    assert [done.code for done in (first, second, repaired)] == [9, 9, 9], first.said + repaired.said
    assert "mfa_off 2 2 new. SMS MFA was switched off after the run" in words(first.out)
    assert "user_gone 1 The user is no longer in the pool." in words(second.out)
    assert (told["drift_new"], told["failed_now"]) == ({}, 0)
    assert seen == drift
    assert told["drift"] == {"mfa_off": 2, "no_phone": 1, "phone_unverified": 1, "user_gone": 1}
    assert told["drift_seen_by"] == "UserLastModifiedDate"
    assert spent["AdminGetUser"] == 4
    assert untouched == changed
    assert written["AdminSetUserMFAPreference"] == 2
    assert written["AdminUpdateUserAttributes"] == 0
    assert mfa_of(site.running, "off") == mfa_of(site.running, "renumbered-off") == SMS_ON
    assert state(site.running)["renumbered-off"]["Attributes"]["phone_number"] == OTHER
    assert drift_of(site) == {name: kind for name, kind in drift.items() if kind != "mfa_off"}
    assert len(report(site.folder / "run", "verified")) == len(names)


def test_an_account_that_is_gone_asks_for_attention_once_and_stays_in_the_list(
    raise_site: Callable[..., Site],
) -> None:
    site = raise_site([a_member(name) for name in ("ann", "bob", "cyd")])
    roster = roster_of(site.folder, ["ann", "bob", "cyd"])
    assert_code(site.cli.run(roster, site.folder / "run", "--verification", "attested"), 0)
    site.running.control("users", {"delete": ["ann"]})

    nights = [reconcile(site), reconcile(site)]
    site.running.control("users", {"delete": ["bob"]})
    nights += [reconcile(site), reconcile(site)]
    shown = site.cli("status", "--run-dir", site.folder / "run").out
    edit(site, "cyd", attributes={"phone_number_verified": "false"})
    nights += [reconcile(site), reconcile(site)]

    assert [night.code for night in nights] == [9, 0, 9, 0, 9, 9]
    assert "user_gone 2 1 new. The user is no longer in the pool." in words(nights[2].out)
    assert "user_gone 2 The user is no longer in the pool." in words(shown)
    assert drift_of(site) == {"ann": "user_gone", "bob": "user_gone", "cyd": "phone_unverified"}


def test_mfa_that_went_off_again_after_a_repair_is_drift_again(raise_site: Callable[..., Site]) -> None:
    site = raise_site([a_member("ann"), a_member("bob")])
    roster = roster_of(site.folder, ["ann", "bob"])
    assert_code(site.cli.run(roster, site.folder / "run", "--verification", "attested"), 0)
    edit(site, "ann", UserMFASettingList=[], PreferredMfaSetting=None)
    repaired = reconcile(site, "--repair")
    edit(site, "ann", UserMFASettingList=[], PreferredMfaSetting=None)

    done = reconcile(site)

    assert_code(repaired, 0)
    assert_code(done, 9)
    assert drift_of(site) == {"ann": "mfa_off"}


def test_what_left_no_trace_in_the_list_is_found_by_a_deep_look_that_says_its_price(
    raise_site: Callable[..., Site],
) -> None:
    names = ["ann", "bob", "cyd"]
    site = raise_site([a_member(name) for name in names])
    roster = roster_of(site.folder, names)
    assert_code(site.cli.run(roster, site.folder / "run", "--verification", "attested"), 0)
    site.running.control("faults", {"list_lag_s": 3600})  # ListUsers shows nobody's change
    edit(site, "bob", UserMFASettingList=[], PreferredMfaSetting=None)

    shallow = reconcile(site)
    deep = reconcile(site, "--deep")

    assert_code(shallow, 0)
    assert_code(deep, 9)
    assert "3 users with AdminGetUser" in deep.err
    assert calls(site.running)["AdminGetUser"] == 3
    assert drift_of(site) == {"bob": "mfa_off"}
    assert summary(site.folder / "run")["drift_seen_by"] == "reading every enrolled user"


def test_who_was_given_up_is_taken_up_again(raise_site: Callable[..., Site]) -> None:
    site = raise_site([a_member("ann"), a_member("bob")])
    limited = {"kind": "error", "code": "LimitExceededException", "status": 400, "users": ["ann"]}
    site.running.control("faults", {"rules": [{**limited, "ops": ["AdminUpdateUserAttributes"]}]})
    roster = roster_of(site.folder, ["ann", "bob"])
    assert_code(site.cli.run(roster, site.folder / "run", "--verification", "attested"), 7)
    given_up = endings(site.folder / "run")[1]
    site.running.control("faults", {})

    done = reconcile(site)

    assert given_up == ("failed", "gave_up")
    assert_code(done, 0)
    assert set(endings(site.folder / "run").values()) == {("verified", "enrolled")}


def test_a_night_that_stops_at_a_limit_goes_on_the_next(raise_site: Callable[..., Site]) -> None:
    names = [f"user{number}" for number in range(4)]
    site = raise_site([a_member(name) for name in names])
    roster = roster_of(site.folder, names)
    assert_code(site.cli.run(roster, site.folder / "run", "--verification", "by-code"), 0)
    edit(site, *names, attributes={"phone_number_verified": "true"})

    first, second = reconcile(site, "--max-users", "3"), reconcile(site)

    assert [first.code, second.code] == [10, 0], first.said + second.said
    assert set(endings(site.folder / "run").values()) == {("verified", "promoted")}
    assert all(mfa_of(site.running, name) == SMS_ON for name in names)


def test_a_night_during_an_unfinished_rollback_is_refused_and_hides_it_from_nobody(
    raise_site: Callable[..., Site],
) -> None:
    names = ["aya", "ben"]
    site = raise_site([a_member(name) for name in names])
    roster = roster_of(site.folder, names)
    assert_code(site.cli.run(roster, site.folder / "run", "--verification", "attested"), 0)
    back = ("rollback", "--run-dir", site.folder / "run", "--yes")
    assert_code(site.cli(*back, "--max-users", "1"), 10)

    refused = reconcile(site)

    assert_code(refused, 3)
    assert "A rollback of this run is unfinished" in refused.err
    assert f"Finish it first: migrate-mfa rollback --run-dir {site.folder / 'run'}" in refused.err
    assert "have SMS MFA" not in site.cli("status", "--run-dir", site.folder / "run").out
    assert_code(site.cli(*back), 0)
    assert_code(reconcile(site), 0)


def test_it_refuses_what_it_cannot_know_or_ask(raise_site: Callable[..., Site]) -> None:
    site = raise_site([a_member("ann")])
    roster = roster_of(site.folder, ["ann"])
    assert_code(
        site.cli("disable", roster, "--user-pool-id", POOL_ID, "--run-dir", site.folder / "off", "--yes"), 0
    )
    assert_code(site.cli.run(roster, site.folder / "run", "--verification", "attested"), 0)

    unasked = site.cli("reconcile", "--run-dir", site.folder / "run")
    nothing = site.cli("reconcile", "--run-dir", site.folder / "nowhere", "--yes")
    disabled = site.cli("reconcile", "--run-dir", site.folder / "off", "--yes")

    assert [unasked.code, nothing.code, disabled.code] == [2, 6, 3]
    assert "--yes" in unasked.err


def test_its_end_says_what_this_night_did(raise_site: Callable[..., Site]) -> None:
    names = [f"user{number}" for number in range(4)]
    site = raise_site(members_of(names))
    roster = roster_of(site.folder, names)
    plan = ("--user-pool-id", POOL_ID, "--verification", "by-code", "--run-dir", "run")
    run = site.cli("run", roster, *plan, "--yes")
    edit(site, "user0", "user1", attributes={"phone_number_verified": "true"})

    night = site.cli("reconcile", "--run-dir", site.folder / "run", "--yes")
    quiet = site.cli("reconcile", "--run-dir", site.folder / "run", "--yes")

    assert_code(run, 0)
    assert "Done in this pass: awaiting_code 4." in run.err
    assert "Done in this pass: promoted 2." in night.err
    assert "Done in this pass" not in quiet.err
