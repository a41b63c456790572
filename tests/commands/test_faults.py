"""Runs under faults: who is blamed, what a run ends with, and what the same command makes of it then."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from tests.commands.support import (
    POOL_ID,
    SENDS_CODES,
    a_member,
    assert_code,
    endings,
    ends,
    members_of,
    phone_of,
    roster_of,
    sms,
    state,
    summary,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.commands.conftest import Site

USERS = 400
UNBOUND = dict.fromkeys(("UserRead", "UserUpdate", "UserResourceUpdate", "UserList"), 90000)
"""A limiter that is cut to its lowest still lets the machine set the pace."""
OPERATIONS = [
    "GetCallerIdentity", "DescribeUserPool", "GetUserPoolMfaConfig", "ListUsers", "AdminGetUser",
    "AdminUpdateUserAttributes", "AdminSetUserMFAPreference",
]  # fmt: skip
THROTTLING = {"kind": "error", "code": "ThrottlingException", "message": "Rate exceeded", "status": 400}
CONCURRENT = {"kind": "error", "code": "ConcurrentModificationException", "message": "Busy", "status": 400}
NINE_KINDS: list[dict[str, Any]] = [
    {"kind": "throttle"},
    THROTTLING,
    CONCURRENT,
    {"kind": "internal_error", "when": "before"},
    {"kind": "internal_error", "when": "after"},
    {"kind": "unavailable", "when": "after"},
    {"kind": "reset", "when": "before"},
    {"kind": "reset", "when": "after"},
    {"kind": "garbage", "when": "after"},
]
UPDATE, PREFER = "AdminUpdateUserAttributes", "AdminSetUserMFAPreference"
HANGS = {"kind": "hang", "when": "after", "ops": [UPDATE], "rate": 0.01, "times": 2}
"""The tenth kind; few, because each costs the time after which the tool hangs up."""
HANGS_UP_S = 3
SPEED = 20
"""What waits for retries waits for so many seconds in one."""
TOGETHER = [HANGS, *({**rule, "rate": 0.0167, "ops": OPERATIONS} for rule in NINE_KINDS)]


def attempts(site: Site, operation: str, name: str) -> int:
    users = site.running.control("state")[POOL_ID]
    [sub] = [sub for sub, user in users.items() if user["Username"] == name]
    ledger = site.running.control("ledger")["calls"]
    return sum(call["op"] == operation and call["user"] in {sub, name} for call in ledger)


@pytest.mark.parametrize("policy", ["attested", "by-code"])
def test_ten_kinds_of_faults_together_end_with_everyone_right_and_one_sms_each(
    raise_site: Callable[..., Site], monkeypatch: pytest.MonkeyPatch, policy: str
) -> None:
    monkeypatch.setattr("migrate_mfa.aws.session._READ_TIMEOUT_S", HANGS_UP_S)
    names = [f"user{number:03}" for number in range(USERS)]
    old = {f"user{number:03}": phone_of(10_000 + number) for number in range(0, USERS, 4)}
    members = [a_member(name, phone=old.get(name)) for name in names]
    site = raise_site(members, config=SENDS_CODES, quotas=UNBOUND, faults={"seed": 11, "rules": TOGETHER})
    roster = roster_of(site.folder, names)
    command = (
        roster,
        site.folder / "run",
        "--verification",
        policy,
        "--max-failures",
        "100%",
        "--max-sms",
        2 * USERS,
    )

    codes = [site.cli.run(*command).code]
    while codes[-1] and len(codes) < 12:  # a lost answer to a code waits for the same command again
        codes.append(site.cli.run(*command).code)

    expected = ("verified", "enrolled") if policy == "attested" else ("pending", "awaiting_code")
    assert codes[-1] == 0, codes
    assert set(codes) <= {0, 7, 8}
    assert ends(site.folder / "run") == {expected: USERS}
    stats, told = site.running.control("stats"), summary(site.folder / "run")
    assert all(stats["faults_fired"].get(str(rule), 0) for rule in range(len(TOGETHER)))
    assert sum(stats["faults_fired"].values()) > 0.1 * stats["calls"]
    retried = sum(count["retried"] for count in told["calls"].values())
    throttled = sum(count["throttled"] for count in told["calls"].values())
    assert retried >= throttled > 0
    users = state(site.running)
    right = {
        "phone_number_verified": "true" if policy == "attested" else "false",
        "factors": (["SMS_MFA"], "SMS_MFA") if policy == "attested" else ([], None),
    }
    for number, name in enumerate(names):
        user = users[name]
        assert user["Attributes"]["phone_number"] == phone_of(number)
        assert user["Attributes"]["phone_number_verified"] == right["phone_number_verified"]
        assert (user["UserMFASettingList"], user["PreferredMfaSetting"]) == right["factors"]
    assert Counter(sms(site.running).values()) == ({} if policy == "attested" else {1: USERS})


RUN_PROBLEMS = (
    ("AccessDeniedException", 403, "AdminGetUser", 5, "do not allow this"),
    ("AccessDeniedException", 403, UPDATE, 5, "do not allow this"),
    ("UnrecognizedClientException", 403, UPDATE, 5, "not accepted"),
    ("InvalidSignatureException", 403, UPDATE, 5, "clock"),
    ("ResourceNotFoundException", 400, UPDATE, 4, "user pool does not exist"),
    ("InvalidSmsRoleAccessPolicyException", 400, UPDATE, 4, "SMS role"),
    ("InvalidSmsRoleTrustRelationshipException", 400, UPDATE, 4, "SMS role"),
    ("ExpiredTokenException", 403, PREFER, 5, "have expired"),
    ("OperationNotEnabledException", 400, PREFER, 4, "cannot be changed in this Region"),
)


def test_what_concerns_everybody_stops_the_run_each_time_and_blames_nobody(
    raise_site: Callable[..., Site],
) -> None:
    names = [f"user{number}" for number in range(12)]
    site = raise_site(members_of(names), speed=SPEED)
    command = (roster_of(site.folder, names), site.folder / "run", "--verification", "attested")

    for code, status, operation, exit_code, told in RUN_PROBLEMS:
        rule = {"kind": "error", "code": code, "status": status, "ops": [operation], "message": "for all"}
        site.running.control("faults", {"rules": [rule]})

        stopped = site.cli.run(*command)

        assert_code(stopped, exit_code)
        assert told in stopped.err
        assert f"{operation}: " in stopped.err
        assert code in stopped.err
        assert ends(site.folder / "run") == {("unprocessed", ""): len(names)}
        assert summary(site.folder / "run")["state"] == "stopped"
    site.running.control("faults", {})
    assert_code(site.cli.run(*command), 0)
    assert ends(site.folder / "run") == {("verified", "enrolled"): len(names)}


def test_what_concerns_one_user_is_that_users_alone(raise_site: Callable[..., Site]) -> None:
    errors = {
        "not-authorized": ("NotAuthorizedException", UPDATE, ("failed", "rejected")),
        "lambda": ("UserLambdaValidationException", UPDATE, ("failed", "rejected")),
        "taken": ("AliasExistsException", UPDATE, ("failed", "phone_taken")),
        "gone": ("UserNotFoundException", UPDATE, ("failed", "user_not_found")),
        "limited": ("LimitExceededException", PREFER, ("failed", "gave_up")),
        "unconfirmed": ("UserNotConfirmedException", PREFER, ("pending", "awaiting_confirmation")),
        "reset": ("PasswordResetRequiredException", PREFER, ("pending", "awaiting_password_reset")),
        "malformed": ("InvalidParameterException", PREFER, ("failed", "rejected")),
    }
    names = [*errors, "fine", "as-well"]
    site = raise_site(members_of(names))
    error = {"kind": "error", "status": 400, "message": "Ask taro@example.com or +819012345678."}
    rules = [
        {**error, "code": code, "ops": [operation], "users": [name]}
        for name, (code, operation, _) in errors.items()
    ]
    site.running.control("faults", {"rules": rules})

    done = site.cli.run(roster_of(site.folder, names), site.folder / "run", "--verification", "attested")

    assert_code(done, 7)
    found = endings(site.folder / "run")
    enrolled = ("verified", "enrolled")
    assert [found[row] for row in sorted(found)] == [
        *(each[2] for each in errors.values()),
        enrolled,
        enrolled,
    ]
    assert all(attempts(site, operation, name) == 1 for name, (_, operation, _) in errors.items())
    kept = (site.folder / "run" / "log.jsonl").read_text() + done.said
    assert "taro@" not in kept
    assert "9012345678" not in kept


@pytest.mark.parametrize("code", ["ThrottlingException", "TooManyRequestsException"])
def test_throttles_that_an_operation_does_not_declare_slow_it_and_fail_nobody(
    raise_site: Callable[..., Site], code: str
) -> None:
    names = [f"user{number}" for number in range(10)]
    rule = {**THROTTLING, "code": code, "ops": [PREFER], "attempts": [1, 2]}
    site = raise_site(members_of(names), quotas=UNBOUND, faults={"rules": [rule]})

    done = site.cli.run(roster_of(site.folder, names), site.folder / "run", "--verification", "attested")

    assert_code(done, 0)
    told = summary(site.folder / "run")["calls"]["UserResourceUpdate"]
    assert told == {"sent": 30, "throttled": 20, "retried": 20}
    assert '"throttled"' in (site.folder / "run" / "log.jsonl").read_text()


def test_a_user_is_given_up_only_after_the_budget_and_done_by_the_next_run(
    raise_site: Callable[..., Site],
) -> None:
    names = ["ann", "bob", "cyd"]
    broken = {"kind": "internal_error", "ops": [UPDATE], "users": ["bob"]}
    site = raise_site(members_of(names), faults={"rules": [broken]}, speed=SPEED)
    command = (roster_of(site.folder, names), site.folder / "run", "--verification", "attested")

    first = site.cli.run(*command)
    given_up, tries = endings(site.folder / "run")[2], attempts(site, UPDATE, "bob")
    site.running.control("faults", {})
    second = site.cli.run(*command)

    assert_code(first, 7)
    assert (given_up, tries) == (("failed", "gave_up"), 8)
    assert_code(second, 0)
    assert ends(site.folder / "run") == {("verified", "enrolled"): 3}


def test_unknown_errors_that_repeat_stop_the_run_and_blame_nobody(raise_site: Callable[..., Site]) -> None:
    names = [f"user{number}" for number in range(12)]
    new = {"kind": "error", "code": "BrandNewException", "status": 400, "message": "?", "ops": [PREFER]}
    site = raise_site(members_of(names), faults={"rules": [new]}, speed=SPEED)
    command = (roster_of(site.folder, names), site.folder / "run", "--verification", "attested")

    stopped = site.cli.run(*command)
    found = ends(site.folder / "run")
    site.running.control("faults", {})
    done = site.cli.run(*command)

    assert_code(stopped, 8)
    assert "BrandNewException" in stopped.err
    assert "No user is to blame" in stopped.err
    assert found == {("unprocessed", ""): len(names)}
    assert_code(done, 0)
    assert ends(site.folder / "run") == {("verified", "enrolled"): len(names)}


def test_reads_that_lag_neither_repeat_a_write_nor_fail_a_user(raise_site: Callable[..., Site]) -> None:
    names = [f"user{number}" for number in range(24)]
    lost = [{"kind": "reset", "when": when, "rate": 0.2, "ops": [UPDATE]} for when in ("before", "after")]
    lags = {"seed": 3, "rules": lost, "read_lag_ms": 1200, "list_lag_s": 120}
    site = raise_site(members_of(names), config=SENDS_CODES, speed=5)
    site.running.control("faults", lags)
    command = (
        roster_of(site.folder, names),
        site.folder / "run",
        "--verification",
        "by-code",
        "--max-sms",
        48,
    )

    done = site.cli.run(*command)
    if done.code == 7:  # a code whose answer was lost is sent again only at the operator's word
        assert {reason for _, reason in ends(site.folder / "run")} == {"awaiting_code", "gave_up"}
        while done.code == 7:
            done = site.cli.run(*command)
    again = site.cli.run(*command[:1], site.folder / "fresh", *command[2:])

    assert_code(done, 0)
    assert_code(again, 0)
    assert ends(site.folder / "run") == ends(site.folder / "fresh") == {("pending", "awaiting_code"): 24}
    assert Counter(sms(site.running).values()) == {1: len(names)}


def test_users_who_change_after_the_plan_are_decided_by_what_they_are_now(
    raise_site: Callable[..., Site],
) -> None:
    other: dict[str, Any] = {"Attributes": {"phone_number": "+818012345678", "phone_number_verified": "true"}}
    edits: dict[str, tuple[dict[str, Any], tuple[str, str]]] = {
        "renumbered": (other, ("failed", "phone_differs")),
        "disabled": ({"Enabled": False}, ("skipped", "disabled_user")),
        "totp": (
            {"UserMFASettingList": ["SOFTWARE_TOKEN_MFA"], "PreferredMfaSetting": "SOFTWARE_TOKEN_MFA"},
            ("skipped", "has_totp"),
        ),
        "reset": ({"UserStatus": "RESET_REQUIRED"}, ("pending", "awaiting_password_reset")),
        "unmailed": ({"Attributes": {"email_verified": "false"}}, ("skipped", "no_recovery_left")),
        "proved": (
            {"Attributes": {"phone_number": phone_of(5), "phone_number_verified": "true"}},
            ("verified", "enrolled"),
        ),
    }
    names = [*edits, "gone", "gone-late", "fine"]
    script: list[dict[str, Any]] = [
        {"on": {"op": "AdminGetUser", "user": name}, "do": {"upsert": [{"Username": name, **edit}]}}
        for name, (edit, _) in edits.items()
    ]
    script += [
        {"on": {"op": "AdminGetUser", "user": "gone"}, "do": {"delete": ["gone"]}},
        {"on": {"op": "AdminGetUser", "user": "gone-late"}, "when": "after", "do": {"delete": ["gone-late"]}},
    ]
    site = raise_site(members_of(names), faults={"script": script})

    done = site.cli.run(roster_of(site.folder, names), site.folder / "run", "--verification", "attested")

    assert_code(done, 7)
    assert site.running.control("stats")["script_failures"] == []
    found = endings(site.folder / "run")
    gone, enrolled = ("failed", "user_not_found"), ("verified", "enrolled")
    assert [found[row] for row in sorted(found)] == [
        *(each[1] for each in edits.values()),
        gone,
        gone,
        enrolled,
    ]
    users = state(site.running)
    assert users["renumbered"]["Attributes"]["phone_number"] == "+818012345678"
    assert users["totp"]["PreferredMfaSetting"] == "SOFTWARE_TOKEN_MFA"
    untouched = ("disabled", "totp", "reset", "unmailed")
    assert not any("phone_number" in users[name]["Attributes"] for name in untouched)
