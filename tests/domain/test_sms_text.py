import pytest

from migrate_mfa.domain.sms_text import parts


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("Your authentication code is {####}. ", 1),
        ("x" * 154 + "{####}", 1),
        ("x" * 155 + "{####}", 2),
        ("x" * 300 + "{####}", 2),
        ("x" * 301 + "{####}", 3),
        ("[" * 77 + "{####}", 1),
        ("[" * 78 + "{####}", 2),
        ("認" * 64 + "{####}", 1),
        ("認" * 65 + "{####}", 2),
        ("x" * 64 + "😀{####}", 2),
        ("x" * 62 + "😀{####}", 1),
        ("認" * 128 + "{####}", 2),
        ("認" * 129 + "{####}", 3),
    ],
)
def test_a_text_is_billed_in_parts(template: str, expected: int) -> None:
    assert parts(template) == expected
