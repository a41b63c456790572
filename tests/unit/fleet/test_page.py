"""The page of a fleet shows coverage by account and Region, then the targets; all texts are escaped."""

import re

import pytest

from migrate_mfa.fleet.document import Line
from migrate_mfa.fleet.page import as_html
from migrate_mfa.fleet.standing import Standing
from migrate_mfa.fleet.unit import State
from migrate_mfa.reports.languages import Lang
from migrate_mfa.reports.page_texts import PageTexts

AGAIN = "migrate-mfa fleet fleet.toml --verb run --run-dir runs"
LEFT = frozenset(State) - {State.FINISHED, State.NO_RUN}


def line(name: str, account: str | None, state: State, error: str = "", **counts: int) -> Line:
    standing = Standing(state=state, exit_code=0, error=error, verb="run", counts=counts)
    return Line(
        name=name,
        account=account,
        region="eu-west-1",
        standing=standing,
        run_dir=f"runs/{name}",
        next_command=f"{AGAIN} --only {name}" if state in LEFT else "",
        fleet_command=AGAIN if state in LEFT else "",
    )


def text_of(html: str) -> list[str]:
    return [
        each.strip()
        for each in re.sub(r"<style>.*?</style>|<[^>]+>", "\n", html, flags=re.DOTALL).split("\n")
        if each.strip()
    ]


def test_counts_add_up_by_account_and_region() -> None:
    one, two = "111122223333", "444455556666"
    lines = [
        line("a", one, State.FINISHED, verified=1200, failed=1),
        line("b", two, State.FINISHED, verified=5),
        line("c", one, State.FINISHED, verified=34),
    ]

    told = text_of(as_html(lines))

    at = told.index("Coverage by account and Region")
    table = told[at + 1 : told.index("Targets", at + 6)]
    assert table == [
        *("Account", "Region", "Verified share", "Targets", "Verified", "Failed"),
        *(one, "eu-west-1", "99.9 %", "2", "1,234", "1"),
        *(two, "eu-west-1", "100.0 %", "1", "5", "0"),
    ]
    assert "3 targets: 3 finished." in told
    assert "3 targets. Accounts and Regions: 2." in told
    assert AGAIN not in told, "nothing is left to do"


def test_what_is_left_to_do_is_told_with_its_command_and_nothing_is_taken_for_html() -> None:
    html = as_html([line("a", None, State.UNREACHABLE, error="<b>no</b>"), line("b", None, State.WAITING)])

    assert AGAIN in text_of(html)
    assert "&lt;b&gt;no&lt;/b&gt;" in html
    assert "<b>" not in html
    assert "2 targets: 1 unreachable, 1 waiting." in html
    assert "<script" not in html
    assert " style=" not in html
    assert "default-src 'none'" in html.replace("&#39;", "'")


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("lang", Lang)
def test_every_state_has_words_in_both_languages(lang: Lang, state: State) -> None:
    told = text_of(as_html([line("a", None, state, verified=1, no_phone=1)], lang))

    words = PageTexts(lang)
    assert any(words(f"fleet_state.{state}") in each for each in told)
    assert {
        words("outcomes.verified"),
        words("audit.no_phone"),
        "50.0 %" if lang is Lang.EN else "50.0%",
    } <= set(told)
    assert words("page.unknown") in told


def test_the_japanese_page_leaves_commands_and_errors_as_they_are() -> None:
    html = as_html([line("a", "111122223333", State.SET_ASIDE, error="No roster.")], Lang.JA)

    assert '<html lang="ja">' in html
    assert {"ターゲット 1 件: 保留(要確認) 1 件。", AGAIN, "No roster."} <= set(text_of(html))
    assert not re.search("Coverage|Target|State", " ".join(text_of(html)))


def test_a_target_without_a_run_and_what_was_restored_are_no_work_that_is_left() -> None:
    lines = [
        line("a", None, State.NO_RUN, error="Nothing has begun here."),
        line("b", None, State.FINISHED, restored=1234),
    ]

    told = text_of(as_html(lines))

    assert "2 targets: 1 without a run, 1 finished." in told
    assert "1,234" in told
    assert "Nothing has begun here." not in told
    assert AGAIN not in told
