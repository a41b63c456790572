import pytest

from migrate_mfa.domain.model import MfaMode, PhoneSignIn
from migrate_mfa.domain.quotas import Category
from migrate_mfa.engine.forecast import forecast
from tests.support.builders import a_pool

CEILINGS = {
    Category.USER_READ: 60.0,
    Category.USER_UPDATE: 12.0,
    Category.USER_RESOURCE_UPDATE: 12.0,
    Category.USER_LIST: 15.0,
}


def test_each_user_is_read_twice_and_each_step_is_one_call() -> None:
    told = forecast(
        users=100,
        steps={"store_verified": 60, "store_unverified": 30, "set_sms_mfa": 70},
        pool=a_pool(),
        ceilings=CEILINGS,
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
        ceilings=CEILINGS,
    )

    assert told.calls[Category.USER_LIST] == 60


def test_the_slowest_category_sets_the_time() -> None:
    told = forecast(users=1200, steps={"store_verified": 1200}, pool=a_pool(), ceilings=CEILINGS)

    assert told.slowest is Category.USER_UPDATE
    assert told.seconds == pytest.approx(100)


def test_reads_set_the_time_where_they_are_slower() -> None:
    slow = {**CEILINGS, Category.USER_READ: 1.0}

    told = forecast(users=10, steps={"set_sms_mfa": 10}, pool=a_pool(), ceilings=slow)

    assert told.slowest is Category.USER_READ
    assert told.seconds == pytest.approx(20)


def test_an_empty_plan_costs_nothing() -> None:
    told = forecast(users=0, steps={}, pool=a_pool(), ceilings=CEILINGS)

    assert (told.seconds, told.slowest, told.sms, told.rows_to_read) == (0, None, 0, 0)


@pytest.mark.parametrize(("auto_verified", "sms"), [(True, 30), (False, 0)])
def test_only_unproven_numbers_cost_an_sms_and_only_where_the_pool_sends_codes(
    auto_verified: bool, sms: int
) -> None:
    told = forecast(
        users=100,
        steps={"store_verified": 70, "store_unverified": 30, "set_sms_mfa": 70},
        pool=a_pool(phone_auto_verified=auto_verified),
        ceilings=CEILINGS,
    )

    assert told.sms == sms


def test_where_passkeys_are_at_risk_each_user_takes_one_call_more() -> None:
    told = forecast(
        users=10, steps={"set_sms_mfa": 10}, pool=a_pool(passkeys_at_risk=True), ceilings=CEILINGS
    )

    assert told.calls[Category.USER_READ] == 30


@pytest.mark.parametrize(("mode", "rows"), [(MfaMode.OPTIONAL, 7), (MfaMode.ON, 0)])
def test_what_the_plan_cannot_know_is_told_by_the_row(mode: MfaMode, rows: int) -> None:
    told = forecast(users=7, steps={}, pool=a_pool(mfa=mode), ceilings=CEILINGS)

    assert told.rows_to_read == rows
