"""The endpoint that a client really has, whatever named it, and what counts as AWS's own."""

from pathlib import Path

import pytest

from migrate_mfa.aws.endpoints import AWS, require_url
from migrate_mfa.aws.session import Aws, AwsTarget
from migrate_mfa.domain.errors import InputUnusable, UsageError
from migrate_mfa.domain.quotas import Lane
from migrate_mfa.session import require_endpoint

POOL = "us-east-1_AbCdEfGhI"
FLAG, ALL, OWN, FILE = (f"http://127.0.0.1:{port}" for port in (1001, 1002, 1003, 1004))
OF_COGNITO = "AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER"
SERVICES = (
    f"[default]\nservices = here\n[services here]\ncognito_identity_provider =\n  endpoint_url = {FILE}\n"
)


@pytest.fixture(autouse=True)
def _machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ENDPOINT_URL", OF_COGNITO, "AWS_PROFILE", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")


def real(flag: str | None = None) -> tuple[str, str]:
    """The endpoints of the pool's client and of another service's."""
    aws = Aws(AwsTarget(user_pool_id=POOL, endpoint_url=flag))
    return aws.endpoint, str(aws.client("sts").meta.endpoint_url)


STS = "https://sts.us-east-1.amazonaws.com"


@pytest.mark.parametrize(
    ("flag", "variables", "config", "found"),
    [
        (None, {}, "", (AWS, STS)),
        (FLAG, {}, "", (FLAG, FLAG)),
        (None, {"AWS_ENDPOINT_URL": ALL}, "", (ALL, ALL)),
        (None, {OF_COGNITO: OWN}, "", (OWN, STS)),
        (FLAG, {OF_COGNITO: OWN}, "", (OWN, FLAG)),
        (None, {"AWS_ENDPOINT_URL": ALL, OF_COGNITO: OWN}, "", (OWN, ALL)),
        (None, {}, SERVICES, (FILE, STS)),
        (FLAG, {}, SERVICES, (FLAG, FLAG)),
        (None, {}, f"[default]\nendpoint_url = {FILE}\n", (FILE, FILE)),
        (
            None,
            {"AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true", "AWS_ENDPOINT_URL": ALL},
            SERVICES,
            (AWS, STS),
        ),
        (FLAG, {"AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true", OF_COGNITO: OWN}, "", (FLAG, FLAG)),
        (None, {OF_COGNITO: OWN}, "[default]\nignore_configured_endpoint_urls = true\n", (AWS, STS)),
        (None, {OF_COGNITO: "http://me:secret@h.example.com/"}, "", ("http://h.example.com", STS)),
    ],
)
def test_the_endpoint_is_that_of_the_client(
    *,
    flag: str | None,
    variables: dict[str, str],
    config: str,
    found: tuple[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / "config").write_text(config)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)

    assert real(flag) == found


@pytest.mark.parametrize(
    "url",
    [
        "https://cognito-idp.us-east-1.amazonaws.com",
        "https://cognito-idp-fips.us-east-1.amazonaws.com",
        "https://vpce-0a1b.cognito-idp.us-east-1.vpce.amazonaws.com/",
        "https://cognito-idp.us-east-1.api.aws",
        "https://cognito-idp.cn-north-1.amazonaws.com.cn",
    ],
)
def test_every_way_to_aws_is_one_lane(url: str) -> None:
    assert real(url)[0] == AWS


@pytest.mark.parametrize("url", ["http://cognito-idp.us-east-1.amazonaws.com", "https://notamazonaws.com"])
def test_what_only_looks_like_aws_is_not(url: str) -> None:
    assert real(url)[0] == url


@pytest.mark.parametrize(
    "url",
    ["", "localhost:80", "ftp://h", "http://", "http://:80", "http://h:x", "http://h:99999", "http://h:0",
     "http://a b", "http://h\n", "http://h?x=1", "http://h#x", "http://[::1"],
)  # fmt: skip
def test_a_url_that_no_client_can_use_is_refused(url: str) -> None:
    with pytest.raises(UsageError, match="The endpoint URL of --endpoint-url cannot be used"):
        require_url(url, "--endpoint-url")


def test_a_run_goes_on_only_where_it_began() -> None:
    lane = Lane(OWN, "123456789012", "us-east-1")

    require_endpoint(OWN, lane)
    require_endpoint(None, lane)  # as older versions left it
    with pytest.raises(InputUnusable) as raised:
        require_endpoint(AWS, lane)

    assert "began at AWS's own endpoint" in raised.value.message
    assert f"the endpoint {OWN}" in raised.value.message
    assert OF_COGNITO in raised.value.hint
