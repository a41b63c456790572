"""AdminUpdateUserAttributes: formats, the verification table, aliases, blanks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.simulator.sim_site import OTHER_PHONE, PHONE

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.simulator.sim_site import Site

VERIFIED = {"phone_number": PHONE, "phone_number_verified": "true"}
HOLD = {"AttributesRequireVerificationBeforeUpdate": ["phone_number"]}


@pytest.mark.parametrize(
    ("number", "code"),
    [
        ("+819011112222", "ok"),
        ("+8109011112222", "ok"),  # a kept trunk zero is well-formed, and undeliverable
        ("+123456789012345", "ok"),
        ("+1234567890123456", "InvalidParameterException"),
        ("09011112222", "InvalidParameterException"),
        ("+81-90-1111-2222", "InvalidParameterException"),
        ("+81 9011112222", "InvalidParameterException"),
        ("+81901111222x", "InvalidParameterException"),
        ("\uff0b819011112222", "InvalidParameterException"),
        ("+\uff18\uff119011112222", "InvalidParameterException"),
        ("+", "InvalidParameterException"),
    ],
)
def test_phone_format_is_plus_and_up_to_15_digits(site: Site, number: str, code: str) -> None:
    assert site.update(phone_number=number) == code
    assert ("phone_number" in site.attributes()) == (code == "ok")


def test_phone_format_refusal_has_the_services_text(site: Site) -> None:
    rows = [{"Name": "phone_number", "Value": "0901"}]

    text = site.message("admin_update_user_attributes", Username="taro", UserAttributes=rows)

    assert text == "Invalid phone number format."


AUTO: dict[str, Any] = {"AutoVerifiedAttributes": ["phone_number"]}
AUTO_HOLD: dict[str, Any] = {**AUTO, "UserAttributeUpdateSettings": HOLD}


@pytest.mark.parametrize(
    ("config", "flag", "sms", "after"),
    [
        ({}, "true", 0, (PHONE, "true")),
        (AUTO, "true", 0, (PHONE, "true")),
        (AUTO_HOLD, "true", 0, (PHONE, "true")),
        (AUTO_HOLD, None, 1, (OTHER_PHONE, "true")),
        (AUTO_HOLD, "false", 1, (OTHER_PHONE, "true")),
        (AUTO, None, 1, (PHONE, "false")),
        ({}, None, 0, (PHONE, "false")),
        ({}, "false", 0, (PHONE, "false")),
    ],
)
def test_a_changed_number_follows_the_verification_table(
    make_site: Callable[..., Site],
    config: dict[str, Any],
    flag: str | None,
    sms: int,
    after: tuple[str, str],
) -> None:
    site = make_site(**config)
    site.user(Attributes={**VERIFIED, "phone_number": OTHER_PHONE})

    site.update(phone_number=PHONE, **({"phone_number_verified": flag} if flag else {}))

    found = site.attributes()
    assert (found["phone_number"], found["phone_number_verified"]) == after
    assert site.sms() == ({"verification": sms} if sms else {})


def test_a_held_number_shows_in_the_state_only(make_site: Callable[..., Site]) -> None:
    site = make_site(AutoVerifiedAttributes=["phone_number"], UserAttributeUpdateSettings=HOLD)
    site.user()

    site.update(phone_number=PHONE)

    state = site.running.control("state")[site.pool_id][site.sub()]
    assert "phone_number" not in site.attributes()
    assert state["pending"] == {"phone_number": PHONE}


def test_a_verified_write_settles_a_pending_number(make_site: Callable[..., Site]) -> None:
    site = make_site(AutoVerifiedAttributes=["phone_number"], UserAttributeUpdateSettings=HOLD)
    site.user()
    site.update(phone_number=OTHER_PHONE)

    site.update(**VERIFIED)

    assert site.running.control("state")[site.pool_id][site.sub()]["pending"] is None


@pytest.mark.parametrize(
    ("switches", "sms", "verified"),
    [
        ({}, {}, "true"),
        ({"same_value_resends_code": True}, {"verification": 1}, "true"),
        ({"same_value_unverifies": True}, {}, "false"),
    ],
)
def test_the_same_number_again_does_what_the_switches_say(
    make_site: Callable[..., Site], switches: dict[str, bool], sms: dict[str, int], verified: str
) -> None:
    site = make_site(AutoVerifiedAttributes=["phone_number"])
    site.user(Attributes=VERIFIED)
    site.running.control("faults", {"unsettled": switches})

    site.update(phone_number=PHONE)

    assert site.attributes()["phone_number_verified"] == verified
    assert site.sms() == sms


def test_verified_true_sends_an_sms_only_by_switch(make_site: Callable[..., Site]) -> None:
    site = make_site(AutoVerifiedAttributes=["phone_number"])
    site.user()
    site.running.control("faults", {"unsettled": {"verified_true_sends_sms": True}})

    site.update(**VERIFIED)

    assert site.sms() == {"verification": 1}


def test_the_flag_alone_marks_an_existing_number(site: Site) -> None:
    site.update(phone_number=PHONE)

    assert site.update(phone_number_verified="true") == "ok"
    assert site.attributes()["phone_number_verified"] == "true"


def test_the_flag_without_any_number_is_refused(site: Site) -> None:
    assert site.update(phone_number_verified="true") == "InvalidParameterException"


def test_a_flag_is_true_or_false(site: Site) -> None:
    assert site.update(phone_number=PHONE, phone_number_verified="yes") == "InvalidParameterException"


def test_a_blank_value_deletes_the_number_and_its_flag(site: Site) -> None:
    site.update(**VERIFIED)

    site.update(phone_number="")

    assert {"phone_number", "phone_number_verified"}.isdisjoint(site.attributes())


@pytest.mark.parametrize(
    ("mode", "switch", "code"),
    [
        ("OPTIONAL", "accept", "ok"),
        ("OPTIONAL", "refuse", "InvalidParameterException"),
        ("ON", "accept", "InvalidParameterException"),
    ],
)
def test_deleting_the_number_of_an_sms_mfa_user(
    make_site: Callable[..., Site], mode: str, switch: str, code: str
) -> None:
    site = make_site(mfa=mode)
    site.user(Attributes=VERIFIED, UserMFASettingList=["SMS_MFA"])
    site.running.control("faults", {"unsettled": {"delete_phone_with_sms_mfa": switch}})

    assert site.update(phone_number="") == code


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("sub", "user.sub: Attribute cannot be updated.\n"),
        ("custom:rank", "user.custom:rank: Attribute does not exist in the schema.\n"),
        ("cognito:mfa_enabled", "user.cognito:mfa_enabled: Attribute does not exist in the schema.\n"),
    ],
)
def test_unknown_and_immutable_attributes_are_refused_and_nothing_is_written(
    site: Site, name: str, text: str
) -> None:
    rows = [{"Name": "phone_number", "Value": PHONE}, {"Name": name, "Value": "x"}]

    found = site.message("admin_update_user_attributes", Username="taro", UserAttributes=rows)

    assert found == text
    assert "phone_number" not in site.attributes()


def test_an_immutable_phone_number_of_the_schema_is_refused(make_site: Callable[..., Site]) -> None:
    site = make_site(Schema=[{"Name": "phone_number", "AttributeDataType": "String", "Mutable": False}])
    site.user()

    assert site.update(phone_number=PHONE) == "InvalidParameterException"


def test_custom_attributes_of_the_schema_are_stored(make_site: Callable[..., Site]) -> None:
    site = make_site(Schema=[{"Name": "rank", "AttributeDataType": "String", "Mutable": True}])
    site.user()

    site.update(**{"custom:rank": "7"})

    assert site.attributes() == {"custom:rank": "7"}


@pytest.mark.parametrize(
    ("switch", "code", "owner"), [("steal", "ok", "false"), ("refuse", "AliasExistsException", "true")]
)
def test_a_verified_alias_moves_to_its_last_verifier(
    make_site: Callable[..., Site], switch: str, code: str, owner: str
) -> None:
    site = make_site(AliasAttributes=["phone_number"])
    site.user("hana", Attributes=VERIFIED)
    site.user()
    site.running.control("faults", {"unsettled": {"alias_takeover": switch}})

    assert site.update(**VERIFIED) == code
    assert site.attributes("hana")["phone_number_verified"] == owner
    assert site.read(PHONE)["Username"] == ("taro" if code == "ok" else "hana")


def test_an_unverified_duplicate_of_an_alias_takes_nothing(make_site: Callable[..., Site]) -> None:
    site = make_site(AliasAttributes=["phone_number"])
    site.user("hana", Attributes=VERIFIED)
    site.user()

    assert site.update(phone_number=PHONE) == "ok"
    assert site.read(PHONE)["Username"] == "hana"


@pytest.mark.parametrize("flag", ["true", "false"])
def test_a_number_that_signs_in_is_unique_verified_or_not(make_site: Callable[..., Site], flag: str) -> None:
    site = make_site(UsernameAttributes=["phone_number", "email"])
    site.user("h@example.com", Attributes={"email": "h@example.com", "phone_number": PHONE})
    site.user("t@example.com", Attributes={"email": "t@example.com"})

    code = site.update("t@example.com", phone_number=PHONE, phone_number_verified=flag)

    assert code == "AliasExistsException"


def test_without_phone_aliases_a_number_may_be_shared(site: Site) -> None:
    site.user("hana", Attributes=VERIFIED)

    assert site.update(**VERIFIED) == "ok"
    assert site.attributes("hana")["phone_number_verified"] == "true"


def test_every_write_moves_the_modification_date(site: Site) -> None:
    before = site.read()["UserLastModifiedDate"]

    site.update(phone_number=PHONE)
    between = site.read()["UserLastModifiedDate"]
    site.update(phone_number=PHONE)

    assert before < between < site.read()["UserLastModifiedDate"]


def test_a_refused_write_leaves_the_modification_date(site: Site) -> None:
    before = site.read()["UserLastModifiedDate"]

    site.update(phone_number="x")

    assert site.read()["UserLastModifiedDate"] == before


def test_an_unknown_user_is_not_found(site: Site) -> None:
    rows = [{"Name": "phone_number", "Value": PHONE}]

    text = site.message("admin_update_user_attributes", Username="nobody", UserAttributes=rows)

    assert text == "User does not exist."
