import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from migrate_mfa.domain.formatting import WIDTH, counted, duration, folded, the_nearest

_SECONDS = {"s": 1, "min": 60, "h": 3600, "d": 86400}


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (-5, "0 s"),
        (0, "0 s"),
        (0.4, "0 s"),
        (45, "45 s"),
        (59.6, "1 min 00 s"),
        (65, "1 min 05 s"),
        (200, "3 min 20 s"),
        (3599.4, "59 min 59 s"),
        (3599.6, "1 h 00 min"),
        (7500, "2 h 05 min"),
        (7199, "2 h 00 min"),
        (86399, "1 d 00 h"),
        (4 * 86400 + 14 * 3600, "4 d 14 h"),
    ],
)
def test_a_duration_is_told_in_its_two_largest_units(seconds: float, words: str) -> None:
    assert duration(seconds) == words


@given(st.floats(min_value=0, max_value=1e8))
def test_a_duration_is_never_off_by_more_than_its_smaller_unit(seconds: float) -> None:
    units = re.findall(r"(\d+) (\w+)", duration(seconds))

    told = sum(int(number) * _SECONDS[unit] for number, unit in units)
    assert abs(told - seconds) <= _SECONDS[units[-1][1]]


@pytest.mark.parametrize(
    ("number", "words"), [(0, "0 users"), (1, "1 user"), (2, "2 users"), (300_000, "300,000 users")]
)
def test_one_of_something_is_told_from_several(number: int, words: str) -> None:
    assert counted(number, "user") == words


def test_several_may_be_told_in_words_of_their_own() -> None:
    assert [counted(number, "waits", "wait") for number in (1, 2)] == ["1 waits", "2 wait"]


def test_a_long_line_is_folded_between_words_and_a_short_one_left_alone() -> None:
    text = "short\n" + "word " * 40 + "\n  migrate-mfa rollback --run-dir " + "x" * 80 + " --yes"

    lines = folded(text, indent="  ").splitlines()

    assert lines[0] == "  short"
    assert all(len(line) <= WIDTH for line in lines[:-1])
    assert " ".join(" ".join(lines[1:-1]).split()) == " ".join(["word"] * 40)


def test_a_command_that_is_to_be_copied_stays_in_one_line() -> None:
    command = "  migrate-mfa rollback --run-dir " + "runs/ " * 20

    assert folded(f"Undo it:\n{command}").splitlines() == ["Undo it:", command]


@given(st.text())
def test_folding_loses_no_word(text: str) -> None:
    assert folded(text).split() == text.split()


def test_only_what_is_near_is_suggested() -> None:
    known = ("region", "quota_share", "roster")

    assert the_nearest("quota_sahre", known) == "The nearest is 'quota_share'."
    assert the_nearest("quota_sahre", known, shown=str) == "The nearest is quota_share."
    assert not the_nearest("only", known)
