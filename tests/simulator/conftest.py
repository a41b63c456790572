"""One simulator process for the whole session, and a pool of its own for every test."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from migrate_mfa.simulator import Running, background
from tests.simulator.sim_site import ROLE, Site, client_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture(scope="session")
def running() -> Iterator[Running]:
    """Give a simulator with a control endpoint and one pool for the tests of generated users."""
    config = {"SmsConfiguration": ROLE}
    document = {"pools": [{"name": "big", "config": config, "generate": {"count": 500, "seed": 3}}]}
    with background(document, control=True) as simulator:
        yield simulator


@pytest.fixture(scope="session")
def client(running: Running) -> Any:
    """Give one client for the session: making one takes longer than a test."""
    return client_of(running)


@pytest.fixture
def make_site(running: Running, client: Any) -> Iterator[Callable[..., Site]]:
    """Give a maker of pools: OPTIONAL MFA by SMS unless `mfa` says otherwise."""

    def make(mfa: str = "OPTIONAL", **config: Any) -> Site:
        answer = client.create_user_pool(PoolName="t", SmsConfiguration=ROLE, **config)
        site = Site(running, client, answer["UserPool"]["Id"])
        if mfa != "OFF":
            assert site.set_mfa(mfa, SmsMfaConfiguration={"SmsConfiguration": ROLE}) == "ok"
        return site

    yield make
    running.control("faults", {})


@pytest.fixture
def site(make_site: Callable[..., Site]) -> Site:
    """Give a pool with OPTIONAL SMS MFA, nothing auto-verified, and the user taro."""
    made = make_site()
    made.user(Attributes={"email": "taro@example.com", "email_verified": "true"})
    return made
