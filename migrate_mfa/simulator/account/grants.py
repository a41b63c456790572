"""The tokens of signed-in users: opaque strings in the shape of JWTs.

Sources: Developer Guide, "Ending user sessions with token revocation", "Refresh tokens" and "Understanding
user pool JSON web tokens". All tokens of one sign-in share its `origin_jti`; revoking the refresh
token or signing out everywhere ends them all. Nobody outside can verify the signatures.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from migrate_mfa.simulator.account.errors import CognitoError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from migrate_mfa.simulator.account.clock import Clock
    from migrate_mfa.simulator.account.users import User

SCOPE = "aws.cognito.signin.user.admin"
_UNIT_S = {"seconds": 1, "minutes": 60, "hours": 3600, "days": 86400}
_VALIDITY = {"access": ("AccessToken", 1, "hours"), "id": ("IdToken", 1, "hours")}
_REFRESH = ("RefreshToken", 30, "days")

Client = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Grant:
    """One sign-in."""

    pool_id: str
    client_id: str
    sub: str


class Grants:
    """The sign-ins that have not been ended."""

    def __init__(self, clock: Clock) -> None:
        """Start with nobody signed in."""
        self._clock = clock
        self._secret = os.urandom(16)
        self._live: dict[str, Grant] = {}

    def sign_in(self, pool_id: str, client: Client, user: User) -> dict[str, Any]:
        """Give the AuthenticationResult of a new sign-in."""
        origin = str(uuid.uuid4())
        self._live[origin] = Grant(pool_id, client["ClientId"], user.sub)
        refresh = self._issue(origin, "refresh", user, client, _REFRESH)
        return {**self._pair(origin, user, client), "RefreshToken": refresh}

    def refresh(self, token: str, client: Client, user: User) -> dict[str, Any]:
        """Give the AuthenticationResult for a refresh token, which stays as it is."""
        return self._pair(self._claims(token, "Refresh Token")["origin_jti"], user, client)

    def find(self, token: str, use: str) -> Grant:
        """Give the sign-in of a token.

        Args:
            token: As sent.
            use: "access" or "refresh".

        Raises:
            CognitoError: NotAuthorizedException for one that is not ours, too old or revoked.
        """
        name = f"{use.capitalize()} Token"
        claims = self._claims(token, name)
        if claims["token_use"] != use:
            raise CognitoError("NotAuthorizedException", f"Invalid {name}")
        if claims["exp"] <= self._clock.epoch():
            raise CognitoError("NotAuthorizedException", f"{name} has expired")
        grant = self._live.get(claims["origin_jti"])
        if grant is None:
            raise CognitoError("NotAuthorizedException", f"{name} has been revoked")
        return grant

    def kind(self, token: str) -> tuple[str, str]:
        """Give the use of a token and its ClientId, also of one that is no longer valid.

        Raises:
            CognitoError: UnsupportedTokenTypeException for one that is not ours.
        """
        try:
            claims = self._claims(token, "token")
        except CognitoError:
            raise CognitoError("UnsupportedTokenTypeException", "This is no token.") from None
        return claims["token_use"], claims["client_id"]

    def revoke(self, token: str) -> None:
        """End the sign-in of a refresh token."""
        self._live.pop(self._claims(token, "Refresh Token")["origin_jti"], None)

    def sign_out(self, pool_id: str, sub: str) -> None:
        """End all sign-ins of a user."""
        ended = [o for o, grant in self._live.items() if (grant.pool_id, grant.sub) == (pool_id, sub)]
        for origin in ended:
            del self._live[origin]

    def _pair(self, origin: str, user: User, client: Client) -> dict[str, Any]:
        access, identity = (self._issue(origin, use, user, client, _VALIDITY[use]) for use in _VALIDITY)
        return {
            "AccessToken": access,
            "IdToken": identity,
            "ExpiresIn": int(_life(client, _VALIDITY["access"])),
            "TokenType": "Bearer",
        }

    def _issue(self, origin: str, use: str, user: User, client: Client, kind: tuple[str, int, str]) -> str:
        now = int(self._clock.epoch())
        claims = {
            "sub": user.sub,
            "token_use": use,
            "client_id": client["ClientId"],
            "username": user.username,
            "scope": SCOPE,
            "origin_jti": origin,
            "jti": str(uuid.uuid4()),
            "auth_time": now,
            "iat": now,
            "exp": now + int(_life(client, kind)),
        }
        if use == "id":
            claims |= _identity(user, client)
        head = ".".join(_encoded(json.dumps(part).encode()) for part in ({"alg": "HS256"}, claims))
        return f"{head}.{self._signature(head)}"

    def _claims(self, token: str, name: str) -> dict[str, Any]:
        head, _, signature = token.rpartition(".")
        if not hmac.compare_digest(signature.encode(), self._signature(head).encode()):
            raise CognitoError("NotAuthorizedException", f"Invalid {name}")
        body = head.partition(".")[2]
        claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
        return claims

    def _signature(self, head: str) -> str:
        return _encoded(hmac.digest(self._secret, head.encode(), hashlib.sha256))


def _identity(user: User, client: Client) -> dict[str, Any]:
    """Give the claims that only an ID token has ("Understanding the identity (ID) token")."""
    flags = {name: value == "true" for name, value in user.attributes.items() if name.endswith("_verified")}
    return {**user.attributes, **flags, "aud": client["ClientId"], "cognito:username": user.username}


def _encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _life(client: Mapping[str, Any], kind: tuple[str, int, str]) -> float:
    """Give a token's seconds by the client's validity settings ("TokenValidityUnitsType")."""
    name, default, unit = kind
    given = client.get("TokenValidityUnits", {}).get(name, unit)
    return float(client.get(f"{name}Validity", default) * _UNIT_S[given])
