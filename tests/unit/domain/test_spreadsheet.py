# ruff: noqa: RUF001 - full-width signs are what is tested
import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from migrate_mfa.domain.spreadsheet import guard, trim, unguard

cells = st.text() | st.text("'=+-@\t\r\n＝＋－＠0189a", max_size=8)
everything = settings(derandomize=True, deadline=None, max_examples=500)


@everything
@given(cells)
@example("'=1+1")
@example("'+819012345678")
@example("''")
@example("'")
@example("")
def test_unguard_gives_back_every_cell(cell: str) -> None:
    assert unguard(guard(cell)) == cell


@everything
@given(cells)
def test_no_guarded_cell_is_run(cell: str) -> None:
    written = guard(cell)

    runs = re.match(r"[=+\-@\t\r＝＋－＠]", written)
    assert not runs or re.fullmatch(r"\+[0-9]{6,15}", written)


@pytest.mark.parametrize("first", "=+-@\t\r\n＝＋－＠")
def test_a_cell_that_would_run_gets_one_apostrophe(first: str) -> None:
    assert guard(f"{first}cmd|' /C calc'!A0") == f"'{first}cmd|' /C calc'!A0"


@pytest.mark.parametrize(
    "cell",
    ["+819012345678", "+123456", "alice", "", "a=b", "'tis", "'", "090-1234-5678", "０９０", "a@b.example"],
)
def test_a_harmless_cell_stays_as_it_is(cell: str) -> None:
    assert (guard(cell), unguard(cell)) == (cell, cell)


@pytest.mark.parametrize("cell", ["+81 90", "+12345", "+1234567890123456", "+81901234567８", "+8190123456\n"])
def test_only_plain_e164_goes_without(cell: str) -> None:
    assert guard(cell) == f"'{cell}"


def test_a_number_that_a_spreadsheet_user_has_guarded_is_read() -> None:
    assert unguard("'+819012345678") == "+819012345678"


@pytest.mark.parametrize(
    "around", [" ", "\t", "\u3000", "\ufeff", "\u200b", "\xa0", "\u2028", "\u202a", " \ufeff "]
)
def test_trim_takes_off_what_cannot_be_seen(around: str) -> None:
    assert trim(f"{around}山田 太郎{around}") == "山田 太郎"


@everything
@given(st.text())
def test_trim_leaves_no_white_space_around_and_everything_inside(cell: str) -> None:
    trimmed = trim(cell)

    assert trimmed == trimmed.strip() == trim(trimmed)
    assert trimmed in cell
