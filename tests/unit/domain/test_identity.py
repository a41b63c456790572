# ruff: noqa: RUF001 - full-width signs are what is tested
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from migrate_mfa.domain.identity import Unreadable, read_email, read_sub, read_username

everything = settings(derandomize=True, deadline=None, max_examples=300)
ADDRESS = "aki.ito@example.com"
SUB = "0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0"


@pytest.mark.parametrize(
    "cell",
    [
        *(f"'{ADDRESS}", f'="{ADDRESS}"', f'="{ADDRESS} "', f"'{ADDRESS}'"),
        *(f"mailto:{ADDRESS}", f"MAILTO: {ADDRESS}", f"mailto:{ADDRESS}?subject=x", f"SMTP:{ADDRESS}"),
        *(f"Aki Ito <{ADDRESS}>", f"<{ADDRESS}>", f'"Ito, Aki" <{ADDRESS}>', f"< {ADDRESS} >;"),
        *(f"{ADDRESS};", f"{ADDRESS},", f"{ADDRESS} ; ", f"\u3000{ADDRESS}\u00a0"),
        *(f"‘{ADDRESS}’", f"“{ADDRESS}”", f"„{ADDRESS}“", f"«{ADDRESS}»", f"「{ADDRESS}」", f"({ADDRESS})"),
        *(f"{ADDRESS}.", f"{ADDRESS}。", f"“{ADDRESS}.”", f"‘{ADDRESS}’, ", f"Aki Ito <{ADDRESS}>."),
        *(f"[{ADDRESS}](mailto:{ADDRESS})", f"[Aki Ito](mailto:{ADDRESS}?subject=x)", f"[mailto:{ADDRESS}]"),
        *(f"<mailto:{ADDRESS}>", f"{ADDRESS}<mailto:{ADDRESS}>", f"[{ADDRESS}](<mailto:{ADDRESS}>)"),
        *(f"\u200b{ADDRESS}", "aki.\u00adito@example.com", "aki.ito@exam\u200bple.com", f"{ADDRESS}\ufe0f"),
    ],
)
def test_what_programs_put_around_an_address_is_taken_off(cell: str) -> None:
    assert read_email(cell) == ADDRESS
    assert read_username(cell) == ADDRESS


@pytest.mark.parametrize("cell", ["ａｋｉ．ｉｔｏ＠ｅｘａｍｐｌｅ．ｃｏｍ", "aki.ito＠example.com"])
def test_full_width_signs_of_an_address_are_read(cell: str) -> None:
    assert read_email(cell) == ADDRESS


@pytest.mark.parametrize("name", ["müller@example.com", "がく@example.com", "한국@example.com"])
def test_letters_and_their_accents_are_put_together(name: str) -> None:
    apart = unicodedata.normalize("NFD", name)

    assert apart != name
    assert (read_email(apart), read_username(apart)) == (name, name)
    assert read_username(apart.partition("@")[0]) == name.partition("@")[0]


@pytest.mark.parametrize(
    "name",
    [
        "alice",
        "=alice",
        "o'neil",
        "alice.",
        "‘alice’",
        "[alice](x)",
        "o’neil@example.com",
        "Ａlice",
        "user①",
        "神\ufa19",
        "ab❤\ufe0f",
        "null",
        "-",
        "#admin",
        "a;b",
    ],
)
def test_a_username_is_left_as_it_is(name: str) -> None:
    assert read_username(name) == name


@pytest.mark.parametrize(
    "cell", ["ali\u200bce", "\u00adalice", "alice\u200d", '="alice"', "'alice", " alice "]
)
def test_what_no_username_can_have_is_taken_off(cell: str) -> None:
    assert read_username(cell) == "alice"


@pytest.mark.parametrize("cell", [SUB.upper(), f"{{{SUB}}}", f'="{SUB}"', f"'{SUB}", f"\u200b{SUB}", SUB])
def test_a_sub_is_read_as_cognito_writes_it(cell: str) -> None:
    assert read_sub(cell) == SUB


@pytest.mark.parametrize("cell", ["NULL", "n/a", "None", "-", "nan", "\\N", "(null)"])
def test_a_word_for_nothing_is_no_sub_and_no_address(cell: str) -> None:
    assert (read_sub(cell), read_email(cell)) == ("", "")


@pytest.mark.parametrize(
    ("cell", "cause"),
    [
        ("a@example.com; b@example.com", "more than one address"),
        ("a@example.com,b@example.com", "more than one address"),
        ("SMTP:a@example.com;smtp:b@example.com", "more than one address"),
        ("a @example.com", "a blank"),
        ("a\u00a0b@example.com", "a blank"),
        ("a@example.com;090", "a blank or a mark"),
        ('"a@example.com"', "a blank or a mark"),
        ("‘a@example.com", "a blank or a mark"),
        ("a@example.com’", "a blank or a mark"),
        ("a@example.co..", "cut off"),
        ("a@example.co…", "cut off"),
        ("[a@example.com](mailto:b@example.com)", "more than one address"),
        ("a@example.com<b@example.com>", "more than one address"),
        ("#N/A", "error value"),
        ("#REF!", "error value"),
        ("#NAME?", "error value"),
    ],
)
def test_what_may_mean_several_is_named(cell: str, cause: str) -> None:
    for read in (read_email, read_username):
        found = read(cell)

        assert isinstance(found, Unreadable)
        assert cause in found.cause
        assert "example" not in found.cause


@everything
@given(st.text(max_size=20) | st.text("a@.;,<>\"'= \u200b‘’[]()", max_size=12))
def test_any_text_has_an_answer(cell: str) -> None:
    for read in (read_sub, read_username, read_email):
        assert isinstance(read(cell), Unreadable | str)
