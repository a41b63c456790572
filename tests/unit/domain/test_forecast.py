from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from migrate_mfa.checks.preflight import require_affordable
from migrate_mfa.domain.errors import CostLimitExceeded, UsageError
from migrate_mfa.domain.forecast import Forecast, Rate, forecast_reading
from migrate_mfa.domain.forecast import forecast as forecast_of
from migrate_mfa.domain.model import MfaMode, PhoneSignIn
from migrate_mfa.domain.prices import Prices
from migrate_mfa.domain.quotas import Category
from tests.support.builders import a_pool

RATES = {
    Category.USER_READ: Rate(120, 60),
    Category.USER_UPDATE: Rate(25, 12),
    Category.USER_RESOURCE_UPDATE: Rate(25, 12),
    Category.USER_LIST: Rate(30, 15),
}
LATE_NOVEMBER = 1795564800.0  # 2026-11-25 00:00 UTC
DAY = 86400
COUNTRIES = ("JP", "US", "DE", "ZZ")


def forecast(**given: Any) -> Forecast:
    """A forecast of an ordinary plan, made late in November, changed where a test says so."""
    usual: dict[str, Any] = {"users": 0, "steps": {}, "pool": a_pool(), "rates": RATES, "now": LATE_NOVEMBER}
    return forecast_of(**usual | given)


def test_each_user_is_read_twice_and_each_step_is_one_call() -> None:
    told = forecast(
        users=100,
        steps={"store_verified": 60, "store_unverified": 30, "set_sms_mfa": 70},
    )

    assert told.users == 100
    assert told.calls == {
        Category.USER_READ: 200,
        Category.USER_UPDATE: 90,
        Category.USER_RESOURCE_UPDATE: 70,
    }


def test_where_numbers_sign_people_in_the_holder_is_looked_up_before_each_proved_number() -> None:
    told = forecast(
        users=100,
        steps={"store_verified": 60, "store_unverified": 30},
        pool=a_pool(phone_sign_in=PhoneSignIn.ALIAS),
    )

    assert told.calls[Category.USER_LIST] == 60


def test_the_slowest_category_sets_the_time() -> None:
    told = forecast(users=1200, steps={"store_verified": 1200})

    assert told.slowest is Category.USER_UPDATE
    assert told.seconds == pytest.approx(100)


def test_reads_set_the_time_where_they_are_slower() -> None:
    slow = {**RATES, Category.USER_READ: Rate(120, 1)}

    told = forecast(users=10, steps={"set_sms_mfa": 10}, rates=slow)

    assert told.slowest is Category.USER_READ
    assert told.seconds == pytest.approx(20)


def test_an_empty_plan_costs_nothing() -> None:
    told = forecast(users=0, steps={})

    assert (told.seconds, told.slowest, told.sms, told.rows_to_read) == (0, None, 0, 0)


@pytest.mark.parametrize(("auto_verified", "sms"), [(True, 30), (False, 0)])
def test_only_unproven_numbers_cost_an_sms_and_only_where_the_pool_sends_codes(
    auto_verified: bool, sms: int
) -> None:
    told = forecast(
        users=100,
        steps={"store_verified": 70, "store_unverified": 30, "set_sms_mfa": 70},
        pool=a_pool(phone_auto_verified=auto_verified),
        by_country={"JP": (30, 100)},
    )

    assert told.sms == sms


def test_where_passkeys_are_at_risk_each_user_takes_one_call_more() -> None:
    told = forecast(users=10, steps={"set_sms_mfa": 10}, pool=a_pool(passkeys_at_risk=True))

    assert told.calls[Category.USER_READ] == 30


@pytest.mark.parametrize(("mode", "rows"), [(MfaMode.OPTIONAL, 7), (MfaMode.ON, 0)])
def test_what_the_plan_cannot_know_is_told_by_the_row(mode: MfaMode, rows: int) -> None:
    told = forecast(users=7, steps={}, pool=a_pool(mfa=mode))

    assert told.rows_to_read == rows


# Time


def test_the_time_is_a_range_and_says_how_fast_the_whole_quotas_would_be() -> None:
    told = forecast(users=1200, steps={"store_verified": 1200})

    # 12/s at the ceiling; at worst half of min(12, 25 / 2); 25/s with the whole quota.
    assert (told.time.low, told.time.high, told.time.at_full_quota) == (100, 200, 48)


def test_a_share_above_half_is_not_believed_at_the_upper_end() -> None:
    greedy = {**RATES, Category.USER_UPDATE: Rate(20, 20)}

    told = forecast(users=100, steps={"store_verified": 100}, rates=greedy)

    assert (told.time.low, told.time.high) == (5, 20)


@pytest.mark.parametrize(
    ("from_now", "crosses"), [(6 * DAY - 21, False), (6 * DAY - 19, True), (6 * DAY + 1, False)]
)
def test_work_that_may_pass_the_end_of_the_month_may_count_users_twice(from_now: int, crosses: bool) -> None:
    """Twenty seconds at the upper end; December begins six days after the moment from which it counts."""
    told = forecast(users=120, steps={"store_verified": 120}, now=LATE_NOVEMBER + from_now)

    assert told.crosses_month is crosses
    assert told.most_billed == (240 if crosses else 120)


def test_work_that_would_never_end_is_foretold_too() -> None:
    slow = {**RATES, Category.USER_READ: Rate(120, 1e-9)}

    assert forecast(users=10**6, rates=slow).crosses_month


# Messages and money

MIXED = {"JP": (10, 12), "US": (2, 3), "ZZ": (0, 1)}
SENDING = a_pool(phone_auto_verified=True, code_sms_parts=2, sign_in_sms_parts=3)
PRICED = Prices(sms={"JP": Decimal("0.07"), "US": Decimal("0.01")}, mau=Decimal("0.0055"))


def test_the_cost_is_that_of_the_codes_and_up_to_all_users_billed() -> None:
    told = forecast(users=16, pool=SENDING, by_country=MIXED, prices=PRICED)

    codes = Decimal("1.44")  # (10 * 0.07 + 2 * 0.01) * 2 parts
    assert (told.cost.codes, told.cost.low, told.cost.high) == (codes, codes, codes + Decimal("0.0880"))
    assert told.cost.without_price == ()


def test_a_thousand_sign_ins_cost_by_country_and_only_where_there_is_a_price() -> None:
    told = forecast(users=16, pool=SENDING, by_country=MIXED, prices=PRICED)

    assert told.sign_in_costs == {"JP": Decimal(210), "US": Decimal(30)}


def test_what_has_no_price_is_named_and_counts_nothing() -> None:
    told = forecast(
        users=16, pool=SENDING, by_country=MIXED, prices=Prices(sms={"US": Decimal(1), "FR": Decimal(9)})
    )

    assert told.cost.without_price == ("--sms-price JP=…", "--mau-price")
    assert (told.cost.low, told.cost.high) == (Decimal(4), Decimal(4))


def test_a_pool_that_sends_no_codes_needs_no_price_for_them() -> None:
    told = forecast(users=16, by_country=MIXED, prices=Prices(mau=Decimal(1)))

    assert (told.sms, told.messages.codes, told.cost.without_price) == (0, {}, ())
    assert told.messages.enrolled == {"JP": 12, "US": 3, "ZZ": 1}


def test_the_summary_says_money_as_text_and_only_with_a_price() -> None:
    bare = forecast(users=16, pool=SENDING, by_country=MIXED).as_dict()
    told = forecast(users=16, steps={"set_sms_mfa": 16}, pool=SENDING, by_country=MIXED, prices=PRICED)

    assert "cost" not in bare
    assert bare["sign_ins_per_1000"] == {}
    assert told.as_dict() == {
        "users": 16,
        "calls": {"UserRead": 32, "UserUpdate": 0, "UserResourceUpdate": 16},
        "seconds": {"low": 1.333, "high": 2.667, "at_full_quota": 0.64},
        "sms": {"now": 12, "by_country": {"JP": 10, "US": 2}, "parts": 2, "sign_in_parts": 3},
        "enrolled_by_country": {"JP": 12, "US": 3, "ZZ": 1},
        "sign_ins_per_1000": {"JP": "210.00", "US": "30.00"},
        "mau": {"low": 0, "high": 16, "crosses_month": False},
        "cost": {"low": "1.44", "high": "1.5280", "without_price": []},
    }


def test_a_deep_look_is_one_read_for_each_user_and_no_message() -> None:
    told = forecast_reading(users=120, rates=RATES, now=LATE_NOVEMBER, prices=PRICED)

    assert (told.calls, told.sms) == ({Category.USER_READ: 120}, 0)
    assert (told.time.low, told.time.high, told.cost.high) == (2, 4, Decimal("0.6600"))


# The guard


@pytest.mark.parametrize("most", [None, Decimal("1.528"), Decimal(99)])
def test_what_is_affordable_passes(most: Decimal | None) -> None:
    require_affordable(forecast(users=16, pool=SENDING, by_country=MIXED, prices=PRICED), most)


def test_the_upper_end_of_the_cost_counts() -> None:
    with pytest.raises(CostLimitExceeded, match=r"up to 1\.5280 now; --max-cost allows 1\.52"):
        require_affordable(forecast(users=16, pool=SENDING, by_country=MIXED, prices=PRICED), Decimal("1.52"))


@pytest.mark.parametrize(
    ("prices", "missing"),
    [(Prices(mau=Decimal(0)), "--sms-price JP"), (Prices(sms=PRICED.sms), "--mau-price")],
)
def test_a_guard_without_a_price_that_it_needs_is_no_guard(prices: Prices, missing: str) -> None:
    told = forecast(users=16, pool=SENDING, by_country=MIXED, prices=prices)

    with pytest.raises(UsageError, match=missing):
        require_affordable(told, Decimal(1_000_000))


def test_where_nothing_is_left_to_do_no_price_is_needed() -> None:
    require_affordable(forecast(), Decimal(0))


# Beside a spending limit


@pytest.mark.parametrize(
    ("prices", "cost"),
    [
        # codes 1.44, one sign-in each 12 * 0.21 + 3 * 0.03 = 2.61
        (Prices(sms={**PRICED.sms, "ZZ": Decimal(0)}), Decimal("4.05")),
        (PRICED, None),
        (Prices(), None),
    ],
)
def test_codes_and_one_sign_in_each_cost_what_their_prices_say(prices: Prices, cost: Decimal | None) -> None:
    assert forecast(users=1, pool=SENDING, by_country=MIXED, prices=prices).sms_cost == cost


# Laws

counts = st.integers(0, 10**7)
money = st.decimals(0, 100, places=4, allow_nan=False)
steps = st.fixed_dictionaries({"store_verified": counts, "store_unverified": counts, "set_sms_mfa": counts})
places = st.dictionaries(st.sampled_from(COUNTRIES), st.tuples(counts, counts))
rates = st.builds(lambda quota, share: Rate(quota, quota * share), st.floats(0.1, 500), st.floats(0.001, 1))
all_rates = st.fixed_dictionaries(dict.fromkeys(RATES, rates))


plans = st.fixed_dictionaries({"users": counts, "steps": steps, "rates": all_rates, "by_country": places})


@given(plan=plans, price=money, mau=money)
@settings(max_examples=60)
def test_every_range_has_its_lower_end_below_its_upper(
    plan: dict[str, Any], price: Decimal, mau: Decimal
) -> None:
    told = forecast(**plan, pool=SENDING, prices=Prices(sms=dict.fromkeys(COUNTRIES, price), mau=mau))

    assert 0 <= told.time.at_full_quota <= told.time.low * (1 + 1e-9)
    assert told.time.low <= told.time.high
    assert 0 <= told.cost.low <= told.cost.high
    assert told.users <= told.most_billed <= 2 * told.users


@given(users=counts, more=counts, codes=counts, steps=steps)
@settings(max_examples=60)
def test_more_users_never_cost_less(users: int, more: int, codes: int, steps: dict[str, int]) -> None:
    few = forecast(users=users, steps=steps, pool=SENDING, by_country={"JP": (codes, users)}, prices=PRICED)
    many = forecast(
        users=users + more,
        steps={name: number + more for name, number in steps.items()},
        pool=SENDING,
        by_country={"JP": (codes + more, users + more)},
        prices=PRICED,
    )

    assert few.time.low <= many.time.low
    assert few.time.high <= many.time.high
    assert few.cost.low <= many.cost.low
    assert few.cost.high <= many.cost.high


@given(users=counts, by_country=places, price=money, factor=st.integers(0, 50))
@settings(max_examples=60)
def test_the_cost_is_linear_in_the_price(
    users: int, by_country: dict[str, tuple[int, int]], price: Decimal, factor: int
) -> None:
    def at(each: Decimal) -> Forecast:
        prices = Prices(sms=dict.fromkeys(COUNTRIES, each), mau=each)
        return forecast(users=users, pool=SENDING, by_country=by_country, prices=prices)

    assert at(price * factor).cost.high == at(price).cost.high * factor
    assert at(price * factor).sign_in_costs == {
        each: value * factor for each, value in at(price).sign_in_costs.items()
    }
