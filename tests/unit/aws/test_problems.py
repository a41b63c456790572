"""Whatever botocore raises is told as what it is: the operator's configuration is never a bug of ours."""

import string
from collections.abc import Iterator
from typing import Any

import botocore.exceptions
import pytest
from botocore.exceptions import BotoCoreError, ClientError, WaiterError

from migrate_mfa.aws.problems import (
    FAILURES,
    api_error,
    configuration_problem,
    configuring,
    credentials_problem,
    renewal_error,
)
from migrate_mfa.domain.errors import ExitCode, MigrateMfaError
from migrate_mfa.domain.failure import Effect, run_problem

THEIRS = {ExitCode.USAGE, ExitCode.NOT_ALLOWED}
SECRET = "wJalrXUtnFEMIK7MDENG"


def subclasses(base: type[Any]) -> Iterator[type[Any]]:
    for each in base.__subclasses__():
        yield each
        yield from subclasses(each)


def made(kind: Any) -> Exception:
    """An exception of this kind, as botocore makes it: with all that its text names."""
    error: Exception = kind(**dict.fromkeys(names_of(kind), SECRET)) if names_of(kind) else special(kind)
    return error


def special(kind: Any) -> Exception:
    """Those that take their arguments by their places."""
    error: Exception = kind("name", "reason", {}) if kind is WaiterError else kind(REFUSAL, "AssumeRole")
    return error


REFUSAL = {"Error": {"Code": "Odd"}, "ResponseMetadata": {"HTTPStatusCode": 400}}


def names_of(kind: Any) -> set[str]:
    """The names of what an exception's text is made of, and of what may be asked of it."""
    if kind is WaiterError or issubclass(kind, ClientError):
        return set()
    names = {name for _, name, _, _ in string.Formatter().parse(kind.fmt) if name}
    names |= {"provider", "cred_var", "error", "endpoint_url", "profile", "path", "config_key", "proxy_url"}
    return names


KINDS = sorted(
    {
        each
        for base in (BotoCoreError, ClientError)
        for each in (base, *subclasses(base))
        if each.__module__ == botocore.exceptions.__name__
    },
    key=lambda kind: kind.__name__,
)
OTHERS = [
    AttributeError("no attribute"),
    EOFError(),
    FileNotFoundError(2, "No such file or directory", "/nowhere/token"),
    IndexError("list index"),
    KeyError("x"),
    PermissionError(13, "Permission denied", "/nowhere/command"),
    RuntimeError("still expired"),
    TypeError("not iterable"),
    UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid"),
    ValueError("No closing quotation"),
]


def test_there_are_exceptions_to_walk() -> None:
    assert len(KINDS) > 70


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_each_ends_with_2_or_5_while_clients_and_credentials_are_made(kind: type[Any]) -> None:
    for problem in (configuration_problem(made(kind), None), credentials_problem(made(kind), "admin")):
        assert problem.exit_code in THEIRS
        assert problem.message.endswith((".", ")"))
        assert problem.hint


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_each_is_an_error_of_ours_in_a_call_and_in_a_renewal(kind: type[Any]) -> None:
    assert issubclass(kind, FAILURES)
    for error in (api_error("AdminGetUser", made(kind)), renewal_error("AdminGetUser", made(kind), None)):
        assert error.operation == "AdminGetUser"
        if error.effect is Effect.FATAL:
            assert run_problem(error).exit_code in {*THEIRS, ExitCode.STOPPED}


@pytest.mark.parametrize("error", OTHERS, ids=lambda error: type(error).__name__)
def test_so_does_all_else_that_is_raised_on_the_way(error: Exception) -> None:
    with pytest.raises(MigrateMfaError) as raised, configuring("admin"):
        raise error

    assert raised.value.exit_code in THEIRS
    assert raised.value.hint


@pytest.mark.parametrize(
    "kind",
    ["CredentialRetrievalError", "TokenRetrievalError", "SSOTokenLoadError", "LoginTokenLoadError"],
)
def test_what_a_process_or_a_token_store_said_is_not_repeated(kind: str) -> None:
    error = getattr(botocore.exceptions, kind)(provider="custom-process", error_msg=SECRET)

    problem = credentials_problem(error, "admin")

    assert SECRET not in problem.message + problem.hint
    assert problem.exit_code is ExitCode.NOT_ALLOWED


def test_a_password_in_a_url_is_not_repeated() -> None:
    url = f"http://me:{SECRET}@proxy.example.com:3128"
    proxy = botocore.exceptions.ProxyConnectionError(proxy_url=url, error="")
    dead = botocore.exceptions.EndpointConnectionError(endpoint_url=url, error="")

    assert [SECRET in api_error("ListUsers", each).message for each in (proxy, dead)] == [False, False]


def refused(code: str, status: int) -> ClientError:
    answer: Any = {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(answer, "AssumeRole")


@pytest.mark.parametrize(
    ("error", "effect"),
    [
        (botocore.exceptions.EndpointConnectionError(endpoint_url="https://sts"), Effect.NOT_EXECUTED),
        (botocore.exceptions.ReadTimeoutError(endpoint_url="https://sts"), Effect.NOT_EXECUTED),
        (refused("ServiceUnavailable", 503), Effect.NOT_EXECUTED),
        (refused("Throttling", 400), Effect.NOT_EXECUTED),
        (refused("AccessDenied", 403), Effect.FATAL),
        (botocore.exceptions.RefreshWithMFAUnsupportedError(), Effect.FATAL),
        (botocore.exceptions.UnauthorizedSSOTokenError(), Effect.FATAL),
        (RuntimeError("still expired"), Effect.FATAL),
    ],
)
def test_a_renewal_that_fails_sent_nothing_and_ends_the_run_only_where_it_is_refused(
    error: Exception, effect: Effect
) -> None:
    found = renewal_error("AdminUpdateUserAttributes", error, None)

    assert found.effect is effect
    if effect is Effect.FATAL:
        assert run_problem(found).exit_code is ExitCode.NOT_ALLOWED


def test_a_wrong_setting_is_named_by_its_variable_or_its_place_in_the_file(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    error = botocore.exceptions.InvalidRetryModeError(
        retry_config_option="mode", valid_options="", valid_modes="legacy", provided_retry_mode="bogus"
    )
    monkeypatch.setenv("AWS_CONFIG_FILE", "/somewhere/config")
    monkeypatch.delenv("AWS_RETRY_MODE", raising=False)

    assert configuration_problem(error, None).message.startswith("retry_mode in /somewhere/config: ")
    monkeypatch.setenv("AWS_RETRY_MODE", "bogus")
    assert configuration_problem(error, None).message.startswith("AWS_RETRY_MODE: ")
