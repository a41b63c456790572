"""`guide`: the list of topics, one of them, a wrong name; drawn on a terminal and plain elsewhere."""

from contextlib import closing
from io import StringIO
from pathlib import Path

import pytest
from rich.cells import cell_len
from rich.console import Console

from migrate_mfa.commands.guide import TOPICS, drawn
from migrate_mfa.main import main
from tests.docs.documents import ALL, TRANSLATED, topic
from tests.support.terminal import Terminal


def test_without_a_topic_it_lists_all_with_their_headings(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["guide"]) == 0

    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines[: len(TOPICS)]] == list(TOPICS)
    assert all(
        topic(name).startswith(f"# {line.split(maxsplit=1)[1]}")
        for name, line in zip(TOPICS, lines, strict=False)
    )


@pytest.mark.parametrize("name", TOPICS)
def test_a_topic_is_printed_as_it_is_where_there_is_no_terminal(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["guide", name]) == 0
    assert capsys.readouterr().out == topic(name)


@pytest.mark.parametrize("name", TRANSLATED)
def test_it_speaks_japanese_where_it_can(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["guide", name, "--lang", "ja"]) == 0
    assert capsys.readouterr() == (topic(name, "ja"), "")


def test_it_says_so_where_it_cannot(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["guide", "reference", "--lang", "ja"]) == 0
    assert capsys.readouterr() == (topic("reference"), "The topic reference exists in English only.\n")


def test_the_language_may_come_from_a_variable(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MIGRATE_MFA_LANG", "ja")

    assert main(["guide", "roster"]) == 0
    assert capsys.readouterr().out == topic("roster", "ja")


@pytest.mark.parametrize(
    ("given", "near"), [("rooster", "roster"), ("setup", "setup-pool"), ("IAM-permission", "permissions")]
)
def test_an_unknown_topic_is_a_usage_error_that_names_the_nearest(
    given: str, near: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["guide", given]) == 2

    told = capsys.readouterr()
    assert told.out == ""
    assert f"There is no topic {given!r}." in told.err
    assert f"The nearest is {near}." in told.err


def test_an_unknown_language_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["guide", "roster", "--lang", "fr"]) == 2
    assert "'fr'" in capsys.readouterr().err


@pytest.mark.parametrize("name", ALL)
def test_nothing_is_cut_at_eighty_columns(name: str) -> None:
    console = Console(file=StringIO(), width=80)
    with console.capture() as shown:
        console.print(drawn(ALL[name]))

    assert shown.get().count("…") == ALL[name].count("…")
    assert max(map(cell_len, shown.get().splitlines())) <= 80


def test_on_a_terminal_it_is_drawn_and_paged(tmp_path: Path, environment: dict[str, str]) -> None:
    pager = tmp_path / "pager"
    pager.write_text("#!/bin/sh\necho paged\ncat\n", encoding="utf-8")
    pager.chmod(0o755)
    settings = environment | {"PAGER": str(pager), "TERM": "xterm-256color"}
    with closing(Terminal("guide", "policies", cwd=tmp_path, env=settings)) as terminal:
        assert terminal.end() == 0

    assert "paged" in terminal.shown
    assert "\x1b[1m" in terminal.shown, "headings stand out"
    assert "# Policies" not in terminal.shown
    assert "Policies: how a number becomes verified" in terminal.shown


def test_without_colours_none_is_used(tmp_path: Path, environment: dict[str, str]) -> None:
    settings = environment | {"PAGER": "cat", "TERM": "xterm-256color"}
    with closing(Terminal("guide", "policies", "--no-color", cwd=tmp_path, env=settings)) as terminal:
        assert terminal.end() == 0

    assert "\x1b[3" not in terminal.shown.replace("\x1b[3m", "")
