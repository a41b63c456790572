"""AWS configurations as people really have them: each ends with 2 or 5, and says what to look at."""

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from migrate_mfa.aws import session as aws_module
from migrate_mfa.aws.session import Aws, AwsTarget, call
from migrate_mfa.domain.errors import ExitCode, MigrateMfaError
from migrate_mfa.domain.failure import ApiError, run_problem

POOL = "us-east-1_AbCdEfGhI"
USAGE, NOT_ALLOWED = ExitCode.USAGE, ExitCode.NOT_ALLOWED
KEYS = {"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "notasecret"}
SECRET = "wJalrXUtnFEMIK7MDENG"


def process(command: str) -> str:
    return f"[default]\ncredential_process = {command}\n"


def role(*lines: str) -> str:
    return "\n".join(["[profile a]", "role_arn = arn:aws:iam::123456789012:role/x", *lines, ""])


@dataclass(frozen=True)
class Case:
    """What the operator has, and what must be said."""

    code: ExitCode
    said: str
    config: str | bytes = ""
    credentials: str | bytes = ""
    env: Mapping[str, str] = field(default_factory=dict)
    profile: str | None = None
    keys: bool = False


CASES = {
    "no number": Case(
        USAGE,
        r"metadata_service_num_attempts of the profile 'a' in .*/config is not a whole number",
        "[profile a]\nmetadata_service_num_attempts = zz\n",
        profile="a",
    ),
    "no number in a variable": Case(
        USAGE, "AWS_METADATA_SERVICE_TIMEOUT is not a", env={"AWS_METADATA_SERVICE_TIMEOUT": "1.5"}, keys=True
    ),
    "services that are not there": Case(
        USAGE,
        r"services of the profile 'a' in .*/config is 'nope', but there is no section \[services nope\]",
        "[profile a]\nservices = nope\n",
        profile="a",
        keys=True,
    ),
    "a service without its settings": Case(
        USAGE,
        r"\[services s\] in .*/config, of the profile 'default': cognito_identity_provider has no settings",
        "[default]\nservices = s\n[services s]\ncognito_identity_provider = http://127.0.0.1:9\n",
        keys=True,
    ),
    "a service by another name": Case(
        USAGE,
        "cognito_idp is no service's name; the one of user pools is cognito_identity_provider",
        "[default]\nservices = s\n[services s]\ncognito_idp =\n  endpoint_url = http://127.0.0.1:9\n",
        keys=True,
    ),
    "a service's endpoint": Case(
        USAGE,
        r"cognito_identity_provider in \[services s\] of .*/config \(profile 'default'\) cannot be used",
        "[default]\nservices = s\n[services s]\ncognito_identity_provider =\n  endpoint_url = ftp://x\n",
        keys=True,
    ),
    "a mark at the beginning": Case(USAGE, "byte order mark", b"\xef\xbb\xbf[default]\n"),
    "a profile without the word": Case(
        USAGE, r"has \[a\], which must be \[profile a\]", "[a]\n", profile="a"
    ),
    "option twice": Case(
        USAGE,
        r"/config cannot be used: the option 'output' stands twice in \[default\], again in line 4",
        "[default]\noutput = json\nregion = us-east-1\noutput = text\n",
    ),
    "section twice": Case(
        USAGE, r"the section \[default\] stands twice, again in line 3", "[default]\nregion = a\n[default]\n"
    ),
    "no section": Case(USAGE, "line 1 stands before any", f"{SECRET}\n"),
    "no assignment": Case(USAGE, "line 2 is neither", f"[default]\n{SECRET}\n"),
    "not UTF-8": Case(USAGE, "it is not UTF-8", "[default]\nregion = ü\n".encode("latin-1")),
    "UTF-16": Case(USAGE, "it is not UTF-8", "[default]\n".encode("utf-16")),
    "bad nested": Case(USAGE, "not NAME = VALUE", "[default]\ns3 =\n  bogus\n"),
    "credentials twice": Case(
        USAGE,
        "/credentials cannot be used: the option 'aws_access_key_id' stands twice",
        credentials="[default]\naws_access_key_id = a\naws_access_key_id = b\n",
    ),
    "half a key in the file": Case(
        NOT_ALLOWED,
        "credentials lacks aws_secret_access_key",
        credentials="[default]\naws_access_key_id = AKID\n",
    ),
    "half a key in variables": Case(
        NOT_ALLOWED, "lacks AWS_SECRET_ACCESS_KEY", env={"AWS_ACCESS_KEY_ID": "AKID"}
    ),
    "none": Case(NOT_ALLOWED, "There are no AWS credentials"),
    "the other half alone": Case(
        NOT_ALLOWED, "There are no AWS credentials", env={"AWS_SECRET_ACCESS_KEY": SECRET}
    ),
    "process fails": Case(
        NOT_ALLOWED,
        "credential_process of the profile 'default'",
        process(f'sh -c "echo {SECRET} >&2; exit 3"'),
    ),
    "process missing": Case(NOT_ALLOWED, "/nowhere/command is needed", process("/nowhere/command")),
    "process prints no JSON": Case(
        NOT_ALLOWED, "credential_process of the profile 'default'", process(f"echo {SECRET}")
    ),
    "process prints a list": Case(NOT_ALLOWED, "credential_process", process("echo '[1]'")),
    "process prints another version": Case(
        NOT_ALLOWED, "credential_process", process("echo '" + json.dumps({"Version": 2}) + "'")
    ),
    "process prints half a key": Case(
        NOT_ALLOWED,
        "credential_process",
        process("echo '" + json.dumps({"Version": 1, "AccessKeyId": "a"}) + "'"),
    ),
    "process prints what has expired": Case(
        NOT_ALLOWED,
        "credential_process",
        process(
            "echo '"
            + json.dumps(
                {
                    "Version": 1,
                    "AccessKeyId": "a",
                    "SecretAccessKey": "b",
                    "Expiration": "2001-01-01T00:00:00Z",
                }
            )
            + "'"
        ),
    ),
    "process not quoted": Case(NOT_ALLOWED, "credential_process", process('echo "open')),
    "process empty": Case(NOT_ALLOWED, "credential_process", process("")),
    "profile missing": Case(USAGE, r"There is no profile 'a' in .*/config or .*/credentials\.$", profile="a"),
    "profile missing by variable": Case(
        USAGE, "There is no profile 'gone'", env={"AWS_PROFILE": "gone"}, keys=True
    ),
    "profile loop": Case(
        USAGE,
        "Infinite loop",
        role("source_profile = b")
        + "[profile b]\nrole_arn = arn:aws:iam::123456789012:role/y\nsource_profile = a\n",
        profile="a",
    ),
    "source missing": Case(USAGE, 'source_profile "zz"', role("source_profile = zz"), profile="a"),
    "role without source": Case(NOT_ALLOWED, "lacks source_profile", role(), profile="a"),
    "two sources": Case(
        USAGE, "both", role("source_profile = a", "credential_source = Environment"), profile="a"
    ),
    "unknown source": Case(USAGE, '"Foo"', role("credential_source = Foo"), profile="a"),
    "empty source": Case(
        NOT_ALLOWED, "from Environment", role("credential_source = Environment"), profile="a"
    ),
    "token file missing": Case(
        NOT_ALLOWED,
        "/nowhere/token is needed",
        env={
            "AWS_WEB_IDENTITY_TOKEN_FILE": "/nowhere/token",
            "AWS_ROLE_ARN": "arn:aws:iam::123456789012:role/x",
        },
    ),
    "token file without a role": Case(
        USAGE, "no role ARN", env={"AWS_WEB_IDENTITY_TOKEN_FILE": "/nowhere/token"}
    ),
    "MFA without a terminal": Case(
        NOT_ALLOWED,
        "asks for an MFA code",
        role("source_profile = b", "mfa_serial = arn:aws:iam::123456789012:mfa/me")
        + f"[profile b]\naws_access_key_id = A\naws_secret_access_key = {SECRET}\n",
        profile="a",
    ),
    "SSO never signed in": Case(
        NOT_ALLOWED,
        "sign-in of the profile 'a'",
        "[profile a]\nsso_session = s\nsso_account_id = 123456789012\nsso_role_name = r\n"
        "[sso-session s]\nsso_region = us-east-1\nsso_start_url = https://example.com/start\n",
        profile="a",
    ),
    "half of SSO": Case(
        USAGE, "sso_role_name", "[profile a]\nsso_account_id = 1\nsso_start_url = x\n", profile="a"
    ),
    "defaults mode": Case(USAGE, "^AWS_DEFAULTS_MODE: ", env={"AWS_DEFAULTS_MODE": "bogus"}, keys=True),
    "defaults mode in the file": Case(
        USAGE, "^defaults_mode in .*/config: ", "[default]\ndefaults_mode = bogus\n", keys=True
    ),
    "STS mode": Case(
        USAGE, "^AWS_STS_REGIONAL_ENDPOINTS: ", env={"AWS_STS_REGIONAL_ENDPOINTS": "bogus"}, keys=True
    ),
    "S3 style": Case(
        USAGE, "^s3.addressing_style in ", "[default]\ns3 =\n  addressing_style = bogus\n", keys=True
    ),
    "checksums": Case(
        USAGE,
        "^AWS_REQUEST_CHECKSUM_CALCULATION: ",
        env={"AWS_REQUEST_CHECKSUM_CALCULATION": "bogus"},
        keys=True,
    ),
    "API versions": Case(USAGE, "wrong form", "[default]\napi_versions = bogus\n", keys=True),
    "carriage return in a key": Case(
        NOT_ALLOWED,
        "^AWS_ACCESS_KEY_ID holds .* carriage return",
        env={**KEYS, "AWS_ACCESS_KEY_ID": "AKID\r"},
    ),
    "carriage return in the secret": Case(
        NOT_ALLOWED, "^AWS_SECRET_ACCESS_KEY holds", env={**KEYS, "AWS_SECRET_ACCESS_KEY": f"{SECRET}\r"}
    ),
    "line end in the token": Case(
        NOT_ALLOWED, "^AWS_SESSION_TOKEN holds", env={**KEYS, "AWS_SESSION_TOKEN": f"{SECRET}\r\n"}
    ),
    "blank in a key": Case(NOT_ALLOWED, "a blank", env={**KEYS, "AWS_ACCESS_KEY_ID": "AK ID"}),
    "letter in a key": Case(NOT_ALLOWED, r"U\+00FC", env={**KEYS, "AWS_ACCESS_KEY_ID": "AKIDü"}),
    "carriage return in the file": Case(
        USAGE, "line 3 is neither", credentials="[default]\naws_access_key_id = AK\raws\n"
    ),
    "no CA bundle": Case(
        USAGE, "^AWS_CA_BUNDLE names /nowhere/ca.pem", env={"AWS_CA_BUNDLE": "/nowhere/ca.pem"}, keys=True
    ),
    "no CA bundle in the file": Case(
        USAGE, "^ca_bundle in .*/config names /nowhere", "[default]\nca_bundle = /nowhere/ca.pem\n", keys=True
    ),
    "bad CA bundle": Case(USAGE, "holds no certificates", env={"AWS_CA_BUNDLE": __file__}, keys=True),
    "blank in the endpoint": Case(
        USAGE, "AWS_ENDPOINT_URL cannot be used", env={"AWS_ENDPOINT_URL": "http://127.0.0.1:9 "}, keys=True
    ),
    "no host": Case(USAGE, "AWS_ENDPOINT_URL cannot", env={"AWS_ENDPOINT_URL": "http://"}, keys=True),
    "no port": Case(USAGE, "AWS_ENDPOINT_URL cannot", env={"AWS_ENDPOINT_URL": "http://h:abc"}, keys=True),
    "big port": Case(USAGE, "AWS_ENDPOINT_URL cannot", env={"AWS_ENDPOINT_URL": "http://h:99999"}, keys=True),
    "endpoint of the service": Case(
        USAGE,
        "AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER cannot",
        env={"AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER": "localhost"},
        keys=True,
    ),
    "container": Case(
        NOT_ALLOWED, "no usable", env={"AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://example.com/x"}
    ),
    "metadata mode": Case(
        USAGE,
        "^AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE: ",
        env={"AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE": "ipv9", "AWS_EC2_METADATA_DISABLED": "false"},
    ),
}


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine without any AWS configuration."""
    for name in [*os.environ]:
        if name.startswith("AWS_") or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    real_open = os.open
    monkeypatch.setattr(
        os, "open", lambda path, *more: real_open(path if path != "/dev/tty" else "/nowhere/tty", *more)
    )
    return tmp_path


def keep(home: Path, case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, text in (("config", case.config), ("credentials", case.credentials)):
        if text:
            (home / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    for name, value in {**(KEYS if case.keys else {}), **case.env}.items():
        monkeypatch.setenv(name, value)


def end_of(profile: str | None = None) -> MigrateMfaError:
    """How a command ends that makes its clients and asks who it is."""
    try:
        aws = Aws(AwsTarget(user_pool_id=POOL, profile=profile))
        aws.client("cognito-idp")
        aws.identity()
    except MigrateMfaError as error:
        return error
    except ApiError as error:
        return run_problem(error)
    pytest.fail("it came through")


@pytest.mark.parametrize("name", CASES)
def test_each_configuration_ends_with_its_code_and_says_why(
    name: str, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = CASES[name]
    keep(home, case, monkeypatch)

    error = end_of(case.profile)

    assert error.exit_code is case.code
    assert re.search(case.said, error.message)
    assert error.hint
    assert SECRET not in error.message + error.hint


@pytest.mark.parametrize("name", ["config", "credentials"])
def test_a_directory_or_what_may_not_be_read_is_named(
    name: str, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (home / name).mkdir()
    assert f"{home / name} cannot be read (Is a directory)" in end_of().message
    (home / name).rmdir()
    (home / name).write_text("[default]\n")

    def refuse(self: Path, *_: object) -> None:
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(Path, "open", refuse)
    assert f"{home / name} cannot be read (Permission denied)" in end_of().message


def test_what_is_not_there_is_no_trouble(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)

    assert Aws(AwsTarget(user_pool_id=POOL)).client("sts") is not None


def test_a_process_that_never_ends_is_not_waited_for(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (home / "config").write_text(process("sleep 30"))
    monkeypatch.setattr(aws_module, "_CREDENTIALS_S", 0.2)

    error = end_of()

    assert error.exit_code is NOT_ALLOWED
    assert "after 0 s" in error.message
    assert "credential_process" in error.hint


def test_a_dead_proxy_is_named_as_that(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {**KEYS, "HTTPS_PROXY": f"http://me:{SECRET}@127.0.0.1:9"}.items():
        monkeypatch.setenv(name, value)

    with pytest.raises(ApiError) as raised:
        Aws(AwsTarget(user_pool_id=POOL)).identity()

    assert raised.value.code == "ProxyFailed"
    assert raised.value.message == "the proxy http://***@127.0.0.1:9 (HTTPS_PROXY) does not answer"


@pytest.mark.parametrize("url", ["http://[::1", "http://host:port"])
def test_a_proxy_that_is_no_url_is_a_wrong_setting(
    url: str, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {**KEYS, "HTTPS_PROXY": url}.items():
        monkeypatch.setenv(name, value)

    error = end_of()

    assert error.exit_code is USAGE
    assert error.message == "HTTPS_PROXY is no proxy's URL."


def test_an_unknown_region_is_said_before_anything_is_looked_for(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)
    odd = AwsTarget(user_pool_id="xx-nowhere-9_AbCdEfGhI")

    with pytest.raises(MigrateMfaError, match="There is no AWS Region 'xx-nowhere-9'") as raised:
        Aws(odd)

    assert raised.value.exit_code is USAGE
    elsewhere = AwsTarget(user_pool_id=odd.user_pool_id, endpoint_url="http://127.0.0.1:9")
    assert Aws(elsewhere).region == "xx-nowhere-9"


def test_credentials_that_end_in_mid_run_end_it_with_5(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    good = {"Version": 1, "AccessKeyId": "A", "SecretAccessKey": "B", "SessionToken": "C"}
    (home / "answer").write_text(json.dumps({**good, "Expiration": "2999-01-01T00:00:00Z"}))
    (home / "config").write_text(process(f"cat {home / 'answer'}"))
    aws = Aws(AwsTarget(user_pool_id=POOL, endpoint_url="http://127.0.0.1:9"))
    client = aws.client("cognito-idp")
    (home / "answer").write_text("You are signed out.")
    aws._credentials._expiry_time = aws._credentials._time_fetcher()

    with pytest.raises(ApiError) as raised:
        call(client, "DescribeUserPool", UserPoolId=POOL)

    problem = run_problem(raised.value)
    assert problem.exit_code is NOT_ALLOWED
    assert "credential_process of the profile 'default'" in problem.message


@pytest.mark.parametrize("pool_id", ["\uff41p-northeast-1_AbCdEfGhI", "bugs", "ap-northeast-1", "", "a_b_c"])
def test_what_is_no_pool_id_is_refused(pool_id: str) -> None:
    with pytest.raises(MigrateMfaError, match="is not a user pool id") as raised:
        Aws(AwsTarget(user_pool_id=pool_id))

    assert raised.value.exit_code is USAGE


def test_the_id_in_an_arn_is_named() -> None:
    arn = f"arn:aws:cognito-idp:us-east-1:123456789012:userpool/{POOL}"

    with pytest.raises(MigrateMfaError) as raised:
        Aws(AwsTarget(user_pool_id=arn))

    assert POOL in raised.value.hint


def test_a_user_without_a_home_has_no_configuration_and_that_is_fine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Such as user 10001 of a container: no HOME, and nothing in /etc/passwd."""
    for name in ("HOME", "AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.delenv(name, raising=False)

    def nobody(_: int) -> None:
        raise KeyError

    monkeypatch.setattr("pwd.getpwuid", nobody)

    assert Aws(AwsTarget(user_pool_id=POOL)).client("sts") is not None
