"""The settings of a command: its option groups, and the values that the engine needs from them."""

from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Self

from migrate_mfa.aws.assumed_role import Role
from migrate_mfa.aws.session import AwsTarget
from migrate_mfa.cli.caller import Aws
from migrate_mfa.cli.option_groups import (
    Consent,
    Cost,
    Deciding,
    Output,
    Pace,
    ReadingRoster,
    SmsPath,
    Telling,
    Wave,
)
from migrate_mfa.cli.options import Group, declared
from migrate_mfa.domain.errors import UsageError
from migrate_mfa.domain.model import Policy
from migrate_mfa.domain.prices import Prices
from migrate_mfa.engine.limits import Limits
from migrate_mfa.journal.meta import policy_options
from migrate_mfa.pool_setup.plan import SmsOptions
from migrate_mfa.roster.file import RosterOptions

VERIFICATION_CHOICES = """\
How a number becomes verified is your decision, so it has no default:
  by-code     Numbers are stored unverified. MFA stays off until users prove the
              number in your app (SMS code, VerifyUserAttribute). Then reconcile
              switches MFA on.
  attested    You vouch for the numbers. They are stored as verified, and MFA is
              on at once.
  at-sign-in  Numbers are stored unverified, and MFA is on at once. The first
              sign-in with an SMS code verifies the number. A wrong number locks
              its user out.
  by-column   The roster's column phone_number_verified decides for each row:
              true is attested, false or blank is by-code."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """One command's settings; groups that it does not take have their defaults."""

    user_pool_id: str | None = None
    roster: str | None = None
    run_dir: Path | None = None
    kms_key: str | None = None
    deep: bool = False
    repair: bool = False
    fail_under: float | None = None
    only_chosen: bool = False
    """Whether a rollback is limited to users whom the operator named."""
    aws: Aws = field(default_factory=Aws)
    deciding: Deciding = field(default_factory=Deciding)
    reading: ReadingRoster = field(default_factory=ReadingRoster)
    read_numbers: bool = True
    """Whether the numbers of the roster matter."""
    pace: Pace = field(default_factory=Pace)
    wave: Wave = field(default_factory=Wave)
    cost: Cost = field(default_factory=Cost)
    sms_path: SmsPath = field(default_factory=SmsPath)
    telling: Telling = field(default_factory=Telling)
    consent: Consent = field(default_factory=Consent)
    output: Output = field(default_factory=Output)

    @classmethod
    def of(cls, *groups: Group, read_numbers: bool = True) -> Self:
        """The settings from a command's option groups.

        A group that is a setting, or a subclass of one, is used as it is; from any other group, those options
        that are settings.
        """
        whole: dict[object, str] = {each.default_factory: each.name for each in fields(cls)}
        single = {each.name for each in fields(cls)}
        found: dict[str, Any] = {}
        for group in groups:
            special_case_of = next((whole[kind] for kind in type(group).__mro__ if kind in whole), None)
            if special_case_of is not None:
                found[special_case_of] = group
            else:
                shared = single & {each.name for each in fields(group)}
                found |= {name: getattr(group, name) for name in shared}
        return cls(**found, read_numbers=read_numbers)

    def target(self, user_pool_id: str) -> AwsTarget:
        """The AWS target, for a pool that may come from a saved plan."""
        return AwsTarget(
            user_pool_id=user_pool_id,
            profile=self.aws.profile,
            region=self.aws.region,
            endpoint_url=self.aws.endpoint_url,
            role=self._role,
        )

    @property
    def _role(self) -> Role | None:
        told = self.aws
        return Role.of(told.role_arn, told.role_external_id, told.role_session_name)

    @property
    def limits(self) -> Limits:
        """The limits that end it early."""
        wave = self.wave
        return Limits(max_failures=wave.max_failures, max_users=wave.max_users, stop_after_s=wave.stop_after)

    @property
    def prices(self) -> Prices:
        """The operator's prices; the last price of a country counts."""
        return Prices(sms={each.name: each.value for each in self.cost.sms_price}, mau=self.cost.mau_price)

    @property
    def sms(self) -> SmsOptions:
        """How the pool is to send SMS."""
        path = self.sms_path
        return SmsOptions(path.sms_role_arn, path.external_id, path.sns_region)

    @property
    def roster_options(self) -> RosterOptions:
        """How the roster is read."""
        return RosterOptions(**self._reading(), read_numbers=self.read_numbers)

    @property
    def policy(self) -> Policy | None:
        """The policy, or None without --verification."""
        told = self.deciding
        if told.verification is None:
            return None
        return Policy(
            verification=told.verification,
            phone_conflict=told.phone_conflict,
            despite=frozenset(told.despite),
        )

    def need_policy(self) -> Policy:
        """The policy of a command that needs one.

        Raises:
            UsageError: explains the choices.
        """
        if (policy := self.policy) is None:
            raise UsageError("--verification is missing.", VERIFICATION_CHOICES)
        return policy

    def decisive(self) -> dict[str, object]:
        """The options that change decisions, by name; a plan is bound to them."""
        return policy_options(self.need_policy()) | self._reading()

    def stated(self) -> dict[str, object]:
        """Those of them that were given; with a saved plan, defaults do not count."""
        told = self.deciding
        deciding = {
            "verification": told.verification,
            "phone_conflict": told.phone_conflict,
            "despite": sorted(told.despite),
        }
        given = told.given | self.reading.given
        return {name: value for name, value in (deciding | self._reading()).items() if name in given}

    def of_pass(self) -> dict[str, object]:
        """The options of one pass, without those of its plan; in seconds and shares, and prices as text."""
        pace, wave, cost = self.pace, self.wave, self.cost
        return {
            "quota_share": pace.quota_share,
            "max_rps": {category.value: rate for category, rate in pace.limits.items()},
            "max_failures": wave.max_failures,
            "max_users": wave.max_users,
            "stop_after": wave.stop_after,
            "max_sms": cost.max_sms,
            "max_cost": None if cost.max_cost is None else f"{cost.max_cost:f}",
            "sms_price": {each.name: f"{each.value:f}" for each in cost.sms_price},
            "mau_price": None if cost.mau_price is None else f"{cost.mau_price:f}",
            "lane_lock": None if pace.lane_lock is None else str(pace.lane_lock),
            "kms_key": self.kms_key,
            "fail_under": self.fail_under,
            **{name: True for name in ("deep", "repair", "only_chosen") if getattr(self, name)},
        }

    def _reading(self) -> dict[str, Any]:
        told = {each.name: getattr(self.reading, each.name) for each in declared(ReadingRoster)}
        country = self.reading.phone_country
        return told | {"phone_country": country.upper() if country else None}
