"""An app client of a pool, with short ways to sign users in through it."""

from __future__ import annotations

import base64
import hashlib
import hmac
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from tests.simulator.sim_site import PHONE

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.simulator.sim_site import Site

PASSWORD = "Abcd-1234"
FLOWS = ["ALLOW_ADMIN_USER_PASSWORD_AUTH", "ALLOW_USER_PASSWORD_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"]
ON_SMS: dict[str, Any] = {
    "password": PASSWORD,
    "Attributes": {"phone_number": PHONE, "phone_number_verified": "false"},
    "UserMFASettingList": ["SMS_MFA"],
    "PreferredMfaSetting": "SMS_MFA",
}


def outcome(call: Callable[[], Any]) -> str:
    """Give the error code of a call, "ok" for none."""
    try:
        call()
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return "ok"


@dataclass(frozen=True)
class App:
    """An app client; `admin` chooses the signed form of the operations."""

    site: Site
    client_id: str
    secret: str | None = None
    admin: bool = True

    @classmethod
    def make(cls, site: Site, *, admin: bool = True, secret: bool = False, **members: Any) -> App:
        """Create an app client that allows the password flows."""
        given = {"ClientName": "app", "GenerateSecret": secret, "ExplicitAuthFlows": FLOWS, **members}
        made = site.call("create_user_pool_client", **given)["UserPoolClient"]
        return cls(site, made["ClientId"], made.get("ClientSecret"), admin)

    def hash(self, name: str) -> dict[str, str]:
        """Give SECRET_HASH for a username, nothing for a client without secret."""
        if self.secret is None:
            return {}
        digest = hmac.digest(self.secret.encode(), f"{name}{self.client_id}".encode(), hashlib.sha256)
        return {"SECRET_HASH": base64.b64encode(digest).decode()}

    def begin(self, name: str = "taro", password: str = PASSWORD, **more: str) -> Any:
        """Start a password sign-in."""
        flow = "ADMIN_USER_PASSWORD_AUTH" if self.admin else "USER_PASSWORD_AUTH"
        return self.flow(flow, USERNAME=name, PASSWORD=password, **{**self.hash(name), **more})

    def flow(self, flow: str, **parameters: str) -> Any:
        """Call (Admin)InitiateAuth."""
        op = "admin_initiate_auth" if self.admin else "initiate_auth"
        return self._call(op, AuthFlow=flow, AuthParameters=parameters)

    def answer(self, asked: Any, name: str | None = None, **responses: str) -> Any:
        """Call (Admin)RespondToAuthChallenge, by default as the user who was asked."""
        name = name or asked["ChallengeParameters"]["USER_ID_FOR_SRP"]
        op = "admin_respond_to_auth_challenge" if self.admin else "respond_to_auth_challenge"
        given = {"USERNAME": name, **self.hash(name), **responses}
        kind, session = asked["ChallengeName"], asked["Session"]
        return self._call(op, ChallengeName=kind, Session=session, ChallengeResponses=given)

    def _call(self, op: str, **members: Any) -> Any:
        pool = {"UserPoolId": self.site.pool_id} if self.admin else {}
        return getattr(self.site.client, op)(ClientId=self.client_id, **pool, **members)

    def tokens(self, name: str = "taro", password: str = PASSWORD) -> dict[str, Any]:
        """Sign in, answering an SMS challenge with the code that was sent."""
        asked = self.begin(name, password)
        if "ChallengeName" in asked:
            asked = self.answer(asked, SMS_MFA_CODE=last_message(self.site, name)["code"])
        result: dict[str, Any] = asked["AuthenticationResult"]
        return result

    def access(self, name: str = "taro") -> str:
        """Sign in and give the access token."""
        return str(self.tokens(name)["AccessToken"])


def messages(site: Site, name: str = "taro") -> list[dict[str, Any]]:
    """Give the messages to a user of the pool, oldest first."""
    sub = site.sub(name)
    found: list[dict[str, Any]] = site.running.control(f"outbox?user={sub}")["messages"]
    return found


def last_message(site: Site, name: str = "taro") -> dict[str, Any]:
    """Give the newest message to a user."""
    return messages(site, name)[-1]


def wrong(code: str) -> str:
    """Give another code."""
    return f"{(int(code) + 1) % 10**6:06d}"
