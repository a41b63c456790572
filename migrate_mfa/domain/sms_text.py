"""How many parts a text message is billed as.

Source: "SMS character limits in AWS End User Messaging SMS": 160 characters of GSM 7-bit in one part, 153 in
each of several; 70 and 67 as soon as one character is outside that alphabet.
"""

_GSM7 = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡"
    "ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_GSM7_TWICE = frozenset("^{}\\[~]|€\f")
_PLACE, _CODE = "{####}", "000000"


def parts(template: str) -> int:
    """The parts of a message with a code of six digits in place of `{####}`."""
    text = template.replace(_PLACE, _CODE)
    if set(text) <= _GSM7 | _GSM7_TWICE:
        length, alone, joined = sum(1 + (char in _GSM7_TWICE) for char in text), 160, 153
    else:
        length, alone, joined = len(text.encode("utf-16-be")) // 2, 70, 67
    return 1 if length <= alone else -(-length // joined)
