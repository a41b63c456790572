"""Rate quotas: the bucket, the categories, and what a client over the rate gets."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st

from migrate_mfa.simulator import background
from migrate_mfa.simulator.operations import OPERATIONS
from migrate_mfa.simulator.operations.registry import COGNITO
from migrate_mfa.simulator.server.quotas import CATEGORIES, Bucket, Limiter
from tests.simulator.sim_site import PHONE, Site, client_of

if TYPE_CHECKING:
    from collections.abc import Iterator


def admitted(limiter: Limiter, times: list[float], category: str = "UserUpdate") -> int:
    """Count the calls at `times`, each by another user, that pass."""
    return sum(limiter.admit(category, "Op", "pool", f"user{n}", now=now) for n, now in enumerate(times))


@pytest.mark.parametrize(("burst", "passed"), [(1.0, 25), (0.2, 5), (0.001, 1)])
def test_a_burst_is_as_large_as_the_parameter_says(burst: float, passed: int) -> None:
    limiter = Limiter({}, enforce=True, burst_seconds=burst)

    assert admitted(limiter, [0.0] * 100) == passed


def test_a_bucket_refills_at_its_rate() -> None:
    bucket = Bucket(rate=10, capacity=2)

    assert [bucket.take(now) for now in (0.0, 0.0, 0.0, 0.1, 0.1, 0.15, 0.25)] == [
        True,
        True,
        False,
        True,
        False,
        False,
        True,
    ]


@given(st.lists(st.floats(0, 0.5), max_size=200), st.sampled_from([0.2, 1.0]))
def test_no_window_admits_more_than_a_burst_and_the_rate(gaps: list[float], burst: float) -> None:
    bucket = Bucket(rate=25, capacity=25 * burst)
    now, passed = 0.0, []
    for gap in gaps:
        now += gap
        if bucket.take(now):
            passed.append(now)

    for first in passed:
        assert sum(first <= at < first + 1 for at in passed) <= 25 * burst + 25


def test_live_traffic_takes_its_turn_at_the_bucket_and_is_refused_as_we_are() -> None:
    limiter = Limiter({}, enforce=True, burst_seconds=0.2)

    limiter.others("UserUpdate", [0.0, 0.0])
    assert admitted(limiter, [0.0] * 5) == 3
    limiter.others("UserUpdate", [0.01, 0.02, 0.05])

    assert limiter.live_traffic == {"UserUpdate": {"taken": 3, "throttled": 2}}
    assert admitted(limiter, [0.06], "UserResourceUpdate") == 1


def test_live_traffic_is_not_counted_where_nothing_is_enforced() -> None:
    limiter = Limiter({})

    limiter.others("UserUpdate", [0.0] * 100)

    assert limiter.live_traffic == {}


def test_categories_are_separate_and_pooled_over_pools() -> None:
    limiter = Limiter({}, enforce=True, burst_seconds=0.04)

    assert limiter.admit("UserUpdate", "A", "one", "u", now=0)
    assert not limiter.admit("UserUpdate", "B", "two", "v", now=0)
    assert limiter.admit("UserResourceUpdate", "C", "one", "u", now=0)


def test_one_operation_on_one_pool_has_a_rate_of_its_own() -> None:
    limiter = Limiter({}, enforce=True)
    ask = [limiter.admit("UserPoolResourceRead", "Op", "one", None, now=0) for _ in range(6)]

    assert ask == [True] * 5 + [False]
    assert limiter.admit("UserPoolResourceRead", "Op", "two", None, now=0)


def test_one_user_takes_ten_writes_a_second() -> None:
    limiter = Limiter({}, enforce=True)

    ask = [limiter.admit("UserUpdate", "Op", "pool", "taro", now=0) for _ in range(11)]

    assert ask == [True] * 10 + [False]


def test_nothing_is_refused_unless_enforced() -> None:
    assert admitted(Limiter({}), [0.0] * 1000) == 1000


def test_overrides_change_the_rate_and_must_name_a_category() -> None:
    limiter = Limiter({"UserUpdate": 3}, enforce=True)

    assert admitted(limiter, [0.0] * 10) == 3
    with pytest.raises(ValueError, match="UserUpdates"):
        Limiter({"UserUpdates": 3})


@pytest.mark.parametrize(
    ("op", "category", "rps"),
    [
        ("AdminUpdateUserAttributes", "UserUpdate", 25),
        ("AdminSetUserMFAPreference", "UserResourceUpdate", 25),
        ("AdminGetUser", "UserRead", 120),
        ("AdminGetUserAuthFactors", "UserRead", 120),
        ("ListUsers", "UserList", 30),
        ("AdminCreateUser", "UserCreation", 50),
        ("AdminSetUserPassword", "UserAccountRecovery", 30),
        ("DescribeUserPool", "UserPoolRead", 15),
        ("GetUserPoolMfaConfig", "UserPoolResourceRead", 20),
        ("SetUserPoolMfaConfig", "UserPoolResourceUpdate", 15),
        ("GetProvisionedLimit", "LimitManagement", 1),
    ],
)
def test_operations_are_in_the_documented_categories(op: str, category: str, rps: float) -> None:
    assert OPERATIONS[op].category == category
    assert CATEGORIES[category].rps == rps


def test_every_operation_has_a_category() -> None:
    ours = (operation for operation in OPERATIONS.values() if operation.service == COGNITO)

    assert {operation.category for operation in ours} <= set(CATEGORIES)


def test_a_client_over_the_rate_is_told_so_even_where_the_model_has_no_such_error() -> None:
    document = {
        "enforce_quotas": True,
        "quotas": {"UserResourceUpdate": 0.001},
        "pools": [{"name": "p", "users": [{"Username": "taro", "Attributes": {"phone_number": PHONE}}]}],
    }
    with background(document, control=True) as running:
        site = Site(running, client_of(running), running.pools[0]["id"])
        block = {"Enabled": True, "PreferredMfa": True}

        assert site.prefer(SMSMfaSettings=block) == "ok"
        with pytest.raises(ClientError) as caught:
            site.call("admin_set_user_mfa_preference", Username="taro", SMSMfaSettings=block)

        assert caught.value.response["Error"] == {
            "Code": "TooManyRequestsException",
            "Message": "Rate exceeded",
        }
        assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
        last = running.control("ledger")["calls"][-1]
        assert (last["code"], last["executed"]) == ("TooManyRequestsException", False)


@pytest.fixture(scope="module")
def quotas() -> Iterator[Any]:
    """Give a Service Quotas client of a server with quotas of its own."""
    with background({"quotas": {"UserUpdate": 500, "UserRead": 7.5}}) as running:
        yield client_of(running, "service-quotas")


def value(quotas: Any, code: str, op: str = "get_service_quota") -> float:
    answer = getattr(quotas, op)(ServiceCode="cognito-idp", QuotaCode=code)
    return float(answer["Quota"]["Value"])


@pytest.mark.parametrize(
    ("code", "applied", "default"),
    [
        ("L-6621E65D", 500, 25),
        ("L-574C86AE", 25, 25),
        ("L-D6BD5178", 7.5, 120),
        ("L-259E3368", 30, 30),
        ("L-A01C9633", 20, 20),
        ("L-181E40D0", 5, 5),
    ],
)
def test_service_quotas_tell_what_is_enforced_and_what_is_the_default(
    quotas: Any, code: str, applied: float, default: float
) -> None:
    assert value(quotas, code) == applied
    assert value(quotas, code, "get_aws_default_service_quota") == default


def test_a_quota_names_its_usage_metric(quotas: Any) -> None:
    quota = quotas.get_service_quota(ServiceCode="cognito-idp", QuotaCode="L-D6BD5178")["Quota"]

    assert (quota["QuotaName"], quota["Unit"], quota["Adjustable"]) == (
        "Rate of UserRead requests",
        "None",
        True,
    )
    assert quota["UsageMetric"]["MetricName"] == "CallCount"
    assert quota["UsageMetric"]["MetricDimensions"]["Resource"] == "UserRead"


@pytest.mark.parametrize(("service", "code"), [("cognito-idp", "L-00000000"), ("sns", "L-6621E65D")])
def test_a_quota_that_is_not_listed_is_no_resource(quotas: Any, service: str, code: str) -> None:
    with pytest.raises(quotas.exceptions.NoSuchResourceException) as caught:
        quotas.get_service_quota(ServiceCode=service, QuotaCode=code)

    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400


def test_every_code_belongs_to_one_quota() -> None:
    codes = [code for row in CATEGORIES.values() for code in (row.code, row.pool_code) if code]

    assert len(codes) == len(set(codes)) == 19


@pytest.mark.parametrize("op", ["RespondToAuthChallenge", "AdminRespondToAuthChallenge"])
def test_answers_to_challenges_have_three_times_the_quota_and_then_the_category(op: str) -> None:
    limiter = Limiter({"UserAuthentication": 10}, enforce=True)

    def answers(number: int) -> int:
        return sum(limiter.admit("UserAuthentication", op, "p", None, now=0) for _ in range(number))

    assert answers(30) == 30
    assert limiter.admit("UserAuthentication", "InitiateAuth", "p", None, now=0)
    assert answers(20) == 9


@pytest.mark.parametrize(
    ("op", "category"),
    [
        ("UpdateUserAttributes", "UserUpdate"),
        ("VerifyUserAttribute", "UserUpdate"),
        ("GlobalSignOut", "UserUpdate"),
        ("AdminUserGlobalSignOut", "UserUpdate"),
        ("SetUserMFAPreference", "UserResourceUpdate"),
        ("GetUser", "UserRead"),
        ("GetUserAttributeVerificationCode", "UserResourceRead"),
        ("InitiateAuth", "UserAuthentication"),
        ("AdminInitiateAuth", "UserAuthentication"),
        ("RevokeToken", "UserToken"),
    ],
)
def test_the_users_own_operations_share_the_categories(op: str, category: str) -> None:
    assert OPERATIONS[op].category == category


def test_live_traffic_is_counted_where_the_calls_of_others_are_refused() -> None:
    limits = {"enforce_quotas": True, "burst_seconds": 0.1, "quotas": {"UserList": 2}}
    faults = {"live_traffic": [{"category": "UserList", "rps": 200}]}
    with background({**limits, "pools": [{"name": "p"}]}, faults=faults, control=True) as running:
        running.control("clock", {"advance_s": 10})
        client = client_of(running)
        with pytest.raises(ClientError, match="TooManyRequestsException"):
            client.list_users(UserPoolId=running.pools[0]["id"])
        others = Counter(running.control("stats")["live_traffic"]["UserList"])

    assert others.total() >= 1999
    assert others["taken"] / others.total() == pytest.approx(2 / 200, rel=0.2)
