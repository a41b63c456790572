"""Settings out of the groups of options that a command takes."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from migrate_mfa.cli.caller import Aws, Pool
from migrate_mfa.cli.option_groups import RosterRun, Wave
from migrate_mfa.cli.options import Group, Option
from migrate_mfa.commands.canary import ConsentToWalk
from migrate_mfa.domain.formatting import folded
from migrate_mfa.settings import VERIFICATION_CHOICES, Settings


@dataclass(frozen=True, kw_only=True)
class Looking(Group):
    """Options of one command: the first is a setting, the other is the command's own."""

    deep: Annotated[bool, Option(help="Deep.")] = False
    loud: Annotated[bool, Option(help="Loud.")] = False


def test_a_group_that_is_a_setting_is_taken_whole_and_of_any_other_what_is_one() -> None:
    aws, wave = Aws(region="eu-west-1"), Wave(batch_size=7)

    made = Settings.of(
        RosterRun(roster="users.csv", run_dir=Path("run")),
        Pool(user_pool_id="eu-west-1_A"),
        Looking(deep=True, loud=True),
        aws,
        wave,
    )

    assert made == Settings(
        roster="users.csv", run_dir=Path("run"), user_pool_id="eu-west-1_A", deep=True, aws=aws, wave=wave
    )


def test_whether_the_numbers_matter_is_the_commands_word() -> None:
    assert Settings.of(Pool()).read_numbers
    assert not Settings.of(Pool(), read_numbers=False).read_numbers


def test_a_special_case_of_a_group_counts_as_that_group() -> None:
    assert Settings.of(ConsentToWalk(yes=True)).consent.yes


def test_the_choice_of_a_policy_fits_a_terminal_as_it_is_laid_out() -> None:
    assert folded(VERIFICATION_CHOICES) == VERIFICATION_CHOICES
