"""Option groups: a command is a function of typed values, and its help follows from their fields."""

import json
import re
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from migrate_mfa.cli.caller import Aws, Pool
from migrate_mfa.cli.option_groups import Consent, Cost, Output, Pace, Telling, ThisRun, Wave
from migrate_mfa.cli.options import HEADINGS
from migrate_mfa.commands.iam_policy import Allowing, RoleToPass, iam_policy
from migrate_mfa.commands.reconcile import Drift, reconcile
from migrate_mfa.domain.errors import ExitCode, UsageError
from migrate_mfa.main import app, main

COMMANDS: dict[str, Any] = get_command(app()).commands  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_the_headings_of_every_help_are_in_one_order(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([name, "--help"]) == ExitCode.DONE

    found = re.findall(r"^(\w[\w ]*):$", capsys.readouterr().out, re.MULTILINE)
    assert found.pop() == "Examples"
    places = [HEADINGS.index(heading) for heading in found]
    assert places
    assert all(before < after for before, after in pairwise(places))


def test_a_command_is_called_with_values_and_without_a_command_line(
    capsys: pytest.CaptureFixture[str],
) -> None:
    code = iam_policy(
        Allowing(command="audit", optional=False),
        Pool(user_pool_id="us-east-1_Abc"),
        Aws(),
        RoleToPass(),
        Telling(),
    )

    assert code is ExitCode.DONE
    actions = [each["Action"] for each in json.loads(capsys.readouterr().out)["Statement"]]
    assert "cognito-idp:ListUsers" in str(actions)


def test_a_command_that_is_called_so_refuses_as_the_program_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin.isatty", lambda: False, raising=False)

    with pytest.raises(UsageError, match="no terminal to ask on"):
        reconcile(
            ThisRun(run_dir=tmp_path), Drift(), Aws(), Pace(), Wave(), Cost(), Telling(), Consent(), Output()
        )


def _several(named: str | list[str] | None) -> list[str]:
    return [named] if isinstance(named, str) else named or []


def test_the_variable_of_an_option_is_named_as_its_field() -> None:
    ours = {
        (option.name, variable)
        for command in COMMANDS.values()
        for option in command.params
        for variable in _several(option.envvar)
        if variable.startswith("MIGRATE_MFA_")
    }

    assert ours
    assert all(variable == f"MIGRATE_MFA_{name.upper()}" for name, variable in ours)


def test_what_a_job_says_together_is_refused_by_the_job(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    job = tmp_path / "job.toml"
    job.write_text('command = "run"\nverification = "by-code"\nphone_conflict = "replace"\n')

    assert main(["run", "r.csv", "--job", str(job), "--yes"]) == ExitCode.INPUT

    assert f"{job}: --phone-conflict replace needs numbers" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--max-rps", "UserUpdate=0"], "--max-rps 'UserUpdate=0': the rate must be above zero"),
        (["--max-rps", "Users=1"], "--max-rps 'Users=1' is not CATEGORY=N"),
        (["--sms-price", "JP=cheap"], "--sms-price JP"),
        (["--mau-price", "-1"], "--mau-price takes an amount"),
        (["--max-failures", "1"], "--max-failures takes a percentage such as 1% (not '1')"),
        (["--stop-after", "soon"], "--stop-after takes a duration such as 8h, 90m or 1h30m (not 'soon')"),
        (["--despite", "phone_taken"], "--despite phone_taken is not possible"),
        (["--phone-country", "XX"], "--phone-country 'XX' is not a country"),
        (["--log-level", "loud"], "--log-level 'loud' is not known"),
        (["--endpoint-url", "nowhere"], "The endpoint URL of --endpoint-url cannot be used"),
    ],
)
def test_an_option_says_itself_what_it_does_not_take(
    options: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", "r.csv", *options]) == ExitCode.USAGE

    assert said in capsys.readouterr().err


def test_a_limit_that_is_blank_is_as_if_it_were_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    """As a script passes on a variable of its own that nobody has set."""
    assert main(["run", "--stop-after", "", "--max-failures", "", "--yes"]) == ExitCode.USAGE

    assert "There is nothing to work on." in capsys.readouterr().err


def test_a_refusal_names_the_variable_that_the_value_comes_from(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main(["run", "--batch-size", "0"]) == ExitCode.USAGE
    assert "'--batch-size': it takes 1 or more." in capsys.readouterr().err

    monkeypatch.setenv("MIGRATE_MFA_BATCH_SIZE", "0")
    assert main(["run"]) == ExitCode.USAGE
    assert (
        "'--batch-size' (from the variable MIGRATE_MFA_BATCH_SIZE): it takes 1 or more."
        in capsys.readouterr().err
    )


def test_the_words_of_a_caller_make_the_next_command_the_same_callers() -> None:
    role = "arn:aws:iam::123456789012:role/x"

    assert Aws(region="us-east-1").caller == ()
    assert Aws(profile="work", role_arn=role, role_session_name="night").caller == (
        "--profile",
        "work",
        "--role-arn",
        role,
        "--role-session-name",
        "night",
    )
