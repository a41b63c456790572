"""A role that botocore assumes for us: with what, by whose credentials, and how often."""

from __future__ import annotations

from contextlib import suppress
from typing import Any
from unittest.mock import Mock

import pytest
from botocore.exceptions import ClientError

from migrate_mfa.aws.assumed_role import Role, RoleRefused
from migrate_mfa.aws.session import Aws, AwsTarget, call
from migrate_mfa.domain.errors import NotAllowed
from migrate_mfa.domain.failure import CONNECT_FAILED, ApiError
from tests.support.sts import ROLE_ARN, serving

POOL = "ap-northeast-1_AbCdEfGhI"
ROLE = Role(arn=ROLE_ARN, external_id="ticket-4711", session_name="night")


def test_it_is_assumed_once_by_the_credentials_at_hand_and_then_signs_every_call() -> None:
    with serving() as sts:
        aws = Aws(AwsTarget(user_pool_id=POOL, endpoint_url=sts.endpoint, role=ROLE))
        identity = aws.identity()
        with suppress(ApiError):
            call(aws.client("cognito-idp"), "DescribeUserPool", UserPoolId=POOL)

    (asked,) = sts.assumed
    assert (asked["RoleArn"], asked["ExternalId"], asked["RoleSessionName"]) == (
        ROLE_ARN,
        "ticket-4711",
        "night",
    )
    assert identity.arn == "arn:aws:sts::123456789012:assumed-role/migration/session"
    source, *ours = [key for _, key in sts.keys]
    assert source == asked["key"] != "ASIAROLE000001"
    assert ours == ["ASIAROLE000001"] * 2


def test_without_a_name_the_session_has_ours_and_no_external_id_is_sent() -> None:
    with serving() as sts:
        Aws(AwsTarget(user_pool_id=POOL, endpoint_url=sts.endpoint, role=Role(arn=ROLE_ARN)))

    assert sts.assumed[0]["RoleSessionName"] == "migrate-mfa"
    assert "ExternalId" not in sts.assumed[0]


def test_a_variable_for_sts_alone_is_where_it_is_assumed(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving() as sts, serving() as elsewhere:
        monkeypatch.setenv("AWS_ENDPOINT_URL_STS", sts.endpoint)
        Aws(AwsTarget(user_pool_id=POOL, endpoint_url=elsewhere.endpoint, role=ROLE))

    assert (len(sts.assumed), elsewhere.keys) == (1, [])


def test_it_is_assumed_again_before_the_session_ends() -> None:
    with serving(life_s=60) as sts:
        aws = Aws(AwsTarget(user_pool_id=POOL, endpoint_url=sts.endpoint, role=ROLE))
        for _ in range(3):
            aws.identity()

    signed = [key for action, key in sts.keys if action == "GetCallerIdentity"]
    assert len(set(signed)) == 3, "with less than ten minutes left, each call has a session of its own"
    assert {each["key"] for each in sts.assumed} == {sts.keys[0][1]}, "and the first credentials get them all"


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("AccessDenied", f"{ROLE_ARN} was not assumed: AssumeRole was refused (AccessDenied)."),
        ("ExpiredToken", f"The credentials that assume {ROLE_ARN} have expired (ExpiredToken)."),
    ],
)
def test_a_refusal_says_which_role_and_what_to_look_at(code: str, words: str) -> None:
    with serving(refuse_after=0, code=code) as sts, pytest.raises(NotAllowed) as refused:
        Aws(AwsTarget(user_pool_id=POOL, endpoint_url=sts.endpoint, role=ROLE))

    assert refused.value.message == words
    assert refused.value.hint


def test_the_role_has_no_end_but_that_of_the_credentials_that_assume_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with serving() as sts:
        target = AwsTarget(user_pool_id=POOL, endpoint_url=sts.endpoint, role=ROLE)
        endless = Aws(target).credentials_end()
        monkeypatch.setenv("AWS_SESSION_TOKEN", "testing")
        monkeypatch.setenv("AWS_CREDENTIAL_EXPIRATION", "2099-01-01T00:00:00Z")
        lent = Aws(target).credentials_end()

    assert endless is None
    assert lent == 4070908800.0


@pytest.mark.parametrize(("method", "end"), [("iam-role", None), ("container-role", None), ("sso", 7.0)])
def test_credentials_that_the_machine_renews_have_no_end(method: str, end: float | None) -> None:
    from datetime import UTC, datetime

    from botocore.credentials import RefreshableCredentials

    aws = Aws(AwsTarget(user_pool_id=POOL))
    aws._source = RefreshableCredentials("k", "s", "t", datetime.fromtimestamp(7, UTC), dict, method)

    assert aws.credentials_end() == end


@pytest.mark.parametrize(
    ("code", "expected"), [("AccessDenied", "NoCredentials"), ("Throttling", CONNECT_FAILED)]
)
def test_a_refusal_while_a_call_is_signed_is_the_roles_and_not_the_calls(code: str, expected: str) -> None:
    answer: Any = {"Error": {"Code": code, "Message": "no"}, "ResponseMetadata": {"HTTPStatusCode": 403}}
    client = Mock()
    client.admin_get_user.side_effect = RoleRefused(ClientError(answer, "AssumeRole"), ROLE)

    with pytest.raises(ApiError) as refused:
        call(client, "AdminGetUser")

    assert (refused.value.operation, refused.value.code) == ("AdminGetUser", expected)
    if code == "AccessDenied":
        assert refused.value.problem is not None
        assert ROLE_ARN in refused.value.problem.message
