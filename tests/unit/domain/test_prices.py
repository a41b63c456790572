from decimal import Decimal

import pytest

from migrate_mfa.domain.errors import UsageError
from migrate_mfa.domain.prices import Prices, amount, sms_prices


@pytest.mark.parametrize(("text", "value"), [("0.07", "0.07"), (" 12 ", "12"), (0.0055, "0.0055"), (0, "0")])
def test_an_amount_is_taken_as_it_is_written(text: str | float, value: str) -> None:
    assert amount("--max-cost", text) == Decimal(value)


@pytest.mark.parametrize("text", ["", "x", "-1", "-0.01", "nan", "Infinity", "1,5", "$1", "0.07 USD", "1e99"])
def test_what_is_no_amount_is_refused_by_name(text: str) -> None:
    with pytest.raises(UsageError, match="--max-cost takes an amount"):
        amount("--max-cost", text)


def test_prices_are_by_country_in_any_case_and_the_last_one_counts() -> None:
    found = sms_prices(["jp=0.07", "US = 0.01", "JP=0.08", "ZZ=1"])

    assert found == {"JP": Decimal("0.08"), "US": Decimal("0.01"), "ZZ": Decimal(1)}


@pytest.mark.parametrize("entry", ["JP", "JP=", "=0.07", "XX=0.07", "JPN=0.07", "81=0.07", "JP=x", "JP=-1"])
def test_what_is_no_country_with_a_price_is_refused(entry: str) -> None:
    with pytest.raises(UsageError, match="--sms-price"):
        sms_prices([entry])


def test_messages_without_a_price_are_named_and_cost_nothing() -> None:
    prices = Prices(sms={"JP": Decimal("0.5")})

    assert prices.of_sms({"JP": 3, "US": 9}, 2) == 3
    assert prices.lacks({"US": 9, "JP": 3, "DE": 0}) == ["US"]
