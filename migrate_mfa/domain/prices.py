"""The operator's prices, in the operator's currency. No price is built in."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation

from migrate_mfa.domain.errors import UsageError
from migrate_mfa.domain.phone.normalise import NO_COUNTRY, known_country

_MOST = 10**12  # larger than any bill, and small enough for exact decimals


@dataclass(frozen=True, slots=True, kw_only=True)
class Prices:
    """The price of one SMS part by country, and of one monthly active user (None: not given)."""

    sms: Mapping[str, Decimal] = field(default_factory=dict)
    mau: Decimal | None = None

    @property
    def given(self) -> bool:
        """Whether any price was given."""
        return bool(self.sms) or self.mau is not None

    def of_sms(self, messages: Mapping[str, int], parts: int) -> Decimal:
        """The cost of messages of `parts` parts, by country; countries without a price are left out."""
        priced = (number * parts * self.sms[each] for each, number in messages.items() if each in self.sms)
        return sum(priced, Decimal(0))

    def lacks(self, messages: Mapping[str, int]) -> list[str]:
        """The countries of messages without a price."""
        return sorted(each for each, number in messages.items() if number and each not in self.sms)


def amount(option: str, text: str | float) -> Decimal:
    """An amount of money, such as 0.07.

    Raises:
        UsageError: it is not a number, or below zero.
    """
    try:
        value = Decimal(str(text).strip())
    except InvalidOperation:
        value = Decimal("NaN")
    if not value.is_finite() or not 0 <= value <= _MOST:
        raise UsageError(
            f"{option} takes an amount such as 0.07 (not {text!r}).",
            "A plain number with a decimal point, zero or more, in the currency of your bill.",
        )
    return value


def sms_prices(entries: Iterable[str]) -> dict[str, Decimal]:
    """Prices by country from `JP=0.07` and the like; the last one for a country counts.

    Raises:
        UsageError: an entry names no country, or no price.
    """
    found = {}
    for entry in entries:
        name, _, price = entry.partition("=")
        country = name.strip().upper()
        if not price or not (known_country(country) or country == NO_COUNTRY):
            raise UsageError(
                f"--sms-price {entry!r} is not COUNTRY=PRICE.",
                "Such as JP=0.07: two letters for the country, then the price of one message part.",
            )
        found[country] = amount(f"--sms-price {country}=", price)
    return found
