"""A 200 that no Cognito gave, a purged directory, and signals while a person is asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.commands.support import (
    a_member,
    assert_code,
    endings,
    phone_of,
    state,
    write_roster,
    writes,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.commands.conftest import Site

ATTESTED = ("--verification", "attested")


@pytest.fixture
def site(raise_site: Callable[..., Site]) -> Site:
    return raise_site([a_member("ann")])


def roster_of(folder: Path) -> Path:
    return write_roster(folder / "roster.csv", [("ann@example.com", phone_of(1))])


def test_a_write_whose_answer_is_garbage_is_read_back_before_mfa_goes_on(site: Site) -> None:
    old = {"phone_number": "+819055550100", "phone_number_verified": "false"}
    site.running.control("users", {"upsert": [{"Username": "ann", "Attributes": old}]})
    site.running.control(
        "faults", {"rules": [{"kind": "garbage", "ops": ["AdminUpdateUserAttributes"], "attempts": [1]}]}
    )

    done = site.cli.run(roster_of(site.folder), site.folder / "run", *ATTESTED)

    (ann,) = state(site.running).values()
    assert_code(done, 0)
    assert endings(site.folder / "run") == {1: ("verified", "enrolled")}
    assert ann["Attributes"]["phone_number"] == phone_of(1)
    assert ann["Attributes"]["phone_number_verified"] == "true"


def test_a_purged_directory_is_not_run_again(site: Site) -> None:
    roster = roster_of(site.folder)
    site.cli.run(roster, site.folder / "run", *ATTESTED)
    site.cli("purge", "--run-dir", site.folder / "run", "--yes")
    before = writes(site.running)

    again = site.cli.run(roster, site.folder / "run", *ATTESTED)

    assert_code(again, 3)
    assert "purged" in again.err
    assert writes(site.running) == before
