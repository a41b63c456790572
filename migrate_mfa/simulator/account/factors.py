"""The second factor that a sign-in asks for.

Source: Developer Guide, "Adding MFA to a user pool" and "SMS and email message MFA". A factor that is
listed for the user counts only if the pool offers it: users of TOTP-only pools were seen with SMS_MFA
listed and never asked for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from migrate_mfa.simulator.account.errors import CognitoError
from migrate_mfa.simulator.account.users import EMAIL, FACTORS, SMS, TOTP

if TYPE_CHECKING:
    from migrate_mfa.simulator.account.pool import Pool
    from migrate_mfa.simulator.account.users import User

ADDRESS = {SMS: "phone_number", EMAIL: "email"}
"""The attributes that receive codes."""


def offered(pool: Pool) -> tuple[str, ...]:
    """Give the factors that the pool offers."""
    blocks = {
        SMS: bool(pool.sms_config),
        EMAIL: "EmailMfaConfiguration" in pool.config,
        TOTP: bool(pool.config.get("SoftwareTokenMfaConfiguration", {}).get("Enabled")),
    }
    return tuple(factor for factor in FACTORS if blocks[factor])


def asked(pool: Pool, user: User) -> tuple[str, ...]:
    """Give the factors to ask for: none, one, or several to choose from.

    Raises:
        CognitoError: MFAMethodNotFoundException if there should be one and the user has no means.
    """
    if pool.mfa_mode == "OFF":
        return ()
    enabled = user.mfa or ((SMS,) if user.mfa_options else ())
    listed = tuple(factor for factor in enabled if factor in offered(pool))
    able = tuple(factor for factor in listed if _able(user, factor))
    if not able and pool.mfa_mode == "ON":
        able = tuple(factor for factor in offered(pool) if _able(user, factor))
    if not able and (listed or pool.mfa_mode == "ON"):
        raise CognitoError("MFAMethodNotFoundException", "No MFA method is found for the user.")
    return (user.preferred,) if user.preferred in able else able


def _able(user: User, factor: str) -> bool:
    return user.totp_registered if factor == TOTP else ADDRESS[factor] in user.attributes
