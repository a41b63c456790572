"""How many parts an SMS is billed as.

160 characters of the GSM 7-bit alphabet or 70 of UCS-2 fit one part (AWS re:Post,
"sns-pinpoint-high-sms-charges"). In a longer message each part carries six octets that join them (3GPP
TS 23.040), which leaves 153 or 67.
"""

from math import ceil

_GSM_7 = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
"""The GSM 7-bit default alphabet (3GPP TS 23.038)."""
_GSM_7_EXTENSION = frozenset("\f^{}\\[~]|€")
"""Its extension table: each of these counts as two characters."""
_CODE, _SIX_DIGITS = "{####}", "000000"


def parts(template: str | None) -> int:
    """The number of parts of a message from a Cognito template, in which `{####}` stands for the code.

    Args:
        template: the pool's template; None for Cognito's default, which is one short English sentence.
    """
    text = (template or "").replace(_CODE, _SIX_DIGITS)
    if _GSM_7.union(_GSM_7_EXTENSION).issuperset(text):
        return _split(len(text) + sum(char in _GSM_7_EXTENSION for char in text), alone=160, joined=153)
    return _split(len(text.encode("utf-16-be")) // 2, alone=70, joined=67)


def _split(length: int, *, alone: int, joined: int) -> int:
    return 1 if length <= alone else ceil(length / joined)
