"""A caller's policy: what it allows, what it denies and how, and what asks no policy."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import botocore.session
import pytest
from botocore.exceptions import ClientError

from migrate_mfa.simulator.files.poolfile import load_world
from migrate_mfa.simulator.operations import OPERATIONS
from migrate_mfa.simulator.server.caller import ASKS_NO_POLICY
from tests.simulator.sim_app import PASSWORD, App
from tests.simulator.sim_site import ROLE, Site, client_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from migrate_mfa.simulator import Running

ACCOUNT = "123456789012"


def _allow(action: str, resource: str = "*", **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


@pytest.fixture
def limit(running: Running) -> Iterator[Callable[..., None]]:
    """Give the way to limit the caller to some statements."""

    def to(*statements: dict[str, Any]) -> None:
        running.control("caller-policy", {"Version": "2012-10-17", "Statement": list(statements)})

    yield to
    running.control("caller-policy", {})


def _refusal(ask: Callable[[], Any]) -> tuple[str, int, str]:
    with pytest.raises(ClientError) as caught:
        ask()
    answer: Any = caught.value.response
    return answer["Error"]["Code"], answer["ResponseMetadata"]["HTTPStatusCode"], answer["Error"]["Message"]


def _arn(site: Site) -> str:
    return f"arn:aws:cognito-idp:{site.running.region}:{ACCOUNT}:userpool/{site.pool_id}"


def test_only_what_is_allowed_on_this_pool_is_done(site: Site, limit: Callable[..., None]) -> None:
    limit(_allow("cognito-idp:AdminGetUser", _arn(site)))

    assert site.read()["Username"] == "taro"
    code, status, text = _refusal(lambda: site.call("list_users"))
    assert (code, status) == ("AccessDeniedException", 403)
    assert "is not authorized to perform: cognito-idp:ListUsers on resource: " + _arn(site) in text


def test_another_pool_is_another_resource(
    site: Site, make_site: Callable[..., Site], limit: Callable[..., None]
) -> None:
    other = make_site()
    limit(_allow("cognito-idp:*", _arn(other)))

    assert site.code("list_users") == "AccessDeniedException"
    assert other.code("list_users") == "ok"


def test_a_denied_write_is_not_made(site: Site, limit: Callable[..., None]) -> None:
    before = site.attributes()
    limit(_allow("cognito-idp:*"), _allow("cognito-idp:AdminUpdateUserAttributes") | {"Effect": "Deny"})

    assert site.update(phone_number="+819011112222") == "AccessDeniedException"
    assert site.attributes() == before


def test_services_of_the_query_protocol_deny_in_theirs(running: Running, limit: Callable[..., None]) -> None:
    limit(_allow("iam:GetRole", f"arn:aws:iam::{ACCOUNT}:role/sms"))
    iam, sns = client_of(running, "iam"), client_of(running, "sns")

    assert iam.get_role(RoleName="sms")["Role"]["Arn"] == ROLE["SnsCallerArn"]
    for ask in (
        lambda: iam.get_role(RoleName="other"),
        lambda: iam.create_role(RoleName="sms2", AssumeRolePolicyDocument="{}"),
        sns.get_sms_sandbox_account_status,
    ):
        assert _refusal(ask)[:2] == ("AccessDenied", 403)


def test_quotas_are_denied_too(running: Running, limit: Callable[..., None]) -> None:
    limit(_allow("cognito-idp:*"))
    quotas = client_of(running, "service-quotas")

    def ask() -> Any:
        return quotas.get_service_quota(ServiceCode="cognito-idp", QuotaCode="L-6621E65D")

    assert _refusal(ask)[0] == "AccessDeniedException"
    limit(_allow("servicequotas:GetServiceQuota"))
    assert ask()["Quota"]["QuotaCode"] == "L-6621E65D"


def test_everybody_may_ask_who_they_are(running: Running, limit: Callable[..., None]) -> None:
    limit(_allow("cognito-idp:*") | {"Effect": "Deny"})

    assert client_of(running, "sts").get_caller_identity()["Account"] == ACCOUNT


def test_what_a_user_does_asks_no_policy(site: Site, limit: Callable[..., None]) -> None:
    site.user(password=PASSWORD)
    app = App.make(site, admin=False)
    signed = App(site, app.client_id)
    limit(_allow("*") | {"Effect": "Deny"})

    token = app.tokens()["AccessToken"]
    phone = [{"Name": "phone_number", "Value": "+819011112222"}]
    assert site.client.get_user(AccessToken=token)["Username"] == "taro"
    site.client.update_user_attributes(AccessToken=token, UserAttributes=phone)
    site.client.set_user_mfa_preference(AccessToken=token, SMSMfaSettings={"Enabled": True})
    assert _refusal(signed.begin)[0] == "AccessDeniedException"


def test_handing_a_role_over_needs_pass_role(site: Site, limit: Callable[..., None]) -> None:
    sms = {"SmsMfaConfiguration": {"SmsConfiguration": ROLE}}
    to_cognito = {"StringEquals": {"iam:PassedToService": "cognito-idp.amazonaws.com"}}
    to_others = {"StringEquals": {"iam:PassedToService": "ec2.amazonaws.com"}}
    pool = _allow("cognito-idp:SetUserPoolMfaConfig")

    for more, expected in (
        ((), "AccessDeniedException"),
        ((_allow("iam:PassRole", ROLE["SnsCallerArn"], Condition=to_others),), "AccessDeniedException"),
        ((_allow("iam:PassRole", ROLE["SnsCallerArn"] + "2"),), "AccessDeniedException"),
        ((_allow("iam:PassRole", ROLE["SnsCallerArn"], Condition=to_cognito),), "ok"),
    ):
        limit(pool, *more)
        assert site.set_mfa("OPTIONAL", **sms) == expected


def test_setting_mfa_without_a_role_needs_no_pass_role(site: Site, limit: Callable[..., None]) -> None:
    limit(_allow("cognito-idp:SetUserPoolMfaConfig"))

    assert site.set_mfa("OFF") == "ok"


def test_simulated_policies_of_the_caller_are_the_enforced_ones(
    running: Running, limit: Callable[..., None]
) -> None:
    limit(_allow("iam:SimulatePrincipalPolicy"), _allow("cognito-idp:ListUsers"))
    answer = client_of(running, "iam").simulate_principal_policy(
        PolicySourceArn=f"arn:aws:iam::{ACCOUNT}:user/simulator",
        ActionNames=["cognito-idp:ListUsers", "cognito-idp:AdminGetUser"],
    )

    found = {row["EvalActionName"]: row["EvalDecision"] for row in answer["EvaluationResults"]}
    assert found == {"cognito-idp:ListUsers": "allowed", "cognito-idp:AdminGetUser": "implicitDeny"}


def test_the_sdk_signs_what_asks_a_policy_and_nothing_else() -> None:
    model = botocore.session.get_session().get_service_model("cognito-idp")
    unsigned = {name for name in model.operation_names if model.operation_model(name).auth_type == "none"}

    assert unsigned & OPERATIONS.keys() == ASKS_NO_POLICY - {"GetCallerIdentity"}


def test_a_broken_policy_changes_nothing(site: Site, limit: Callable[..., None]) -> None:
    limit(_allow("cognito-idp:ListUsers"))
    with pytest.raises(ValueError, match="Syntax errors in policy"):
        site.running.control("caller-policy", {"Statement": [{"Effect": "Perhaps"}]})

    assert site.code("list_users") == "ok"
    assert site.code("describe_user_pool") == "AccessDeniedException"


def test_a_pool_file_may_bring_the_policy() -> None:
    statement = _allow("cognito-idp:ListUsers")

    assert load_world({}, Path()).caller_policy is None
    assert load_world({"caller_policy": {"Statement": statement}}, Path()).caller_policy is not None
    with pytest.raises(ValueError, match="caller_policy: Syntax errors"):
        load_world({"caller_policy": {"Statement": {"Effect": "Allow"}}}, Path())
