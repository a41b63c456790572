"""Sending to a user: first the SMS path of the pool is checked, then the message is sent.

Source: Developer Guide, "SMS message settings for Amazon Cognito user pools"; "Custom SMS sender Lambda
trigger": a pool with one uses neither the role nor SNS.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from migrate_mfa.simulator.account.errors import CognitoError
from migrate_mfa.simulator.account.outbox import MAIL, TEXT, Letter, masked
from migrate_mfa.simulator.account.roles import way_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from migrate_mfa.simulator.account.pool import Pool
    from migrate_mfa.simulator.account.users import User
    from migrate_mfa.simulator.account.world import World

MEDIA: Mapping[str, str] = {"phone_number": TEXT, "email": MAIL}


def check_role(world: World, sms: Mapping[str, Any], pool_id: str) -> None:
    """Refuse an SmsConfiguration whose role does not let Cognito send.

    Raises:
        CognitoError: InvalidSmsRoleTrustRelationshipException or InvalidSmsRoleAccessPolicyException.
    """
    world.roles.check_sms(sms, world.arn(pool_id))
    if sms and way_of(sms)[1] is None and world.unsettled.role_without_external_id == "refuse":
        raise CognitoError(
            "InvalidSmsRoleTrustRelationshipException", "An external id is required to send SMS messages."
        )


def check_path(world: World, pool: Pool, attribute: str) -> None:
    """Refuse to send to a contact attribute when the pool's SMS path is broken.

    Raises:
        CognitoError: As `check_role`.
    """
    if MEDIA[attribute] == TEXT and not _own_sender(pool):
        check_role(world, pool.sms_config, pool.id)


def send(world: World, pool: Pool, user: User, letter: Letter) -> None:
    """Send a message; `check_path` comes first."""
    world.outbox.post(pool.id, user, letter, by_sns=_by_sns(pool))


def send_code(world: World, pool: Pool, user: User, attribute: str, value: str) -> dict[str, str]:
    """Send a code that proves an attribute; give the CodeDeliveryDetails."""
    code = world.codes.issue((pool.id, user.sub, attribute), value)
    send(world, pool, user, Letter(MEDIA[attribute], "verification", value, code))
    return {"Destination": masked(value), "DeliveryMedium": MEDIA[attribute], "AttributeName": attribute}


def sms_failure(world: World, pool: Pool) -> str | None:
    """Give SmsConfigurationFailure of DescribeUserPool ("UserPoolType")."""
    if not pool.sms_config or _own_sender(pool):
        return None
    try:
        check_role(world, pool.sms_config, pool.id)
    except CognitoError:
        return "InvalidSmsRoleAccessPolicyException"
    return "SNSSandbox" if world.outbox.sns.sandbox and _by_sns(pool) else None


def _by_sns(pool: Pool) -> bool:
    """Whether SNS sends; AWS End User Messaging delivers everything here."""
    return not _own_sender(pool) and "EumsSms" not in pool.sms_config


def _own_sender(pool: Pool) -> bool:
    return "CustomSMSSender" in pool.config["LambdaConfig"]
