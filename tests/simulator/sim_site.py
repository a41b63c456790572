"""A boto3 client that sends every call once, and a pool with short ways to call it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from migrate_mfa.simulator import Running

ROLE = {"SnsCallerArn": "arn:aws:iam::123456789012:role/sms", "ExternalId": "x"}
PHONE = "+819011112222"
OTHER_PHONE = "+819033334444"


def client_of(running: Running, service: Any = "cognito-idp", read_timeout: float = 10) -> Any:
    """Make a boto3 client that sends every call exactly once."""
    return boto3.client(
        service,
        region_name=running.region,
        endpoint_url=running.endpoint,
        aws_access_key_id="testing",
        aws_secret_access_key="testing",
        config=Config(
            retries={"mode": "standard", "total_max_attempts": 1},
            read_timeout=read_timeout,
            proxies={},
        ),
    )


@dataclass(frozen=True)
class Site:
    """A pool in a running simulator, with the calls that tests make most."""

    running: Running
    client: Any
    pool_id: str

    def call(self, op: str, **members: Any) -> dict[str, Any]:
        """Call an operation on the pool."""
        answer: dict[str, Any] = getattr(self.client, op)(UserPoolId=self.pool_id, **members)
        return answer

    def code(self, op: str, **members: Any) -> str:
        """Call an operation; give its error code, "ok" for none."""
        try:
            self.call(op, **members)
        except ClientError as error:
            return str(error.response["Error"]["Code"])
        return "ok"

    def message(self, op: str, **members: Any) -> str:
        """Call an operation that is refused; give the text."""
        with pytest.raises(ClientError) as caught:
            self.call(op, **members)
        return str(caught.value.response["Error"]["Message"])

    def edit(self, **document: Any) -> None:
        """Put users into a state that no operation reaches."""
        self.running.control("users", {"pool": self.pool_id, **document})

    def user(self, name: str = "taro", **members: Any) -> None:
        """Create or change a user."""
        self.edit(upsert=[{"Username": name, **members}])

    def update(self, name: str = "taro", **attributes: str) -> str:
        """Write attributes; give the error code or "ok"."""
        rows = [{"Name": key, "Value": value} for key, value in attributes.items()]
        return self.code("admin_update_user_attributes", Username=name, UserAttributes=rows)

    def prefer(self, name: str = "taro", **blocks: Any) -> str:
        """Set the MFA preference; give the error code or "ok"."""
        return self.code("admin_set_user_mfa_preference", Username=name, **blocks)

    def read(self, name: str = "taro") -> dict[str, Any]:
        """Read a user."""
        return self.call("admin_get_user", Username=name)

    def attributes(self, name: str = "taro") -> dict[str, str]:
        """Read a user's attributes, without the sub."""
        rows = {row["Name"]: row["Value"] for row in self.read(name)["UserAttributes"]}
        del rows["sub"]
        return rows

    def sms(self, name: str = "taro") -> dict[str, int]:
        """Give the messages sent to a user, by purpose."""
        sub = self.sub(name)
        found: dict[str, int] = self.running.control("sms").get(sub, {"purposes": {}})["purposes"]
        return found

    def sub(self, name: str = "taro") -> str:
        """Give a user's sub."""
        return str(next(r["Value"] for r in self.read(name)["UserAttributes"] if r["Name"] == "sub"))

    def set_mfa(self, mode: str, **blocks: Any) -> str:
        """Set the pool's MFA configuration; give the error code or "ok"."""
        return self.code("set_user_pool_mfa_config", MfaConfiguration=mode, **blocks)
