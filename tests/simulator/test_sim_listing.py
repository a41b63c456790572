"""ListUsers: pages, tokens, filters, attributes."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Any

import pytest

from tests.simulator.sim_site import OTHER_PHONE, PHONE

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.simulator.sim_site import Site

INVALID = "InvalidParameterException"


def names(site: Site, **members: Any) -> list[str]:
    """Give the usernames of all pages."""
    pages = site.client.get_paginator("list_users").paginate(UserPoolId=site.pool_id, **members)
    return [user["Username"] for page in pages for user in page["Users"]]


@pytest.fixture
def crowd(make_site: Callable[..., Site]) -> Site:
    """Give a pool of 130 users, one of whom has everything set."""
    site = make_site(UsernameConfiguration={"CaseSensitive": False})
    rows = [{"Username": f"u{n:03d}", "Attributes": {"email": f"u{n:03d}@example.com"}} for n in range(129)]
    taro = {
        "Username": "taro",
        "Enabled": False,
        "UserStatus": "RESET_REQUIRED",
        "Attributes": {"email": 'Ta"ro\\@example.com', "phone_number": PHONE, "name": "Taro"},
    }
    site.edit(upsert=[*rows, taro])
    return site


def test_without_a_limit_a_page_has_60_users(crowd: Site) -> None:
    assert len(crowd.call("list_users")["Users"]) == 60


@pytest.mark.parametrize(("limit", "size"), [(0, 60), (1, 1), (60, 60)])
def test_limits_in_range(crowd: Site, limit: int, size: int) -> None:
    assert len(crowd.call("list_users", Limit=limit)["Users"]) == size


def test_a_limit_over_60_is_refused(crowd: Site) -> None:
    text = crowd.message("list_users", Limit=61)

    assert text.endswith("Member must have value less than or equal to 60")


def test_pages_give_everybody_once_and_the_last_has_no_token(crowd: Site) -> None:
    found = names(crowd)

    assert len(found) == len(set(found)) == 130


def test_a_full_last_page_has_no_token(crowd: Site) -> None:
    first = crowd.call("list_users", Limit=60)
    crowd.edit(delete=[f"u{n:03d}" for n in range(120, 129)] + ["taro"])

    second = crowd.call("list_users", Limit=60, PaginationToken=first["PaginationToken"])

    assert len(second["Users"]) == 60
    assert "PaginationToken" not in second


def test_deleting_users_during_a_scan_loses_nobody_else(crowd: Site) -> None:
    first = crowd.call("list_users")
    crowd.edit(delete=["u003", "u070"])

    rest = names(crowd, PaginationConfig={"StartingToken": first["PaginationToken"]})

    assert "u070" not in rest
    assert len(rest) == 69


@pytest.mark.parametrize("token", ["nonsense", "QUJDREVGR0hJSktMTU5P", "a b"])
def test_a_foreign_token_is_refused(crowd: Site, token: str) -> None:
    assert crowd.code("list_users", PaginationToken=token.replace(" ", "%")) == INVALID


@pytest.mark.parametrize("changed", [{"Limit": 9}, {"Filter": 'sub ^= ""'}, {"AttributesToGet": ["sub"]}])
def test_a_token_belongs_to_its_parameters(crowd: Site, changed: dict[str, Any]) -> None:
    token = crowd.call("list_users", Limit=10)["PaginationToken"]

    assert crowd.code("list_users", **{"Limit": 10, **changed}, PaginationToken=token) == INVALID


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('username = "taro"', 1),
        ('username = "TARO"', 0),
        ('username ^= "u00"', 10),
        ('email = "U001@EXAMPLE.COM"', 1),
        ('email ^= "u01"', 10),
        ('email="u001@example.com"', 1),
        ('"email" = "u001@example.com"', 1),
        (r'email = "ta\"ro\\@example.com"', 1),
        (f'phone_number = "{PHONE}"', 1),
        ('phone_number ^= "+8190"', 1),
        ('name = "taro"', 1),
        ('status = "Disabled"', 1),
        ('status = "disabled"', 0),
        ('cognito:user_status = "reset_required"', 1),
        ('cognito:user_status = "CONFIRMED"', 129),
        ('given_name = "Taro"', 0),
        ('sub ^= ""', 130),
        ("", 130),
    ],
)
def test_filters(crowd: Site, text: str, found: int) -> None:
    assert len(names(crowd, Filter=text)) == found


@pytest.mark.parametrize(
    "text",
    [
        'custom:rank = "1"',
        'email_verified = "true"',
        'phone_number_verified = "true"',
        'locale = "ja"',
        "email = taro",
        'email != "x"',
        'email = "a" AND name = "b"',
        'email = "a"b"',
        'email = "' + "x" * 250 + '"',
    ],
)
def test_filters_that_are_refused(crowd: Site, text: str) -> None:
    assert crowd.code("list_users", Filter=text) == INVALID


def test_prefixes_of_sub_partition_the_pool(crowd: Site) -> None:
    parts = [names(crowd, Filter=f'sub ^= "{digit}"') for digit in "0123456789abcdef"]

    assert sorted(chain.from_iterable(parts)) == sorted(names(crowd))


def test_an_index_follows_changes(crowd: Site) -> None:
    assert names(crowd, Filter=f'phone_number = "{PHONE}"') == ["taro"]

    crowd.update("taro", phone_number=OTHER_PHONE)
    crowd.update("u001", phone_number=PHONE)

    assert names(crowd, Filter=f'phone_number = "{PHONE}"') == ["u001"]
    assert names(crowd, Filter=f'phone_number = "{OTHER_PHONE}"') == ["taro"]


def test_a_case_sensitive_pool_searches_email_as_written(site: Site) -> None:
    assert names(site, Filter='email = "taro@example.com"') == ["taro"]
    assert names(site, Filter='email = "Taro@example.com"') == []


def test_rows_never_carry_mfa_preferences(site: Site) -> None:
    site.user(Attributes={"phone_number": PHONE}, UserMFASettingList=["SMS_MFA"])

    row = site.call("list_users")["Users"][0]

    assert set(row) == {
        "Username",
        "Attributes",
        "UserCreateDate",
        "UserLastModifiedDate",
        "Enabled",
        "UserStatus",
    }


def test_rows_carry_legacy_mfa_options(site: Site) -> None:
    legacy = [{"DeliveryMedium": "SMS", "AttributeName": "phone_number"}]
    site.user(MFAOptions=legacy)

    assert site.call("list_users")["Users"][0]["MFAOptions"] == legacy


def test_attributes_to_get_narrows_the_attributes(crowd: Site) -> None:
    row = crowd.call("list_users", Limit=1, AttributesToGet=["email"])["Users"][0]

    assert row["Attributes"] == [{"Name": "email", "Value": "u000@example.com"}]


def test_attributes_to_get_that_somebody_lacks_are_refused(crowd: Site) -> None:
    assert crowd.code("list_users", AttributesToGet=["phone_number"]) == INVALID


def test_in_a_username_attributes_pool_the_username_is_the_sub(make_site: Callable[..., Site]) -> None:
    site = make_site(UsernameAttributes=["email"])
    site.user("a@example.com", Attributes={"email": "a@example.com"})
    sub = site.sub("a@example.com")

    assert names(site, Filter='email = "a@example.com"') == [sub]
    assert names(site, Filter='username = "a@example.com"') == []


def test_a_filter_by_username_can_be_had_to_ignore_case(make_site: Callable[..., Site]) -> None:
    site = make_site()
    site.running.control("faults", {"unsettled": {"username_filter_ignores_case": True}})
    site.edit(upsert=[{"Username": name} for name in ("Taro", "tAROko", "jiro")])

    assert names(site, Filter='username = "tARO"') == ["Taro"]
    assert names(site, Filter='username ^= "TARO"', Limit=1) == ["Taro", "tAROko"]


def test_a_filter_by_email_can_be_had_to_tell_cases_apart(make_site: Callable[..., Site]) -> None:
    site = make_site(UsernameConfiguration={"CaseSensitive": False})
    site.running.control("faults", {"unsettled": {"email_filter_tells_cases": True}})
    site.edit(upsert=[{"Username": "taro", "Attributes": {"email": "Taro@example.com"}}])

    assert names(site, Filter='email = "taro@example.com"') == []
    assert names(site, Filter='email ^= "Taro@"') == ["taro"]
