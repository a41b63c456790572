"""Large synthetic pools: the same users for the same seed, a million in some seconds.

The shares of a `generate` document are probabilities between 0 and 1, drawn independently for
each user. Its members and defaults:

    count 0, seed 0, prefix "user", number_prefix "+8190"
    email 1.0, email_verified 0.9              share with an e-mail address; of these verified
    phone_verified 0.0, phone_unverified 0.0   share with a number of either kind
    status {"CONFIRMED": 1.0}                  shares by UserStatus; what is left is CONFIRMED
    disabled 0.0, totp 0.0, passkey 0.0, email_mfa 0.0
    sms_mfa 0.0, legacy_sms 0.0                of the users who have a number
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Annotated, Any, Self

from pydantic import BaseModel, Field, NonNegativeInt, model_validator

from migrate_mfa.simulator.account.users import EMAIL, LEGACY_SMS, SMS, STATUSES, TOTP, User, derived_sub
from migrate_mfa.simulator.files.documents import STRICT

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_ROUNDING = 1e-9

Share = Annotated[float, Field(ge=0, le=1)]


class Generate(BaseModel):
    """A `generate` document."""

    model_config = STRICT

    count: NonNegativeInt = 0
    seed: int = 0
    prefix: str = "user"
    number_prefix: str = "+8190"
    email: Share = 1.0
    email_verified: Share = 0.9
    phone_verified: Share = 0.0
    phone_unverified: Share = 0.0
    status: dict[str, Share] = {}
    disabled: Share = 0.0
    totp: Share = 0.0
    passkey: Share = 0.0
    email_mfa: Share = 0.0
    sms_mfa: Share = 0.0
    legacy_sms: Share = 0.0

    @model_validator(mode="after")
    def _shares_of_one(self) -> Self:
        """Refuse shares that add up to more than all users.

        Raises:
            ValueError: Some do.
        """
        for names, shares in (
            ("phone_verified and phone_unverified", (self.phone_verified, self.phone_unverified)),
            ("totp and passkey", (self.totp, self.passkey)),
            ("sms_mfa and legacy_sms", (self.sms_mfa, self.legacy_sms)),
            ("status", tuple(self.status.values())),
        ):
            if sum(shares) > 1 + _ROUNDING:
                raise ValueError(f"has shares of {names} that are more than 1 together")
        return self


def generated_users(document: Mapping[str, Any], now: float, *, username_is_sub: bool) -> Iterator[User]:
    """Yield the users that a `generate` document describes.

    Raises:
        ValueError: An unknown status.
    """
    spec = Generate(**document).model_dump()
    if unknown := set(spec["status"]) - STATUSES:
        raise ValueError(f"generate: unknown status {sorted(unknown)}")
    draw = random.Random(spec["seed"]).random  # noqa: S311 - synthetic users, no secrets
    for number in range(spec["count"]):
        yield _user(spec, number, [draw() for _ in range(8)], now, username_is_sub=username_is_sub)


def _user(
    spec: Mapping[str, Any], number: int, draws: list[float], now: float, *, username_is_sub: bool
) -> User:
    """Make one user from eight draws, so that a changed share does not change other users."""
    status = _pick(spec["status"], draws[0])
    federated = status == "EXTERNAL_PROVIDER"
    name = f"{'Google_' if federated else ''}{spec['prefix']}{number:07d}"
    sub = derived_sub(spec["seed"], name)
    attributes = _attributes(spec, number, name, draws)
    if federated:
        attributes["identities"] = f'[{{"providerName":"Google","userId":"{number}"}}]'
    username = sub if username_is_sub and not federated else name
    user = User(username, sub, status, draws[4] >= spec["disabled"], attributes, now, now)
    if not federated:
        _add_factors(user, spec, draws)
    return user


def _attributes(spec: Mapping[str, Any], number: int, name: str, draws: list[float]) -> dict[str, str]:
    attributes: dict[str, str] = {}
    if draws[1] < spec["email"]:
        attributes["email"] = f"{name.lower()}@example.com"
        attributes["email_verified"] = "true" if draws[2] < spec["email_verified"] else "false"
    verified = draws[3] < spec["phone_verified"]
    if verified or draws[3] < spec["phone_verified"] + spec["phone_unverified"]:
        attributes["phone_number"] = f"{spec['number_prefix']}{number:08d}"
        attributes["phone_number_verified"] = "true" if verified else "false"
    return attributes


def _add_factors(user: User, spec: Mapping[str, Any], draws: list[float]) -> None:
    factors: list[str] = []
    has_phone = "phone_number" in user.attributes
    if has_phone and draws[7] < spec["sms_mfa"]:
        factors.append(SMS)
    elif has_phone and draws[7] < spec["sms_mfa"] + spec["legacy_sms"]:
        user.mfa_options = LEGACY_SMS
    if "email" in user.attributes and draws[6] < spec["email_mfa"]:
        factors.append(EMAIL)
    if draws[5] < spec["totp"]:
        factors.append(TOTP)
        user.totp_registered = True
    elif draws[5] < spec["totp"] + spec["passkey"]:
        user.auth_factors = ("PASSWORD", "WEB_AUTHN")
    if factors:
        user.mfa, user.preferred = tuple(factors), factors[-1]


def _pick(shares: Mapping[str, float], draw: float) -> str:
    for status, share in shares.items():
        if draw < share:
            return status
        draw -= share
    return "CONFIRMED"
