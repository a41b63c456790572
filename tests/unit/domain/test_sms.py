import pytest
from hypothesis import given
from hypothesis import strategies as st

from migrate_mfa.domain.sms import parts

JAPANESE = "認証コードは {####} です。"
GSM_7 = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        (None, 1),
        ("", 1),
        ("Your code is {####}.", 1),
        ("a" * 160, 1),
        ("a" * 161, 2),
        ("a" * 306, 2),
        ("a" * 307, 3),
        ("{####}" + "a" * 154, 1),
        ("{####}" + "a" * 155, 2),
        (JAPANESE, 1),
        ("あ" * 70, 1),
        ("あ" * 71, 2),
        ("あ" * 134, 2),
        ("あ" * 135, 3),
        ("あ" * 64 + "{####}", 1),
        ("あ" * 65 + "{####}", 2),
        ("a" * 70 + "あ", 2),
        ("€" * 80, 1),
        ("€" * 81, 2),
        ("[~]" * 26 + "{^", 1),
        ("a" * 159 + "€", 2),
        ("😀" * 35, 1),
        ("😀" * 36, 2),
        ("`" + "a" * 69, 1),
        ("`" + "a" * 70, 2),
    ],
)
def test_parts_are_counted_as_the_network_counts_them(template: str | None, expected: int) -> None:
    assert parts(template) == expected


def test_the_gsm_alphabet_has_127_characters_beside_the_escape() -> None:
    assert len(set(GSM_7)) == 127
    assert all(parts(each * 160) == 1 for each in GSM_7)


@given(st.text(max_size=300), st.text(max_size=20))
def test_a_longer_message_never_has_fewer_parts(text: str, more: str) -> None:
    assert 1 <= parts(text) <= parts(text + more)
