"""Leaving the question before a run: what was asked, what is left, and what was written stand apart."""

from __future__ import annotations

import signal
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from tests.commands.support import POOL_ID, POOL_NAME, a_member, phone_of, write_roster, writes
from tests.support.terminal import CTRL_C, CTRL_D, Terminal

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.commands.conftest import Site

QUESTION = "Type the pool's name to go on: "


def asked(site: Site) -> Terminal:
    """A run that waits at its question."""
    roster = write_roster(site.folder / "roster.csv", [("ann@example.com", phone_of(1))])
    options = ("--user-pool-id", POOL_ID, "--verification", "attested", "--run-dir", "run")
    terminal = Terminal("run", roster, *options, cwd=site.folder, env=site.cli.env())
    terminal.expect(QUESTION)
    return terminal


@pytest.mark.parametrize(
    ("leave", "code", "echoed"),
    [
        (lambda terminal: terminal.press(CTRL_C), 130, "^C"),
        (lambda terminal: terminal.signal(signal.SIGTERM), 143, ""),
    ],
    ids=["Ctrl-C", "SIGTERM"],
)
def test_a_signal_at_the_question_says_that_nothing_was_written(
    raise_site: Callable[..., Site], leave: Callable[[Terminal], None], code: int, echoed: str
) -> None:
    site = raise_site([a_member("ann")])
    with closing(asked(site)) as terminal:
        leave(terminal)
        ended = terminal.end()

    assert ended == code
    assert f"{QUESTION}{echoed}\nNothing was written.\n" in terminal.shown
    assert "\nReport: run/report/report.html\n" in terminal.shown
    assert "\n  migrate-mfa run --run-dir run --endpoint-url" in terminal.shown
    assert writes(site.running) == 0


def test_the_end_of_the_input_at_the_question_ends_its_line_too(raise_site: Callable[..., Site]) -> None:
    site = raise_site([a_member("ann")])
    with closing(asked(site)) as terminal:
        terminal.press(CTRL_D)
        ended = terminal.end()

    assert ended == 130
    assert f"{QUESTION}\n" in terminal.shown
    assert "\nReport: run/report/report.html\n" in terminal.shown
    assert "\nmigrate-mfa: Nothing was written.\n" in terminal.shown
    assert writes(site.running) == 0


def test_what_was_typed_before_the_question_is_no_answer_to_it(raise_site: Callable[..., Site]) -> None:
    site = raise_site([a_member("ann")])
    roster = write_roster(site.folder / "roster.csv", [("ann@example.com", phone_of(1))])
    options = ("--user-pool-id", POOL_ID, "--verification", "attested", "--run-dir", "run")
    with closing(Terminal("run", roster, *options, cwd=site.folder, env=site.cli.env())) as terminal:
        terminal.press(f"{POOL_NAME}\n")
        terminal.expect(QUESTION)
        terminal.press(CTRL_D)
        ended = terminal.end()

    assert ended == 130
    assert writes(site.running) == 0


def test_what_a_question_is_about_stands_apart_from_the_progress(raise_site: Callable[..., Site]) -> None:
    site = raise_site([a_member("ann", phone=phone_of(1), verified=True)])
    options = ("--user-pool-id", POOL_ID, "--deep", "--run-dir", "look")
    with closing(Terminal("audit", *options, cwd=site.folder, env=site.cli.env())) as terminal:
        terminal.type("Go on?", "n")
        ended = terminal.end()

    about = next(line for line in terminal.shown.split("\x1b[2K") if "AdminGetUser" in line)
    assert ended == 130
    assert about.startswith("Reading 1 user with AdminGetUser")
