"""Requests are held to the service model that botocore ships, where it is stricter than our rules."""

from __future__ import annotations

from typing import Any

import pytest

from migrate_mfa.simulator.account.errors import CognitoError
from migrate_mfa.simulator.server.model import check_model

POOL = {"UserPoolId": "ap-northeast-1_AbCdEfGhI"}
USER = POOL | {"Username": "ann"}


@pytest.mark.parametrize(
    ("operation", "params", "told"),
    [
        (
            "AdminGetUser",
            POOL,
            "at 'username' failed to satisfy constraint: Member must not be null",
        ),
        ("AdminGetUser", USER | {"Username": "a" * 129}, "Member must have length less than or equal to 128"),
        ("AdminGetUser", USER | {"UserPoolId": "nothing"}, "pattern: [\\w-]+_[0-9a-zA-Z]+"),
        ("ListUsers", POOL | {"Limit": 61}, "Member must have value less than or equal to 60"),
        ("ListUsers", POOL | {"PaginationToken": ""}, "Member must have length greater than or equal to 1"),
        (
            "AdminUpdateUserAttributes",
            USER | {"UserAttributes": [{"Name": "email"}, {"Value": "x"}]},
            "Value null at 'userAttributes.2.member.name' failed",
        ),
        (
            "AdminUpdateUserAttributes",
            USER | {"UserAttributes": [{"Name": "email", "Value": "x" * 2049}]},
            "'userAttributes.1.member.value' failed to satisfy constraint: Member must have length less than",
        ),
        ("AdminUpdateUserAttributes", USER, "Value null at 'userAttributes' failed"),
        ("SetUserPoolMfaConfig", POOL | {"MfaConfiguration": "MAYBE"}, "enum value set: [OFF, ON, OPTIONAL]"),
    ],
)
def test_what_the_model_does_not_allow_is_refused(operation: str, params: dict[str, Any], told: str) -> None:
    with pytest.raises(CognitoError) as refused:
        check_model(operation, params)

    assert refused.value.code == "InvalidParameterException"
    assert refused.value.message.startswith("1 validation error detected: Value ")
    assert told in refused.value.message


@pytest.mark.parametrize(
    ("operation", "params"),
    [
        ("AdminGetUser", USER | {"NobodyKnowsThis": 1}),
        ("AdminGetUser", USER | {"Username": "花子@例.jp"}),
        ("ListUsers", POOL | {"Limit": 0, "Filter": 'email = "a"', "PaginationToken": None}),
        ("AdminSetUserMFAPreference", USER | {"SMSMfaSettings": {"Enabled": True, "PreferredMfa": True}}),
        ("GetServiceQuota", {}),
    ],
)
def test_what_it_allows_or_does_not_know_passes(operation: str, params: dict[str, Any]) -> None:
    check_model(operation, params)


def test_a_sensitive_value_is_not_repeated() -> None:
    secret = "not-allowed-" * 3
    with pytest.raises(CognitoError) as refused:
        check_model("RevokeToken", {"Token": "abc", "ClientId": "abc", "ClientSecret": secret})

    told = refused.value.message
    assert "Value at 'clientSecret' failed to satisfy constraint: Member must satisfy regular" in told
    assert secret not in told
