"""The Cognitos that the contract is checked on, what each can do, and where one differs from the service.

Every difference has the number of its row in the fidelity table of the emulators; a test that needs what a
target lacks is expected to fail there, strictly, so a gap that is closed is noticed.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Final, TypeVar

import boto3
from botocore.config import Config

from migrate_mfa.aws.session import Aws, AwsTarget
from migrate_mfa.aws.user_pool import CognitoUserPool
from migrate_mfa.domain.failure import ApiError

if TYPE_CHECKING:
    from botocore.client import BaseClient

    from migrate_mfa.simulator import Running

REGION: Final = "ap-northeast-1"
ROLE: Final = {"SnsCallerArn": "arn:aws:iam::123456789012:role/sms", "ExternalId": "x"}
LEGACY_SMS: Final = [{"DeliveryMedium": "SMS", "AttributeName": "phone_number"}]


@dataclass(frozen=True, slots=True)
class Difference:
    """One way in which moto is not the service; `row` is that of the fidelity table."""

    row: int
    sentence: str


KNOWN_DIFFERENCES: Final[Mapping[str, Difference]] = {
    "finds_by_sub": Difference(8, "In an alias pool, AdminGetUser does not take a sub."),
    "finds_by_alias": Difference(
        9, "In an alias pool, AdminGetUser does not take a verified e-mail address."
    ),
    "folds_usernames": Difference(11, "Usernames are told apart by case although the pool says otherwise."),
    "malformed_pool_id": Difference(13, "A malformed pool id is only an unknown one."),
    "unverifies_on_change": Difference(27, "A new number keeps the verified flag of the old one."),
    "needs_number_for_flag": Difference(30, "phone_number_verified is stored for a user without a number."),
    "holds_back_until_verified": Difference(31, "AttributesRequireVerificationBeforeUpdate is not obeyed."),
    "phone_format_checked": Difference(32, "Any text is stored as a phone number."),
    "blank_deletes": Difference(34, "A blank value is stored instead of deleting the attribute."),
    "schema_checked": Difference(35, "Attributes outside the schema are stored."),
    "mfa_needs_phone": Difference(36, "SMS MFA is switched on for users without a number."),
    "preferred_needs_enabled": Difference(41, "A factor can be preferred without being enabled."),
    "email_mfa": Difference(44, "EmailMfaSettings are accepted and forgotten."),
    "mfa_options": Difference(46, "There is no MFAOptions, so no legacy SMS MFA."),
    "sms_counted": Difference(53, "No message is sent or kept anywhere."),
    "alias_rules": Difference(60, "A verified number can belong to two users of a phone-alias pool."),
    "page_limits": Difference(63, "ListUsers gives more than 60 users where more are asked for."),
    "page_tokens": Difference(64, "A wrong PaginationToken has an error code of its own."),
    "quoted_filter_names": Difference(
        66, "The attribute's name in a filter may not stand in quotation marks."
    ),
    "list_filters": Difference(65, "A filter value keeps the backslashes that escape it."),
    "folds_emails": Difference(68, "E-mail addresses are searched with case."),
    "attributes_to_get": Difference(69, "AttributesToGet that a user lacks are left out, not refused."),
    "throttle": Difference(71, "Nothing is ever throttled."),
    "provisioned_limit": Difference(73, "GetProvisionedLimit is not there."),
    "auth_factors": Difference(74, "AdminGetUserAuthFactors is not there, and answers 500."),
    "service_quotas": Difference(81, "Service Quotas knows nothing of Cognito."),
}
"""What moto lacks, by the name of the capability."""


class Target(ABC):
    """A running Cognito, the tool's adapter for its pools, and ways to put users into a state."""

    name: str
    endpoint: str
    lacks: Mapping[str, Difference]

    @cached_property
    def client(self) -> Any:
        """A boto3 client that sends every call once."""
        return boto3.client(
            "cognito-idp",
            region_name=REGION,
            endpoint_url=self.endpoint,
            aws_access_key_id="testing",
            aws_secret_access_key="testing",
            config=Config(retries={"mode": "standard", "total_max_attempts": 1}, proxies={}),
        )

    @abstractmethod
    def arrange(self, pool: Pool, name: str, **members: Any) -> None:
        """Give a user members of a pool file that no API call can set."""

    @abstractmethod
    def sms(self, pool: Pool, name: str) -> int:
        """Messages sent to a user."""


class SharedClients(Aws):
    """The tool's clients, made once for each endpoint: making one takes longer than a test."""

    _made: ClassVar[dict[tuple[str | None, str, str | None], BaseClient]] = {}

    def client(self, service: str, region: str | None = None) -> BaseClient:
        """The client of a service."""
        key = (self.target.endpoint_url, service, region)
        if key not in self._made:
            self._made[key] = super().client(service, region)
        return self._made[key]


@dataclass
class Pool:
    """A pool of a target, through the adapter (`directory`) and through boto3 (`call`)."""

    target: Target
    id: str
    directory: CognitoUserPool = field(init=False)

    def __post_init__(self) -> None:
        """Point the tool's adapter at it."""
        aws = AwsTarget(user_pool_id=self.id, endpoint_url=self.target.endpoint)
        self.directory = CognitoUserPool(SharedClients(aws))

    @property
    def client(self) -> Any:
        """A plain boto3 client."""
        return self.target.client

    def call(self, operation: str, **members: Any) -> dict[str, Any]:
        """Call an operation on the pool."""
        answer: dict[str, Any] = getattr(self.client, operation)(UserPoolId=self.id, **members)
        return answer

    def add(self, name: str = "taro", **attributes: str) -> None:
        """Make a confirmed user."""
        self.call(
            "admin_create_user",
            Username=name,
            UserAttributes=attribute_list(attributes),
            MessageAction="SUPPRESS",
        )
        self.call("admin_set_user_password", Username=name, Password="Secret-1-passw0rd", Permanent=True)

    def write(self, name: str = "taro", **attributes: str) -> None:
        """AdminUpdateUserAttributes as it is."""
        self.call("admin_update_user_attributes", Username=name, UserAttributes=attribute_list(attributes))

    def attributes(self, name: str = "taro") -> dict[str, str]:
        """What AdminGetUser says of a user's attributes."""
        return {
            row["Name"]: row["Value"] for row in self.call("admin_get_user", Username=name)["UserAttributes"]
        }


def attribute_list(attributes: Mapping[str, str]) -> list[dict[str, str]]:
    """Attributes as the API takes them; `custom:` and `_verified` names included."""
    return [{"Name": name, "Value": value} for name, value in attributes.items()]


class Simulator(Target):
    """The project's own, in a process of its own."""

    name = "simulator"
    lacks: Mapping[str, Difference] = {}

    def __init__(self, running: Running) -> None:
        """Use a simulator that runs with its control endpoint."""
        self.running = running
        self.endpoint = running.endpoint

    def arrange(self, pool: Pool, name: str, **members: Any) -> None:
        self.running.control("users", {"pool": pool.id, "upsert": [{"Username": name, **members}]})

    def sms(self, pool: Pool, name: str) -> int:
        sent = self.running.control("sms").get(pool.attributes(name)["sub"], {"count": 0})
        return int(sent["count"])


class Moto(Target):
    """An independent one, more lenient than the service; its server runs in this process."""

    name = "moto"
    lacks = KNOWN_DIFFERENCES

    def __init__(self, endpoint: str) -> None:
        """Use a server of this process, so that its users are at hand."""
        self.endpoint = endpoint

    def arrange(self, pool: Pool, name: str, **members: Any) -> None:
        from moto.backends import get_backend

        user = get_backend("cognito-idp")["123456789012"][REGION].user_pools[pool.id].users[name]
        user.status = members.pop("UserStatus", user.status)
        user.enabled = members.pop("Enabled", user.enabled)
        if unknown := members.keys() - {"MFAOptions", "ConfiguredUserAuthFactors"}:
            raise ValueError(json.dumps(sorted(unknown)))

    def sms(self, pool: Pool, name: str) -> int:
        return 0


def code_of(call: Callable[[], object]) -> str:
    """The error code of a call of the adapter, or "ok"."""
    try:
        call()
    except ApiError as error:
        return error.code
    return "ok"


NEEDED: Final[dict[str, set[str]]] = {}
"""Names of the tests that need each capability."""
_Test = TypeVar("_Test", bound=Callable[..., None])


def needs(capability: str) -> Callable[[_Test], _Test]:
    """The test holds only where the target can do this; elsewhere it must fail."""

    def mark(test: _Test) -> _Test:
        NEEDED.setdefault(capability, set()).add(test.__name__)
        test.capability = capability  # type: ignore[attr-defined]
        return test

    return mark
