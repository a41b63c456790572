"""Both targets for the whole session, and a maker of pools; what must fail is marked, never skipped."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from migrate_mfa.domain.failure import ApiError
from migrate_mfa.simulator import background
from tests.contract.targets import ROLE, Moto, Pool, Simulator, Target
from tests.support.moto_server import moto_on_loopback

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

GAPS = (AssertionError, pytest.fail.Exception, ApiError, ClientError)
"""How a gap shows: a wrong answer, a refusal that does not come, or one that should not."""


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A difference is declared, and its test expected to fail; nothing here may be skipped."""
    report = yield
    if report.skipped and not hasattr(report, "wasxfail"):
        report.outcome, report.longrepr = "failed", "skipped: declare the difference in KNOWN_DIFFERENCES"
    return report


@pytest.fixture(scope="session", autouse=True)
def credentials() -> Iterator[None]:
    """Nothing of this machine's AWS settings may matter, and nothing may reach AWS."""
    with pytest.MonkeyPatch.context() as patch:
        for name in (
            "AWS_PROFILE",
            "AWS_SESSION_TOKEN",
            "AWS_ENDPOINT_URL",
            "AWS_REGION",
            "AWS_DEFAULT_REGION",
        ):
            patch.delenv(name, raising=False)
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            patch.setenv(name, "testing")
        for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
            patch.setenv(name, "/dev/null")
        patch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        yield


@pytest.fixture(scope="session")
def simulator() -> Iterator[Simulator]:
    # A role that the pool file names is there from the start; the tests make their own pools.
    document = {"pools": [{"name": "first", "config": {"SmsConfiguration": ROLE}}]}
    with background(document, control=True) as running:
        yield Simulator(running)


@pytest.fixture(scope="session")
def moto() -> Iterator[Moto]:
    with moto_on_loopback() as endpoint:
        yield Moto(endpoint)


@pytest.fixture(params=["simulator", "moto"])
def target(request: pytest.FixtureRequest) -> Target:
    """Each target in turn; where it lacks what the test needs, the test must fail."""
    found: Target = request.getfixturevalue(request.param)
    capability: str = getattr(request.function, "capability", "")
    if known := found.lacks.get(capability):
        reason = f"{found.name}, {capability} (fidelity row {known.row}): {known.sentence}"
        request.applymarker(pytest.mark.xfail(strict=True, reason=reason, raises=GAPS))
    return found


@pytest.fixture
def make_pool(target: Target) -> Callable[..., Pool]:
    """Give a maker of pools: e-mail as alias and OPTIONAL MFA by SMS, unless its arguments say otherwise."""

    def make(mfa: str = "OPTIONAL", **config: Any) -> Pool:
        settings = {"AliasAttributes": ["email"], "SmsConfiguration": ROLE} | config
        chosen = {name: value for name, value in settings.items() if value is not None}
        pool = Pool(target, target.client.create_user_pool(PoolName="members", **chosen)["UserPool"]["Id"])
        if mfa != "OFF":
            pool.call(
                "set_user_pool_mfa_config",
                MfaConfiguration=mfa,
                SmsMfaConfiguration={"SmsConfiguration": ROLE},
            )
        return pool

    return make


@pytest.fixture
def pool(make_pool: Callable[..., Pool]) -> Pool:
    """A pool with the user taro, whose e-mail address is verified."""
    made = make_pool()
    made.add(email="taro@example.com", email_verified="true")
    return made
