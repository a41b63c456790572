"""IAM roles for text messages: made, shown, and looked at when a pool uses them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from migrate_mfa.simulator import Running, background
from tests.simulator.sim_app import ON_SMS, App, outcome
from tests.simulator.sim_site import PHONE, ROLE, Site, client_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

TRUST_ERROR = "InvalidSmsRoleTrustRelationshipException"
ACCESS_ERROR = "InvalidSmsRoleAccessPolicyException"
PROPAGATION_S = 500
ARN = "arn:aws:iam::123456789012:role/{}"
_NUMBER = iter(range(1000))


def trust(principal: str = "cognito-idp.amazonaws.com", **condition: Any) -> dict[str, Any]:
    row = {"Effect": "Allow", "Principal": {"Service": principal}, "Action": "sts:AssumeRole"}
    extra = {"Condition": condition} if condition else {}
    return {"Version": "2012-10-17", "Statement": [{**row, **extra}]}


def allow(action: Any = "sns:Publish", resource: Any = "*", effect: str = "Allow") -> dict[str, Any]:
    return {"Statement": [{"Effect": effect, "Action": action, "Resource": resource}]}


GOOD_TRUST = trust(StringEquals={"sts:ExternalId": "x"})


@pytest.fixture(scope="module")
def iam(running: Running) -> Any:
    """Give an IAM client of the shared server, which shows changes at once."""
    return client_of(running, "iam")


def make_role(iam: Any, document: dict[str, Any] = GOOD_TRUST, **policies: dict[str, Any]) -> str:
    name = f"role-{next(_NUMBER)}"
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(document))
    for policy, content in policies.items():
        iam.put_role_policy(RoleName=name, PolicyName=policy, PolicyDocument=json.dumps(content))
    return name


def use(site: Site, name: str, external_id: str = "x") -> str:
    """Configure the pool with a role; give the error code or "ok"."""
    config = {"SnsCallerArn": ARN.format(name), "ExternalId": external_id}
    return site.set_mfa("OPTIONAL", SmsMfaConfiguration={"SmsConfiguration": config})


def test_a_role_is_shown_as_it_was_made(iam: Any) -> None:
    made = iam.create_role(
        RoleName="shown", Path="/service-role/", AssumeRolePolicyDocument=json.dumps(GOOD_TRUST)
    )["Role"]

    found = iam.get_role(RoleName="shown")["Role"]

    assert found == made
    assert found["Arn"] == "arn:aws:iam::123456789012:role/service-role/shown"
    assert found["AssumeRolePolicyDocument"] == GOOD_TRUST
    assert (found["Path"], found["RoleId"][:4], found["CreateDate"].tzinfo is None) == (
        "/service-role/",
        "AROA",
        False,
    )


def test_policies_are_put_listed_read_and_deleted(iam: Any) -> None:
    name = make_role(iam, one=allow(), two=allow("sns:*"))

    assert iam.list_role_policies(RoleName=name)["PolicyNames"] == ["one", "two"]
    assert iam.get_role_policy(RoleName=name, PolicyName="two")["PolicyDocument"] == allow("sns:*")
    iam.delete_role_policy(RoleName=name, PolicyName="one")
    assert iam.list_role_policies(RoleName=name)["PolicyNames"] == ["two"]


def test_managed_policies_are_attached_and_detached(iam: Any, site: Site) -> None:
    name = make_role(iam)
    arn = "arn:aws:iam::aws:policy/AmazonSNSFullAccess"

    iam.attach_role_policy(RoleName=name, PolicyArn=arn)

    rows = iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]
    assert rows == [{"PolicyName": "AmazonSNSFullAccess", "PolicyArn": arn}]
    assert use(site, name) == "ok"
    iam.detach_role_policy(RoleName=name, PolicyArn=arn)
    assert use(site, name) == ACCESS_ERROR


def test_a_role_that_holds_policies_is_not_deleted(iam: Any) -> None:
    name = make_role(iam, one=allow())

    held = outcome(lambda: iam.delete_role(RoleName=name))
    iam.delete_role_policy(RoleName=name, PolicyName="one")

    assert held == "DeleteConflict"
    assert outcome(lambda: iam.delete_role(RoleName=name)) == "ok"
    assert outcome(lambda: iam.get_role(RoleName=name)) == "NoSuchEntity"


def refusal(call: Callable[[], Any]) -> tuple[str, int]:
    with pytest.raises(ClientError) as caught:
        call()
    response = caught.value.response
    return response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"]


@pytest.mark.parametrize(
    ("op", "members"),
    [
        ("get_role", {}),
        ("delete_role", {}),
        ("list_role_policies", {}),
        ("list_attached_role_policies", {}),
        ("put_role_policy", {"PolicyName": "p", "PolicyDocument": json.dumps(allow())}),
        ("get_role_policy", {"PolicyName": "p"}),
        ("delete_role_policy", {"PolicyName": "p"}),
        ("attach_role_policy", {"PolicyArn": "arn:aws:iam::aws:policy/AdministratorAccess"}),
    ],
)
def test_a_role_that_is_not_there(iam: Any, op: str, members: dict[str, str]) -> None:
    assert refusal(lambda: getattr(iam, op)(RoleName="nobody", **members)) == ("NoSuchEntity", 404)


def test_policies_that_are_not_there(iam: Any) -> None:
    name = make_role(iam)
    arn = "arn:aws:iam::aws:policy/Nonsense"

    assert outcome(lambda: iam.get_role_policy(RoleName=name, PolicyName="p")) == "NoSuchEntity"
    assert outcome(lambda: iam.delete_role_policy(RoleName=name, PolicyName="p")) == "NoSuchEntity"
    assert outcome(lambda: iam.attach_role_policy(RoleName=name, PolicyArn=arn)) == "NoSuchEntity"
    assert outcome(lambda: iam.detach_role_policy(RoleName=name, PolicyArn=arn)) == "NoSuchEntity"


def test_a_taken_name_and_a_broken_document_are_refused(iam: Any) -> None:
    name = make_role(iam)

    def create(role: str, document: str) -> tuple[str, int]:
        return refusal(lambda: iam.create_role(RoleName=role, AssumeRolePolicyDocument=document))

    assert create(name, json.dumps(GOOD_TRUST)) == ("EntityAlreadyExists", 409)
    for broken in ("{", "[]", "{}", '{"Statement": "x"}', json.dumps(allow())):
        assert create("broken", broken) == ("MalformedPolicyDocument", 400)
    assert create("not a name", json.dumps(GOOD_TRUST)) == ("ValidationError", 400)


# --- what Cognito makes of a role ---


@pytest.mark.parametrize(
    ("document", "code"),
    [
        (GOOD_TRUST, "ok"),
        (trust(), "ok"),
        (trust(StringLike={"sts:ExternalId": "?"}, ArnLike={"aws:SourceArn": "arn:*:userpool/*"}), "ok"),
        (trust(StringEquals={"aws:SourceAccount": "123456789012"}), "ok"),
        (trust(StringEquals={"aws:SourceAccount": "999999999999"}), TRUST_ERROR),
        (trust(StringEquals={"sts:ExternalId": "other"}), TRUST_ERROR),
        (trust(NumericEquals={"sts:ExternalId": "x"}), TRUST_ERROR),
        (trust("sns.amazonaws.com"), TRUST_ERROR),
        ({"Statement": {**trust()["Statement"][0], "Action": "sts:AssumeRoleWithWebIdentity"}}, TRUST_ERROR),
        ({"Statement": [*trust()["Statement"], {**trust()["Statement"][0], "Effect": "Deny"}]}, TRUST_ERROR),
    ],
)
def test_the_role_must_trust_cognito(iam: Any, site: Site, document: dict[str, Any], code: str) -> None:
    name = make_role(iam, document, publish=allow())

    assert use(site, name) == code


@pytest.mark.parametrize(
    ("policy", "code"),
    [
        (allow("sns:publish"), "ok"),
        (allow(["sns:ListTopics", "sns:P*"]), "ok"),
        (allow("*"), "ok"),
        (allow("sns:Publish", "arn:aws:sns:*:*:topic"), ACCESS_ERROR),
        (allow("sns:ListTopics"), ACCESS_ERROR),
        ({"Statement": [*allow()["Statement"], *allow(effect="Deny")["Statement"]]}, ACCESS_ERROR),
        ({"Statement": [{"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"}]}, "ok"),
        ({"Statement": [{"Effect": "Allow", "NotAction": "sns:*", "Resource": "*"}]}, ACCESS_ERROR),
    ],
)
def test_the_role_must_be_allowed_to_publish(iam: Any, site: Site, policy: dict[str, Any], code: str) -> None:
    assert use(site, make_role(iam, publish=policy)) == code


def test_a_role_is_named_with_its_path(iam: Any, site: Site) -> None:
    name = make_role(iam, publish=allow())

    assert use(site, f"service-role/{name}") == TRUST_ERROR
    assert use(site, name) == "ok"


def test_a_refused_role_changes_nothing(iam: Any, site: Site) -> None:
    before = site.call("get_user_pool_mfa_config")

    assert use(site, make_role(iam)) == ACCESS_ERROR

    after = site.call("get_user_pool_mfa_config")
    assert after["SmsMfaConfiguration"] == before["SmsMfaConfiguration"]


def test_the_texts_are_the_services(iam: Any, site: Site) -> None:
    config = {"SmsConfiguration": {"SnsCallerArn": ARN.format("nobody"), "ExternalId": "x"}}
    text = site.message("set_user_pool_mfa_config", MfaConfiguration="ON", SmsMfaConfiguration=config)

    assert text == "Role does not have a trust relationship allowing Cognito to assume the role"


def test_creating_and_updating_a_pool_look_at_the_role_too(client: Any, site: Site) -> None:
    config = {"SnsCallerArn": ARN.format("nobody"), "ExternalId": "x"}

    assert outcome(lambda: client.create_user_pool(PoolName="t", SmsConfiguration=config)) == TRUST_ERROR
    assert site.code("update_user_pool", SmsConfiguration=config) == TRUST_ERROR
    assert site.code("update_user_pool", SmsConfiguration=ROLE) == "ok"


def test_whether_a_role_works_without_an_external_id_is_a_switch(site: Site) -> None:
    config = {"SmsConfiguration": {"SnsCallerArn": ROLE["SnsCallerArn"]}}

    assert site.set_mfa("OPTIONAL", SmsMfaConfiguration=config) == TRUST_ERROR  # the role asks for one
    site.running.control("faults", {"unsettled": {"role_without_external_id": "refuse"}})
    assert site.set_mfa("OPTIONAL", SmsMfaConfiguration=config) == TRUST_ERROR


@pytest.mark.parametrize(("switch", "code"), [("accept", "ok"), ("refuse", TRUST_ERROR)])
def test_an_external_id_may_be_required(iam: Any, site: Site, switch: str, code: str) -> None:
    name = make_role(iam, trust(), publish=allow())
    site.running.control("faults", {"unsettled": {"role_without_external_id": switch}})
    config = {"SmsConfiguration": {"SnsCallerArn": ARN.format(name)}}

    assert site.set_mfa("OPTIONAL", SmsMfaConfiguration=config) == code


@pytest.fixture
def broken(iam: Any, make_site: Callable[..., Site]) -> Site:
    """Give a pool whose role has lost the right to publish."""
    site = make_site(AutoVerifiedAttributes=["phone_number"])
    name = make_role(iam, publish=allow())
    assert use(site, name) == "ok"
    iam.delete_role_policy(RoleName=name, PolicyName="publish")
    site.user(**ON_SMS)
    return site


@pytest.mark.parametrize("admin", [True, False])
def test_a_broken_role_shows_when_a_user_signs_in(broken: Site, admin: bool) -> None:
    app = App.make(broken, admin=admin)

    assert outcome(app.begin) == ACCESS_ERROR
    assert broken.sms() == {}


def test_a_broken_role_shows_when_a_number_is_written(broken: Site) -> None:
    before = broken.attributes()

    assert broken.update(phone_number="+819055556666") == ACCESS_ERROR
    assert broken.attributes() == before
    assert broken.update(phone_number="+819055556666", phone_number_verified="true") == "ok"


def test_a_broken_role_shows_when_a_user_is_invited(broken: Site) -> None:
    rows = [{"Name": "phone_number", "Value": PHONE}]

    assert broken.code("admin_create_user", Username="hana", UserAttributes=rows) == ACCESS_ERROR
    assert broken.code("admin_get_user", Username="hana") == "UserNotFoundException"
    assert broken.code("admin_create_user", Username="ken") == "ok"


def test_a_broken_role_shows_in_the_description(broken: Site, site: Site) -> None:
    assert "SmsConfigurationFailure" not in site.call("describe_user_pool")["UserPool"]
    assert broken.call("describe_user_pool")["UserPool"]["SmsConfigurationFailure"] == ACCESS_ERROR


def test_a_pool_with_its_own_sender_needs_no_role(iam: Any, make_site: Callable[..., Site]) -> None:
    sender = {"LambdaArn": "arn:aws:lambda:r:1:function:f", "LambdaVersion": "V1_0"}
    site = make_site(LambdaConfig={"CustomSMSSender": sender, "KMSKeyID": "arn:aws:kms:r:1:key/k"})
    name = make_role(iam, publish=allow())
    use(site, name)
    iam.delete_role_policy(RoleName=name, PolicyName="publish")
    site.user(**ON_SMS)

    assert outcome(App.make(site).begin) == "ok"
    assert "SmsConfigurationFailure" not in site.call("describe_user_pool")["UserPool"]


# --- SimulatePrincipalPolicy ---


def decisions(iam: Any, arn: str, actions: list[str], **more: Any) -> list[str]:
    answer = iam.simulate_principal_policy(PolicySourceArn=arn, ActionNames=actions, **more)
    return [row["EvalDecision"] for row in answer["EvaluationResults"]]


def test_a_roles_documents_are_evaluated(iam: Any) -> None:
    name = make_role(
        iam, one=allow("cognito-idp:Admin*", "arn:aws:cognito-idp:*:*:userpool/p_1"), two=allow()
    )
    deny = allow("cognito-idp:AdminDeleteUser", effect="Deny")
    iam.put_role_policy(RoleName=name, PolicyName="no", PolicyDocument=json.dumps(deny))
    arn, pool = ARN.format(name), "arn:aws:cognito-idp:r:1:userpool/p_1"
    actions = ["cognito-idp:AdminGetUser", "cognito-idp:AdminDeleteUser", "cognito-idp:ListUsers"]

    assert decisions(iam, arn, actions, ResourceArns=[pool]) == ["allowed", "explicitDeny", "implicitDeny"]
    assert decisions(iam, arn, actions[:1], ResourceArns=[pool.replace("_1", "_2")]) == ["implicitDeny"]
    assert decisions(iam, arn, ["sns:Publish"]) == ["allowed"]


def test_conditions_are_evaluated_with_the_context_that_is_given(iam: Any) -> None:
    row = {**allow()["Statement"][0], "Condition": {"StringEquals": {"aws:SourceAccount": "1"}}}
    arn = ARN.format(make_role(iam, one={"Statement": row}))
    entry = {"ContextKeyName": "aws:SourceAccount", "ContextKeyValues": ["1"], "ContextKeyType": "string"}

    assert decisions(iam, arn, ["sns:Publish"]) == ["implicitDeny"]
    assert decisions(iam, arn, ["sns:Publish"], ContextEntries=[entry]) == ["allowed"]


def test_the_caller_may_do_everything_and_nobody_knows_others(running: Running, iam: Any) -> None:
    caller = client_of(running, "sts").get_caller_identity()["Arn"]

    assert decisions(iam, caller, ["cognito-idp:ListUsers"]) == ["allowed"]
    assert outcome(lambda: decisions(iam, ARN.format("nobody"), ["sns:Publish"])) == "NoSuchEntity"


# --- the pool file ---


def test_a_role_of_the_pool_file_is_good_until_it_is_deleted(make_site: Callable[..., Site]) -> None:
    document = {
        "pools": [{"name": "p", "config": {"MfaConfiguration": "OPTIONAL", "SmsConfiguration": ROLE}}]
    }
    with background(document) as running:
        site = Site(running, client_of(running), running.pools[0]["id"])
        iam = client_of(running, "iam")

        assert decisions(iam, ROLE["SnsCallerArn"], ["sns:Publish"]) == ["allowed"]
        assert use(site, "sms") == "ok"
        (policy,) = iam.list_role_policies(RoleName="sms")["PolicyNames"]
        iam.delete_role_policy(RoleName="sms", PolicyName=policy)
        iam.delete_role(RoleName="sms")
        assert use(site, "sms") == TRUST_ERROR


@pytest.fixture(scope="module")
def slow() -> Iterator[Site]:
    """Give a pool of a server where roles are strict and take their time."""
    config = {"MfaConfiguration": "OPTIONAL", "SmsConfiguration": ROLE}
    document = {
        "roles": "strict",
        "role_propagation_s": PROPAGATION_S,
        "pools": [{"name": "p", "config": config, "users": [{"Username": "taro", **ON_SMS}]}],
    }
    with background(document, control=True) as running:
        yield Site(running, client_of(running), running.pools[0]["id"])


def test_a_strict_pool_files_role_must_exist(slow: Site) -> None:
    assert outcome(App.make(slow).begin) == TRUST_ERROR
    assert use(slow, "sms") == TRUST_ERROR


def test_a_new_role_and_a_new_right_fail_until_they_are_seen(slow: Site) -> None:
    iam = client_of(slow.running, "iam")
    clock = slow.running.control
    name = make_role(iam)
    found = [use(slow, name)]
    clock("clock", {"advance_s": PROPAGATION_S + 1})
    found.append(use(slow, name))
    iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=json.dumps(allow()))
    found.append(use(slow, name))
    clock("clock", {"advance_s": PROPAGATION_S + 1})
    found.append(use(slow, name))
    iam.put_role_policy(RoleName=name, PolicyName="q", PolicyDocument=json.dumps(allow("sns:*")))
    found.append(use(slow, name))

    assert found == [TRUST_ERROR, ACCESS_ERROR, ACCESS_ERROR, "ok", "ok"]
