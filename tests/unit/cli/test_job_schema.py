"""The JSON Schema of job files says what the program says of a job."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from typer.main import get_command

from migrate_mfa.domain.errors import ExitCode
from migrate_mfa.main import app, main

JOBS = sorted((Path(__file__).resolve().parents[3] / "jobs").glob("*.toml"))
COMMANDS: dict[str, Any] = get_command(app()).commands  # type: ignore[attr-defined]


@pytest.fixture
def schema(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    assert main(["--job-schema"]) == ExitCode.DONE
    return dict(json.loads(capsys.readouterr().out))


def fits(schema: dict[str, Any], text: str) -> bool:
    return bool(Draft202012Validator(schema).is_valid(tomllib.loads(text)))


def test_it_is_a_schema(schema: dict[str, Any]) -> None:
    Draft202012Validator.check_schema(schema)


@pytest.mark.parametrize("job", JOBS, ids=lambda path: path.stem)
def test_every_job_that_is_shipped_fits(schema: dict[str, Any], job: Path) -> None:
    text = job.read_text(encoding="utf-8")
    commented = [line[2:] for line in text.splitlines() if line.startswith("# ") and " = " in line]

    assert fits(schema, text)
    assert fits(schema, "\n".join([text, *commented])), "also with what is commented out"


def test_it_knows_the_commands_that_take_jobs_and_exactly_their_options(schema: dict[str, Any]) -> None:
    there = {each["if"]["properties"]["command"]["const"]: each["then"] for each in schema["allOf"]}
    taking = {
        name: {each.name for each in command.params} - {"job", "show_config", "help"}
        for name, command in COMMANDS.items()
        if any(each.name == "job" for each in command.params)
    }

    assert schema["properties"]["command"]["enum"] == list(there)
    assert {name: then["properties"].keys() - {"command"} for name, then in there.items()} == taking


AS_THE_PROGRAM = {
    "all kinds": 'command = "run"\nquota_share = 0.5\nmax_users = 5\nyes = true\nmax_rps = ["UserRead=5"]',
    "numbers as texts": 'command = "run"\nquota_share = "50%"\nmau_price = "0.0055"\nstop_after = "8h"',
    "a choice": 'command = "run"\nverification = "by-code"',
    "another choice": 'command = "run"\nverification = "by-guess"',
    "no command": "quota_share = 0.5",
    "an unknown command": 'command = "walk"',
    "an unknown key": 'command = "run"\nquota_shares = 0.5',
    "the key of another command": 'command = "run"\nrepair = true',
    "a text for a switch": 'command = "run"\nyes = "true"',
    "a switch for a text": 'command = "run"\nroster = true',
    "a text for a list": 'command = "run"\nmax_rps = "UserRead=5"',
    "a list for a text": 'command = "run"\nroster = ["a.csv"]',
    "a table": 'command = "run"\n[roster]\nname = "a.csv"',
    "below the least": 'command = "run"\nmax_users = 0',
    "above the most": 'command = "run"\nbatch_size = 100001',
    "a part of a user": 'command = "run"\nmax_users = 1.5',
}


@pytest.mark.parametrize("text", AS_THE_PROGRAM.values(), ids=AS_THE_PROGRAM)
def test_it_takes_and_refuses_what_the_program_does(
    schema: dict[str, Any], text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    job = tmp_path / "job.toml"
    job.write_text(text, encoding="utf-8")

    code = main(["run", "--job", str(job), "--show-config"])

    assert capsys.readouterr()
    assert code == (ExitCode.DONE if fits(schema, text) else ExitCode.INPUT)
