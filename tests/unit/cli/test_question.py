"""The question before a write fits one terminal, whatever there is to say."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from migrate_mfa.cli.ask import ROWS, screen
from migrate_mfa.domain.formatting import WIDTH

NAMES = ("Caller", "Where", "What", "Plan", "Risks", "SMS", "Cost", "Time", "Whole plan")
TEXT = st.text(alphabet="ab-/_ é日", max_size=260)


@settings(derandomize=True, deadline=None, max_examples=200)
@given(st.tuples(*[TEXT] * (len(NAMES) - 1)), st.lists(st.text("ab ", min_size=1, max_size=300), max_size=8))
def test_it_is_never_higher_or_wider_than_a_terminal(texts: tuple[str, ...], risks: list[str]) -> None:
    facts = dict(zip([name for name in NAMES if name != "Risks"], texts, strict=True))

    lines = screen("About to write to 300,000 users", facts | {"Risks": risks}).splitlines()

    assert max(map(len, lines)) <= WIDTH
    assert len(lines) <= max(ROWS, 2 + 3 * len(texts) + 1)


def test_facts_stand_in_their_order_and_what_says_nothing_is_left_out() -> None:
    text = screen("Title", {"Caller": "arn", "Cost": "", "Risks": ["one.", "two."], "SMS": "none"})

    told = ["Caller       arn", "Risks        one.", "             two.", "SMS          none"]
    assert text.splitlines()[2:] == told


def test_risks_without_room_are_counted_and_none_of_the_facts_is_lost() -> None:
    facts = {name: "x " * 40 for name in NAMES if name != "Risks"}
    risks = [f"risk {number}" for number in range(9)]

    lines = screen("Title", {"Risks": risks, **facts}).splitlines()

    shown = [line for line in lines if "risk" in line]
    assert len(lines) == ROWS
    assert f"and {9 - len(shown)} more, which a taller terminal shows" in lines[lines.index(shown[-1]) + 1]
    assert all(any(line.startswith(name) for line in lines) for name in facts)


@pytest.mark.parametrize("length", [200, 2000])
def test_a_fact_that_is_too_long_is_cut_with_a_mark(length: int) -> None:
    lines = screen("About to write to 1 user", {"Whole plan": "a" * length}).splitlines()

    assert len(lines) <= 2 + 3
    assert lines[-1].endswith("…") is (length > 3 * 67)


@pytest.mark.parametrize("length", [68, 80])
def test_a_path_that_fits_a_line_of_its_own_stays_whole_to_be_copied(length: int) -> None:
    path = "a-b/" * (length // 4)

    lines = screen("About to write to 1 user", {"Whole plan": path, "SMS": "none"}).splitlines()

    assert lines[2:] == ["Whole plan", path, "SMS          none"]


def test_a_taller_terminal_shows_every_risk() -> None:
    risks = [f"risk {number}" for number in range(40)]

    text = screen("Title", {"Risks": risks, "SMS": "none"}, rows=60)

    assert all(risk in text for risk in risks)
    assert "more" not in text
