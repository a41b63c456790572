"""What a run did, its rollback takes back: afterwards the pool is what it was before."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.commands.support import a_member, assert_code, ends, phone_of, state, state_hash, write_roster

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.commands.conftest import Site

pytestmark = pytest.mark.promise(6)

TOTP: dict[str, Any] = {
    "UserMFASettingList": ["SOFTWARE_TOKEN_MFA"],
    "PreferredMfaSetting": "SOFTWARE_TOKEN_MFA",
}


def people() -> list[dict[str, Any]]:
    return [
        a_member("bare"),
        a_member("unproven", phone=phone_of(1)),
        a_member("another", phone=phone_of(900)),
        a_member("proven", phone=phone_of(3), verified=True),
        a_member("totp", **TOTP),
        a_member("stranger", phone=phone_of(901), verified=True),
    ]


def a_roster(folder: Path) -> Path:
    named = enumerate(("bare", "unproven", "another", "proven", "totp"))
    return write_roster(folder / "roster.csv", [(f"{name}@example.com", phone_of(at)) for at, name in named])


def test_the_pool_is_what_it_was_after_a_run_and_its_rollback(raise_site: Callable[..., Site]) -> None:
    site = raise_site(people())
    before = state_hash(site.running)
    options = ("--verification", "attested", "--despite", "has_totp")
    assert_code(site.cli.run(a_roster(site.folder), "run", *options), 0)
    assert state_hash(site.running) != before

    done = site.cli("rollback", "--run-dir", "run", "--yes", "--quiet")

    assert_code(done, 0)
    assert ends(site.folder / "run") == {("skipped", "restored"): 5}
    assert shown(state(site.running)) == shown({user["Username"]: user for user in listed(people())})


def listed(members: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{"UserMFASettingList": [], "PreferredMfaSetting": None, **member} for member in members]


def shown(users: dict[str, dict[str, Any]]) -> dict[str, tuple[object, ...]]:
    return {
        name: (
            user["Attributes"].get("phone_number"),
            user["Attributes"].get("phone_number_verified") == "true",
            sorted(user["UserMFASettingList"]),
            user["PreferredMfaSetting"],
        )
        for name, user in users.items()
    }
