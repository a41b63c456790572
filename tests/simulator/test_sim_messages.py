"""Text messages that do not arrive, what SNS says about it, and the console; the faster clock."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

from migrate_mfa.simulator import Running, background
from migrate_mfa.simulator.account.clock import Clock
from migrate_mfa.simulator.account.codes import Lockout
from migrate_mfa.simulator.account.errors import CognitoError
from migrate_mfa.simulator.account.outbox import masked
from migrate_mfa.simulator.server.quotas import Limiter
from tests.simulator.sim_app import ON_SMS, App, last_message, outcome
from tests.simulator.sim_site import OTHER_PHONE, PHONE, ROLE, Site, client_of

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def sns(running: Running) -> Any:
    """Give an SNS client."""
    return client_of(running, "sns")


@pytest.fixture(autouse=True)
def _usual_sns(running: Running) -> Iterator[None]:
    yield
    running.control("sns", {})


def test_by_default_the_account_is_in_production_and_nobody_set_a_limit(sns: Any) -> None:
    assert sns.get_sms_sandbox_account_status()["IsInSandbox"] is False
    assert sns.list_sms_sandbox_phone_numbers()["PhoneNumbers"] == []
    assert sns.get_sms_attributes()["attributes"] == {}
    assert sns.check_if_phone_number_is_opted_out(phoneNumber=PHONE)["isOptedOut"] is False


def test_sns_says_what_the_document_says(running: Running, sns: Any) -> None:
    running.control(
        "sns",
        {
            "sandbox": True,
            "verified_numbers": [PHONE],
            "opted_out": [OTHER_PHONE],
            "monthly_spend_limit_usd": 1,
        },
    )

    assert sns.get_sms_sandbox_account_status()["IsInSandbox"] is True
    assert sns.list_sms_sandbox_phone_numbers()["PhoneNumbers"] == [
        {"PhoneNumber": PHONE, "Status": "Verified"}
    ]
    assert sns.get_sms_attributes(attributes=["MonthlySpendLimit"])["attributes"] == {
        "MonthlySpendLimit": "1"
    }
    assert sns.get_sms_attributes(attributes=["DefaultSMSType"])["attributes"] == {}
    assert sns.check_if_phone_number_is_opted_out(phoneNumber=OTHER_PHONE)["isOptedOut"] is True
    assert sns.check_if_phone_number_is_opted_out(phoneNumber=PHONE)["isOptedOut"] is False
    assert outcome(lambda: sns.check_if_phone_number_is_opted_out(phoneNumber="090")) == "InvalidParameter"


@pytest.mark.parametrize(
    ("settings", "failure"),
    [
        ({"sandbox": True}, "sandbox"),
        ({"sandbox": True, "verified_numbers": [PHONE]}, None),
        ({"opted_out": [PHONE]}, "opted_out"),
        ({"monthly_spend_limit_usd": 0.05, "price_usd": 0.07}, "spend_limit"),
        ({"monthly_spend_limit_usd": 1, "price_usd": 0.07}, None),
    ],
)
def test_a_message_that_does_not_arrive_is_no_error(
    site: Site, settings: dict[str, Any], failure: str | None
) -> None:
    site.user(**ON_SMS)
    app = App.make(site)
    site.running.control("sns", settings)

    asked = app.begin()

    message = last_message(site)
    assert asked["ChallengeName"] == "SMS_MFA"
    assert message["failure"] == failure
    assert (message["code"] is None) == (failure is not None)
    counted = site.running.control("sms")[site.sub()]
    assert counted["count"] == (failure is None)
    assert counted["failed"] == ({failure: 1} if failure else {})


def test_the_spend_limit_lets_the_first_messages_through() -> None:
    users = [{"Username": f"u{n}", **ON_SMS} for n in range(4)]
    config = {"MfaConfiguration": "OPTIONAL", "SmsConfiguration": ROLE}
    sns = {"monthly_spend_limit_usd": 1, "price_usd": 0.4}
    document = {"sns": sns, "pools": [{"name": "p", "config": config, "users": users}]}
    with background(document, control=True) as running:
        app = App.make(Site(running, client_of(running), running.pools[0]["id"]))
        for n in range(4):
            app.begin(f"u{n}")

        found = [message["failure"] for message in running.control("outbox")["messages"]]

    assert found == [None, None, "spend_limit", "spend_limit"]


def test_the_sandbox_shows_in_the_pools_description(site: Site) -> None:
    site.running.control("sns", {"sandbox": True})

    assert site.call("describe_user_pool")["UserPool"]["SmsConfigurationFailure"] == "SNSSandbox"


def test_wrong_settings_are_refused(running: Running) -> None:
    with pytest.raises(ValueError, match=r"sns\.sandboxed is not known"):
        running.control("sns", {"sandboxed": True})
    with pytest.raises(ValueError, match="forward only"):
        running.control("clock", {"advance_s": -1})


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        (PHONE, "+********2222"),
        ("taro@example.com", "t***@e***"),
        ("+1234", "+****"),
        ("authenticator", "***"),
    ],
)
def test_addresses_are_masked(address: str, shown: str) -> None:
    assert masked(address) == shown


@pytest.mark.parametrize("flag", ["--show-codes", "--control", None])
def test_codes_are_shown_on_the_console_only_when_asked_for(
    capfd: pytest.CaptureFixture[str], flag: str | None
) -> None:
    config = {"MfaConfiguration": "OPTIONAL", "SmsConfiguration": ROLE}
    users = [{"Username": name, **ON_SMS} for name in ("taro", "hana@example.com")]
    document = {"pools": [{"name": "p", "config": config, "users": users}]}
    with background(document, args=[flag] if flag else []) as running:
        app = App.make(Site(running, client_of(running), running.pools[0]["id"]))
        app.begin()
        app.begin("hana@example.com")

    lines = capfd.readouterr().err.splitlines()
    if flag is None:
        assert lines == []
    else:
        shown, codes = zip(*(line.rsplit(" ", 1) for line in lines), strict=True)
        assert shown == (
            "SMS to taro (authentication): code",
            "SMS to h***@e*** (authentication): code",
        )
        assert all(len(code) == 6 and code.isdecimal() for code in codes)


# --- a faster clock ---


def test_a_faster_clock_makes_quotas_larger_and_says_so() -> None:
    args = ["--enforce-quotas", "--speed", "20"]
    with background({"quotas": {"UserUpdate": 10}}, args=args) as running:
        quotas, cognito = client_of(running, "service-quotas"), client_of(running)
        code = {"ServiceCode": "cognito-idp", "QuotaCode": "L-6621E65D"}
        definition = {"LimitClass": "API_CATEGORY", "Attributes": {"Category": "UserRead"}}

        assert quotas.get_service_quota(**code)["Quota"]["Value"] == 200
        assert quotas.get_aws_default_service_quota(**code)["Quota"]["Value"] == 25
        limit = cognito.get_provisioned_limit(LimitDefinition=definition)["Limit"]
        assert (limit["ProvisionedLimitValue"], limit["FreeLimitValue"]) == (2400, 120)


def test_at_a_higher_speed_a_client_may_send_what_is_reported() -> None:
    limiter = Limiter({"UserUpdate": 10}, enforce=True, burst_seconds=0.1, speed=20)

    def admitted(rate: float) -> int:
        """Count those of five real seconds' calls that pass."""
        calls = range(int(5 * rate))
        limiter._buckets.clear()
        return sum(limiter.admit("UserUpdate", "Op", "p", f"u{n}", now=20 * n / rate) for n in calls)

    assert admitted(limiter.reported(10)) == 1000
    assert 1000 <= admitted(2 * limiter.reported(10)) <= 1030


def test_at_a_higher_speed_a_burst_is_of_real_seconds() -> None:
    limiter = Limiter({"UserUpdate": 10}, enforce=True, burst_seconds=0.1, speed=20)
    at_once = [limiter.admit("UserUpdate", "Op", "p", f"u{n}", now=0) for n in range(25)]

    assert at_once == [True] * 20 + [False] * 5


def test_a_faster_clock_lets_sessions_end_sooner() -> None:
    config = {"MfaConfiguration": "OPTIONAL", "SmsConfiguration": ROLE}
    document = {"pools": [{"name": "p", "config": config, "users": [{"Username": "taro", **ON_SMS}]}]}
    with background(document, control=True, args=["--speed", "1000"]) as running:
        site = Site(running, client_of(running), running.pools[0]["id"])
        app = App.make(site)
        asked = app.begin()
        code = last_message(site)["code"]
        deadline = time.monotonic() + 0.2  # 200 simulated seconds
        while time.monotonic() < deadline:
            pass

        assert outcome(lambda: app.answer(asked, SMS_MFA_CODE=code)) == "NotAuthorizedException"


def test_a_faster_clock_shortens_delays() -> None:
    faults = {"latency": [{"fixed_ms": 60_000, "ops": ["ListUserPools"]}]}
    with background({}, faults=faults, args=["--speed", "1000"]) as running:
        began = time.monotonic()
        client_of(running).list_user_pools(MaxResults=1)

    assert 0.06 <= time.monotonic() - began < 9


def test_a_speed_must_be_above_0() -> None:
    with pytest.raises(RuntimeError, match="exit 2"), background({"speed": 0}):
        pass


def test_both_clocks_go_at_their_speed_and_can_be_moved() -> None:
    now = [100.0]
    clock = Clock(10, lambda: 1e9 + now[0], lambda: now[0])
    start, steady = clock.epoch(), clock.steady()

    now[0] += 2
    clock.advance(5)

    assert (clock.epoch() - start, clock.steady() - steady) == (25, 25)


def test_a_lockout_lasts_at_most_a_quarter_of_an_hour() -> None:
    now = [0.0]
    lockout = Lockout(Clock(1, lambda: now[0], lambda: now[0]))
    for _ in range(100):
        lockout.fail(("u",))

    now[0] = 899.0
    with pytest.raises(CognitoError, match="text"):
        lockout.check(("u",), "text")
    now[0] = 900.0
    lockout.check(("u",), "text")
