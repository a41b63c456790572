"""disable over the whole tool: SMS MFA off for the users of a roster, and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.commands.support import (
    LEGACY_SMS,
    POOL_ID,
    WRITES,
    a_member,
    assert_code,
    calls,
    endings,
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
    from collections.abc import Callable
    from pathlib import Path

    from tests.commands.conftest import Site
    from tests.commands.support import Done

DISABLED = ("skipped", "mfa_disabled")
SMS: dict[str, Any] = {"UserMFASettingList": ["SMS_MFA"], "PreferredMfaSetting": "SMS_MFA"}
BOTH: dict[str, Any] = {
    "UserMFASettingList": ["SMS_MFA", "SOFTWARE_TOKEN_MFA"],
    "PreferredMfaSetting": "SOFTWARE_TOKEN_MFA",
}


def disable(site: Site, roster: Path, *options: object) -> Done:
    usual = ("--user-pool-id", POOL_ID, "--run-dir", site.folder / "off", "--quiet", "--quota-share", "1.0")
    return site.cli("disable", roster, *usual, *options)


def pool_with_sms_mfa(raise_site: Callable[..., Site], **more: Any) -> tuple[Site, Path]:
    """Five users of different kinds, and a roster whose numbers are rubbish."""
    users = [
        a_member("ann", phone=phone_of(1), verified=True, **SMS),
        a_member("bob", phone=phone_of(2), verified=True, **BOTH),
        a_member("cyd", phone=phone_of(3)),
        a_member("fed", phone=phone_of(4), UserStatus="EXTERNAL_PROVIDER"),
        a_member("off", phone=phone_of(5), verified=True, Enabled=False, **SMS),
        a_member("not-named", phone=phone_of(6), verified=True, **SMS),
    ]
    site = raise_site(users, **more)
    rows = [(f"{name}@example.com", "rubbish") for name in ("ann", "bob", "cyd", "fed", "off", "nobody")]
    return site, write_roster(site.folder / "roster.csv", rows)


def test_sms_mfa_goes_off_and_everything_else_stays(raise_site: Callable[..., Site]) -> None:
    site, roster = pool_with_sms_mfa(raise_site)
    before = state(site.running)

    done = disable(site, roster, "--yes", "--max-failures", "100%")

    assert_code(done, 7)
    assert endings(site.folder / "off") == {
        1: DISABLED,
        2: DISABLED,
        3: DISABLED,
        4: ("skipped", "federated_user"),
        5: DISABLED,
        6: ("failed", "user_not_found"),
    }
    after = state(site.running)
    totp = {"UserMFASettingList": ["SOFTWARE_TOKEN_MFA"], "PreferredMfaSetting": "SOFTWARE_TOKEN_MFA"}
    nothing: dict[str, Any] = {"UserMFASettingList": [], "PreferredMfaSetting": None}
    assert after == {
        **before,
        "ann": {**before["ann"], **nothing},
        "bob": {**before["bob"], **totp},
        "off": {**before["off"], **nothing},
    }
    spent = calls(site.running)
    assert (spent["AdminSetUserMFAPreference"], spent["AdminUpdateUserAttributes"]) == (3, 0)
    assert sms(site.running) == {}
    assert "the numbers stay, and those of the roster are not read" in words(done.err)
    assert summary(site.folder / "off")["command"] == "disable"


def test_a_second_time_writes_nothing_and_a_wave_goes_on(raise_site: Callable[..., Site]) -> None:
    site, roster = pool_with_sms_mfa(raise_site)

    wave = disable(site, roster, "--yes", "--max-failures", "100%", "--max-users", "1")
    rest = disable(site, roster, "--yes", "--max-failures", "100%")
    after, spent = state_hash(site.running), calls(site.running)
    again = disable(site, roster, "--yes", "--max-failures", "100%")

    assert [wave.code, rest.code, again.code] == [10, 7, 7], wave.said + rest.said + again.said
    assert spent["AdminSetUserMFAPreference"] == 3
    assert calls(site.running)["AdminSetUserMFAPreference"] == 3
    assert state_hash(site.running) == after


def test_it_is_undone_by_rollback_and_not_taken_for_a_run(raise_site: Callable[..., Site]) -> None:
    site, roster = pool_with_sms_mfa(raise_site)
    before = state_hash(site.running)
    assert_code(disable(site, roster, "--yes", "--max-failures", "100%"), 7)

    as_a_run = site.cli.run(roster, site.folder / "off", "--verification", "attested")
    back = site.cli("rollback", "--run-dir", site.folder / "off", "--yes", "--quiet")

    assert_code(as_a_run, 3)
    assert_code(back, 0)
    assert state_hash(site.running) == before


def test_it_asks_first(raise_site: Callable[..., Site]) -> None:
    site, roster = pool_with_sms_mfa(raise_site)

    done = disable(site, roster)

    assert_code(done, 2)
    assert not WRITES & calls(site.running).keys()


def test_a_pool_that_requires_mfa_keeps_it(raise_site: Callable[..., Site]) -> None:
    site, roster = pool_with_sms_mfa(raise_site, config={"MfaConfiguration": "ON"})

    done = disable(site, roster, "--yes")

    assert_code(done, 4)
    assert "requires MFA" in done.err
    assert not WRITES & calls(site.running).keys()


def test_a_user_of_the_old_mfa_options_is_not_said_to_be_off_while_cognito_shows_it_on(
    raise_site: Callable[..., Site],
) -> None:
    site = raise_site([a_member("old", phone=phone_of(1), verified=True, MFAOptions=LEGACY_SMS)])
    roster = write_roster(site.folder / "roster.csv", [("old@example.com",)], header=("email",))

    done = disable(site, roster, "--yes")

    assert_code(done, 7)
    assert endings(site.folder / "off") == {1: ("failed", "not_effective")}
    assert "MFAOptions" in report(site.folder / "off", "failed")[0]["detail"]
