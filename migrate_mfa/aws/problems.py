"""Turns what boto3 and botocore raise into our errors: a wrong AWS configuration must not look like a bug.

No message quotes the content of a file or the output of a credential_process: both may be secrets.
"""

import os
import re
from collections.abc import Iterator
from configparser import DuplicateOptionError, DuplicateSectionError, MissingSectionHeaderError, ParsingError
from contextlib import contextmanager
from getpass import GetPassWarning
from typing import Any

from botocore import exceptions as raised
from botocore.configloader import multi_file_load_config, raw_config_parse
from botocore.parsers import ResponseParserError

from migrate_mfa.aws.assumed_role import RoleRefused
from migrate_mfa.aws.config_files import SOURCES, config_file, credentials_file
from migrate_mfa.domain.errors import MigrateMfaError, NotAllowed, UsageError
from migrate_mfa.domain.failure import CONNECT_FAILED, PROXY_FAILED, TLS_FAILED, ApiError, Effect

FAILURES = (
    raised.ClientError,
    raised.BotoCoreError,
    ResponseParserError,
    ArithmeticError,
    AttributeError,
    LookupError,
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
)
"""All that a boto3 call raises: refusals, broken connections, garbled answers."""
_NO_CREDENTIALS = (
    raised.CredentialRetrievalError,
    raised.LoginError,
    raised.MetadataRetrievalError,
    raised.NoAuthTokenError,
    raised.NoCredentialsError,
    raised.PartialCredentialsError,
    raised.RefreshWithMFAUnsupportedError,
    raised.SSOError,
    raised.TokenRetrievalError,
)
"""Credentials that are missing, have expired or cannot be obtained: exit code 5."""
_SIGNED_OUT = (raised.SSOError, raised.LoginError, raised.TokenRetrievalError, raised.NoAuthTokenError)
_GARBLED = (
    raised.ChecksumError,
    raised.FlexibleChecksumError,
    raised.IncompleteReadError,
    raised.PaginationError,
)
"""What means a faulty answer, not a faulty configuration."""
_NOTHING_SENT = (raised.EndpointConnectionError, raised.ConnectTimeoutError)
_SETTINGS: tuple[tuple[type[Exception], str, str], ...] = (
    (raised.InvalidDefaultsMode, "AWS_DEFAULTS_MODE", "defaults_mode"),
    (raised.InvalidRetryModeError, "AWS_RETRY_MODE", "retry_mode"),
    (raised.InvalidRetryConfigurationError, "AWS_MAX_ATTEMPTS", "max_attempts"),
    (raised.InvalidSTSRegionalEndpointsConfigError, "AWS_STS_REGIONAL_ENDPOINTS", "sts_regional_endpoints"),
    (
        raised.InvalidS3UsEast1RegionalEndpointConfigError,
        "AWS_S3_US_EAST_1_REGIONAL_ENDPOINT",
        "s3.us_east_1_regional_endpoint",
    ),
    (raised.InvalidS3AddressingStyleError, "", "s3.addressing_style"),
    (
        raised.InvalidEndpointDiscoveryConfigurationError,
        "AWS_ENABLE_ENDPOINT_DISCOVERY",
        "endpoint_discovery_enabled",
    ),
    (
        raised.InvalidIMDSEndpointModeError,
        "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE",
        "ec2_metadata_service_endpoint_mode",
    ),
    (
        raised.InvalidIMDSEndpointError,
        "AWS_EC2_METADATA_SERVICE_ENDPOINT",
        "ec2_metadata_service_endpoint",
    ),
    (raised.InvalidRegionError, "AWS_REGION", "region"),
    (raised.InvalidProxiesConfigError, "HTTPS_PROXY", "proxies"),
)
"""Where the setting that an exception names can come from: the variable, and its name in a profile."""
_PROXIES = ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy")
_USER_INFO = re.compile(r"//[^/@\s]*@")


@contextmanager
def configuring(profile: str | None) -> Iterator[None]:
    """Name the cause of every failure while botocore reads files, variables and credentials.

    Raises:
        UsageError: the configuration cannot be used.
        NotAllowed: there are no usable credentials.
    """
    try:
        yield
    except MigrateMfaError:
        raise
    except Exception as error:
        raise configuration_problem(error, profile) from error


def configuration_problem(error: Exception, profile: str | None) -> MigrateMfaError:
    """The error that ends the command, for an exception raised while a client or credentials were made."""
    if isinstance(error, raised.ProfileNotFound):
        return UsageError(
            f"There is no profile {error.kwargs['profile']!r} in {config_file()} or {credentials_file()}"
            f"{_unnamed(error.kwargs['profile'])}.",
            "Name an existing one with --profile, or unset AWS_PROFILE.",
        )
    if isinstance(error, raised.ConfigParseError):
        return UsageError(f"{error.kwargs['path']} cannot be used: {_trouble(error)}.", _MEND)
    if (setting := _setting(error)) is not None:
        return UsageError(f"{setting}: {_said(error)}", "Correct or remove it.")
    if isinstance(error, raised.BotoCoreError) and not isinstance(error, _NO_CREDENTIALS):
        return UsageError(f"The AWS configuration cannot be used: {_said(error)}", _look_at(profile))
    if isinstance(error, AttributeError | TypeError | LookupError) and not _process(_name(profile)):
        return UsageError(
            "The AWS configuration cannot be used: a setting has the wrong form.", _look_at(profile)
        )
    return credentials_problem(error, profile)


def credentials_problem(error: BaseException, profile: str | None) -> MigrateMfaError:
    """The error that ends the command, for credentials that cannot be obtained or renewed."""
    if isinstance(error, raised.BotoCoreError) and not isinstance(error, _NO_CREDENTIALS):
        return configuration_problem(error, profile)
    if isinstance(error, raised.ClientError):
        return error.problem if isinstance(error, RoleRefused) else _role_refused(error, profile)
    if isinstance(error, raised.NoCredentialsError):
        return NotAllowed("There are no AWS credentials.", f"{_SIGN_IN}. {_look_at(profile)}")
    if isinstance(error, raised.PartialCredentialsError):
        provider = error.kwargs["provider"]
        source = credentials_file() if provider == _SHARED else SOURCES.get(provider, "the profile")
        lacks = f"The credentials are incomplete: {source} lacks {error.kwargs['cred_var']}."
        return NotAllowed(lacks, _look_at(profile))
    return _signed_out(error, _name(profile)) or _from_elsewhere(error, profile)


def _role_refused(error: raised.ClientError, profile: str | None) -> MigrateMfaError:
    code = error.response.get("Error", {}).get("Code", "Unknown")
    return NotAllowed(
        f"The profile {_name(profile)!r} gives no credentials: {error.operation_name} was refused ({code}).",
        f"Check its role and what it begins with, in {config_file()}, and at that role's trust policy.",
    )


def _signed_out(error: BaseException, name: str) -> MigrateMfaError | None:
    """The error for a session that only a person can start again, or None."""
    if isinstance(error, raised.RefreshWithMFAUnsupportedError):
        what = f"The session of the profile {name!r} has ended; a new one needs an MFA code."
        return NotAllowed(what, _MFA)
    if isinstance(error, EOFError | GetPassWarning):
        return NotAllowed(f"The profile {name!r} asks for an MFA code, and there is no terminal.", _MFA)
    if isinstance(error, _SIGNED_OUT):
        return NotAllowed(
            f"The sign-in of the profile {name!r} has ended or was never made ({type(error).__name__}).",
            f"aws sso login --profile {name} (aws login for a login session), then run the command again.",
        )
    return None


def _from_elsewhere(error: BaseException, profile: str | None) -> MigrateMfaError:
    """The error for credentials from a process, a file, a container or an instance, or None."""
    name, kind = _name(profile), type(error).__name__
    provider = error.kwargs.get("provider") if isinstance(error, raised.CredentialRetrievalError) else None
    if provider not in {None, "custom-process"}:
        return NotAllowed(f"No credentials came from {provider}.", _look_at(profile))
    if isinstance(error, OSError) and error.filename:
        reason = error.strerror or kind
        return NotAllowed(
            f"{error.filename} is needed for credentials and cannot be used ({reason}).", _look_at(profile)
        )
    if provider or _process(name):
        return NotAllowed(
            f"The credential_process of the profile {name!r} gives no credentials ({kind}).",
            f"Run it by hand, exactly as in {config_file()}: it must end with 0 and print JSON with "
            "Version 1, AccessKeyId and SecretAccessKey.",
        )
    if isinstance(error, RuntimeError):
        return NotAllowed("The AWS credentials have expired, also after they were renewed.", f"{_SIGN_IN}.")
    return NotAllowed(f"There are no usable AWS credentials ({kind}).", f"{_SIGN_IN}. {_look_at(profile)}")


def api_error(operation: str, error: BaseException) -> ApiError:
    """Turn what boto3 raised into an `ApiError`, the only one that the rest of the tool knows."""
    if isinstance(error, raised.ClientError):
        return _refusal(operation, error)
    if isinstance(error, raised.HTTPClientError | raised.ConnectionError):
        return _broken(operation, error)
    if isinstance(error, raised.ParamValidationError):
        return ApiError(operation=operation, code="InvalidParameterException")
    if isinstance(error, _NO_CREDENTIALS):
        return ApiError(operation=operation, code="NoCredentials", problem=credentials_problem(error, None))
    if isinstance(error, raised.BotoCoreError) and not isinstance(error, _GARBLED):
        problem = configuration_problem(error, None)
        return ApiError(operation=operation, code=type(error).__name__, problem=problem)
    return ApiError(operation=operation, code="GarbledAnswer", message=type(error).__name__)


def renewal_error(operation: str, error: Exception, profile: str | None) -> ApiError:
    """The error for credentials. If the network is the cause, nothing was sent and a retry may succeed."""
    if isinstance(error, raised.ClientError | raised.HTTPClientError | raised.ConnectionError):
        found = api_error(operation, error)
        if found.unconnected:
            return found
        if found.code == "ConnectionLost" or (
            found.effect is Effect.THROTTLED or found.status >= _SERVER_ERROR
        ):
            said = f"the credentials were not renewed ({found.code})"
            return ApiError(operation=operation, code=CONNECT_FAILED, message=said)
    problem = credentials_problem(error, profile)
    return ApiError(operation=operation, code="NoCredentials", problem=problem)


_SERVER_ERROR = 500


def _refusal(operation: str, error: raised.ClientError) -> ApiError:
    body: dict[str, Any] = dict(error.response)
    status = int(body.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    details = body.get("Error", {})
    code, message = str(details.get("Code", "Unknown")), str(details.get("Message", ""))
    return ApiError(operation=operation, code=code, message=message, status=status)


def _broken(operation: str, error: Any) -> ApiError:  # noqa: ANN401 - BotoCoreError's arguments are untyped
    """What is wrong with a connection that was not made, or broke."""
    url = _masked(str(error.kwargs.get("endpoint_url") or "the endpoint"))
    if isinstance(error, raised.ProxyConnectionError):
        variable = next((name for name in _PROXIES if os.environ.get(name)), "see the proxies of the system")
        said = f"the proxy {_masked(str(error.kwargs.get('proxy_url')))} ({variable}) does not answer"
        return ApiError(operation=operation, code=PROXY_FAILED, message=said)
    if isinstance(error, raised.SSLError):
        untrusted = "CERTIFICATE_VERIFY_FAILED" in str(error)
        said = f"{'the certificate is not trusted' if untrusted else 'TLS fails'} at {url}"
        return ApiError(operation=operation, code=TLS_FAILED, message=said)
    if isinstance(error, _NOTHING_SENT):
        return ApiError(operation=operation, code=CONNECT_FAILED, message=f"nothing answers at {url}")
    cause = error.__context__
    if isinstance(cause, ValueError) and any(os.environ.get(name) for name in _PROXIES):
        variable = next(name for name in _PROXIES if os.environ.get(name))
        problem = UsageError(f"{variable} is no proxy's URL.", "It looks like http://proxy.example.com:3128.")
        return ApiError(operation=operation, code=PROXY_FAILED, problem=problem)
    return ApiError(operation=operation, code="ConnectionLost")


def _masked(text: str) -> str:
    """The URL without a user name and password."""
    return _USER_INFO.sub("//***@", text)


def _said(error: BaseException) -> str:
    text = " ".join(_masked(str(error)).split())
    return text if text.endswith((".", ")")) else f"{text}."


def _setting(error: Exception) -> str | None:
    """The variable that a wrong setting comes from; if that is not set, its name in the file."""
    if isinstance(error, raised.InvalidChecksumConfigError):
        key = str(error.kwargs["config_key"])
        found: tuple[str, str] | None = f"AWS_{key.upper()}", key
    else:
        found = next(((each, key) for kind, each, key in _SETTINGS if isinstance(error, kind)), None)
    if found is None:
        return None
    variable, key = found
    return variable if variable in os.environ else f"{key} in {config_file()}"


def _trouble(error: Exception) -> str:
    """What is wrong with a configuration file, without quoting it."""
    cause = error.__context__
    if isinstance(cause, DuplicateOptionError):
        return f"the option {cause.option!r} stands twice in [{cause.section}], again in line {cause.lineno}"
    if isinstance(cause, DuplicateSectionError):
        return f"the section [{cause.section}] stands twice, again in line {cause.lineno}"
    if isinstance(cause, MissingSectionHeaderError):
        before = f"line {cause.lineno} stands before any [section]"
        return "it begins with a byte order mark" if cause.line.startswith("\ufeff") else before
    if isinstance(cause, ParsingError) and cause.errors:
        return f"line {cause.errors[0][0]} is neither a [section] nor NAME = VALUE"
    if isinstance(cause, UnicodeDecodeError):
        return "it is not UTF-8"
    return "a setting in it is not NAME = VALUE"


def _unnamed(profile: str) -> str:
    """The usual cause: the file has a section [NAME] that must be [profile NAME]."""
    try:
        named = raw_config_parse(config_file())
    except (raised.BotoCoreError, OSError, ValueError):
        return ""
    return f"; the first has [{profile}], which must be [profile {profile}] there" if profile in named else ""


def _process(profile: str) -> bool:
    """Whether a profile has a credential_process; false where the files cannot be read."""
    try:
        profiles = multi_file_load_config(config_file(), credentials_file())["profiles"]
    except (raised.BotoCoreError, OSError, ValueError):
        return False
    return "credential_process" in profiles.get(profile, {})


def _name(profile: str | None) -> str:
    return profile or os.environ.get("AWS_PROFILE") or "default"


def _look_at(profile: str | None) -> str:
    """The hint: check the profile, its file, and the variables that are set, by name."""
    names = sorted(name for name in os.environ if name.startswith("AWS_") and name not in _NO_MATTER)
    variables = f", and {', '.join(names)}" if names else ""
    return f"Check the profile {_name(profile)!r} in {config_file()}{variables}."


_NO_MATTER = {"AWS_CA_BUNDLE", "AWS_CONFIG_FILE", "AWS_DEFAULT_OUTPUT", "AWS_EXECUTION_ENV", "AWS_PAGER"}
"""Variables that have nothing to do with credentials or profiles; the hint names the files anyway."""
_SHARED = "shared-credentials-file"
_SIGN_IN = "Sign in (aws sso login, aws configure), or give --profile"
_MEND = "Correct the file, or name another with AWS_CONFIG_FILE or AWS_SHARED_CREDENTIALS_FILE."
_MFA = (
    "Get a session with `aws sts get-session-token`, and give its keys as AWS_ACCESS_KEY_ID, "
    "AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN, then run the same command again."
)
