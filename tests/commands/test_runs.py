from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.commands.support import members_of, roster_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.commands.conftest import Site

NAMES = ("ann", "bob")


@pytest.fixture
def site(raise_site: Callable[..., Site]) -> Site:
    made = raise_site(members_of(NAMES))
    roster_of(made.folder, NAMES)
    return made


def test_the_runs_here_are_listed_with_what_they_belong_to_and_how_they_stand(site: Site) -> None:
    assert (
        site.cli.run("roster.csv", "migrate-mfa-runs/members/first", "--verification", "attested").code == 0
    )

    told = site.cli("runs", "migrate-mfa-runs")
    listed = site.cli("runs", "migrate-mfa-runs", "--json")

    assert told.code == listed.code == 0
    assert told.out.splitlines()[0] == "migrate-mfa-runs/members/first"
    said = " ".join(told.out.split())
    assert "run: finished," in said
    assert "pool members" in said
    assert "roster roster.csv; attested; verified 2" in said
    [entry] = json.loads(listed.out)["runs"]
    assert entry["state"] == "finished"
    assert entry["counts"]["verified"] == 2


def test_no_runs_are_said_to_be_none(site: Site) -> None:
    done = site.cli("runs", "elsewhere")

    assert (done.code, done.out.strip()) == (0, "There is no run directory in elsewhere.")
