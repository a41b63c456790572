"""A pool's MFA configuration: the present one, the one of `setup-pool`, and their differences.

The members have the names of GetUserPoolMfaConfig. SetUserPoolMfaConfig replaces all of them: a block that is
left out is switched off ("Updating user pool and app client configuration").
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from migrate_mfa.domain.model import PoolFacts
from migrate_mfa.pool_setup.role import SmsRole

Members = Mapping[str, Any]

MODE, SMS, TOTP = "MfaConfiguration", "SmsMfaConfiguration", "SoftwareTokenMfaConfiguration"
EMAIL, PASSKEYS = "EmailMfaConfiguration", "WebAuthnConfiguration"
PATH, MESSAGE = "SmsConfiguration", "SmsAuthenticationMessage"
SNS_ROLE, EUMS = "SnsCallerArn", "EumsSms"


@dataclass(frozen=True, slots=True)
class PoolMfa:
    """A pool, from its two reads."""

    facts: PoolFacts
    arn: str
    config: Members
    """GetUserPoolMfaConfig."""
    sms: Members
    """The pool's SMS settings as members of SmsMfaConfiguration, also while MFA does not use them."""

    @property
    def path(self) -> Members:
        """The SmsConfiguration: how the pool sends text messages; empty if it cannot."""
        path: Members = self.sms.get(PATH) or {}
        return path if path.get(SNS_ROLE) or path.get(EUMS) else {}


@dataclass(frozen=True, slots=True)
class SmsOptions:
    """The operator's choices for the SMS path; None: the pool's value, or a default."""

    sms_role_arn: str | None = None
    external_id: str | None = None
    sns_region: str | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """One member that differs, by its dotted name; None is absent."""

    where: str
    before: str | None
    after: str | None

    def __str__(self) -> str:
        return f"{self.where}: {self.before or '(none)'} → {self.after or '(none)'}"


@dataclass(frozen=True, slots=True)
class SetupPlan:
    """The plan of `setup-pool`: the role that it needs, if any, and the configuration to write."""

    pool: PoolMfa
    after: Members
    role: SmsRole | None

    @property
    def changes(self) -> tuple[Change, ...]:
        """The changes; empty if the pool is ready."""
        return differences(self.pool.config, self.after)

    @property
    def kept(self) -> tuple[str, ...]:
        """The blocks that stay unchanged."""
        return tuple(name for name, block in self.after.items() if self.pool.config.get(name) == block)

    def as_dict(self) -> dict[str, object]:
        """The plan as JSON."""
        role = None if self.role is None else self.role.as_dict()
        return {
            "version": 1,
            "command": "setup-pool",
            "pool": self.pool.facts.id,
            "before": self.pool.config,
            "after": self.after,
            "changes": [{"where": c.where, "before": c.before, "after": c.after} for c in self.changes],
            "role": role,
        }


def differences(before: Members, after: Members) -> tuple[Change, ...]:
    """The differences between two sets of members, by leaf, in the order of the first, then the second."""
    old, new = dict(_leaves(before)), dict(_leaves(after))
    return tuple(
        Change(where, _shown(old.get(where)), _shown(new.get(where)))
        for where in old | new
        if old.get(where) != new.get(where)
    )


def _leaves(value: Any, where: str = "") -> Iterator[tuple[str, Any]]:  # noqa: ANN401 - JSON of any kind
    # A token block with Enabled=false means the same as no block.
    if value is None or (where == TOTP and value == {"Enabled": False}):
        return
    if isinstance(value, Mapping) and (value or not where):
        for name, inner in value.items():
            yield from _leaves(inner, f"{where}.{name}" if where else name)
    else:
        yield where, value


def _shown(value: Any) -> str | None:  # noqa: ANN401 - JSON of any kind
    return value if isinstance(value, str | None) else json.dumps(value, ensure_ascii=False)


class PoolSettings(Protocol):
    """One pool's MFA configuration. Each method makes one attempt and raises `ApiError` if it fails."""

    def read(self) -> PoolMfa:
        """DescribeUserPool and GetUserPoolMfaConfig.

        Raises:
            PoolNotReady: writing back what was read would lose a setting.
        """
        ...

    def write(self, members: Members) -> None:
        """SetUserPoolMfaConfig, which replaces the whole configuration."""
        ...
