"""Leaving the question before a run: what was asked, what is left, and what was written stand apart."""

from __future__ import annotations

import signal
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from tests.commands.support import (
    POOL_ID,
    POOL_NAME,
    a_member,
    assert_code,
    members_of,
    phone_of,
    roster_of,
    words,
    write_roster,
    writes,
)
from tests.support.bucket import BUCKET, bucket_on_loopback
from tests.support.screen import at_a_terminal, has
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


def test_the_page_that_the_question_names_is_in_the_bucket(raise_site: Callable[..., Site]) -> None:
    site = raise_site([a_member("ann")])
    roster = write_roster(site.folder / "roster.csv", [("ann@example.com", phone_of(1))])
    options = ("--user-pool-id", POOL_ID, "--verification", "attested", "--run-dir", "s3://runs/one")
    with bucket_on_loopback() as bucket:
        environment = site.cli.env() | {"AWS_ENDPOINT_URL_S3": bucket.endpoint}
        for _ in range(2):  # the plan is made, then one that is there is asked for again
            bucket.s3.delete_object(Bucket=BUCKET, Key="one/report/report.html")
            terminal = Terminal("run", roster, *options, cwd=site.folder, env=environment)
            with closing(terminal):
                terminal.expect(QUESTION)
                there = bucket.names("one/report/report.html")
                terminal.press(CTRL_D)
                ended = terminal.end()

            assert there
            assert ended == 130
            assert "Whole plan   s3://runs/one/report/report.html" in terminal.shown
            assert "migrate-mfa-copy" not in terminal.shown


NAMES = tuple(f"user{number:02d}" for number in range(12))
WHO_AND_WHERE = (
    *("Caller arn:aws:iam::123456789012:user/simulator", "Where account 123456789012, Region ap-northeast-1"),
    *(f"pool {POOL_NAME} ({POOL_ID})", "Plan roster.csv, ", "Risks ", "SMS none now", "Cost 0 to ", "Time "),
)
"""What is on the screen at each question, whatever the command."""
PLAN = ("roster.csv", "--user-pool-id", POOL_ID, "--verification", "attested", "--run-dir", "run")


@pytest.fixture
def members(raise_site: Callable[..., Site]) -> Site:
    """Twelve members without a number, and roster.csv with one for each."""
    site = raise_site(members_of(NAMES))
    roster_of(site.folder, NAMES)
    return site


def the_question(site: Site, *command: object, code: int = 0) -> str:
    """What a small terminal shows when a command asks; then the name is typed, and it goes on to its end."""
    with at_a_terminal(80, 24, site, *command) as screen:
        shown = words("\n".join(screen.watch(has(QUESTION.strip()))))
        screen.type(POOL_NAME)
        assert screen.end() == code, "\n".join(screen.rows)
        assert not any(has("Users who will")(frame) for frame in screen.frames), "a plan was printed"
    missing = [text for text in ("About to write to", *WHO_AND_WHERE, QUESTION.strip()) if text not in shown]
    assert missing == [], shown
    return shown


def test_a_run_shows_on_one_screen_who_would_do_what_and_what_can_go_wrong(members: Site) -> None:
    shown = the_question(members, "run", *PLAN, "--max-users", "5", code=10)

    for told in (
        "About to write to 5 users",
        "Wave 5 of 12 users left",
        "roster.csv, attested, planned 2",
        "12 rows, 12 to do.",
        "12 numbers stored as verified on your word: a wrong number locks its user out",
        "Warnings sms_spend_limit (from check)",
        "Whole plan run/report/report.html",
    ):
        assert told in shown


def test_a_plan_can_be_read_in_its_report_while_the_run_that_made_it_asks(members: Site) -> None:
    page = members.folder / "run" / "report" / "report.html"
    with at_a_terminal(80, 24, members, "run", *PLAN) as screen:
        screen.watch(has(QUESTION.strip()))
        text = page.read_text(encoding="utf-8")
        screen.type("no")
        assert screen.end() == 130

    assert "12 of 12 users would be changed. Nothing has been written yet." in text
    assert writes(members.running) == 0


def test_a_plan_that_is_run_again_is_named_and_not_printed_again(members: Site) -> None:
    assert_code(members.cli("plan", *PLAN), 0)
    assert_code(members.cli("run", "--run-dir", "run", "--yes", "--max-users", "5"), 10)

    shown = the_question(members, "run", "--run-dir", "run")

    assert "About to write to 7 users" in shown
    assert "12 rows, 7 to do; verified 5." in shown


@pytest.mark.parametrize(
    ("command", "told"),
    [
        (("disable", "roster.csv", "--user-pool-id", POOL_ID, "--run-dir", "off"), "without a code until"),
        (("rollback", "--run-dir", "run"), "sign in without a code again"),
    ],
    ids=["disable", "rollback"],
)
def test_what_takes_mfa_away_asks_in_the_same_way(members: Site, command: tuple[str, ...], told: str) -> None:
    assert_code(members.cli("run", *PLAN, "--yes"), 0)

    shown = the_question(members, *command)

    assert "About to write to 12 users" in shown
    assert told in shown


def test_a_reconcile_asks_in_the_same_way(members: Site) -> None:
    by_code = ("by-code" if each == "attested" else each for each in PLAN)
    assert_code(members.cli("run", *by_code, "--yes"), 0)
    proved = [{"Username": name, "Attributes": {"phone_number_verified": "true"}} for name in NAMES[:4]]
    members.running.control("users", {"upsert": proved})

    shown = the_question(members, "reconcile", "--run-dir", "run")

    assert "About to write to 4 users" in shown
    assert "need their phone at each sign-in" in shown
