"""App clients: their settings, which flows they allow, and the secret hash.

Sources: API Reference, "CreateUserPoolClient" and "DescribeUserPoolClient"; Developer Guide, "Signing up
and confirming user accounts" ("Computing secret hash values"). A pool file's `clients` take the
members of UserPoolClientType; only ClientName is required, and a ClientId that is not given is the
same on every start.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from typing import TYPE_CHECKING, Any

from migrate_mfa.simulator.account.errors import CognitoError, constraint, invalid_parameter
from migrate_mfa.simulator.server.shapes import SHAPES

if TYPE_CHECKING:
    from collections.abc import Mapping

Client = dict[str, Any]

MEMBERS = frozenset(
    {
        "ClientName",
        "RefreshTokenValidity",
        "AccessTokenValidity",
        "IdTokenValidity",
        "TokenValidityUnits",
        "ReadAttributes",
        "WriteAttributes",
        "ExplicitAuthFlows",
        "PreventUserExistenceErrors",
        "EnableTokenRevocation",
        "AuthSessionValidity",
    }
)
"""The members that a request and a pool file may set, besides ids and secrets."""

DECLARED_SHAPES = {name: SHAPES[name] for name in sorted({*MEMBERS, "ClientId", "ClientSecret"})}
"""The members of a row of a pool file's `clients`."""

_DEFAULTS = {"RefreshTokenValidity": 30, "AuthSessionValidity": 3, "EnableTokenRevocation": True}
_UNSET_FLOWS = ("ALLOW_REFRESH_TOKEN_AUTH", "ALLOW_USER_SRP_AUTH", "ALLOW_CUSTOM_AUTH")
_LEGACY_FLOWS = frozenset({"ADMIN_NO_SRP_AUTH", "CUSTOM_AUTH_FLOW_ONLY", "USER_PASSWORD_AUTH"})
_FLOWS = _LEGACY_FLOWS | {
    *_UNSET_FLOWS,
    "ALLOW_ADMIN_USER_PASSWORD_AUTH",
    "ALLOW_USER_PASSWORD_AUTH",
    "ALLOW_USER_AUTH",
}
_SESSION_MINUTES = (3, 15)


def new_client(pool_id: str, given: Mapping[str, Any], now: float, client_id: str | None = None) -> Client:
    """Make an app client.

    Raises:
        CognitoError: InvalidParameterException for unknown flows or a session of a wrong length.
    """
    flows = given.get("ExplicitAuthFlows") or ()
    if unknown := set(flows) - _FLOWS:
        rule = f"Member must satisfy enum value set: {sorted(_FLOWS)}"
        raise constraint(min(unknown), "ExplicitAuthFlows", rule)
    if _LEGACY_FLOWS.intersection(flows) and any(flow.startswith("ALLOW_") for flow in flows):
        raise invalid_parameter("Cannot mix legacy flows and flows with the prefix ALLOW_.")
    low, high = _SESSION_MINUTES
    minutes = given.get("AuthSessionValidity", low)
    if not low <= minutes <= high:
        rule = f"Member must have value between {low} and {high}"
        raise constraint(minutes, "AuthSessionValidity", rule)
    ids = {"UserPoolId": pool_id, "ClientId": client_id or secrets.token_hex(13)}
    dates = {"CreationDate": round(now, 3), "LastModifiedDate": round(now, 3)}
    return {**_DEFAULTS, **{k: v for k, v in given.items() if k in MEMBERS}, **ids, **dates}


def declared_client(pool_id: str, row: Mapping[str, Any], now: float) -> Client:
    """Make an app client of a pool file.

    Raises:
        CognitoError: As `new_client`.
    """
    digest = hashlib.blake2s(f"{pool_id}/{row['ClientName']}".encode(), digest_size=13).hexdigest()
    client = new_client(pool_id, row, now, row.get("ClientId", digest))
    if "ClientSecret" in row:
        client["ClientSecret"] = row["ClientSecret"]
    return client


def allows(client: Client, *flows: str) -> bool:
    """Say whether the client allows any of these flows; old clients may always refresh."""
    given = client.get("ExplicitAuthFlows") or _UNSET_FLOWS
    old = not any(flow.startswith("ALLOW_") for flow in given)
    return not set(flows).isdisjoint(given) or (old and "ALLOW_REFRESH_TOKEN_AUTH" in flows)


def check_secret(client: Client, username: str, given: str | None) -> None:
    """Refuse a request whose SECRET_HASH is not that of the client and this username.

    Raises:
        CognitoError: NotAuthorizedException.
    """
    secret, client_id = client.get("ClientSecret"), client["ClientId"]
    if secret is None and given is None:
        return
    if secret is not None and given is None:
        message = f"Client {client_id} is configured with secret but SECRET_HASH was not received"
        raise CognitoError("NotAuthorizedException", message)
    if given != secret_hash(secret or "", username, client_id):
        message = f"Unable to verify secret hash for client {client_id}"
        raise CognitoError("NotAuthorizedException", message)


def secret_hash(secret: str, username: str, client_id: str) -> str:
    """Give the SECRET_HASH."""
    digest = hmac.digest(secret.encode(), f"{username}{client_id}".encode(), hashlib.sha256)
    return base64.b64encode(digest).decode()
