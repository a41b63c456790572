"""A forecast in sentences: counts and ranges, each with its assumptions."""

from collections.abc import Iterable, Iterator, Mapping
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import TYPE_CHECKING

from migrate_mfa.clock import time_of_day
from migrate_mfa.domain.formatting import at_least_a_second, duration

if TYPE_CHECKING:
    from migrate_mfa.domain.forecast import Forecast

_MOST_COUNTRIES = 8
_CENT = Decimal("0.01")


def sentences(ahead: "Forecast", *, reads_only: bool = False) -> Iterator[str]:
    """Time, SMS, billed users and cost, one paragraph each; nothing about SMS if users are only read."""
    yield _time(ahead)
    if not reads_only:
        yield from _messages(ahead)
    yield _billed(ahead)
    yield from _money(ahead)


def _time(ahead: "Forecast") -> str:
    shortest, longest = at_least_a_second(ahead.time.low), at_least_a_second(ahead.time.high)
    if shortest == longest:
        return f"Time: {longest}."
    limit = f" The limit is the quota of {ahead.slowest.value}." if ahead.slowest else ""
    return (
        f"Time: {shortest} to {longest}; {at_least_a_second(ahead.time.at_full_quota)} with the whole quotas."
        f"{limit} The longest time assumes that live traffic takes half of each quota, at random "
        "moments, and that the run can use half of the rest."
    )


def _messages(ahead: "Forecast") -> Iterator[str]:
    found = ahead.messages
    by_country = f" ({_countries(found.codes)})" if found.codes else ""
    yield f"SMS that Cognito would send now: {found.now:,}{by_country}{_each(found.code_parts, found.now)}."
    if found.enrolled:
        costs = [f"{_name(each)} {high(value)}" for each, value in ahead.sign_in_costs.items()]
        cost = f"; 1,000 sign-ins cost: {_some(costs)}" if costs else ""
        yield (
            f"SMS later: one at each sign-in with a password, for users in {_countries(found.enrolled)}"
            f"{_each(found.sign_in_parts, 1)}{cost}."
        )


def _billed(ahead: "Forecast") -> str:
    twice = (
        " The work may last into the next month (UTC): a user touched in both months is billed in both."
        if ahead.crosses_month
        else ""
    )
    return (
        f"Newly billed users this month: 0 to {ahead.most_billed:,}. A user whom the run touches is billed "
        f"for the month. How many of them are billed already is not visible.{twice}"
    )


def _money(ahead: "Forecast") -> Iterator[str]:
    cost = ahead.cost
    if not ahead.prices.given:
        yield "No price was given (--sms-price, --mau-price), so these are counts only."
        return
    codes = f", of which codes {high(cost.codes)}" if cost.codes else ""
    yield f"Cost now: {low(cost.low)} to {high(cost.high)} in the currency of your prices{codes}."
    if cost.without_price:
        yield f"Not included, because they have no price: {_some(list(cost.without_price))}."


def time_in_short(ahead: "Forecast", now: float) -> str:
    """How long it takes, until when, and which quota is the limit."""
    least, most = ahead.time.low, ahead.time.high
    if most < 1:
        return "about a second"
    shortest, longest = duration(least), duration(most)
    span = longest if shortest == longest else f"{shortest} to {longest}"
    ends = dict.fromkeys(time_of_day(now + seconds, now) for seconds in (least, most))
    limit = f" (limit: {ahead.slowest.value} calls)" if ahead.slowest else ""
    return f"{span}, until about {' to '.join(ends)}{limit}"


def messages_in_short(ahead: "Forecast") -> str:
    """The SMS that are sent now, and later."""
    found = ahead.messages
    now = f"{found.now:,} codes now ({_countries(found.codes)})" if found.now else "none now"
    return f"{now}; later one at each sign-in with a password" if found.enrolled else now


def cost_in_short(ahead: "Forecast") -> str:
    """Users who become billed, and the cost if prices are given."""
    billed = f"0 to {ahead.most_billed:,} users become billed this month"
    if not ahead.prices.given:
        return f"{billed} (no --mau-price given)"
    cost = ahead.cost
    lacking = f", without {_some(cost.without_price)}" if cost.without_price else ""
    return f"{low(cost.low)} to {high(cost.high)} by your prices{lacking}; {billed}"


def low(value: Decimal) -> str:
    """The lower end of a range, rounded down to the cent."""
    return f"{value.quantize(_CENT, ROUND_FLOOR):,}"


def high(value: Decimal) -> str:
    """The upper end of a range, rounded up to the cent."""
    return f"{value.quantize(_CENT, ROUND_CEILING):,}"


def _each(parts: int, messages: int) -> str:
    return f", {parts} parts each" if messages and parts > 1 else ""


def _countries(numbers: Mapping[str, int]) -> str:
    return _some([f"{_name(country)} {number:,}" for country, number in numbers.items()])


def _name(country: str) -> str:
    from migrate_mfa.domain.phone.normalise import NO_COUNTRY  # slow, and --help imports this file

    return "no known country" if country == NO_COUNTRY else country


def _some(names: Iterable[str]) -> str:
    shown = list(names)
    more = len(shown) - _MOST_COUNTRIES
    return ", ".join(shown[:_MOST_COUNTRIES]) + (f" and {more} more" if more > 0 else "")
