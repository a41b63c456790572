"""What AWS's documents leave open, answered both ways: the tool does right and no harm whichever is true."""

from __future__ import annotations

from dataclasses import asdict, fields
from typing import TYPE_CHECKING, Any

import pytest

from migrate_mfa.simulator.account.world import Unsettled
from tests.commands.support import (
    POOL_ID,
    SENDS_CODES,
    WRITES,
    a_member,
    assert_code,
    calls,
    endings,
    mfa_of,
    phone_of,
    sms,
    state,
    summary,
    write_roster,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tests.commands.conftest import Site

TOTP: dict[str, Any] = {
    "UserMFASettingList": ["SOFTWARE_TOKEN_MFA"],
    "PreferredMfaSetting": "SOFTWARE_TOKEN_MFA",
}
BOTH: dict[str, Any] = {**TOTP, "UserMFASettingList": ["SMS_MFA", "SOFTWARE_TOKEN_MFA"]}
NUMBERS = {
    name: phone_of(number)
    for number, name in enumerate(["new", "same", "totp", "disabled", "code", "kept", "proven"])
}
ATTESTED, BY_CODE = ("new", "same", "totp", "disabled"), ("code", "kept", "proven")
ENROLLED, RESTORED = ("verified", "enrolled"), ("skipped", "restored")

OTHER_ANSWERS: dict[str, bool | str] = {
    "same_value_resends_code": True,
    "same_value_unverifies": True,
    "verified_true_sends_sms": True,
    "mfa_preference_when_off": "refuse",
    "disabled_user_mfa_preference": "refuse",
    "alias_takeover": "refuse",
    "omitted_totp_block_disables": True,
    "required_pool_hides_mfa_list": False,
    "delete_phone_with_sms_mfa": "refuse",
    "provisioned_limit_error": "ResourceNotFoundException",
    "resend_goes_to_stored_value": False,
    "challenge_needs_user_id": True,
    "late_answer_error": "ExpiredCodeException",
    "recovery_write_error": "NotAuthorizedException",
    "role_without_external_id": "refuse",
    "off_pool_hides_sms": True,
    "username_filter_ignores_case": True,
    "email_filter_tells_cases": True,
}
"""For each question the answer that is not the simulator's usual one."""
ONE_BY_ONE = ("same_value_resends_code", "verified_true_sends_sms", "omitted_totp_block_disables")
"""Those that could do most harm; the others are flipped together, or in tests of their own."""
WORLDS: dict[str, Mapping[str, bool | str]] = {
    "as usual": {},
    **{name: {name: OTHER_ANSWERS[name]} for name in ONE_BY_ONE},
    "everything": OTHER_ANSWERS,
}


def test_every_question_has_its_other_answer_here() -> None:
    usual = asdict(Unsettled())

    assert OTHER_ANSWERS.keys() == {field.name for field in fields(Unsettled)}
    assert not [name for name, answer in OTHER_ANSWERS.items() if usual[name] == answer]


def members() -> list[dict[str, Any]]:
    return [
        a_member("new"),
        a_member("same", phone=NUMBERS["same"]),
        a_member("totp", **TOTP),
        a_member("disabled", Enabled=False),
        a_member("code"),
        a_member("kept", phone=NUMBERS["kept"]),
        a_member("proven", phone=NUMBERS["proven"], verified=True),
    ]


def run(site: Site, names: tuple[str, ...], policy: str) -> dict[str, tuple[str, str]]:
    rows = [(f"{name}@example.com", NUMBERS[name]) for name in names]
    roster = write_roster(site.folder / f"{policy}.csv", rows)
    options = (
        "--despite",
        "has_totp",
        "--despite",
        "disabled_user",
        "--max-sms",
        "9",
        "--max-failures",
        "100%",
    )

    done = site.cli.run(roster, site.folder / policy, "--verification", policy, *options)

    assert done.code in {0, 7}, done.said
    return outcomes(site, names, policy)


def outcomes(site: Site, names: tuple[str, ...], run_dir: str) -> dict[str, tuple[str, str]]:
    found = endings(site.folder / run_dir)
    return {name: found[row] for row, name in enumerate(names, 1)}


def verified(site: Site) -> set[str]:
    users = state(site.running)
    return {name for name, user in users.items() if user["Attributes"].get("phone_number_verified") == "true"}


@pytest.mark.parametrize("answers", WORLDS.values(), ids=WORLDS)
def test_run_reconcile_and_rollback_do_right_and_no_harm(
    raise_site: Callable[..., Site], answers: Mapping[str, bool | str]
) -> None:
    """One life for each world: it is long, and each part starts from what the one before has left."""
    site = raise_site(members(), config=SENDS_CODES, unsettled=dict(answers))
    refused = answers.get("disabled_user_mfa_preference") == "refuse"
    surprises = bool(answers.get("verified_true_sends_sms"))

    attested, by_code = run(site, ATTESTED, "attested"), run(site, BY_CODE, "by-code")

    assert attested == {
        "new": ENROLLED,
        "same": ENROLLED,
        "totp": ENROLLED,
        "disabled": ("failed", "rejected") if refused else ENROLLED,
    }
    waiting = ("pending", "awaiting_code")
    assert by_code == {"code": waiting, "kept": waiting, "proven": ENROLLED}
    assert verified(site) == {*ATTESTED, "proven"}
    assert mfa_of(site.running, "new") == mfa_of(site.running, "proven") == (["SMS_MFA"], "SMS_MFA")
    assert mfa_of(site.running, "totp") == (["SMS_MFA", "SOFTWARE_TOKEN_MFA"], "SOFTWARE_TOKEN_MFA")
    assert mfa_of(site.running, "code") == mfa_of(site.running, "kept") == ([], None)
    first = sms(site.running)
    assert set(first.values()) == {1}
    assert len(first) == (1 + len(ATTESTED) if surprises else 1)

    proved = [
        {"Username": name, "Attributes": {"phone_number_verified": "true"}} for name in ("code", "kept")
    ]
    site.running.control("users", {"upsert": proved})
    night = site.cli("reconcile", "--run-dir", site.folder / "by-code", "--yes", "--quiet")

    assert_code(night, 0)
    promoted = ("verified", "promoted")
    assert outcomes(site, BY_CODE, "by-code") == {"code": promoted, "kept": promoted, "proven": ENROLLED}
    assert sms(site.running) == first

    back = site.cli(
        "rollback", "--run-dir", site.folder / "attested", "--yes", "--quiet", "--max-failures", "100%"
    )

    assert_code(back, 7)
    given_back = dict.fromkeys(ATTESTED, RESTORED) | {"same": ("failed", "restore_would_send_sms")}
    assert outcomes(site, ATTESTED, "attested") == given_back
    assert verified(site) == {"same", "proven", "code", "kept"}
    assert mfa_of(site.running, "totp") == (TOTP["UserMFASettingList"], TOTP["PreferredMfaSetting"])
    assert all(mfa_of(site.running, name) == ([], None) for name in ("new", "same", "disabled"))
    assert sms(site.running) == first


@pytest.mark.parametrize("disables", [False, True])
def test_switching_sms_mfa_off_takes_no_other_factor(raise_site: Callable[..., Site], disables: bool) -> None:
    user = a_member("both", phone=phone_of(1), verified=True, **BOTH)
    site = raise_site([user], unsettled={"omitted_totp_block_disables": disables})
    roster = write_roster(site.folder / "roster.csv", [("both@example.com",)], header=("email",))

    done = site.cli("disable", roster, "--user-pool-id", POOL_ID, "--run-dir", site.folder / "off", "--yes")

    assert_code(done, 0)
    assert endings(site.folder / "off") == {1: ("skipped", "mfa_disabled")}
    assert mfa_of(site.running, "both") == (TOTP["UserMFASettingList"], TOTP["PreferredMfaSetting"])


@pytest.mark.parametrize("takeover", ["steal", "refuse"])
def test_nobodys_number_is_taken_where_numbers_sign_people_in(
    raise_site: Callable[..., Site], takeover: str
) -> None:
    users = [a_member("owner", phone=phone_of(1), verified=True), a_member("wants-it"), a_member("fine")]
    config = {"AliasAttributes": ["email", "phone_number"]}
    site = raise_site(users, config=config, unsettled={"alias_takeover": takeover})
    rows = [("wants-it@example.com", phone_of(1)), ("fine@example.com", phone_of(2))]
    roster = write_roster(site.folder / "roster.csv", rows)

    done = site.cli.run(roster, site.folder / "run", "--verification", "attested")

    assert_code(done, 7)
    assert endings(site.folder / "run") == {1: ("failed", "phone_taken"), 2: ENROLLED}
    assert verified(site) == {"owner", "fine"}
    assert calls(site.running)["AdminUpdateUserAttributes"] == 1


@pytest.mark.parametrize("answer", ["accept", "refuse"])
def test_a_pool_with_mfa_off_is_refused_before_the_question_arises(
    raise_site: Callable[..., Site], answer: str
) -> None:
    config = {"MfaConfiguration": "OFF"}
    site = raise_site([a_member("ann")], config=config, unsettled={"mfa_preference_when_off": answer})
    roster = write_roster(site.folder / "roster.csv", [("ann@example.com", phone_of(1))])

    done = site.cli.run(roster, site.folder / "run", "--verification", "attested")

    assert_code(done, 4)
    assert not WRITES & calls(site.running).keys()


@pytest.mark.parametrize("hides", [True, False])
def test_where_mfa_is_required_a_verified_number_is_enrolled_shown_or_not(
    raise_site: Callable[..., Site], hides: bool
) -> None:
    site = raise_site(
        [a_member("ann"), a_member("bob", phone=phone_of(2), verified=True)],
        config={"MfaConfiguration": "ON"},
        unsettled={"required_pool_hides_mfa_list": hides},
    )
    rows = [("ann@example.com", phone_of(1)), ("bob@example.com", phone_of(2))]
    command = (
        write_roster(site.folder / "roster.csv", rows),
        site.folder / "run",
        "--verification",
        "attested",
    )

    done = site.cli.run(*command)
    night = site.cli("reconcile", "--run-dir", site.folder / "run", "--yes", "--quiet", "--deep")

    assert_code(done, 0)
    assert_code(night, 0)
    assert endings(site.folder / "run") == {1: ENROLLED, 2: ("verified", "already_enrolled")}
    spent = calls(site.running)
    assert (spent["AdminUpdateUserAttributes"], spent["AdminSetUserMFAPreference"]) == (1, 0)


@pytest.mark.parametrize(
    "code", ["InvalidParameterException", "ResourceNotFoundException", "NotAuthorizedException"]
)
def test_whatever_a_limit_that_cannot_be_read_answers_the_run_goes_on(
    raise_site: Callable[..., Site], code: str
) -> None:
    """The answer for an adjustable category is the one that the tool asks for; here it is an error, too."""
    site = raise_site([a_member("ann")], unsettled={"provisioned_limit_error": code})
    error = {"kind": "error", "code": code, "status": 400, "ops": ["GetProvisionedLimit"]}
    site.running.control("faults", {"rules": [error]})
    roster = write_roster(site.folder / "roster.csv", [("ann@example.com", phone_of(1))])

    done = site.cli.run(roster, site.folder / "run", "--verification", "attested")

    assert_code(done, 0)
    assert "UserRead" in summary(site.folder / "run")["calls"]
