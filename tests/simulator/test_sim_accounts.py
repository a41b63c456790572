"""Users and their names, pools, app clients, STS and the protocol."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from tests.simulator.sim_site import PHONE, ROLE, client_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from migrate_mfa.simulator import Running
    from tests.simulator.sim_site import Site

INVALID = "InvalidParameterException"
NEEDS_SMS = (
    "SMS configuration and Auto verification for phone_number are required when MFA is required/optional"
)
EMAIL = {"email": "a@example.com", "email_verified": "true"}


def create(site: Site, name: str, attributes: dict[str, str] | None = None, **members: Any) -> str:
    rows = [{"Name": key, "Value": value} for key, value in (attributes or {}).items()]
    return site.code("admin_create_user", Username=name, UserAttributes=rows, **members)


def found(site: Site, name: str) -> bool:
    return site.code("admin_get_user", Username=name) == "ok"


def test_a_created_user_must_change_the_password(site: Site) -> None:
    user = site.call("admin_create_user", Username="hana")["User"]

    assert (user["Username"], user["UserStatus"], user["Enabled"]) == (
        "hana",
        "FORCE_CHANGE_PASSWORD",
        True,
    )
    assert "UserMFASettingList" not in user


@pytest.mark.parametrize(("permanent", "status"), [(True, "CONFIRMED"), (False, "FORCE_CHANGE_PASSWORD")])
def test_setting_a_password_sets_the_status(site: Site, permanent: bool, status: str) -> None:
    site.call("admin_set_user_password", Username="taro", Password="Abcd-1234", Permanent=permanent)

    assert site.read()["UserStatus"] == status


@pytest.mark.parametrize("password", ["Ab-1", "abcd-1234", "ABCD-1234", "Abcd-efgh", "Abcd12345"])
def test_a_password_follows_the_policy(site: Site, password: str) -> None:
    code = site.code("admin_set_user_password", Username="taro", Password=password, Permanent=True)

    assert code == "InvalidPasswordException"


@pytest.mark.parametrize(
    ("members", "sms"),
    [
        ({}, {"invitation": 1}),
        ({"MessageAction": "SUPPRESS"}, {}),
        ({"DesiredDeliveryMediums": ["EMAIL"]}, {}),
    ],
)
def test_an_invitation_goes_out_by_sms_unless_told_otherwise(
    site: Site, members: dict[str, Any], sms: dict[str, int]
) -> None:
    create(site, "hana", {"phone_number": PHONE}, **members)

    assert site.sms("hana") == sms


@pytest.mark.parametrize(("status", "code"), [("CONFIRMED", "UnsupportedUserStateException")])
def test_only_a_new_user_is_invited_again(site: Site, status: str, code: str) -> None:
    site.user(UserStatus=status)

    assert create(site, "taro", MessageAction="RESEND") == code


def test_a_taken_username_is_refused(site: Site) -> None:
    assert create(site, "taro") == "UsernameExistsException"


def test_case_counts_by_default_and_not_when_the_pool_says_so(make_site: Callable[..., Site]) -> None:
    sensitive = make_site()
    folded = make_site(UsernameConfiguration={"CaseSensitive": False})
    for site in (sensitive, folded):
        create(site, "Hana")

    assert not found(sensitive, "hana")
    assert found(folded, "hana")
    assert create(sensitive, "HANA") == "ok"
    assert create(folded, "HANA") == "UsernameExistsException"


def test_an_email_alias_answers_only_once_verified(make_site: Callable[..., Site]) -> None:
    site = make_site(AliasAttributes=["email"])
    site.user(Attributes={"email": "a@example.com", "email_verified": "false"})

    assert not found(site, "a@example.com")
    site.update(email_verified="true")
    assert found(site, "a@example.com")
    site.update(email_verified="false")
    assert not found(site, "a@example.com")


def test_an_email_that_is_no_alias_names_nobody(site: Site) -> None:
    assert not found(site, "taro@example.com")


def test_a_sub_names_local_users_only(site: Site) -> None:
    site.user("Google_1", UserStatus="EXTERNAL_PROVIDER", sub="11111111-aaaa")

    assert found(site, site.sub())
    assert found(site, "Google_1")
    assert not found(site, "11111111-aaaa")


@pytest.mark.parametrize(
    ("pool", "name", "code"),
    [
        ({"AliasAttributes": ["email"]}, "x@example.com", INVALID),
        ({"AliasAttributes": ["phone_number"]}, PHONE, INVALID),
        ({"UsernameAttributes": ["email"]}, "hana", INVALID),
        ({"UsernameAttributes": ["email"]}, "x@example.com", "ok"),
        ({"UsernameAttributes": ["phone_number"]}, PHONE, "ok"),
        ({}, "x@example.com", "ok"),
    ],
)
def test_what_a_username_may_look_like(
    make_site: Callable[..., Site], pool: dict[str, Any], name: str, code: str
) -> None:
    assert create(make_site(**pool), name) == code


@pytest.mark.parametrize(
    ("allowed", "said"),
    [
        (["phone_number"], "a phone number."),
        (["phone_number", "email"], "either an email or a phone number."),
    ],
)
def test_a_refused_username_is_told_what_it_may_be(
    make_site: Callable[..., Site], allowed: list[str], said: str
) -> None:
    site = make_site(UsernameAttributes=allowed)

    assert site.message("admin_create_user", Username="hana") == f"Username should be {said}"


def test_a_user_named_by_email_has_the_sub_as_username(make_site: Callable[..., Site]) -> None:
    site = make_site(UsernameAttributes=["email"])
    create(site, "a@example.com")

    user = site.read("a@example.com")

    assert user["Username"] == site.sub("a@example.com")
    assert site.attributes(user["Username"])["email"] == "a@example.com"
    assert create(site, "a@example.com") == "UsernameExistsException"


def test_a_verified_alias_of_another_user_is_refused_or_forced(make_site: Callable[..., Site]) -> None:
    site = make_site(AliasAttributes=["email"])
    site.user(Attributes=EMAIL)

    assert create(site, "hana", EMAIL) == "UsernameExistsException"
    assert create(site, "hana", EMAIL, ForceAliasCreation=True) == "ok"
    assert site.read("a@example.com")["Username"] == "hana"
    assert site.attributes()["email_verified"] == "false"


def test_disabling_and_enabling(site: Site) -> None:
    site.call("admin_disable_user", Username="taro")
    assert site.read()["Enabled"] is False

    site.call("admin_enable_user", Username="taro")
    assert site.read()["Enabled"] is True


def test_a_deleted_user_is_gone_by_every_name(make_site: Callable[..., Site]) -> None:
    site = make_site(AliasAttributes=["email"])
    site.user(Attributes=EMAIL)
    names = ["taro", site.sub(), "a@example.com"]

    site.call("admin_delete_user", Username="taro")

    assert not any(found(site, name) for name in names)
    assert site.call("list_users")["Users"] == []


@pytest.mark.parametrize(
    ("pool_id", "code"),
    [
        ("ap-northeast-1_aaaaaaaaa", "ResourceNotFoundException"),
        ("no pool", INVALID),
        ("ap-northeast-1", INVALID),
    ],
)
@pytest.mark.parametrize("op", ["describe_user_pool", "list_users", "get_user_pool_mfa_config"])
def test_pool_ids(client: Any, op: str, pool_id: str, code: str) -> None:
    with pytest.raises(ClientError) as caught:
        getattr(client, op)(UserPoolId=pool_id)

    assert caught.value.response["Error"]["Code"] == code
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400


def test_a_pool_is_described_as_it_was_made(make_site: Callable[..., Site]) -> None:
    site = make_site(AliasAttributes=["email"], DeviceConfiguration={"ChallengeRequiredOnNewDevice": True})

    pool = site.call("describe_user_pool")["UserPool"]

    assert pool["Arn"].endswith(f":123456789012:userpool/{site.pool_id}")
    assert pool["AliasAttributes"] == ["email"]
    assert pool["DeviceConfiguration"] == {"ChallengeRequiredOnNewDevice": True}
    schema = {row["Name"]: row for row in pool["SchemaAttributes"]}
    assert schema["phone_number"]["Mutable"]
    assert not schema["sub"]["Mutable"]
    assert len(site.pool_id.split("_")[1]) == 9


def test_updating_one_setting_resets_the_others(make_site: Callable[..., Site]) -> None:
    site = make_site(
        AutoVerifiedAttributes=["phone_number"],
        UserPoolTier="PLUS",
        AliasAttributes=["email"],
        LambdaConfig={"CustomMessage": "arn:aws:lambda:ap-northeast-1:123456789012:function:f"},
    )

    site.call("update_user_pool", DeletionProtection="INACTIVE")

    pool = site.call("describe_user_pool")["UserPool"]
    assert pool["MfaConfiguration"] == "OFF"
    assert {"SmsConfiguration", "AutoVerifiedAttributes"}.isdisjoint(pool)
    assert pool["LambdaConfig"] == {}
    assert (pool["UserPoolTier"], pool["AliasAttributes"]) == ("PLUS", ["email"])


@pytest.mark.parametrize(
    ("config", "text"),
    [
        (
            {"MfaConfiguration": "OPTIONAL", "SmsConfiguration": ROLE},
            NEEDS_SMS,
        ),
        (
            {"AutoVerifiedAttributes": ["phone_number"]},
            "SMS configuration is required when phone_number is selected for auto verification",
        ),
        (
            {"AliasAttributes": ["email"], "UsernameAttributes": ["email"]},
            "Only one of aliasAttributes or usernameAttributes can be set in a user pool.",
        ),
        (
            {"UserAttributeUpdateSettings": {"AttributesRequireVerificationBeforeUpdate": ["phone_number"]}},
            "AttributesRequireVerificationBeforeUpdate needs the attributes to be auto-verified.",
        ),
    ],
)
def test_pools_that_are_refused(client: Any, config: dict[str, Any], text: str) -> None:
    with pytest.raises(ClientError) as caught:
        client.create_user_pool(PoolName="t", **config)

    assert caught.value.response["Error"]["Message"] == text


def test_pools_are_listed_in_pages(client: Any, make_site: Callable[..., Site]) -> None:
    made = {make_site().pool_id for _ in range(3)}

    pages = client.get_paginator("list_user_pools").paginate(PaginationConfig={"PageSize": 2})

    assert made <= {pool["Id"] for page in pages for pool in page["UserPools"]}


def test_a_protected_pool_is_not_deleted(make_site: Callable[..., Site]) -> None:
    protected, open_pool = make_site(DeletionProtection="ACTIVE"), make_site()

    assert protected.code("delete_user_pool") == INVALID
    assert open_pool.code("delete_user_pool") == "ok"
    assert open_pool.code("describe_user_pool") == "ResourceNotFoundException"


def test_app_clients(site: Site) -> None:
    made = site.call("create_user_pool_client", ClientName="app", ExplicitAuthFlows=["ALLOW_USER_SRP_AUTH"])
    client_id = made["UserPoolClient"]["ClientId"]

    shown = site.call("describe_user_pool_client", ClientId=client_id)["UserPoolClient"]
    listed = site.call("list_user_pool_clients")["UserPoolClients"]

    assert shown["ExplicitAuthFlows"] == ["ALLOW_USER_SRP_AUTH"]
    assert [row["ClientName"] for row in listed] == ["app"]
    assert site.code("describe_user_pool_client", ClientId="nope") == "ResourceNotFoundException"


def test_sts_names_the_account(running: Running) -> None:
    assert client_of(running, "sts").get_caller_identity()["Account"] == "123456789012"


@pytest.mark.parametrize(("service", "op"), [("cognito-idp", "get_csv_header"), ("sns", "list_topics")])
def test_what_is_not_simulated_fails_fast(running: Running, client: Any, service: str, op: str) -> None:
    one = client if service == "cognito-idp" else client_of(running, service)
    members = {"UserPoolId": "ap-northeast-1_aaaaaaaaa"} if op == "get_csv_header" else {}

    with pytest.raises(ClientError) as caught:
        getattr(one, op)(**members)

    assert caught.value.response["Error"]["Code"] in ("UnknownOperationException", "InvalidAction")
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400


@pytest.mark.parametrize("name", ["ta ro", "x" * 129])
def test_names_outside_the_pattern_are_refused(site: Site, name: str) -> None:
    with pytest.raises(ClientError) as caught:
        site.call("admin_get_user", Username=name)

    assert caught.value.response["Error"]["Code"] == INVALID
