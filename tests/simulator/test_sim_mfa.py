"""AdminSetUserMFAPreference, SetUserPoolMfaConfig and GetProvisionedLimit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from migrate_mfa.simulator.account.poolconfig import replaced_mfa_config, reset_unspecified, with_defaults
from tests.simulator.sim_site import PHONE, ROLE

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.simulator.sim_site import Site

SMS_ON: dict[str, Any] = {"SMSMfaSettings": {"Enabled": True, "PreferredMfa": True}}
SMS_OFF: dict[str, Any] = {"SMSMfaSettings": {"Enabled": False, "PreferredMfa": False}}
TOTP_ON: dict[str, Any] = {"SoftwareTokenMfaSettings": {"Enabled": True, "PreferredMfa": True}}
TOTP_OFF: dict[str, Any] = {"SoftwareTokenMfaSettings": {"Enabled": False}}
EMAIL_ON: dict[str, Any] = {"EmailMfaSettings": {"Enabled": True, "PreferredMfa": False}}
WITH_PHONE: dict[str, Any] = {"Attributes": {"phone_number": PHONE, "phone_number_verified": "false"}}
INVALID = "InvalidParameterException"


def factors(site: Site, name: str = "taro") -> tuple[list[str] | None, str | None]:
    """Give the list and the preference as AdminGetUser shows them, None for an absent key."""
    user = site.read(name)
    return user.get("UserMFASettingList"), user.get("PreferredMfaSetting")


def test_mfa_keys_are_absent_while_nothing_is_set(site: Site) -> None:
    assert {"UserMFASettingList", "PreferredMfaSetting", "MFAOptions"}.isdisjoint(site.read())


def test_sms_mfa_without_a_number_is_refused(site: Site) -> None:
    text = site.message("admin_set_user_mfa_preference", Username="taro", **SMS_ON)

    assert text == "User does not have a phone_number set to turn on SMS MFA"


def test_even_a_disabling_sms_block_needs_a_number(site: Site) -> None:
    assert site.prefer(**SMS_OFF) == INVALID


def test_an_unverified_number_is_enough(site: Site) -> None:
    site.user(**WITH_PHONE)

    assert site.prefer(**SMS_ON) == "ok"
    assert factors(site) == (["SMS_MFA"], "SMS_MFA")


_NOT_VALID = (
    "1 validation error detected: Value 'no place for it' at 'smsMfaConfiguration.smsAuthenticationMessage' "
    "failed to satisfy constraint:"
)


@pytest.mark.parametrize(
    ("status", "code"),
    [
        ("CONFIRMED", "ok"),
        ("FORCE_CHANGE_PASSWORD", "ok"),
        ("UNCONFIRMED", "UserNotConfirmedException"),
        ("RESET_REQUIRED", "PasswordResetRequiredException"),
    ],
)
def test_some_statuses_are_refused(site: Site, status: str, code: str) -> None:
    site.user(**WITH_PHONE, UserStatus=status)

    assert site.prefer(**SMS_ON) == code


def test_federated_users_are_accepted_without_effect(site: Site) -> None:
    site.user("Google_1", **WITH_PHONE, UserStatus="EXTERNAL_PROVIDER")

    assert site.prefer("Google_1", **SMS_ON) == "ok"
    assert factors(site, "Google_1") == (None, None)


@pytest.mark.parametrize(
    ("blocks", "code"),
    [
        ({**SMS_ON, **TOTP_ON}, INVALID),
        ({"SMSMfaSettings": {"Enabled": False, "PreferredMfa": True}}, INVALID),
        ({"SMSMfaSettings": {"PreferredMfa": True}}, INVALID),
        ({**SMS_ON, **TOTP_OFF}, "ok"),
        ({}, "ok"),
    ],
)
def test_one_factor_is_preferred_and_it_is_enabled(site: Site, blocks: dict[str, Any], code: str) -> None:
    site.user(**WITH_PHONE, totp_registered=True)

    assert site.prefer(**blocks) == code


@pytest.mark.parametrize(
    ("blocks", "text"),
    [
        (TOTP_ON, "User does not have delivery config set to turn on SOFTWARE_TOKEN_MFA"),
        (TOTP_OFF, "User has not set up software token mfa"),
        (EMAIL_ON, "User does not have delivery config set to turn on EMAIL_OTP"),
    ],
)
def test_a_factor_that_was_never_set_up_is_refused(site: Site, blocks: dict[str, Any], text: str) -> None:
    site.user(**WITH_PHONE)

    assert site.message("admin_set_user_mfa_preference", Username="taro", **blocks) == text


def test_sms_preferred_demotes_totp_but_leaves_it_enabled(site: Site) -> None:
    site.user(
        **WITH_PHONE,
        UserMFASettingList=["SOFTWARE_TOKEN_MFA"],
        PreferredMfaSetting="SOFTWARE_TOKEN_MFA",
    )

    site.prefer(**SMS_ON)

    assert factors(site) == (["SMS_MFA", "SOFTWARE_TOKEN_MFA"], "SMS_MFA")


def test_an_omitted_totp_block_disables_totp_by_switch(site: Site) -> None:
    site.user(**WITH_PHONE, UserMFASettingList=["SOFTWARE_TOKEN_MFA"])
    site.running.control("faults", {"unsettled": {"omitted_totp_block_disables": True}})

    site.prefer(**SMS_ON)

    assert factors(site) == (["SMS_MFA"], "SMS_MFA")


def test_disabling_clears_list_and_preference(site: Site) -> None:
    site.user(**WITH_PHONE)
    site.prefer(**SMS_ON)

    assert site.prefer(**SMS_OFF) == "ok"
    assert factors(site) == (None, None)


def test_enabled_but_not_preferred_is_listed_only(site: Site) -> None:
    site.user(**WITH_PHONE)

    site.prefer(SMSMfaSettings={"Enabled": True, "PreferredMfa": False})

    assert factors(site) == (["SMS_MFA"], None)


@pytest.mark.parametrize(("switch", "code"), [("accept", "ok"), ("refuse", INVALID)])
def test_with_pool_mfa_off_the_preference_is_listed_by_switch(
    make_site: Callable[..., Site], switch: str, code: str
) -> None:
    site = make_site(mfa="OFF")
    site.user(**WITH_PHONE)
    site.running.control("faults", {"unsettled": {"mfa_preference_when_off": switch}})

    assert site.prefer(**SMS_ON) == code
    assert factors(site)[0] == (["SMS_MFA"] if code == "ok" else None)


@pytest.mark.parametrize(("switch", "code"), [("accept", "ok"), ("refuse", "NotAuthorizedException")])
def test_disabled_users_by_switch(site: Site, switch: str, code: str) -> None:
    site.user(**WITH_PHONE, Enabled=False)
    site.running.control("faults", {"unsettled": {"disabled_user_mfa_preference": switch}})

    assert site.prefer(**SMS_ON) == code


def test_in_a_required_pool_disabling_does_nothing(make_site: Callable[..., Site]) -> None:
    site = make_site(mfa="ON")
    site.user(**WITH_PHONE)
    site.prefer(**SMS_ON)
    before = site.running.control("state-hash")

    assert site.prefer(**SMS_OFF) == "ok"
    assert site.running.control("state-hash") == before


@pytest.mark.parametrize(("hides", "shown"), [(True, ([], None)), (False, (["SMS_MFA"], "SMS_MFA"))])
def test_a_required_pool_may_hide_the_list(
    make_site: Callable[..., Site], hides: bool, shown: object
) -> None:
    site = make_site(mfa="ON")
    site.user(**WITH_PHONE)
    site.prefer(**SMS_ON)
    site.running.control("faults", {"unsettled": {"required_pool_hides_mfa_list": hides}})

    assert factors(site) == shown


def test_legacy_sms_mfa_shows_in_mfa_options_only(site: Site) -> None:
    legacy = [{"DeliveryMedium": "SMS", "AttributeName": "phone_number"}]
    site.user(**WITH_PHONE, MFAOptions=legacy)

    assert site.read()["MFAOptions"] == legacy
    assert factors(site) == (None, None)


def test_auth_factors_carry_no_attributes(site: Site) -> None:
    site.user(**WITH_PHONE, ConfiguredUserAuthFactors=["PASSWORD", "WEB_AUTHN"])
    site.prefer(**SMS_ON)

    answer = site.call("admin_get_user_auth_factors", Username="taro")

    del answer["ResponseMetadata"]
    assert answer == {
        "Username": "taro",
        "ConfiguredUserAuthFactors": ["PASSWORD", "WEB_AUTHN"],
        "UserMFASettingList": ["SMS_MFA"],
        "PreferredMfaSetting": "SMS_MFA",
    }


NO_FACTOR = (
    "Invalid MFA configuration given, can't disable all MFAs with a required or optional configuration."
)
SMS_BLOCK: dict[str, Any] = {"SmsMfaConfiguration": {"SmsConfiguration": ROLE}}
TOTP_BLOCK: dict[str, Any] = {"SoftwareTokenMfaConfiguration": {"Enabled": True}}


@pytest.mark.parametrize(
    ("mode", "blocks", "text"),
    [
        (
            "OPTIONAL",
            {},
            NO_FACTOR,
        ),
        (
            "ON",
            {"SoftwareTokenMfaConfiguration": {"Enabled": False}},
            NO_FACTOR,
        ),
        (
            "OFF",
            SMS_BLOCK,
            "Invalid MFA configuration given, can't turn off MFA and configure an MFA together.",
        ),
        (
            "OPTIONAL",
            TOTP_BLOCK,
            "Can't turn off SMS_MFA when SMS configuration is set for the user pool",
        ),
        (
            "OPTIONAL",
            {"SmsMfaConfiguration": {"SmsAuthenticationMessage": "no place for it"}},
            f"{_NOT_VALID} Member must satisfy regular expression pattern: .*\\{{####\\}}.*",
        ),
    ],
)
def test_mfa_configurations_that_are_refused(
    site: Site, mode: str, blocks: dict[str, Any], text: str
) -> None:
    found = site.message("set_user_pool_mfa_config", MfaConfiguration=mode, **blocks)

    assert found == text
    assert site.call("get_user_pool_mfa_config")["MfaConfiguration"] == "OPTIONAL"


def test_blocks_left_out_are_switched_off(site: Site) -> None:
    assert site.set_mfa("OPTIONAL", **SMS_BLOCK, **TOTP_BLOCK) == "ok"

    assert site.set_mfa("OPTIONAL", **SMS_BLOCK) == "ok"
    assert "SoftwareTokenMfaConfiguration" not in site.call("get_user_pool_mfa_config")


def test_a_message_that_is_left_out_of_its_block_is_gone(site: Site) -> None:
    with_text = {"SmsConfiguration": ROLE, "SmsAuthenticationMessage": "Code {####}"}
    assert site.set_mfa("OPTIONAL", SmsMfaConfiguration=with_text) == "ok"

    assert site.set_mfa("OPTIONAL", **SMS_BLOCK) == "ok"
    assert site.call("get_user_pool_mfa_config")["SmsMfaConfiguration"] == {"SmsConfiguration": ROLE}


def test_a_block_that_the_client_does_not_know_is_lost_when_it_writes() -> None:
    current = with_defaults({"FutureMfaBlocks": {"New": {"Enabled": True}}, "SmsConfiguration": ROLE})

    new = replaced_mfa_config(current, {"MfaConfiguration": "OPTIONAL", **SMS_BLOCK})

    assert "FutureMfaBlocks" in reset_unspecified(current, {})
    assert "FutureMfaBlocks" not in new


def test_describe_reflects_the_mfa_configuration(site: Site) -> None:
    text = "Code {####}"

    site.set_mfa("ON", SmsMfaConfiguration={"SmsConfiguration": ROLE, "SmsAuthenticationMessage": text})

    pool = site.call("describe_user_pool")["UserPool"]
    assert (pool["MfaConfiguration"], pool["SmsConfiguration"]) == ("ON", ROLE)
    assert pool["SmsAuthenticationMessage"] == text
    assert "SoftwareTokenMfaConfiguration" not in pool


def test_email_mfa_needs_a_higher_tier(make_site: Callable[..., Site]) -> None:
    site = make_site(UserPoolTier="LITE")
    email = {"Message": "Code {####}", "Subject": "s"}

    assert site.set_mfa("OPTIONAL", **SMS_BLOCK, EmailMfaConfiguration=email) == (
        "FeatureUnavailableInTierException"
    )


def limit(site: Site, category: str) -> Any:
    definition = {"LimitClass": "API_CATEGORY", "Attributes": {"Category": category}}
    return site.client.get_provisioned_limit(LimitDefinition=definition)["Limit"]


def test_the_limit_of_an_adjustable_category_is_shown(site: Site) -> None:
    answer = limit(site, "UserRead")

    assert (answer["ProvisionedLimitValue"], answer["FreeLimitValue"]) == (120, 120)


@pytest.mark.parametrize("category", ["UserUpdate", "UserResourceUpdate", "UserList", "Nonsense"])
def test_other_categories_have_no_provisioned_limit(site: Site, category: str) -> None:
    with pytest.raises(ClientError) as caught:
        limit(site, category)

    assert caught.value.response["Error"]["Code"] == INVALID
