"""`status` beside a command that works: it says what that one is about."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Any

from tests.commands.support import a_member, end, phone_of, wait_until, write_roster

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.commands.conftest import Site

USERS = 20


def a_site(raise_site: Callable[..., Site], faults: dict[str, Any]) -> Site:
    site = raise_site([a_member(f"user{at:02d}") for at in range(USERS)], faults=faults)
    rows = [(f"user{at:02d}@example.com", phone_of(at)) for at in range(USERS)]
    write_roster(site.folder / "roster.csv", rows)
    return site


def where(site: Site) -> dict[str, Any]:
    """What `status` says now; nothing where there is no journal yet."""
    done = site.cli("status", "--run-dir", "run", "--json")
    return done.json() if done.code == 0 else {}


def test_status_tells_planning_from_writing_and_writing_from_draining(
    raise_site: Callable[..., Site],
) -> None:
    slow = {"latency": [{"fixed_ms": 6000, "ops": ["ListUsers"]}]}  # a few looks long
    stuck = {"rules": [{"kind": "hang", "when": "after", "ops": ["AdminUpdateUserAttributes"]}]}
    site = a_site(raise_site, slow)
    child = site.cli.running("roster.csv", "run", "--verification", "attested")

    def is_in(phase: str) -> Callable[[], bool]:
        return lambda: where(site).get("progress", {}).get("phase") == phase

    wait_until(is_in("reading the pool"), "the plan being made")
    site.running.control("faults", stuck)
    wait_until(is_in("writing"), "the first writes")
    writing, told = where(site), site.cli("status", "--run-dir", "run")
    child.send_signal(signal.SIGTERM)
    wait_until(is_in("draining"), "the end being asked for")
    done = end(child, signal.SIGKILL)

    assert done.code == -signal.SIGKILL
    assert (writing["state"], writing["progress"]["total"]) == ("running", USERS)
    assert writing["calls"]["UserUpdate"]["sent"] > 0
    assert "\nrun: running\n------------\nwriting: 0 of 20" in told.out
    assert "progress" not in where(site)
