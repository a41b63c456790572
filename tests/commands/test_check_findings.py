"""check over HTTP: many pools in one account, and one account with much amiss."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import pytest

from migrate_mfa.aws.session import Aws as AwsClients
from migrate_mfa.checks.findings_report import lines
from migrate_mfa.cli.caller import Aws
from migrate_mfa.cli.option_groups import Deciding
from migrate_mfa.clock import SystemClock
from migrate_mfa.domain.errors import ExitCode, NotAllowed, OutOfReach, UsageError
from migrate_mfa.domain.model import VerificationPolicy
from migrate_mfa.settings import Settings
from migrate_mfa.workflows.check import Checked, check
from tests.commands.support import recovery
from tests.simulator.sim_site import client_of
from tests.support.hosted import hosted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from migrate_mfa.checks.findings import Finding
    from migrate_mfa.simulator import Running

BY_CODE, ATTESTED = VerificationPolicy.BY_CODE, VerificationPolicy.ATTESTED
ACCOUNT = "123456789012"
SERVICE = "cognito-idp.amazonaws.com"
APP = {"ClientName": "app", "ExplicitAuthFlows": ["ALLOW_USER_SRP_AUTH"], "AuthSessionValidity": 15}
PLENTY = {"monthly_spend_limit_usd": 5000}
CUSTOM_SENDER = {"CustomSMSSender": {"LambdaVersion": "V1_0", "LambdaArn": "arn:f"}, "KMSKeyID": "k"}
WEAK = ("failure", "warning", "unchecked")
"""The levels that a table row must name all codes of."""


def role_arn(name: str) -> str:
    return f"arn:aws:iam::{ACCOUNT}:role/{name}"


def sns(name: str = "cognito-sms", **members: str) -> dict[str, str]:
    return {"SnsCallerArn": role_arn(name), "ExternalId": "members", **members}


def eums(name: str) -> dict[str, Any]:
    block = {"CallerArn": role_arn(name), "ExternalId": "members"}
    return {"EumsSms": block | {"OriginationIdentity": "+18005550100"}}


LOGGED = {"LogConfigurations": [{"EventSource": "userNotification", "LogLevel": "ERROR"}]}


READY: dict[str, Any] = {
    "MfaConfiguration": "OPTIONAL",
    "SmsConfiguration": sns(),
    "SoftwareTokenMfaConfiguration": {"Enabled": True},
    "AccountRecoverySetting": recovery("verified_email"),
}
AUTO = {"AutoVerifiedAttributes": ["phone_number"]}
HELD = AUTO | {"UserAttributeUpdateSettings": {"AttributesRequireVerificationBeforeUpdate": ["phone_number"]}}


def first(*factors: str) -> dict[str, Any]:
    return {"Policies": {"SignInPolicy": {"AllowedFirstAuthFactors": ["PASSWORD", *factors]}}}


def schema(**members: bool) -> dict[str, Any]:
    return {"Schema": [{"Name": "phone_number", **members}]}


PASSKEYS_AS_MFA = {
    "WebAuthnConfiguration": {"FactorConfiguration": "MULTI_FACTOR_WITH_USER_VERIFICATION"},
    **first("WEB_AUTHN"),
}
BROKEN_ROLE = "failure sms_failure"
"""Cognito's own word on a role that it cannot use."""

POOLS: dict[str, tuple[dict[str, Any], VerificationPolicy | None, set[str]]] = {
    "ready": ({}, None, set()),
    "ready by-code": ({}, BY_CODE, set()),
    "off": ({"MfaConfiguration": "OFF"}, None, {"failure mfa_mode"}),
    "no sms": ({"SmsConfiguration": None}, None, {"failure sms_factor"}),
    "off, no sms": (
        {"MfaConfiguration": "OFF", "SmsConfiguration": None},
        None,
        {"failure mfa_mode", "failure sms_factor"},
    ),
    "required": ({"MfaConfiguration": "ON"}, None, {"warning mfa_mode"}),
    "required, by-code": ({"MfaConfiguration": "ON"}, BY_CODE, {"failure mfa_mode"}),
    "required, attested": ({"MfaConfiguration": "ON"}, ATTESTED, {"warning mfa_mode"}),
    "cognito says no": (
        {"SmsConfigurationFailure": "InvalidSmsRoleAccessPolicyException"},
        None,
        {BROKEN_ROLE},
    ),
    "immutable": (schema(Mutable=False), None, {"failure phone_schema"}),
    "held": (HELD, None, {"warning held_numbers"}),
    "held, by-code": (HELD, BY_CODE, {"failure held_numbers", "warning code_sms"}),
    "held, attested": (HELD, ATTESTED, set()),
    "codes, by-code": (AUTO, BY_CODE, {"warning code_sms"}),
    "codes, attested": (AUTO, ATTESTED, set()),
    "recovery by phone": (
        {"AccountRecoverySetting": recovery("verified_phone_number")},
        None,
        {"failure recovery"},
    ),
    "recovery by admin": ({"AccountRecoverySetting": recovery("admin_only")}, None, set()),
    "recovery by both": (
        {"AccountRecoverySetting": recovery("verified_phone_number", "verified_email")},
        None,
        set(),
    ),
    "recovery of old": ({"AccountRecoverySetting": None}, None, {"warning recovery"}),
    "passkeys": (first("WEB_AUTHN"), None, {"warning first_factors"}),
    "passkeys as mfa": (PASSKEYS_AS_MFA, None, set()),
    "one-time passwords": (first("SMS_OTP"), None, {"warning first_factors"}),
    "phone alias": ({"AliasAttributes": ["phone_number"]}, None, {"warning phone_sign_in"}),
    "phone username": ({"UsernameAttributes": ["phone_number"]}, None, {"warning phone_sign_in"}),
    "replica": (
        {"Replicas": [{"RegionName": "ap-northeast-1", "Role": "SECONDARY"}]},
        None,
        {"failure pool_writable"},
    ),
    "primary": ({"Replicas": [{"RegionName": "ap-northeast-1", "Role": "PRIMARY"}]}, None, set()),
    "long text": ({"SmsAuthenticationMessage": "あ" * 65 + "{####}"}, None, {"warning sms_text"}),
    "short text": ({"SmsAuthenticationMessage": "認証コードは {####} です。"}, None, set()),
    "custom message": ({"LambdaConfig": {"CustomMessage": "arn:f"}}, None, {"warning custom_message"}),
    "devices": ({"DeviceConfiguration": {"ChallengeRequiredOnNewDevice": True}}, None, set()),
    "no role": ({"SmsConfiguration": sns("gone")}, None, {"failure sms_role_trust", BROKEN_ROLE}),
    "role for others": (
        {"SmsConfiguration": sns("others")},
        None,
        {"failure sms_role_trust", BROKEN_ROLE},
    ),
    "role denies": ({"SmsConfiguration": sns("denies")}, None, {"failure sms_role_trust", BROKEN_ROLE}),
    "external id": (
        {"SmsConfiguration": sns(ExternalId="other")},
        None,
        {"failure sms_role_external_id", BROKEN_ROLE},
    ),
    "no external id": ({"SmsConfiguration": sns("open")}, None, {"warning sms_role_external_id"}),
    "another pool's role": (
        {"SmsConfiguration": sns("sourced")},
        None,
        {"failure sms_role_source", BROKEN_ROLE},
    ),
    "role may not send": (
        {"SmsConfiguration": sns("mute")},
        None,
        {"failure sms_role_publish", BROKEN_ROLE},
    ),
    "odd condition": (
        {"SmsConfiguration": sns("odd")},
        None,
        {"unchecked sms_role_trust", BROKEN_ROLE},
    ),
    "end user messaging": (LOGGED | {"SmsConfiguration": eums("eums")}, None, set()),
    "end user messaging by sns role": (
        {"SmsConfiguration": eums("cognito-sms")},
        None,
        {"unchecked sms_role_publish", BROKEN_ROLE},
    ),
    "own sender": ({"LambdaConfig": CUSTOM_SENDER}, None, set()),
    "own sender, no role": (
        {"LambdaConfig": CUSTOM_SENDER, "SmsConfiguration": sns("gone")},
        None,
        {"warning sms_role_trust"},
    ),
}
CLIENTS: dict[str, tuple[list[dict[str, Any]], set[str]]] = {
    "no client": ([], {"warning client_flows"}),
    "custom flow only": (
        [APP, {"ClientName": "kiosk", "ExplicitAuthFlows": ["ALLOW_CUSTOM_AUTH"]}],
        {"warning client_flows"},
    ),
    "refresh only": (
        [{"ClientName": "old", "ExplicitAuthFlows": ["ALLOW_REFRESH_TOKEN_AUTH"]}],
        {"warning client_flows"},
    ),
    "long sessions": ([APP | {"RefreshTokenValidity": 3650}], {"warning client_refresh"}),
    "refresh of 20 days, in hours": (
        [APP | {"RefreshTokenValidity": 480, "TokenValidityUnits": {"RefreshToken": "hours"}}],
        set(),
    ),
    "unset flows": ([{"ClientName": "plain"}], set()),
}


def pool_id(name: str) -> str:
    return f"ap-northeast-1_{''.join(filter(str.isalnum, name))}"


def a_pool(name: str, config: dict[str, Any], clients: Any = (APP,)) -> dict[str, Any]:
    settings = READY | config
    kept = {key: value for key, value in settings.items() if value is not None}
    return {"id": pool_id(name), "name": name, "config": kept, "clients": list(clients)}


def trust(condition: Any = None, *, principal: str = SERVICE, effect: str = "Allow") -> dict[str, Any]:
    row: dict[str, Any] = {"Effect": effect, "Principal": {"Service": principal}, "Action": "sts:AssumeRole"}
    return row | ({"Condition": condition} if condition else {})


SAME_ID = {"StringEquals": {"sts:ExternalId": "members"}}
OTHER_POOL = {"ArnLike": {"aws:SourceArn": f"arn:aws:cognito-idp:*:{ACCOUNT}:userpool/elsewhere"}}
SEND = {"Effect": "Allow", "Action": ["sns:publish", "sms-voice:SendTextMessage"], "Resource": "*"}
ROLES: dict[str, tuple[list[dict[str, Any]], dict[str, Any] | None]] = {
    "others": ([trust(principal="lambda.amazonaws.com")], SEND),
    "denies": ([trust(), trust(effect="Deny")], SEND),
    "open": ([trust()], SEND),
    "sourced": ([trust(SAME_ID | OTHER_POOL)], SEND),
    "mute": ([trust(SAME_ID)], None),
    "odd": ([trust(SAME_ID | {"Bool": {"aws:SecureTransport": "true"}})], SEND),
}


def make_role(iam: Any, name: str, statements: list[dict[str, Any]], allow: dict[str, Any] | None) -> None:
    """Make a role, in place of one that the pool file declared."""
    try:
        iam.delete_role_policy(RoleName=name, PolicyName="publish")
        iam.delete_role(RoleName=name)
    except iam.exceptions.NoSuchEntityException:
        pass
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps({"Statement": statements}))
    if allow is not None:
        document = json.dumps({"Statement": [allow]})
        iam.put_role_policy(RoleName=name, PolicyName="publish", PolicyDocument=document)


@pytest.fixture(scope="module", autouse=True)
def _credentials() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name in list(os.environ):
            if name.startswith("AWS_"):
                patch.delenv(name)
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            patch.setenv(name, "testing")
        for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
            patch.setenv(name, os.devnull)
        yield


@pytest.fixture(scope="module", autouse=True)
def _shared_clients() -> Iterator[None]:
    """Make each client once: that takes longer than a test."""
    made: dict[tuple[str | None, str, str | None], Any] = {}
    real = AwsClients.client

    def shared(aws: AwsClients, service: str, region: str | None = None) -> Any:
        key = (aws.target.endpoint_url, service, region)
        made[key] = made.get(key) or real(aws, service, region)
        return made[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(AwsClients, "client", shared)
        yield


@pytest.fixture(scope="module")
def account() -> Iterator[Running]:
    """An account in which all is well, with a pool for every row of the tables."""
    pools = [a_pool(name, config) for name, (config, _, _) in POOLS.items()]
    pools += [a_pool(name, {}, clients) for name, (clients, _) in CLIENTS.items()]
    usage = {"UserRead": 10, "UserUpdate": 2, "UserResourceUpdate": 1.5, "UserList": 0.1}
    document = {"pools": pools, "sns": PLENTY, "usage": usage, "eums": {"monthly_spend_limit_usd": 900}}
    with hosted(document) as running:
        iam = client_of(running, "iam")
        for name, (statements, allow) in ROLES.items():
            make_role(iam, name, statements, allow)
        iam.delete_role_policy(RoleName="gone", PolicyName="publish")
        iam.delete_role(RoleName="gone")
        yield running


def look(running: Running, name: str, policy: VerificationPolicy | None = None, verb: str = "run") -> Checked:
    settings = Settings(
        user_pool_id=pool_id(name),
        aws=Aws(endpoint_url=running.endpoint),
        deciding=Deciding(verification=policy),
    )
    return check(settings, verb)


def weak(checked: Checked) -> set[str]:
    return {f"{each.level} {each.code}" for each in checked.findings if each.level in WEAK}


def levels(checked: Checked) -> dict[str, str]:
    return {each.code: each.level.value for each in checked.findings}


@pytest.mark.parametrize("name", POOLS)
def test_each_pool_has_exactly_these_findings(account: Running, name: str) -> None:
    _, policy, expected = POOLS[name]

    checked = look(account, name, policy)

    assert weak(checked) == expected
    failed = any(each.startswith("failure") for each in expected)
    assert checked.exit_code == (ExitCode.POOL_NOT_READY if failed else ExitCode.DONE)
    assert checked.document["ready"] is not failed
    assert all(each.observed and (each.impact or each.level == "ok") for each in checked.findings)
    assert all(each.remedy for each in checked.findings if each.level in WEAK)


@pytest.mark.parametrize("name", CLIENTS)
def test_each_set_of_app_clients_has_exactly_these_findings(account: Running, name: str) -> None:
    assert weak(look(account, name)) == CLIENTS[name][1]


@pytest.mark.parametrize(
    ("name", "policy", "code"),
    [
        ("own sender", None, "sms_path"),
        ("held, attested", ATTESTED, "held_numbers"),
        ("codes, attested", ATTESTED, "code_sms"),
        ("codes, attested", None, "code_sms"),
        ("recovery by admin", None, "recovery"),
        ("passkeys as mfa", None, "first_factors"),
        ("devices", None, "devices"),
        ("ready", None, "sms_spend_limit"),
    ],
)
def test_what_is_good_to_know_is_an_info(
    account: Running, name: str, policy: VerificationPolicy | None, code: str
) -> None:
    assert levels(look(account, name, policy))[code] == "info"


def test_logs_and_an_origin_are_seen(account: Running) -> None:
    found = levels(look(account, "end user messaging"))

    assert (found["delivery_logs"], found["sms_origin"]) == ("ok", "ok")
    assert levels(look(account, "ready"))["delivery_logs"] == "info"


def test_nothing_is_written_while_looking(account: Running) -> None:
    before = account.control("state-hash")
    account.control("ledger/reset", {})

    look(account, "ready")

    written = ("Set", "Update", "Create", "Delete", "Put", "Attach", "Admin")
    ops = {call["op"] for call in account.control("ledger")["calls"]}
    assert not [op for op in ops if op.startswith(written)]
    assert account.control("state-hash") == before


DENIED = {
    "ListUserPoolReplicas": {"unchecked pool_writable"},
    "GetRole": {"unchecked sms_role_trust"},
    "SimulatePrincipalPolicy": {"unchecked sms_role_publish", "unchecked caller_permissions"},
    "GetSMSSandboxAccountStatus": {"unchecked sms_sandbox"},
    "GetSMSAttributes": {"unchecked sms_spend_limit"},
    "GetLogDeliveryConfiguration": {"unchecked delivery_logs"},
    "ListUserPoolClients": {"unchecked client_flows"},
    "DescribeUserPoolClient": {"unchecked client_flows"},
    "GetProvisionedLimit": {"unchecked quota_user_read"},
    "GetMetricData": {
        "unchecked usage_user_read",
        "unchecked usage_user_update",
        "unchecked usage_user_resource_update",
        "unchecked usage_user_list",
    },
}
EUMS_DENIED = {
    "DescribeAccountAttributes": {"unchecked sms_sandbox"},
    "DescribeSpendLimits": {"unchecked sms_spend_limit"},
}


@pytest.mark.parametrize("op", [*DENIED, *EUMS_DENIED])
def test_what_the_caller_may_not_look_at_could_not_be_checked(account: Running, op: str) -> None:
    account.control("faults", {"rules": [{"kind": "access_denied", "ops": [op]}]})
    try:
        checked = look(account, "end user messaging" if op in EUMS_DENIED else "ready")
    finally:
        account.control("faults", {})

    assert weak(checked) == (DENIED | EUMS_DENIED)[op]
    assert checked.exit_code == ExitCode.DONE


def test_faults_that_pass_are_waited_out(account: Running) -> None:
    ops = ["ListUserPoolReplicas", "DescribeUserPool", "GetMetricData"]
    kinds = ("throttle", "internal_error", "reset")
    rules = [{"kind": kind, "ops": [op], "times": 1} for kind, op in zip(kinds, ops, strict=True)]
    account.control("faults", {"rules": rules})
    try:
        assert weak(look(account, "ready")) == set()
    finally:
        account.control("faults", {})


def test_a_pool_that_may_not_be_described_is_not_judged(account: Running) -> None:
    account.control("faults", {"rules": [{"kind": "access_denied", "ops": ["GetUserPoolMfaConfig"]}]})
    try:
        with pytest.raises(NotAllowed, match="GetUserPoolMfaConfig"):
            look(account, "ready")
    finally:
        account.control("faults", {})


def test_a_pool_that_is_not_there_is_a_failure(account: Running) -> None:
    checked = look(account, "nowhere")

    assert weak(checked) == {"failure pool_writable"}
    assert checked.exit_code == ExitCode.POOL_NOT_READY


def test_a_pool_whose_region_refuses_operations_is_a_failure(account: Running) -> None:
    error = {"kind": "error", "code": "OperationNotEnabledException", "ops": ["DescribeUserPool"]}
    account.control("faults", {"rules": [error]})
    try:
        checked = look(account, "ready")
    finally:
        account.control("faults", {})

    assert weak(checked) == {"failure pool_writable"}


@pytest.mark.parametrize(
    ("sns_settings", "name", "expected"),
    [
        ({"sandbox": True} | PLENTY, "ready", {"failure sms_sandbox"}),
        ({"sandbox": True} | PLENTY, "own sender", {"warning sms_sandbox"}),
        ({"sandbox": True} | PLENTY, "end user messaging", set()),
        ({}, "ready", {"warning sms_spend_limit"}),
        ({"monthly_spend_limit_usd": 1}, "ready", {"warning sms_spend_limit"}),
        ({"monthly_spend_limit_usd": 0}, "ready", {"failure sms_spend_limit"}),
        ({"monthly_spend_limit_usd": 0}, "own sender", {"warning sms_spend_limit"}),
    ],
)
def test_the_accounts_text_messaging_is_looked_at(
    account: Running, sns_settings: dict[str, Any], name: str, expected: set[str]
) -> None:
    account.control("sns", sns_settings)
    try:
        assert weak(look(account, name)) == expected
    finally:
        account.control("sns", PLENTY)


def test_the_sandbox_that_cognito_reports_counts_where_sns_may_not_be_asked(account: Running) -> None:
    account.control("sns", {"sandbox": True} | PLENTY)
    account.control("faults", {"rules": [{"kind": "access_denied", "ops": ["GetSMSSandboxAccountStatus"]}]})
    try:
        assert weak(look(account, "ready")) == {"failure sms_sandbox"}
    finally:
        account.control("sns", PLENTY)
        account.control("faults", {})


CALLER_ALLOWS = ["cognito-idp:DescribeUserPool", "cognito-idp:GetUserPoolMfaConfig", "cognito-idp:ListUsers"]
MANY = [{"ClientName": f"app{number:02d}"} for number in range(22)]
INFO = {
    "UserPoolTier": "LITE",
    "Domain": "members",
    "UserPoolAddOns": {"AdvancedSecurityMode": "ENFORCED"},
    "UserPoolTags": {"aws:cloudformation:stack-name": "prod"},
    "LambdaConfig": {"PreAuthentication": "arn:f"},
    "DeviceConfiguration": {"ChallengeRequiredOnNewDevice": True},
    "SoftwareTokenMfaConfiguration": None,
    "AliasAttributes": ["email"],
} | schema(Required=True)


@pytest.fixture(scope="module")
def poor() -> Iterator[Running]:
    """An account with much amiss, and a caller who may do little."""
    document = {
        "caller": f"arn:aws:sts::{ACCOUNT}:assumed-role/Ops/me",
        "eums": {"tier": "SANDBOX"},
        "quotas": {"UserUpdate": 5},
        "usage": {"UserUpdate": 4, "UserRead": 100, "UserList": 1},
        "pools": [
            a_pool("eums", {"SmsConfiguration": eums("sender")}),
            a_pool("info", INFO, MANY),
        ],
    }
    with hosted(document) as running:
        allow = {"Effect": "Allow", "Action": CALLER_ALLOWS, "Resource": "*"}
        iam = client_of(running, "iam")
        iam.create_role(
            RoleName="Ops",
            Path="/teams/",
            AssumeRolePolicyDocument=json.dumps({"Statement": [trust(principal="ec2.amazonaws.com")]}),
        )
        iam.put_role_policy(
            RoleName="Ops", PolicyName="ops", PolicyDocument=json.dumps({"Statement": [allow]})
        )
        yield running


def test_an_account_with_much_amiss(poor: Running) -> None:
    checked = look(poor, "eums")

    assert weak(checked) == {
        "failure sms_sandbox",
        "failure caller_permissions",
        "warning sms_spend_limit",
        "warning quota_user_update",
        "warning usage_user_update",
        "warning usage_user_read",
    }
    found: dict[str, Finding] = {each.code: each for each in checked.findings}
    assert "cognito-idp:AdminSetUserMFAPreference" in found["caller_permissions"].observed
    assert "cognito-idp:ListUsers" not in found["caller_permissions"].observed
    *_, line = lines([found["caller_permissions"]])
    assert line.strip() == f"migrate-mfa iam-policy run --user-pool-id {checked.document['pool']}"
    assert found["usage_user_resource_update"].level == "info"
    assert found["caller_optional"].level == "info"


def test_the_permissions_are_those_of_the_command_to_be_run(poor: Running) -> None:
    found = levels(look(poor, "eums", verb="audit"))

    assert found["caller_permissions"] == "ok"
    with pytest.raises(UsageError, match="--verb"):
        look(poor, "eums", verb="dance")


def test_settings_that_are_good_to_know_are_infos_and_no_more(
    poor: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    waited: list[float] = []
    monkeypatch.setattr(SystemClock, "sleep", lambda _, seconds: waited.append(seconds))
    monkeypatch.setattr(SystemClock, "monotonic", lambda _: sum(waited))

    found = levels(look(poor, "info"))

    assert sum(waited) >= 19 / 5, "20 of the 22 app clients, at most 5 a second"
    assert {code for code, level in found.items() if level == "info"} == {
        "caller_optional",
        "challenge_name",
        "client_session",
        "delivery_logs",
        "clients_seen",
        "devices",
        "managed_login",
        "other_factors",
        "phone_required",
        "pool_owner",
        "recovery_reach",
        "sms_origin",
        "sms_role_source",
        "threat_protection",
        "tier",
        "triggers",
        "usage_user_resource_update",
    }


def test_an_endpoint_that_nobody_listens_at_is_out_of_reach(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("migrate_mfa.pacing.retry.ATTEMPTS", 1)
    settings = Settings(user_pool_id=pool_id("ready"), aws=Aws(endpoint_url="http://127.0.0.1:9"))

    with pytest.raises(OutOfReach):
        check(settings, "run")
