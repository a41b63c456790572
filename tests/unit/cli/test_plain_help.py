"""The help of the program and of each command: in plain text, narrow, with examples that can be typed."""

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from migrate_mfa.main import app, main

COMMANDS: dict[str, Any] = get_command(app()).commands  # type: ignore[attr-defined]
ALL = pytest.mark.parametrize("name", sorted(COMMANDS))


@pytest.fixture(params=[80, 200])
def out(name: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> str:
    """The help of a command on a narrow and on a wide terminal."""
    monkeypatch.setenv("COLUMNS", str(request.param))
    assert main([name, "--help"]) == 0
    text: str = capsys.readouterr().out
    return text


@ALL
def test_help_has_each_heading_once_and_fits_a_terminal(name: str, out: str) -> None:
    headings = re.findall(r"^(\w[\w ]*):$", out, re.MULTILINE)

    assert len(headings) == len(set(headings))
    assert max(map(len, out.splitlines())) <= 80
    assert "\0" not in out


@ALL
def test_what_has_hyphens_is_in_one_piece(name: str, out: str) -> None:
    assert not re.findall(r"^.*\w-$", out, re.MULTILINE)


@ALL
def test_help_ends_with_examples_that_can_be_typed_and_says_where_more_is(name: str, out: str) -> None:
    command = COMMANDS[name]
    *_, told = out.partition("\nExamples:\n")
    examples = re.findall(r"^  (migrate-mfa .+)$", told, re.MULTILINE)

    assert len(examples) == 2
    for example in examples:
        program, verb, *words = shlex.split(example)
        assert (program, verb) == ("migrate-mfa", name)
        with command.make_context(name, words):
            pass  # that the words are taken is all
    assert out.endswith("Exit codes: migrate-mfa guide reference\n")


@ALL
def test_variables_are_told_in_one_sentence_that_is_true(name: str, out: str) -> None:
    *_, told = " ".join(out.split()).partition("A variable can set each option, such as ")
    options = [each for each in COMMANDS[name].params if each.param_type_name != "argument"]
    without = {each.opts[0] for each in options if not each.envvar and each.name != "help"}

    assert out.count("MIGRATE_MFA_") == bool(told)
    if told:
        variable, flag = re.match(r"(MIGRATE_MFA_\w+) for (--[a-z-]+)\.", told).groups()  # type: ignore[union-attr]
        assert variable == f"MIGRATE_MFA_{flag[2:].upper().replace('-', '_')}"
        assert set(re.findall(r"--[a-z-]+", told.partition("Exceptions:")[2].partition(".")[0])) == without
    else:
        assert len(without) == len(options) - any(each.name == "help" for each in options)


def test_who_leaves_the_run_directory_out_is_told_how_to_list_them(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["status"]) == 2

    said = capsys.readouterr().err
    assert "Missing option '--run-dir'. List the run directories with: migrate-mfa runs" in said


@pytest.mark.parametrize("name", ["reconcile", "rollback", "status"])
def test_a_pattern_that_matches_two_runs_is_refused_in_words(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    runs = [tmp_path / "users-1", tmp_path / "users-2"]
    for each in runs:
        each.mkdir()
        (each / "journal.sqlite").touch()

    assert main([name, "--run-dir", *map(str, runs)]) == 2

    assert (
        "Invalid value for '--run-dir': it takes one run directory, not 2. Name one; migrate-mfa runs"
        in " ".join(capsys.readouterr().err.split())
    )


def test_the_list_of_commands_is_by_purpose_and_says_the_whole_of_what_each_does(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["--help"]) == 0

    out = capsys.readouterr().out
    assert re.findall(r"^(\w.*):$", out, re.MULTILINE) == [
        "Look (writes nothing to AWS)",
        "Change",
        "Afterwards",
        "Try and read",
        "Options",
    ]
    assert set(re.findall(r"^  ([a-z][a-z-]+)  ", out, re.MULTILINE)) == set(COMMANDS)
    assert "run Plan, ask, then enrol the users of a roster. The same" in " ".join(out.split())
    assert max(map(len, out.splitlines())) <= 80
    assert "..." not in out.partition("Look")[2]


@pytest.mark.parametrize(
    "line", [["run", "users.csv", "--quota-share", "7"], ["--" + "long-option-" * 9], ["word" * 20]]
)
def test_a_wrong_command_line_is_folded_on_a_terminal_and_one_line_in_a_script(
    line: list[str], monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    codes = [main(line)]
    script = capsys.readouterr().err.splitlines()
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    codes.append(main(line))
    terminal = capsys.readouterr().err.splitlines()

    head = [each.startswith("Error: ") for each in script].index(True)
    assert codes == [2, 2]
    assert len(script[head:]) == 1
    assert len(script[head]) > 80
    assert terminal[:head] == script[:head]
    assert " ".join(terminal[head:]) == script[head]
    assert len(terminal[head:]) > 1
