"""The AWS session: Region, endpoint, credentials, and clients that never retry by themselves."""

import os
import re
import threading
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from getpass import GetPassWarning
from typing import TYPE_CHECKING, Any
from warnings import catch_warnings

import boto3
import botocore
import botocore.session
from botocore import xform_name
from botocore.config import Config
from botocore.exceptions import UnknownRegionError

from migrate_mfa import __version__
from migrate_mfa.aws.answers import Answer, reads, require_form
from migrate_mfa.aws.assumed_role import Role, RoleRefused, assumed
from migrate_mfa.aws.config_files import (
    config_file,
    require_certificates,
    require_clean_keys,
    require_readable,
)
from migrate_mfa.aws.deadline import TooLate, may_send, within
from migrate_mfa.aws.endpoints import AWS, name_of, own_variable, require_url
from migrate_mfa.aws.names import POOL_ID
from migrate_mfa.aws.problems import FAILURES, api_error, configuring, renewal_error
from migrate_mfa.aws.profile_settings import endpoint_source, require_usable
from migrate_mfa.domain.errors import NotAllowed, UsageError
from migrate_mfa.domain.failure import CONNECT_FAILED, ApiError
from migrate_mfa.domain.quotas import Lane

if TYPE_CHECKING:
    from botocore.client import BaseClient

_CONNECT_TIMEOUT_S = 5
_READ_TIMEOUT_S = 20
_CALL_S = float(_CONNECT_TIMEOUT_S + _READ_TIMEOUT_S)
"""The longest that a whole call may take; a drain relies on it (`stop.SILENT_DRAIN_S`)."""
_CREDENTIALS_S = 60.0
"""How long the first credentials may take, such as those of a credential_process."""
_USER_AGENT = f"migrate-mfa/{__version__} Boto3/{boto3.__version__} Botocore/{botocore.__version__}"
"""The complete user agent: if botocore composes it, that is a sixth of the CPU of each call."""
_RENEWED = {"assume-role-with-web-identity", "container-role", "iam-role"}
"""Botocore's names of credentials that renew themselves as long as the machine has its role."""
_POOL_ARN = re.compile(r"arn:[a-z-]+:cognito-idp:[a-z0-9-]+:[0-9]{12}:userpool/(?P<id>[^/]+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class AwsTarget:
    """Where calls go: the options of the AWS CLI, each None for its usual default."""

    user_pool_id: str
    profile: str | None = None
    region: str | None = None
    endpoint_url: str | None = None
    role: Role | None = None


@dataclass(frozen=True, slots=True)
class Identity:
    """Whose credentials these are, as STS says."""

    account: str
    arn: str


def region_of(target: AwsTarget) -> str:
    """The Region that was given, else the one in the pool's id. They must not differ.

    Raises:
        UsageError: the id contains no Region, or another one than was given.
    """
    match = POOL_ID.fullmatch(target.user_pool_id)
    if match is None:
        raise UsageError(f"{target.user_pool_id!r} is not a user pool id.", _like_a_pool_id(target))
    named = match["region"]
    if target.region and target.region != named and "-" in named:
        raise UsageError(
            f"The pool is in {named}, but the Region given is {target.region}.",
            "Leave --region (or AWS_REGION) out, or make it the pool's.",
        )
    return target.region or named


def _like_a_pool_id(target: AwsTarget) -> str:
    arn = _POOL_ARN.fullmatch(target.user_pool_id)
    if arn is not None and POOL_ID.fullmatch(arn["id"]):
        return f"It is an ARN; the id in it is {arn['id']}."
    return "It looks like ap-northeast-1_AbCdEfGhI; a pool's name or ARN is not its id."


class Aws:
    """Clients for one target. No client retries by itself, so that every attempt passes the limiter.

    Raises:
        UsageError: the operator's AWS configuration cannot be used.
        NotAllowed: it gives no usable credentials.
    """

    def __init__(self, target: AwsTarget, *, connections: int = 10, region: str | None = None) -> None:
        """Make a session; `region` is for calls that are not about a pool (default: the target's Region)."""
        self.target = target
        self.region = region or region_of(target)
        self._connections = connections
        self._making = threading.Lock()  # a session must not make two clients at once
        require_readable()
        with configuring(target.profile):
            self._core = botocore.session.Session(profile=target.profile)
            require_usable(self._core, self._profile)
            self._session = boto3.Session(botocore_session=self._core, region_name=self.region)
            self._source = self._credentials = self._find_credentials()
        self._require_region()
        self._require_certificates()
        if self._source is not None:
            self._begin_with(self._source)
            self._assume_role()

    def _assume_role(self) -> None:
        """Use the target's role from now on, if it names one."""
        if self.target.role is not None:
            self._credentials = assumed(self.target.role, self._source, self._client_with)
            core: Any = self._core  # botocore offers no other way to set it
            core._credentials = self._credentials  # noqa: SLF001
            self._begin_with(self._credentials)

    def _find_credentials(self) -> Any:  # noqa: ANN401 - botocore's own
        try:
            return within(_CREDENTIALS_S, self._core.get_credentials)
        except TooLate:
            raise NotAllowed(
                f"There were no AWS credentials after {_CREDENTIALS_S:.0f} s.",
                f"Run the credential_process of the profile by hand, exactly as in {config_file()}.",
            ) from None

    def client(self, service: str, region: str | None = None) -> "BaseClient":
        """A client of `service` in the target's Region or another, at the endpoint that is given for it.

        A variable for this service alone wins over `--endpoint-url`, which is for every service.
        """
        with configuring(self.target.profile):
            given, source = self._given_endpoint(service)
            try:
                client = self._create_client(service, region, given)
            except ValueError as error:
                if "endpoint" not in str(error):
                    raise
                raise UsageError(f"The endpoint URL of {source} cannot be used.", _ENDPOINT_FORM) from error
        require_url(client.meta.endpoint_url, source)
        client.meta.events.register_first("provide-client-params", self._renew_credentials)
        client.meta.events.register_first("before-send", may_send)
        client.meta.events.register("after-call", require_form)
        return client

    def _create_client(
        self, service: str, region: str | None, endpoint: str | None, **keys: str
    ) -> "BaseClient":
        config = Config(
            retries={"mode": "standard", "total_max_attempts": 1},
            max_pool_connections=self._connections,
            connect_timeout=_CONNECT_TIMEOUT_S,
            read_timeout=_READ_TIMEOUT_S,
            tcp_keepalive=True,
            user_agent=_USER_AGENT,
        )
        make: Any = self._session.client
        with self._making:
            client: BaseClient = make(
                service, region_name=region, endpoint_url=endpoint, config=config, **keys
            )
        return client

    def _client_with(self, service: str, **keys: str) -> "BaseClient":
        """A client with these keys, for botocore's own calls."""
        return self._create_client(service, None, self._given_endpoint(service)[0], **keys)

    def _given_endpoint(self, service: str) -> tuple[str | None, str]:
        """The endpoint to make a client with, None if botocore chooses it; and where it comes from."""
        service_id: str = self._core.get_service_model(service).service_id
        if name := own_variable(service_id, ignored=self._ignores_endpoints):
            return None, name
        if self.target.endpoint_url is not None:
            return self.target.endpoint_url, "--endpoint-url"
        return None, endpoint_source(self._core, service_id, self._profile)

    @property
    def _profile(self) -> str:
        return self.target.profile or os.environ.get("AWS_PROFILE") or "default"

    @cached_property
    def _ignores_endpoints(self) -> bool:
        return bool(self._core.get_config_variable("ignore_configured_endpoint_urls"))

    @cached_property
    def endpoint(self) -> str:
        """Where calls about the pool go: `aws`, or the URL from a flag, a variable or the profile."""
        url: str = self.client("cognito-idp").meta.endpoint_url
        return name_of(url, self._suffixes())

    def _suffixes(self) -> set[str]:
        """The DNS suffixes of AWS's own endpoints, in every partition."""
        partitions = self._core.get_component("data_loader").load_data("partitions")["partitions"]
        outputs = [each["outputs"] for each in partitions]
        return {
            each[name] for each in outputs for name in ("dnsSuffix", "dualStackDnsSuffix") if name in each
        }

    def credentials_end(self) -> float | None:
        """When the credentials expire, in seconds since 1970; None if they renew themselves or do not tell.

        Those of `--role-arn` are renewed until the credentials that assume the role expire.
        """
        if self._source is None or self._source.method in _RENEWED:
            return None
        ends = getattr(self._source, "_expiry_time", None)
        return ends.timestamp() if isinstance(ends, datetime) else None

    def lane(self) -> Lane:
        """The lane of these credentials; raises as `identity` does."""
        identity = self.identity()
        return Lane(self.endpoint, identity.account, self.region, identity.arn)

    @reads("GetCallerIdentity")
    def identity(self) -> Identity:
        """Ask STS whose credentials these are (GetCallerIdentity needs no permission).

        Raises:
            ApiError: there are no credentials, STS does not accept them, or it cannot be reached.
        """
        answer = call(self.client("sts"), "GetCallerIdentity", need="Account")
        return Identity(answer["Account"], answer["Arn"])

    def _begin_with(self, credentials: Any) -> None:  # noqa: ANN401 - botocore's own
        """Get the credentials now, in the main thread: a profile may ask for an MFA code.

        Without a terminal, botocore would read the code from standard input and echo it.
        """
        try:
            with catch_warnings(action="error", category=GetPassWarning):
                keys = credentials.get_frozen_credentials()
        except Exception as error:
            renewal = renewal_error("GetCredentials", error, self.target.profile)
            if renewal.problem is None:
                return  # the network: the first call retries and reports it
            raise renewal.problem from error
        require_clean_keys(keys, credentials.method)

    def _renew_credentials(self, model: Any, **_: object) -> None:  # noqa: ANN401 - botocore's own
        """Get the credentials before the call, so that their failure is reported as theirs."""
        if self._credentials is None:
            return
        try:
            self._credentials.get_frozen_credentials()
        except Exception as error:
            raise renewal_error(model.name, error, self.target.profile) from error

    def _require_region(self) -> None:
        """Refuse a Region that is in no partition, unless the endpoint is not AWS's."""
        try:
            self._core.get_partition_for_region(self.region)
        except UnknownRegionError as error:
            if self.endpoint == AWS:
                raise UsageError(
                    f"There is no AWS Region {self.region!r}.", "Correct --user-pool-id or --region."
                ) from error

    def _require_certificates(self) -> None:
        named = self._core.get_config_variable("ca_bundle")
        path = named or os.environ.get("REQUESTS_CA_BUNDLE")
        if path and not self.endpoint.startswith("http:"):
            own = "AWS_CA_BUNDLE" if os.environ.get("AWS_CA_BUNDLE") else f"ca_bundle in {config_file()}"
            require_certificates(path, own if named else "REQUESTS_CA_BUNDLE")


_ENDPOINT_FORM = "It begins with https:// or http://, and names a host."


def call(client: Any, operation: str, *, need: str | None = None, **arguments: Any) -> Answer:  # noqa: ANN401 - boto3's own shapes
    """One attempt at one operation, by its AWS name.

    Args:
        client: the service's client.
        operation: such as AdminGetUser.
        need: a member that a 200 must have; boto3 does not check it.
        arguments: the request's members.

    Raises:
        ApiError: it failed.
    """
    method = getattr(client, xform_name(operation))
    try:
        answer: Answer = within(_CALL_S, lambda: method(**arguments))
    except TooLate as late:
        said = f"there was no whole answer within {_CALL_S:.0f} s"
        code = "ConnectionLost" if late.sent else CONNECT_FAILED
        raise ApiError(operation=operation, code=code, message=said) from late
    except RoleRefused as error:  # while the call was signed
        raise renewal_error(operation, error, None) from error
    except FAILURES as error:
        refused = api_error(operation, error)
        refused.pool_id = arguments.get("UserPoolId", "")
        raise refused from error
    if need is not None and need not in answer:
        raise ApiError(operation=operation, code="GarbledAnswer")
    return answer
