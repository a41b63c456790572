import re

import pytest

from migrate_mfa.main import main


def test_help_has_the_headings_of_its_options_and_fits_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "--help"]) == 0

    out = capsys.readouterr().out
    headings = re.findall(r"^(\w[\w ]*):$", out, re.MULTILINE)
    assert headings[0] == "Arguments"
    assert {"AWS", "Decisions", "Reading the roster", "Limits", "Output", "Options"} <= set(headings)
    assert len(headings) == len(set(headings))
    assert max(map(len, out.splitlines())) <= 80


def test_the_list_of_commands_says_the_whole_of_what_each_does(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0

    out = " ".join(capsys.readouterr().out.split())
    assert "run Plan, ask, apply. The same command again goes on where it stopped;" in out
    assert "..." not in out.split("Commands:")[1]
