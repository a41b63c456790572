"""The user of a request, for quotas, faults and the ledger: by name, token or app client."""

from __future__ import annotations

from typing import TYPE_CHECKING

from migrate_mfa.simulator.account.errors import CognitoError

if TYPE_CHECKING:
    from migrate_mfa.simulator.account.world import Params, World


def subject(world: World, params: Params) -> tuple[str, str | None]:
    """Give the pool's id ("" if not known) and a name of the user, or None."""
    token, client_id = params.get("AccessToken"), params.get("ClientId")
    pool_id = str(params.get("UserPoolId") or "")
    try:
        if token is not None:
            grant = world.grants.find(token, "access")
            return grant.pool_id, grant.sub
        if not pool_id and client_id is not None:
            pool_id = world.client_pool(client_id).id
    except CognitoError:
        return pool_id, None
    return pool_id, _name(params)


def _name(params: Params) -> str | None:
    for member in ("AuthParameters", "ChallengeResponses"):
        given = params.get(member) or {}
        if "USERNAME" in given:
            return str(given["USERNAME"])
    name = params.get("Username")
    return None if name is None else str(name)


def category(op: str, params: Params, usual: str) -> str:
    """Give the quota category: answers to NEW_PASSWORD_REQUIRED count as account recovery.

    Source: Developer Guide, "Quotas in Amazon Cognito".
    """
    new_password = params.get("ChallengeName") == "NEW_PASSWORD_REQUIRED"
    return "UserAccountRecovery" if op.endswith("RespondToAuthChallenge") and new_password else usual
