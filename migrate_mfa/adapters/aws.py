"""The AWS session: Region, endpoint, credentials, and clients whose every attempt we count ourselves."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import boto3
import botocore
from botocore import xform_name
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    CredentialRetrievalError,
    EndpointConnectionError,
    HTTPClientError,
    NoCredentialsError,
    ParamValidationError,
    PartialCredentialsError,
    ProfileNotFound,
    SSOError,
    TokenRetrievalError,
    UnauthorizedSSOTokenError,
)
from botocore.parsers import ResponseParserError

from migrate_mfa import __version__
from migrate_mfa.domain.errors import NotAllowed, UsageError
from migrate_mfa.domain.failure import CONNECT_FAILED, ApiError

if TYPE_CHECKING:
    from botocore.client import BaseClient

_CONNECT_TIMEOUT_S = 5
_READ_TIMEOUT_S = 20
_USER_AGENT = f"migrate-mfa/{__version__} Boto3/{boto3.__version__} Botocore/{botocore.__version__}"
"""Given whole: what botocore makes up itself costs a sixth of the CPU of a call, each time anew."""
_POOL_ID = re.compile(r"^(?P<region>[\w-]+)_[0-9A-Za-z]+$")
_NOTHING_SENT = (EndpointConnectionError, ConnectTimeoutError)
FAILURES = (ClientError, BotoCoreError, ResponseParserError, ValueError, RuntimeError)
"""All that a boto3 call raises: refusals, broken connections, answers that make no sense.

RuntimeError is what it raises for credentials that are still expired after they were refreshed.
"""
_NO_CREDENTIALS = (
    CredentialRetrievalError,
    NoCredentialsError,
    PartialCredentialsError,
    RuntimeError,
    SSOError,
    TokenRetrievalError,
    UnauthorizedSSOTokenError,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class AwsTarget:
    """Where to go: the AWS CLI's own options, each None for its usual default."""

    user_pool_id: str
    profile: str | None = None
    region: str | None = None
    endpoint_url: str | None = None


@dataclass(frozen=True, slots=True)
class Lane:
    """What a quota belongs to: one account in one Region, behind one endpoint."""

    endpoint: str
    account: str
    region: str


@dataclass(frozen=True, slots=True)
class Identity:
    """Whose credentials these are, as STS says."""

    account: str
    arn: str


def region_of(target: AwsTarget) -> str:
    """The Region: as given, else the one in the pool's id; two that differ are refused.

    Raises:
        UsageError: the id has no Region in it, or another one than was given.
    """
    match = _POOL_ID.match(target.user_pool_id)
    if match is None:
        raise UsageError(
            f"{target.user_pool_id!r} is not a user pool id.", "It looks like ap-northeast-1_AbCdEfGhI."
        )
    named = match["region"]
    if target.region and target.region != named and "-" in named:
        raise UsageError(
            f"The pool is in {named}, but the Region given is {target.region}.",
            "Leave --region (or AWS_REGION) out, or make it the pool's.",
        )
    return target.region or named


class Aws:
    """Clients for one target. No client retries by itself, so that every attempt passes the limiter."""

    def __init__(self, target: AwsTarget, *, connections: int = 10) -> None:
        self.target = target
        self.region = region_of(target)
        self._connections = connections
        try:
            self._session = boto3.Session(profile_name=target.profile, region_name=self.region)
        except ProfileNotFound as error:
            raise UsageError(str(error), "Give a profile of ~/.aws/config with --profile.") from error

    def client(self, service: str, region: str | None = None) -> "BaseClient":
        """A client of `service` in the target's Region or another, at `--endpoint-url` where one is given."""
        config = Config(
            retries={"mode": "standard", "total_max_attempts": 1},
            max_pool_connections=self._connections,
            connect_timeout=_CONNECT_TIMEOUT_S,
            read_timeout=_READ_TIMEOUT_S,
            tcp_keepalive=True,
            user_agent=_USER_AGENT,
        )
        make: Any = self._session.client
        client: BaseClient = make(
            service, region_name=region, endpoint_url=self.target.endpoint_url, config=config
        )
        return client

    def credentials_end(self) -> float | None:
        """When the credentials end, in seconds since the epoch; None where they do not say."""
        ends = getattr(self._session.get_credentials(), "_expiry_time", None)
        return ends.timestamp() if isinstance(ends, datetime) else None

    def lane(self) -> Lane:
        """The lane of these credentials; raises as `identity` does."""
        endpoint = (self.target.endpoint_url or "aws").rstrip("/")
        return Lane(endpoint, self.identity().account, self.region)

    def identity(self) -> Identity:
        """Ask STS whose credentials these are (GetCallerIdentity needs no permission).

        Raises:
            NotAllowed: there are no credentials, or AWS does not accept them.
            ApiError: STS cannot be reached.
        """
        client: Any = self.client("sts")
        try:
            answer = client.get_caller_identity()
        except _NO_CREDENTIALS as error:
            raise no_credentials(error) from error
        except FAILURES as error:
            raise api_error("GetCallerIdentity", error) from error
        return Identity(answer["Account"], answer["Arn"])


def call(client: Any, operation: str, *, need: str | None = None, **arguments: Any) -> Mapping[str, Any]:  # noqa: ANN401 - boto3's own shapes
    """One attempt at one operation, by its AWS name.

    Args:
        client: the service's client.
        operation: such as AdminGetUser.
        need: a member without which a 200 is no answer: boto3 lets garbage through.
        arguments: the request's members.

    Raises:
        ApiError: it failed.
    """
    method = getattr(client, xform_name(operation))
    try:
        answer: Mapping[str, Any] = method(**arguments)
    except ParamValidationError as error:
        raise ApiError(operation=operation, code="InvalidParameterException") from error
    except FAILURES as error:
        raise api_error(operation, error) from error
    if need is not None and need not in answer:
        raise ApiError(operation=operation, code="GarbledAnswer")
    return answer


def no_credentials(error: Exception) -> NotAllowed:
    """The run's problem for credentials that are missing or cannot be refreshed."""
    return NotAllowed(
        f"There are no usable AWS credentials ({type(error).__name__}).",
        "Sign in (aws sso login, aws configure), or give --profile.",
    )


def api_error(operation: str, error: Exception) -> ApiError:
    """Turn what boto3 raised into the one error that the rest of the tool knows."""
    if isinstance(error, ClientError):
        body: dict[str, Any] = dict(error.response)
        status = int(body.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
        details = body.get("Error", {})
        code = str(details.get("Code", "Unknown"))
        return ApiError(
            operation=operation, code=code, message=str(details.get("Message", "")), status=status
        )
    if isinstance(error, _NO_CREDENTIALS):
        return ApiError(operation=operation, code="NoCredentials")
    if isinstance(error, _NOTHING_SENT):
        return ApiError(operation=operation, code=CONNECT_FAILED)
    if isinstance(error, HTTPClientError):
        return ApiError(operation=operation, code="ConnectionLost")
    return ApiError(operation=operation, code="GarbledAnswer", message=type(error).__name__)
