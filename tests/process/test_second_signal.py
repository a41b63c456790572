"""The first signal lets what is in flight end; the second ends the process at once."""

from __future__ import annotations

import signal
import subprocess
import time
from typing import TYPE_CHECKING

import pytest

from tests.commands.support import a_member, assert_code, ends, phone_of, wait_until, write_roster

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.commands.conftest import Site

AT_ONCE_S = 3.0
USERS = 12


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (signal.SIGINT, signal.SIGINT),
        (signal.SIGTERM, signal.SIGTERM),
        (signal.SIGTERM, signal.SIGINT),
    ],
)
def test_a_second_signal_ends_at_once_what_the_first_had_let_go_on(
    raise_site: Callable[..., Site], first: signal.Signals, second: signal.Signals
) -> None:
    stuck = {"rules": [{"kind": "hang", "when": "after", "ops": ["AdminUpdateUserAttributes"]}]}
    site = raise_site([a_member(f"user{at:02d}") for at in range(USERS)], faults=stuck)
    rows = [(f"user{at:02d}@example.com", phone_of(at)) for at in range(USERS)]
    roster = write_roster(site.folder / "roster.csv", rows)
    child = site.cli.running(roster, "run", "--verification", "attested")
    wait_until(lambda: executed(site) == USERS, "every first write")

    child.send_signal(first)
    with pytest.raises(subprocess.TimeoutExpired):
        child.wait(1.0)
    sent = time.monotonic()
    child.send_signal(second)
    child.communicate(timeout=60)

    assert child.returncode == -second
    assert time.monotonic() - sent < AT_ONCE_S
    site.running.control("faults", {})
    assert_code(site.cli.run(roster, "run", "--verification", "attested"), 0)
    assert ends(site.folder / "run") == {("verified", "enrolled"): USERS}
    assert executed(site) == USERS


def executed(site: Site) -> int:
    calls = site.running.control("ledger")["calls"]
    return sum(call["op"] == "AdminUpdateUserAttributes" and call["executed"] for call in calls)
