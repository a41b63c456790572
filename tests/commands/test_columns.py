"""Which column holds what, as an operator meets it: taken and said everywhere, or refused by name."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.commands.support import (
    POOL_ID,
    a_member,
    assert_code,
    members_of,
    report,
    state,
    summary,
    untouched,
    words,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.commands.conftest import Site

ATTESTED = ("--verification", "attested")
OLD, NEW, OFFICE = "+819012349941", "+819012345641", "+12125550101"


@pytest.fixture
def site(raise_site: Callable[..., Site]) -> Site:
    """One member without a number, and one with a verified one that is not his any more."""
    return raise_site([*members_of(["aki"]), a_member("bo", phone=OLD, verified=True)])


def roster(site: Site, *lines: str) -> Path:
    path = site.folder / "roster.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def test_the_mobile_number_is_enrolled_and_the_columns_are_said_everywhere(site: Site) -> None:
    path = roster(
        site,
        "User Name,Display Name,Office Phone,Mobile Phone,Fax,Country or Region",
        f"aki@example.com,Aki,{OFFICE},{NEW},{OFFICE},Japan",
        f"bo@example.com,Bo,{OFFICE},{NEW[:-1]}2,{OFFICE},Japan",
    )

    done = site.cli.run(path, "rd", *ATTESTED, "--max-failures", "100%", "--json")

    assert_code(done, 7)
    run_dir = site.folder / "rd"
    columns = {"username": "User Name", "phone": "Mobile Phone", "country": "Country or Region"}
    assert summary(run_dir)["columns"] == done.json()["columns"] == columns
    assert '"Office Phone" (office, home or other), "Fax"' in done.json()["column_notes"][0]
    events = [json.loads(line) for line in (run_dir / "log.jsonl").read_text("utf-8").splitlines()]
    (said,) = [event["columns"] for event in events if event["event"] == "columns"]
    assert said == [f"{kind}: {name}" for kind, name in columns.items()]
    assert state(site.running)["aki"]["Attributes"]["phone_number"] == NEW
    (differs,) = report(run_dir, "failed")
    assert differs["reason"] == "phone_differs"

    planned = site.cli.plan(path, "another", *ATTESTED, "--max-failures", "100%")

    told = words(planned.out)
    assert "user (username) User Name number Mobile Phone country of the number Country or Region" in told
    assert 'Phone columns that are not read: "Office Phone" (office, home or other), "Fax"' in told


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        (["email,phone,tel", f"bo@example.com,{NEW},{OFFICE}"], 'several phone columns: "phone" and "tel"'),
        (["email,Kontakt", f"bo@example.com,{NEW}"], '"Kontakt" looks like phone numbers'),
        (["Export 2026-11-27", "", "email,phone", f"bo@example.com,{NEW}"], "Delete the lines above line 3."),
        (["bo@example.com,user", f"{NEW},user"], 'column 1 ("[address]")'),
    ],
    ids=["two", "unknown", "title", "no header"],
)
def test_what_is_not_clear_is_refused_before_anything_is_read(
    site: Site, lines: list[str], told: str
) -> None:
    done = site.cli.run(roster(site, *lines), "rd", *ATTESTED)

    assert_code(done, 3)
    assert told in words(done.err)
    assert "bo@" not in done.err
    assert untouched(site.running)


def test_the_pools_numbers_are_used_on_purpose_and_none_is_read_to_disable(site: Site) -> None:
    path = roster(site, "メールアドレス,連絡先", f"bo@example.com,{NEW}")

    done = site.cli.run(path, "rd", *ATTESTED, "--phone-column", "none", "--json")
    assert_code(done, 0)
    assert done.json()["columns"] == {"email": "メールアドレス", "phone": None}
    assert state(site.running)["bo"]["Attributes"]["phone_number"] == OLD

    off = site.cli("disable", path, "--user-pool-id", POOL_ID, "--run-dir", "off", "--yes", "--json")
    assert_code(off, 0)
    assert off.json()["columns"] == {"email": "メールアドレス"}
