"""The forecast of a plan: calls, time, SMS, cost. Pure arithmetic on the counts of the plan."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, NamedTuple, Self

from migrate_mfa.domain.model import MfaMode, PhoneSignIn, PoolFacts
from migrate_mfa.domain.prices import Prices
from migrate_mfa.domain.quotas import Category

_LOOKS_PER_USER = 2  # before the first write and after the last
_LIVE_TRAFFIC = 0.5  # share of each quota that live traffic takes, for the longest time
_USED = 0.5  # usable part of the rest: live traffic is random, and the quota allows hardly any burst
_FAR_OFF = 250_000_000_000.0  # seconds since the epoch: dates end in the year 9999
SIGN_INS = 1000


class Rate(NamedTuple):
    """Calls per second in one category: the quota of the lane, and our ceiling."""

    quota: float
    ceiling: float

    @property
    def worst(self) -> float:
        """Our rate if live traffic takes half of the quota at random, and we can use half of the rest."""
        return min(self.ceiling, self.quota * _LIVE_TRAFFIC) * _USED


@dataclass(frozen=True, slots=True)
class Time:
    """Seconds: at our ceilings, at the worst rates (`Rate.worst`), and with the whole quotas."""

    low: float
    high: float
    at_full_quota: float
    slowest: Category | None


@dataclass(frozen=True, slots=True)
class Messages:
    """SMS by country (`NO_COUNTRY` if a number has none), as far as a plan knows.

    `codes` are sent by Cognito because numbers are stored. `enrolled` counts users who will have SMS MFA:
    each gets one message at a sign-in.
    """

    codes: Mapping[str, int] = field(default_factory=dict)
    enrolled: Mapping[str, int] = field(default_factory=dict)
    code_parts: int = 1
    sign_in_parts: int = 1

    @property
    def now(self) -> int:
        """All codes."""
        return sum(self.codes.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """The cost now, in the currency of the prices, of everything that has a price.

    `without_price` names the options that give the missing prices.
    """

    codes: Decimal
    low: Decimal
    high: Decimal
    without_price: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """The work that a plan leaves to do.

    `rows_to_read` is the number of rows whose MFA settings only the read before the write shows. Between
    none (if all were active this month already) and all users become billed. `crosses_month`: the month may
    end before the work does, and a user touched in both months is billed in both.
    """

    users: int
    calls: Mapping[Category, int]
    time: Time
    crosses_month: bool
    rows_to_read: int = 0
    messages: Messages = field(default_factory=Messages)
    prices: Prices = field(default_factory=Prices)

    @property
    def seconds(self) -> float:
        """The shortest time of the work."""
        return self.time.low

    @property
    def slowest(self) -> Category | None:
        """The category that limits the time; None if there is nothing to do."""
        return self.time.slowest

    @property
    def sms(self) -> int:
        """How many codes Cognito sends because of the work."""
        return self.messages.now

    @property
    def most_billed(self) -> int:
        """How many monthly active users the work can add to the bill, at most."""
        return self.users * (2 if self.crosses_month else 1)

    @property
    def cost(self) -> Cost:
        """The cost of the work now; items without a price are not counted, but named."""
        codes = self.prices.of_sms(self.messages.codes, self.messages.code_parts)
        lacks = tuple(f"--sms-price {each}=…" for each in self.prices.lacks(self.messages.codes))
        if self.users and self.prices.mau is None:
            lacks += ("--mau-price",)
        billed = self.most_billed * (self.prices.mau or 0)
        return Cost(codes=codes, low=codes, high=codes + billed, without_price=lacks)

    @property
    def sign_in_costs(self) -> dict[str, Decimal]:
        """The cost of 1,000 later sign-ins, for each country that has users and a price."""
        return {
            country: SIGN_INS * self.messages.sign_in_parts * self.prices.sms[country]
            for country, users in self.messages.enrolled.items()
            if users and country in self.prices.sms
        }

    @property
    def sms_cost(self) -> Decimal | None:
        """The cost of the codes and of one sign-in of each enrolled user; None if a price is missing."""
        messages = self.messages
        if self.prices.lacks({**messages.codes, **messages.enrolled}):
            return None
        codes = self.prices.of_sms(messages.codes, messages.code_parts)
        return codes + self.prices.of_sms(messages.enrolled, messages.sign_in_parts)

    def as_dict(self) -> dict[str, object]:
        """The forecast for summary.json; costs are decimal texts."""
        messages, time, cost = self.messages, self.time, self.cost
        found: dict[str, object] = {
            "users": self.users,
            "calls": {category.value: number for category, number in self.calls.items()},
            "seconds": {
                "low": round(time.low, 3),
                "high": round(time.high, 3),
                "at_full_quota": round(time.at_full_quota, 3),
            },
            "sms": {
                "now": messages.now,
                "by_country": dict(messages.codes),
                "parts": messages.code_parts,
                "sign_in_parts": messages.sign_in_parts,
            },
            "enrolled_by_country": dict(messages.enrolled),
            "sign_ins_per_1000": {each: f"{value:f}" for each, value in self.sign_in_costs.items()},
            "mau": {"low": 0, "high": self.most_billed, "crosses_month": self.crosses_month},
        }
        if self.prices.given:
            money = {"low": f"{cost.low:f}", "high": f"{cost.high:f}"}
            found["cost"] = money | {"without_price": list(cost.without_price)}
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Foretold:
    """A forecast in the form of the journal; pairs are the least and the most."""

    users: int
    calls: Mapping[str, int]
    seconds: tuple[float, float]
    sms: int
    billed: tuple[int, int]
    cost: tuple[float, float] | None

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> Self:
        """Read what `Forecast.as_dict` has made."""
        seconds, billed, cost = document["seconds"], document["mau"], document.get("cost")
        return cls(
            users=document["users"],
            calls=document["calls"],
            seconds=(seconds["low"], seconds["high"]),
            sms=document["sms"]["now"],
            billed=(billed["low"], billed["high"]),
            cost=(float(cost["low"]), float(cost["high"])) if cost else None,
        )


def forecast(
    *,
    users: int,
    steps: Mapping[str, int],
    pool: PoolFacts,
    rates: Mapping[Category, Rate],
    now: float,
    by_country: Mapping[str, tuple[int, int]] | None = None,
    prices: Prices | None = None,
) -> Forecast:
    """Forecast the run of a plan.

    Args:
        users: the number of planned rows.
        steps: planned writes by kind, as `PlanStore.planned_steps` counts them.
        pool: the pool's settings.
        rates: calls per second by category.
        now: seconds since the epoch.
        by_country: unverified numbers to store and users to enrol, as `PlanStore.planned_countries` counts.
        prices: the prices that were given.
    """
    reads = users * (_LOOKS_PER_USER + (1 if pool.passkeys_at_risk else 0))
    calls = {
        Category.USER_READ: reads,
        Category.USER_UPDATE: steps.get("store_verified", 0) + steps.get("store_unverified", 0),
        Category.USER_RESOURCE_UPDATE: steps.get("set_sms_mfa", 0),
    }
    if pool.phone_sign_in is not PhoneSignIn.NO:  # reads who has the number, just before it is stored
        calls[Category.USER_LIST] = steps.get("store_verified", 0)
    time = _time(calls, rates)
    return Forecast(
        users=users,
        calls=calls,
        time=time,
        crosses_month=_month(now) != _month(now + time.high),
        rows_to_read=0 if pool.mfa is MfaMode.ON else users,
        messages=messages(by_country or {}, pool),
        prices=prices or Prices(),
    )


def forecast_reading(*, users: int, rates: Mapping[Category, Rate], now: float, prices: Prices) -> Forecast:
    """Forecast one AdminGetUser for each of these users and nothing else, as in `audit --deep`."""
    calls = {Category.USER_READ: users}
    time = _time(calls, rates)
    crosses = _month(now) != _month(now + time.high)
    return Forecast(users=users, calls=calls, time=time, crosses_month=crosses, prices=prices)


def messages(by_country: Mapping[str, tuple[int, int]], pool: PoolFacts) -> Messages:
    """The codes to be sent (if the pool sends codes) and the users to be enrolled, by country."""
    sends = pool.code_sms_on_unverified_write
    return Messages(
        codes={country: codes for country, (codes, _) in by_country.items() if codes and sends},
        enrolled={country: users for country, (_, users) in by_country.items() if users},
        code_parts=pool.code_sms_parts,
        sign_in_parts=pool.sign_in_sms_parts,
    )


def _time(calls: Mapping[Category, int], rates: Mapping[Category, Rate]) -> Time:
    at_ceiling = {category: count / rates[category].ceiling for category, count in calls.items()}
    slowest = max(at_ceiling, key=lambda category: at_ceiling[category])
    return Time(
        low=at_ceiling[slowest],
        high=max(count / rates[category].worst for category, count in calls.items()),
        at_full_quota=max(count / rates[category].quota for category, count in calls.items()),
        slowest=slowest if at_ceiling[slowest] else None,
    )


def _month(epoch_s: float) -> tuple[int, int]:
    moment = datetime.fromtimestamp(min(epoch_s, _FAR_OFF), UTC)
    return moment.year, moment.month
