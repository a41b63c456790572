"""Flags, variables and job-file values, checked and frozen: what a command was asked to do."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

from migrate_mfa.adapters.aws import AwsTarget
from migrate_mfa.adapters.roster import RosterOptions
from migrate_mfa.domain.errors import UsageError
from migrate_mfa.domain.model import PhoneConflict, Policy, VerificationPolicy
from migrate_mfa.domain.phone import known_country
from migrate_mfa.domain.pool_setup import SmsOptions
from migrate_mfa.domain.prices import Prices, amount, sms_prices
from migrate_mfa.domain.quotas import PACED, Category
from migrate_mfa.domain.reasons import LIFTABLE, Reason
from migrate_mfa.engine.guards import Limits

_PERCENT = re.compile(r"(\d+(?:\.\d+)?)\s*%")
_DURATION = re.compile(r"(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?")
_ROLE_ARN = re.compile(r"arn:[\w-]+:iam::\d{12}:role/[\w+=,.@/-]+")
_FULL = 100.0

VERIFICATION_CHOICES = """\
How a number becomes verified is your decision, so it has no default:
  by-code     store it unverified; MFA stays off until the user proves the number in
              your app (SMS code, VerifyUserAttribute); reconcile then switches it on.
  attested    you vouch for the numbers: stored as verified, MFA on at once.
  at-sign-in  store it unverified, MFA on; the first successful SMS sign-in verifies
              it. A wrong number locks that user out.
  by-column   the roster's phone_number_verified says per row: true = attested,
              false or blank = by-code."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """One command's settings; the fields are named like the options."""

    user_pool_id: str | None = None
    roster: str | None = None
    run_dir: Path | None = None
    profile: str | None = None
    region: str | None = None
    endpoint_url: str | None = None
    policy: Policy | None = None
    roster_options: RosterOptions = field(default_factory=RosterOptions)
    limits: Limits = field(default_factory=Limits)
    quota_share: float = 0.5
    max_rps: Mapping[Category, float] = field(default_factory=dict)
    batch_size: int = 100
    max_sms: int = 0
    prices: Prices = field(default_factory=Prices)
    max_cost: Decimal | None = None
    yes: bool = False
    as_json: bool = False
    quiet: bool = False
    color: bool = True
    log_level: str = "info"
    deep: bool = False
    fail_under: float | None = None
    sms: SmsOptions = field(default_factory=SmsOptions)
    deciding: Mapping[str, Any] = field(default_factory=dict)
    """The options of the policy as they came, also where they make no whole policy."""
    given: frozenset[str] = frozenset()
    """The options that a flag, a variable or the job file names; the others have their defaults."""

    def target(self, user_pool_id: str) -> AwsTarget:
        """Where AWS is, for a pool that may come from a saved plan."""
        return AwsTarget(
            user_pool_id=user_pool_id,
            profile=self.profile,
            region=self.region,
            endpoint_url=self.endpoint_url,
        )

    def for_disable(self) -> "Settings":
        """The same, for a command that reads no numbers: any policy will do."""
        options = replace(self.roster_options, read_numbers=False)
        return replace(self, policy=Policy(verification=VerificationPolicy.ATTESTED), roster_options=options)

    def need_policy(self) -> Policy:
        """The policy of a command that cannot do without.

        Raises:
            UsageError: explains the choices.
        """
        if self.policy is None:
            raise UsageError("--verification is missing.", VERIFICATION_CHOICES)
        return self.policy

    def decisive(self) -> dict[str, Any]:
        """The options that change decisions, by name: a plan is bound to them."""
        return policy_options(self.need_policy()) | self._reading()

    def stated(self) -> dict[str, Any]:
        """Those of them that were given: beside a saved plan, a default states nothing."""
        known = {**self.deciding, **self._reading()}
        return {name: value for name, value in known.items() if name in self.given}

    def _reading(self) -> dict[str, Any]:
        options = self.roster_options
        return {
            "phone_country": options.phone_country,
            "strict_e164": options.strict_e164,
            "id_column": options.id_column,
            "phone_column": options.phone_column,
            "encoding": options.encoding,
        }


def from_params(params: Mapping[str, Any]) -> Settings:
    """Check the values of a command line.

    Raises:
        UsageError: names the option, what is wrong with it, and what it takes.
    """
    endpoint = params.get("endpoint_url")
    if endpoint and not endpoint.startswith(("http://", "https://")):
        raise UsageError("--endpoint-url is not a URL.", "It begins with https:// or http://.")
    return Settings(
        user_pool_id=params.get("user_pool_id"),
        roster=params.get("roster"),
        run_dir=params.get("run_dir"),
        profile=params.get("profile"),
        region=params.get("region"),
        endpoint_url=endpoint,
        policy=_policy(params),
        roster_options=_roster_options(params),
        limits=Limits(
            max_failures=share("--max-failures", params.get("max_failures") or "1%"),
            max_users=params.get("max_users"),
            stop_after_s=seconds("--stop-after", params["stop_after"]) if params.get("stop_after") else None,
        ),
        quota_share=params.get("quota_share", 0.5),
        max_rps=_max_rps(params.get("max_rps") or ()),
        batch_size=params.get("batch_size", 100),
        max_sms=params.get("max_sms", 0),
        prices=Prices(
            sms=sms_prices(params.get("sms_price") or ()), mau=_amount("--mau-price", params.get("mau_price"))
        ),
        max_cost=_amount("--max-cost", params.get("max_cost")),
        yes=params.get("yes", False),
        as_json=params.get("json", False),
        quiet=params.get("quiet", False),
        color=not params.get("no_color", False),
        log_level=_log_level(params.get("log_level", "info")),
        deep=params.get("deep", False),
        fail_under=_fail_under(params.get("fail_under")),
        sms=_sms_options(params),
        deciding={
            "verification": params.get("verification"),
            "phone_conflict": params.get("phone_conflict"),
            "despite": sorted(_liftable(name).value for name in params.get("despite") or ()),
        },
        given=params.get("given", frozenset()),
    )


def policy_options(policy: Policy) -> dict[str, Any]:
    """A policy as option values, for the journal."""
    return {
        "verification": policy.verification.value,
        "phone_conflict": policy.phone_conflict.value,
        "despite": sorted(reason.value for reason in policy.despite),
    }


def policy_of(options: Mapping[str, Any]) -> Policy:
    """The inverse of `policy_options`."""
    return Policy(
        verification=VerificationPolicy(options["verification"]),
        phone_conflict=PhoneConflict(options["phone_conflict"]),
        despite=frozenset(Reason(name) for name in options["despite"]),
    )


def share(option: str, text: str) -> float:
    """`1%` as 0.01."""
    match = _PERCENT.fullmatch(text.strip())
    if match is None or float(match[1]) > _FULL:
        raise UsageError(f"{option} takes a percentage such as 1% (not {text!r}).")
    return float(match[1]) / _FULL


def seconds(option: str, text: str) -> float:
    """`8h`, `90m`, `1h30m`, `45s` in seconds."""
    match = _DURATION.fullmatch(text.strip().lower())
    if match is None or not any(match.groups()):
        raise UsageError(f"{option} takes a duration such as 8h, 90m or 1h30m (not {text!r}).")
    hours, minutes, rest = (int(part or 0) for part in match.groups())
    return hours * 3600.0 + minutes * 60 + rest


def _policy(params: Mapping[str, Any]) -> Policy | None:
    if params.get("verification") is None:
        return None
    policy = Policy(
        verification=VerificationPolicy(params["verification"]),
        phone_conflict=PhoneConflict(params.get("phone_conflict") or PhoneConflict.FAIL),
        despite=frozenset(_liftable(name) for name in params.get("despite") or ()),
    )
    replaces = policy.phone_conflict is PhoneConflict.REPLACE
    vouches = policy.verification in {VerificationPolicy.ATTESTED, VerificationPolicy.BY_COLUMN}
    if replaces and not vouches:
        raise UsageError(
            "--phone-conflict replace needs numbers that somebody vouches for.",
            "Use it with --verification attested (or by-column, for the rows that say true).",
        )
    return policy


def _liftable(name: str) -> Reason:
    known = sorted(reason.value for reason in LIFTABLE)
    if name not in known:
        raise UsageError(f"--despite {name} is not possible.", f"It takes one of: {', '.join(known)}.")
    return Reason(name)


def _roster_options(params: Mapping[str, Any]) -> RosterOptions:
    country = params.get("phone_country")
    if country is not None and not known_country(country.upper()):
        raise UsageError(
            f"--phone-country {country!r} is not a country.", "It takes two letters, such as JP or US."
        )
    return RosterOptions(
        phone_country=country.upper() if country else None,
        strict_e164=params.get("strict_e164", False),
        id_column=params.get("id_column"),
        phone_column=params.get("phone_column"),
        encoding=params.get("encoding"),
    )


def _sms_options(params: Mapping[str, Any]) -> SmsOptions:
    role = params.get("sms_role_arn")
    if role is not None and not _ROLE_ARN.fullmatch(role):
        raise UsageError(
            f"--sms-role-arn {role!r} is not a role's ARN.", "Such as arn:aws:iam::123456789012:role/sms."
        )
    return SmsOptions(role, params.get("external_id"), params.get("sns_region"))


def _max_rps(entries: Sequence[str]) -> dict[Category, float]:
    known = {category.value.casefold(): category for category in PACED}
    found = {}
    for entry in entries:
        name, _, number = entry.partition("=")
        try:
            category, rate = known[name.strip().casefold()], float(number)
        except (KeyError, ValueError):
            names = ", ".join(category.value for category in PACED)
            raise UsageError(
                f"--max-rps {entry!r} is not CATEGORY=N.", f"Such as UserUpdate=5; categories: {names}."
            ) from None
        if not rate > 0:
            raise UsageError(f"--max-rps {entry!r}: the rate must be above zero.")
        found[category] = rate
    return found


def _amount(option: str, value: str | float | None) -> Decimal | None:
    return None if value is None else amount(option, value)


def _log_level(name: str) -> str:
    if name.lower() not in _LOG_LEVELS:
        raise UsageError(f"--log-level {name!r} is not known.", f"It takes one of: {', '.join(_LOG_LEVELS)}.")
    return name.lower()


_LOG_LEVELS = ("debug", "info", "warning", "error")


def _fail_under(value: str | float | None) -> float | None:
    return None if value is None else share("--fail-under", f"{value}".rstrip("%") + "%")
