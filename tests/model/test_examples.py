"""What the model has found, as plain examples: each was a way to get stuck, or to be told wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from migrate_mfa.domain.errors import ExitCode
from tests.commands.support import POOL_ID, endings
from tests.model.program import Halt, Program, program
from tests.model.world import NAMES, document, rosters

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PREFER = "AdminSetUserMFAPreference"


class Site:
    def __init__(self, running: Program, folder: Path) -> None:
        self.running = running
        self.folder = folder
        self.roster = rosters(folder)["one"]

    def __call__(self, at: str, command: str, *options: object, halt: Halt | None = None) -> ExitCode:
        on = (self.roster, "--user-pool-id", POOL_ID) if command in {"run", "disable"} else ()
        policy = ("--verification", "attested") if command == "run" else ()
        most = () if command == "purge" else ("--max-failures", "100%", "--quiet")
        return ExitCode(
            self.running(self.folder / at, command, *on, *policy, *most, *options, halt=halt).code
        )

    def ending(self, at: str, name: str) -> tuple[str, str]:
        return endings(self.folder / at)[NAMES.index(name) + 1]


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with program(document(sends_codes=False), tmp_path) as running:
        yield Site(running, tmp_path)


def test_a_user_whom_disable_has_given_up_is_taken_up_again(site: Site) -> None:
    site("run", "run")
    site.running.service.load_faults(
        {"rules": [{"kind": "internal_error", "ops": [PREFER], "users": ["bare"]}]}
    )
    assert site("off", "disable") == ExitCode.SOME_FAILED
    assert site.ending("off", "bare") == ("failed", "gave_up")

    site.running.service.load_faults({})
    site("off", "disable")

    assert site.ending("off", "bare") == ("skipped", "mfa_disabled")


@pytest.mark.parametrize("at", range(4, 8))
def test_rows_that_failed_are_decided_although_a_signal_came_in_between(site: Site, at: int) -> None:
    for _ in range(2):
        site("run", "run")
    site("run", "run", halt=Halt("sigint", at, after=True, of_all=True))

    site("run", "run")

    assert "unprocessed" not in {outcome for outcome, _ in endings(site.folder / "run").values()}


def test_a_pool_that_requires_mfa_and_so_hides_it_lets_no_rollback_say_restored(site: Site) -> None:
    site("run", "run")
    site.running.edit(config={"MfaConfiguration": "ON"})
    assert site("run", "rollback") == ExitCode.POOL_NOT_READY
    assert site.ending("run", "proved") == ("verified", "enrolled")

    site.running.edit(config={"MfaConfiguration": "OPTIONAL"})
    site("run", "rollback")

    assert site.ending("run", "proved") == ("skipped", "restored")
    assert all("SMS_MFA" not in user["UserMFASettingList"] for user in site.running.users().values())
