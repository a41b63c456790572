"""AdminSetUserMFAPreference, and the pool's MFA configuration operations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from migrate_mfa.simulator.account import poolconfig
from migrate_mfa.simulator.account.delivery import check_role
from migrate_mfa.simulator.account.errors import CognitoError, invalid_parameter
from migrate_mfa.simulator.account.users import EMAIL, FACTORS, SMS, TOTP
from migrate_mfa.simulator.operations.registry import operation

if TYPE_CHECKING:
    from collections.abc import Mapping

    from migrate_mfa.simulator.account.pool import Pool
    from migrate_mfa.simulator.account.users import User
    from migrate_mfa.simulator.account.world import Params, Unsettled, World

_MEMBERS = {"SMSMfaSettings": SMS, "EmailMfaSettings": EMAIL, "SoftwareTokenMfaSettings": TOTP}


@dataclass(frozen=True, slots=True)
class Block:
    """One factor's part of the request."""

    enabled: bool
    preferred: bool


@operation("AdminSetUserMFAPreference", "UserResourceUpdate")
def admin_set_user_mfa_preference(world: World, params: Params) -> dict[str, Any]:
    """Switch a user's factors; success does not mean that they have an effect at sign-in.

    Neither the pool's methods nor OFF is checked: users of a TOTP-only pool were seen to get
    SMS_MFA listed and not used. Federated users are left to their provider (Developer Guide,
    "Adding MFA to a user pool").
    """
    set_preference(world, *world.user(params), params)
    return {}


def set_preference(world: World, pool: Pool, user: User, params: Params) -> None:
    """Switch factors as an administrator or the user asks.

    Raises:
        CognitoError: A block, the user's state or a factor without means.
    """
    blocks = {
        factor: Block(bool(part.get("Enabled")), bool(part.get("PreferredMfa")))
        for member, factor in _MEMBERS.items()
        if (part := params.get(member)) is not None
    }
    _check_blocks(blocks)
    _check_state(pool, user, world.unsettled)
    if user.federated:
        return
    for factor, block in blocks.items():
        _check_factor(pool, user, factor, block)
    _apply(pool, user, _effective(pool, blocks, world.unsettled))


def _check_blocks(blocks: Mapping[str, Block]) -> None:
    if sum(block.preferred for block in blocks.values()) > 1:
        raise invalid_parameter("Only one MFA method can be preferred.")
    if any(block.preferred and not block.enabled for block in blocks.values()):
        raise invalid_parameter("An MFA method must be enabled to be preferred.")


def _check_state(pool: Pool, user: User, unsettled: Unsettled) -> None:
    """Refuse the states in the operation's error list ("AdminSetUserMFAPreference")."""
    if user.status == "UNCONFIRMED":
        raise CognitoError("UserNotConfirmedException", "User is not confirmed.")
    if user.status == "RESET_REQUIRED":
        raise CognitoError("PasswordResetRequiredException", "Password reset required for the user")
    if not user.enabled and unsettled.disabled_user_mfa_preference == "refuse":
        raise CognitoError("NotAuthorizedException", "User is disabled.")
    if pool.mfa_mode == "OFF" and unsettled.mfa_preference_when_off == "refuse":
        raise invalid_parameter("MFA is not enabled for the user pool.")


def _check_factor(pool: Pool, user: User, factor: str, block: Block) -> None:
    """Refuse a block, even a disabling one, for a factor that the user cannot use.

    A number need not be verified (Developer Guide, "SMS and email message MFA"). The texts are
    those that applications have received.
    """
    if factor == SMS and "phone_number" not in user.attributes:
        raise invalid_parameter("User does not have a phone_number set to turn on SMS MFA")
    if factor == TOTP and not user.totp_registered and not block.enabled:
        raise invalid_parameter("User has not set up software token mfa")
    has_email = "email" in user.attributes and "EmailMfaConfiguration" in pool.config
    unable = (factor == TOTP and not user.totp_registered) or (factor == EMAIL and not has_email)
    if unable and block.enabled:
        raise invalid_parameter(f"User does not have delivery config set to turn on {factor}")


def _effective(pool: Pool, blocks: dict[str, Block], unsettled: Unsettled) -> dict[str, Block]:
    """Give the blocks that have an effect: a pool that requires MFA ignores disabling."""
    if unsettled.omitted_totp_block_disables and TOTP not in blocks:
        blocks = {**blocks, TOTP: Block(enabled=False, preferred=False)}
    if pool.mfa_mode == "ON":
        return {factor: block for factor, block in blocks.items() if block.enabled}
    return blocks


def _apply(pool: Pool, user: User, blocks: Mapping[str, Block]) -> None:
    """Write the new factors: one may be preferred, the one it displaces stays enabled."""
    if not blocks:
        return
    enabled = {factor for factor in user.mfa if factor not in blocks}
    enabled |= {factor for factor, block in blocks.items() if block.enabled}
    kept = None if user.preferred in blocks else user.preferred
    preferred = next((factor for factor, block in blocks.items() if block.preferred), kept)
    factors = tuple(factor for factor in FACTORS if factor in enabled)
    pool.write(user, mfa=factors, preferred=preferred)


@operation("GetUserPoolMfaConfig", "UserPoolResourceRead")
def get_user_pool_mfa_config(world: World, params: Params) -> dict[str, Any]:
    """Show the pool's MFA mode and the blocks that are configured."""
    return mfa_config(world, world.pool(params))


def mfa_config(world: World, pool: Pool) -> dict[str, Any]:
    """Give the MFA configuration as its two operations show it."""
    answer: dict[str, Any] = {"MfaConfiguration": pool.mfa_mode}
    sms = {
        name: pool.config[name]
        for name in ("SmsAuthenticationMessage", "SmsConfiguration")
        if pool.config.get(name)
    }
    hidden = pool.mfa_mode == "OFF" and world.unsettled.off_pool_hides_sms
    if sms and not hidden:
        answer["SmsMfaConfiguration"] = sms
    blocks = {name: pool.config[name] for name in poolconfig.MFA_BLOCKS if name in pool.config}
    return {**answer, **blocks, **pool.config.get(poolconfig.FUTURE_BLOCKS, {})}


@operation("SetUserPoolMfaConfig", "UserPoolResourceUpdate")
def set_user_pool_mfa_config(world: World, params: Params) -> dict[str, Any]:
    """Replace the pool's MFA configuration."""
    pool = world.pool(params)
    config = poolconfig.replaced_mfa_config(pool.config, params)
    if params.get("SmsMfaConfiguration"):
        check_role(world, config.get("SmsConfiguration", {}), pool.id)
    pool.config = config
    pool.modified = world.clock()
    return mfa_config(world, pool)
