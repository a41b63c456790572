"""The two adapters of setup-pool against a Cognito and an IAM over HTTP: what is read, what is refused."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from migrate_mfa.aws.session import Aws, AwsTarget
from migrate_mfa.domain.errors import PoolNotReady
from migrate_mfa.domain.failure import ApiError
from migrate_mfa.pool_setup.aws_mfa_config import CognitoPoolSettings, lost, sms_of
from migrate_mfa.pool_setup.aws_role import IamRoles
from migrate_mfa.pool_setup.role import POLICY_NAME, PUBLISH, FoundRole, role_for
from migrate_mfa.simulator import Running
from tests.support.hosted import hosted

ROLE = {"SnsCallerArn": "arn:aws:iam::123456789012:role/sms", "ExternalId": "x"}
EUMS = {
    "EumsSms": {"CallerArn": "arn:aws:iam::123456789012:role/eums", "ExternalId": "x", "Region": "us-east-1"}
}
BLOCKS: dict[str, Any] = {
    "SoftwareTokenMfaConfiguration": {"Enabled": True},
    "EmailMfaConfiguration": {"Message": "Code {####}", "Subject": "Hello"},
    "WebAuthnConfiguration": {
        "RelyingPartyId": "example.com",
        "UserVerification": "required",
        "FactorConfiguration": "MULTI_FACTOR_WITH_USER_VERIFICATION",
    },
}
CONFIGS: dict[str, dict[str, Any]] = {
    "Empty0001": {},
    "Ready0001": {},
    "Whole0001": BLOCKS,
    "Blocks001": {**BLOCKS, "SmsConfiguration": ROLE, "SmsAuthenticationMessage": "Your {####}"},
    "Eums00001": {"SmsConfiguration": EUMS},
    "Future001": {"FutureMfaBlocks": {"SmellMfaConfiguration": {"Enabled": True}}},
    "Inner0001": {"SmsConfiguration": {**ROLE, "PigeonPost": {"LoftId": "7"}}},
    "Deep00001": {"SmsConfiguration": {"EumsSms": {**EUMS["EumsSms"], "Priority": "high"}}},
}


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    pools = [
        {"id": f"ap-northeast-1_{name}", "name": name, "config": config} for name, config in CONFIGS.items()
    ]
    with hosted({"pools": pools}) as simulator:
        yield simulator


@pytest.fixture
def aws(running: Running, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Aws]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.delenv("AWS_PROFILE", raising=False)

    def make(name: str) -> Aws:
        return Aws(AwsTarget(user_pool_id=f"ap-northeast-1_{name}", endpoint_url=running.endpoint))

    return make


def test_every_block_is_read_as_it_is(aws: Callable[[str], Aws]) -> None:
    pool = CognitoPoolSettings(aws("Blocks001")).read()

    sms = {"SmsConfiguration": ROLE, "SmsAuthenticationMessage": "Your {####}"}
    assert pool.config == {"MfaConfiguration": "OFF", "SmsMfaConfiguration": sms, **BLOCKS}
    assert pool.sms == sms
    assert pool.arn == "arn:aws:cognito-idp:ap-northeast-1:123456789012:userpool/ap-northeast-1_Blocks001"


@pytest.fixture
def hidden(running: Running) -> Iterator[None]:
    """GetUserPoolMfaConfig does not show the SMS settings of a pool whose MFA is off."""
    running.control("faults", {"unsettled": {"off_pool_hides_sms": True}})
    yield
    running.control("faults", {"unsettled": {"off_pool_hides_sms": False}})


@pytest.mark.usefixtures("hidden")
def test_sms_settings_that_only_describeuserpool_shows_are_the_pool_s_too(aws: Callable[[str], Aws]) -> None:
    pool = CognitoPoolSettings(aws("Blocks001")).read()

    assert pool.config == {"MfaConfiguration": "OFF", **BLOCKS}
    assert pool.sms == {"SmsConfiguration": ROLE, "SmsAuthenticationMessage": "Your {####}"}


@pytest.mark.usefixtures("hidden")
@pytest.mark.parametrize("name", ["Inner0001", "Deep00001"])
def test_what_only_describeuserpool_shows_must_be_known_as_well(aws: Callable[[str], Aws], name: str) -> None:
    with pytest.raises(PoolNotReady, match=r"does not know: SmsMfaConfiguration\.SmsConfiguration"):
        CognitoPoolSettings(aws(name)).read()


@pytest.mark.parametrize(
    ("described", "shown", "found"),
    [
        ({"SmsConfiguration": ROLE}, {}, {"SmsConfiguration": ROLE}),
        (
            {"SmsConfiguration": ROLE},
            {"SmsAuthenticationMessage": "m"},
            {"SmsAuthenticationMessage": "m"} | {"SmsConfiguration": ROLE},
        ),
        ({"SmsAuthenticationMessage": "m"}, {"SmsConfiguration": ROLE}, {"SmsConfiguration": ROLE}),
    ],
    ids=["not shown", "shown without a path", "shown is what counts"],
)
def test_what_would_be_replaced_counts_before_what_is_described(
    described: dict[str, Any], shown: dict[str, Any], found: dict[str, Any]
) -> None:
    assert sms_of(described, shown) == found


def test_what_was_read_can_be_written_back_whole(aws: Callable[[str], Aws]) -> None:
    settings = CognitoPoolSettings(aws("Whole0001"))
    before = settings.read().config

    settings.write({**before, "MfaConfiguration": "OPTIONAL"})

    assert settings.read().config == {**before, "MfaConfiguration": "OPTIONAL"}


def test_the_path_by_end_user_messaging_is_known(aws: Callable[[str], Aws]) -> None:
    assert CognitoPoolSettings(aws("Eums00001")).read().path == EUMS


def test_a_pool_without_anything_has_an_empty_path(aws: Callable[[str], Aws]) -> None:
    pool = CognitoPoolSettings(aws("Empty0001")).read()

    assert (pool.config, pool.sms, pool.path) == ({"MfaConfiguration": "OFF"}, {}, {})


@pytest.mark.parametrize(
    ("name", "unknown"),
    [
        ("Future001", "SmellMfaConfiguration"),
        ("Inner0001", "SmsMfaConfiguration.SmsConfiguration.PigeonPost"),
        ("Deep00001", "SmsMfaConfiguration.SmsConfiguration.EumsSms.Priority"),
    ],
)
def test_a_member_that_the_sdk_does_not_know_is_refused_by_name(
    aws: Callable[[str], Aws], name: str, unknown: str
) -> None:
    with pytest.raises(PoolNotReady, match=rf"does not know: {unknown}\.") as caught:
        CognitoPoolSettings(aws(name)).read()

    assert "Update the SDK" in caught.value.hint


def test_an_sdk_from_before_end_user_messaging_drops_no_path(
    aws: Callable[[str], Aws], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What botocore 1.43.11 has no member for: it parses an empty SmsConfiguration."""
    made = aws("Eums00001")
    client: Any = made.client("cognito-idp")
    shapes = client.meta.service_model._shape_resolver._shape_map  # one for all clients of this process
    monkeypatch.delitem(shapes["SmsConfigurationType"]["members"], "EumsSms")
    settings = CognitoPoolSettings(made)

    with pytest.raises(PoolNotReady, match=r"SmsMfaConfiguration\.SmsConfiguration\.EumsSms"):
        settings.read()


def test_a_member_that_can_only_be_read_is_refused_too(aws: Callable[[str], Aws]) -> None:
    settings = CognitoPoolSettings(aws("Blocks001"))
    del settings._shape.members["EmailMfaConfiguration"]

    with pytest.raises(PoolNotReady, match="does not know: EmailMfaConfiguration"):
        settings.read()


@pytest.mark.parametrize(
    ("raw", "kept", "found"),
    [
        ({"a": None}, {}, []),
        ({"a": {"b": 1}}, {"a": {"b": 1}}, []),
        ({"a": {"b": 1, "c": 2}}, {"a": {"b": 1}}, ["a.c"]),
        ({"a": {}}, {}, ["a"]),
        ({"a": [1, 2]}, {"a": [1]}, ["a"]),
        ({"a": "ON"}, {"a": "OFF"}, ["a"]),
    ],
)
def test_what_is_lost_is_named(raw: Any, kept: Any, found: list[str]) -> None:
    assert list(lost(raw, kept)) == found


def test_a_page_that_is_no_answer_is_not_taken_for_one(aws: Callable[[str], Aws], running: Running) -> None:
    settings = CognitoPoolSettings(aws("Empty0001"))
    running.control("faults", {"rules": [{"kind": "garbage", "ops": ["GetUserPoolMfaConfig"], "times": 1}]})

    with pytest.raises(ApiError) as caught:
        settings.read()

    assert caught.value.code == "GarbledAnswer"


ARN = "arn:aws:cognito-idp:ap-northeast-1:123456789012:userpool/ap-northeast-1_Empty0001"


def test_a_role_is_made_in_two_steps_and_found_at_each(aws: Callable[[str], Aws]) -> None:
    roles, role = IamRoles(aws("Empty0001")), role_for(ARN, "an-id")

    assert roles.find(role.name) is None
    assert roles.create(role)
    assert roles.find(role.name) == FoundRole(role.trust, {})
    assert not roles.create(role)
    roles.allow_publish(role)
    roles.allow_publish(role)
    assert roles.find(role.name) == FoundRole(role.trust, {POLICY_NAME: PUBLISH})


def test_policies_that_others_have_added_are_found(aws: Callable[[str], Aws]) -> None:
    made = aws("Blocks001")
    roles, iam = IamRoles(made), made.client("iam")
    role = role_for(ARN.replace("Empty", "Other"), "an-id")
    roles.create(role)
    client: Any = iam
    client.put_role_policy(RoleName=role.name, PolicyName="more", PolicyDocument=json.dumps(PUBLISH))
    client.attach_role_policy(RoleName=role.name, PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess")

    found = roles.find(role.name)

    assert found == FoundRole(role.trust, {"more": PUBLISH}, ("arn:aws:iam::aws:policy/AdministratorAccess",))


def test_cognito_takes_the_role_that_we_make(aws: Callable[[str], Aws]) -> None:
    made = aws("Ready0001")
    settings, role = CognitoPoolSettings(made), role_for(ARN.replace("Empty", "Ready"), "an-id")
    roles = IamRoles(made)
    roles.create(role)
    roles.allow_publish(role)

    path = {"SnsCallerArn": role.arn, "ExternalId": "an-id"}
    settings.write({"MfaConfiguration": "OPTIONAL", "SmsMfaConfiguration": {"SmsConfiguration": path}})

    assert settings.read().path == path


def test_cognito_does_not_take_it_for_another_pool(aws: Callable[[str], Aws]) -> None:
    made = aws("Eums00001")
    roles, role = IamRoles(made), role_for(ARN.replace("Empty", "Third"), "an-id")
    roles.create(role)
    roles.allow_publish(role)
    path = {"SnsCallerArn": role.arn, "ExternalId": "an-id"}

    with pytest.raises(ApiError) as caught:
        CognitoPoolSettings(made).write(
            {"MfaConfiguration": "OPTIONAL", "SmsMfaConfiguration": {"SmsConfiguration": path}}
        )

    assert caught.value.code == "InvalidSmsRoleTrustRelationshipException"
