"""The rules that need no server: what is planned against what may be sent, and how a run is refused."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from migrate_mfa.checks.findings import Code, Finding, Level, Unknown
from migrate_mfa.checks.rules import examine, refusal
from migrate_mfa.checks.snapshot import (
    NO_PRINCIPAL,
    AppClient,
    AppClients,
    Caller,
    CheckScope,
    Decision,
    PoolDetails,
    PoolSnapshot,
    QuotaUse,
    Role,
    Sending,
    SmsPath,
)
from migrate_mfa.domain.errors import ExitCode
from migrate_mfa.domain.model import VerificationPolicy
from migrate_mfa.domain.quotas import PACED, Category
from migrate_mfa.domain.reasons import Reason
from tests.support.builders import a_pool

PATH = SmsPath(role_arn="arn:aws:iam::1:role/sms", region="ap-northeast-1", external_id="x")
TRUST = {
    "Statement": {
        "Effect": "Allow",
        "Principal": {"Service": "cognito-idp.amazonaws.com"},
        "Action": "sts:AssumeRole",
        "Condition": {"StringEquals": {"sts:ExternalId": "x", "aws:SourceAccount": "1"}},
    }
}
DETAILS = PoolDetails(arn="arn:pool", sms=PATH, totp=True)
GOOD = PoolSnapshot(
    facts=a_pool(recovery=("verified_email",)),
    details=DETAILS,
    account="1",
    scope=CheckScope(users=1000, codes=0),
    replica="",
    role=Role(TRUST, Decision.ALLOWED),
    sending=Sending(sandbox=False, limit_usd=500.0),
)


def level(code: str, picture: PoolSnapshot = GOOD, **changes: Any) -> Level | None:
    found: dict[str, Level] = {each.code: each.level for each in examine(replace(picture, **changes))}
    return found.get(code)


def heavy(**changes: Any) -> set[str]:
    return {
        each.code
        for each in examine(replace(GOOD, **changes))
        if each.level in {Level.FAILURE, Level.WARNING, Level.UNCHECKED}
    }


def test_a_good_pool_has_nothing_to_look_at() -> None:
    assert heavy() == set()


@pytest.mark.parametrize(
    ("users", "limit", "expected"),
    [
        (None, 500.0, Level.INFO),
        (1000, 500.0, Level.INFO),
        (1000, 100.0, Level.INFO),
        (1000, 99.0, Level.WARNING),
        (None, 1.0, Level.WARNING),
        (3, 1.0, Level.WARNING),
        (3, None, Level.WARNING),
        (None, 0.0, Level.FAILURE),
        (3, Unknown("GetSMSAttributes", "X"), Level.UNCHECKED),
    ],
)
def test_the_monthly_limit_is_held_against_the_users_to_enrol(
    users: Any, limit: Any, expected: Level
) -> None:
    changes: Any = {"scope": CheckScope(users=users), "sending": Sending(sandbox=False, limit_usd=limit)}

    assert level("sms_spend_limit", **changes) is expected


def test_the_numbers_of_the_plan_are_named() -> None:
    scope = CheckScope(users=12_345, codes=678)
    (found,) = (each for each in examine(replace(GOOD, scope=scope)) if each.code == "sms_spend_limit")

    assert "678 codes" in found.impact
    assert "12,345 users" in found.impact


@pytest.mark.parametrize(
    ("users", "expected"),
    [(None, Level.FAILURE), (11, Level.FAILURE), (10, Level.WARNING), (1, Level.WARNING)],
)
def test_a_sandbox_is_enough_for_ten_users(users: int | None, expected: Level) -> None:
    boxed = Sending(sandbox=True, limit_usd=500.0)

    assert level("sms_sandbox", scope=CheckScope(users=users), sending=boxed) is expected


def test_recovery_that_was_given_up_by_name_is_a_warning() -> None:
    facts = a_pool(recovery=("verified_phone_number",))
    despite = CheckScope(despite=frozenset({Reason.NO_RECOVERY_LEFT}))

    assert level("recovery", facts=facts) is Level.FAILURE
    assert level("recovery", facts=facts, scope=despite) is Level.WARNING


def test_a_condition_that_cannot_be_judged_is_never_well() -> None:
    odd = {"StringNotEquals": {"sts:ExternalId": "y", "aws:SourceArn": "z"}}
    role = Role({"Statement": {**TRUST["Statement"], "Condition": odd}}, Decision.ALLOWED)

    assert heavy(role=role) == {"sms_role_trust", "sms_role_external_id", "sms_role_source"}


@pytest.mark.parametrize(
    ("publishes", "expected"),
    [
        (Decision.ALLOWED, Level.OK),
        (Decision.DENIED, Level.FAILURE),
        (Decision.UNSURE, Level.UNCHECKED),
        (Unknown("SimulatePrincipalPolicy", "AccessDenied"), Level.UNCHECKED),
    ],
)
def test_the_right_to_send(publishes: Any, expected: Level) -> None:
    assert level("sms_role_publish", role=Role(TRUST, publishes)) is expected


def use(busiest: Any, enforced: float | None = 25.0) -> tuple[QuotaUse, ...]:
    return (QuotaUse(category=Category.USER_UPDATE, enforced=enforced, busiest=busiest),)


@pytest.mark.parametrize(
    ("share", "busiest", "expected"),
    [
        (0.5, 12.5, Level.OK),
        (0.5, 12.6, Level.WARNING),
        (1.0, 0.1, Level.WARNING),
        (0.5, None, Level.INFO),
        (0.5, Unknown("GetMetricData", "X"), Level.UNCHECKED),
    ],
)
def test_others_and_the_run_share_a_quota(share: float, busiest: Any, expected: Level) -> None:
    scope = CheckScope(quota_share=share)

    assert level("usage_user_update", scope=scope, quotas=use(busiest)) is expected


def test_each_category_says_for_what_the_applications_and_the_run_spend_it() -> None:
    uses = tuple(QuotaUse(category=category, enforced=25.0, busiest=None) for category in PACED)
    found = [each for each in examine(replace(GOOD, quotas=uses)) if each.code.startswith("usage_")]

    assert len({each.impact for each in found}) == len(PACED)


@pytest.mark.parametrize(
    ("enforced", "expected"),
    [(25.0, Level.OK), (40.0, Level.OK), (5.0, Level.WARNING), (None, Level.UNCHECKED)],
)
def test_what_is_enforced(enforced: float | None, expected: Level) -> None:
    assert level("quota_user_update", quotas=use(0.0, enforced)) is expected


def caller(**decisions: Decision) -> Caller:
    everything = dict.fromkeys(
        (
            "DescribeUserPool",
            "GetUserPoolMfaConfig",
            "ListUsers",
            "AdminGetUser",
            "AdminUpdateUserAttributes",
            "AdminSetUserMFAPreference",
        ),
        Decision.ALLOWED,
    )
    return Caller("arn", {f"cognito-idp:{name}": value for name, value in (everything | decisions).items()})


@pytest.mark.parametrize(
    ("who", "expected"),
    [
        (caller(), Level.OK),
        (caller(AdminGetUser=Decision.DENIED), Level.FAILURE),
        (caller(AdminGetUser=Decision.UNSURE), Level.UNCHECKED),
        (Caller("arn", {}), Level.UNCHECKED),
        (Caller("arn:root", Unknown("SimulatePrincipalPolicy", NO_PRINCIPAL)), Level.UNCHECKED),
        (caller(AdminGetUserAuthFactors=Decision.DENIED), Level.OK),
    ],
)
def test_the_callers_permissions(who: Caller, expected: Level) -> None:
    assert level("caller_permissions", caller=who) is expected


def client(name: str, *flows: str) -> AppClient:
    return AppClient(name=name, flows=frozenset(flows), session_min=3, refresh_days=31)


def test_an_app_client_that_custom_flows_alone_serve_goes_past_mfa() -> None:
    seen = (client("web", "ALLOW_USER_SRP_AUTH"), client("kiosk", "ALLOW_CUSTOM_AUTH"))
    found = examine(replace(GOOD, clients=AppClients(seen, 2)))

    (flows,) = (each for each in found if each.code == "client_flows")
    assert flows.level is Level.WARNING
    assert "kiosk" in flows.observed
    assert "web" not in flows.observed


def test_many_names_are_not_all_shown() -> None:
    seen = tuple(client(f"app{number}", "ALLOW_USER_SRP_AUTH") for number in range(20))
    found: dict[str, Finding] = {
        each.code: each for each in examine(replace(GOOD, clients=AppClients(seen, 30)))
    }

    assert found["client_session"].observed.endswith("app4 and 15 more.")
    assert "20 of 30" in found["clients_seen"].observed


@pytest.mark.parametrize(
    ("code", "remedy"),
    [("InvalidAction", "this endpoint does not offer"), ("AccessDenied", "Allow cognito-idp:")],
)
def test_no_permission_is_asked_for_where_the_endpoint_lacks_the_call(code: str, remedy: str) -> None:
    found = {each.code: each for each in examine(replace(GOOD, logs_delivery=Unknown("Get", code)))}
    logs = found[Code.DELIVERY_LOGS]

    assert logs.level is Level.UNCHECKED
    assert remedy in logs.remedy


def test_the_heaviest_finding_comes_first() -> None:
    found = examine(
        replace(GOOD, replica=Unknown("X", "Y"), facts=a_pool(recovery=("verified_phone_number",)))
    )
    order = list(Level)

    assert found[0].level is Level.FAILURE
    assert [order.index(each.level) for each in found] == sorted(order.index(each.level) for each in found)


def test_a_run_is_refused_by_a_failure_alone() -> None:
    weak = [Finding(Code.TIER, level, "Saw.", "Why.", "Do.") for level in Level if level is not Level.FAILURE]
    pool = Finding(Code.MFA_MODE, Level.FAILURE, "Saw.", "Why.", "Do.")
    permission = Finding(Code.CALLER_PERMISSIONS, Level.FAILURE, "Saw.", "Why.", "Do.")

    assert refusal(GOOD.facts, weak) is None
    refused = [refusal(GOOD.facts, [*weak, each]) for each in (pool, permission)]
    assert [each and each.exit_code for each in refused] == [ExitCode.POOL_NOT_READY, ExitCode.NOT_ALLOWED]
    assert refused[0] is not None
    assert "Saw. Why." in refused[0].message
    assert refused[0].hint == "Do."


@pytest.mark.parametrize("policy", [None, *VerificationPolicy])
def test_every_finding_says_what_to_do_unless_all_is_well(policy: VerificationPolicy | None) -> None:
    amiss = replace(
        GOOD,
        facts=a_pool(phone_needs_proof=True, phone_auto_verified=True, phone_mutable=False, recovery=None),
        scope=CheckScope(verification=policy),
        replica="SECONDARY",
        role=Unknown("GetRole", "NoSuchEntity"),
        sending=Sending(sandbox=True, limit_usd=0.0),
    )

    for each in examine(amiss):
        assert each.observed.endswith(".")
        assert each.level in {Level.OK, Level.INFO} or (each.impact and each.remedy)


@pytest.mark.parametrize(
    ("cost", "limit", "expected"), [("49.99", 50.0, Level.INFO), ("50.01", 50.0, Level.WARNING)]
)
def test_the_monthly_limit_is_held_against_what_the_messages_cost_where_prices_are_known(
    cost: str, limit: float, expected: Level
) -> None:
    scope = CheckScope(users=100_000, sms_cost=Decimal(cost))
    changes: Any = {"scope": scope, "sending": Sending(sandbox=False, limit_usd=limit)}

    assert level("sms_spend_limit", **changes) is expected
