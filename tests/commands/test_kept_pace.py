from pathlib import Path
from typing import Any

import pytest

from migrate_mfa.cli.kept_pace import at_the_last_pace, note_pace
from migrate_mfa.cli.option_groups import Pace
from migrate_mfa.cli.option_values import Named
from migrate_mfa.domain.quotas import Category
from migrate_mfa.journal.database import Journal


def a_pace(share: float = 0.5, *given: str, **limits: float) -> Pace:
    rates = tuple(Named(Category(name), rate) for name, rate in limits.items())
    return Pace(quota_share=share, max_rps=rates, given=frozenset(given))


def begun(directory: Path, command: str, pace: Pace) -> None:
    """A pass that began, and was killed for all that anybody knows."""
    with Journal.create_or_open(directory) as journal:
        note_pace(journal, command, pace)


def resumed(directory: Path, command: str, pace: Pace) -> tuple[Pace, list[str]]:
    said: list[str] = []
    return at_the_last_pace(pace, directory, command, said.append), said


def test_what_is_not_given_is_kept_from_the_last_pass_of_the_same_command_and_said(tmp_path: Path) -> None:
    begun(tmp_path, "run", a_pace(0.25, "quota_share", "max_rps", UserUpdate=5))

    now, said = resumed(tmp_path, "run", a_pace())

    assert now.quota_share == 0.25
    assert now.limits == {Category.USER_UPDATE: 5}
    assert said == [
        "--quota-share 0.25 is kept from the last run. Name another to change it.",
        "--max-rps UserUpdate=5 is kept from the last run; name --max-rps to change it.",
    ]


def test_what_is_given_wins_also_where_it_is_the_default(tmp_path: Path) -> None:
    begun(tmp_path, "run", a_pace(1.0, "quota_share", UserUpdate=5))

    now, said = resumed(tmp_path, "run", a_pace(0.5, "quota_share", "max_rps", UserRead=9))

    assert (now.quota_share, now.limits) == (0.5, {Category.USER_READ: 9})
    assert not said


@pytest.mark.parametrize("command", ["reconcile", "rollback", "plan"])
def test_another_command_has_a_pace_of_its_own(tmp_path: Path, command: str) -> None:
    begun(tmp_path, "run", a_pace(1.0, "quota_share"))

    assert resumed(tmp_path, command, a_pace()) == (a_pace(), [])


def test_a_run_says_where_its_plan_was_made_at_another_pace(tmp_path: Path) -> None:
    begun(tmp_path, "plan", a_pace(0.1, "quota_share"))

    now, said = resumed(tmp_path, "run", a_pace())

    assert now.quota_share == 0.5
    assert said == ["The plan was made with --quota-share 0.1 (now 0.5)."]


@pytest.mark.parametrize("meta", [{}, {"phase": "planned"}])
def test_a_directory_that_knows_no_pace_changes_nothing(tmp_path: Path, meta: dict[str, Any]) -> None:
    with Journal.create_or_open(tmp_path) as journal:
        journal.set_meta(meta)

    assert resumed(tmp_path, "run", a_pace()) == (a_pace(), [])
    assert resumed(tmp_path / "nowhere", "run", a_pace()) == (a_pace(), [])
