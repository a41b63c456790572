"""Notes in brackets after a phone column's name that do not change its meaning, such as `[Required]`."""

import re
from typing import Final

from migrate_mfa.domain.characters import fold

_WORDS: Final = """
    required optional mandatory must be in the this is a an of for to only and or with as your user users s
    own self personal primary main preferred default current new number numbers phone telephone tel mobile
    cell e 164 e164 format eg g example like international intl digits sms mfa 2fa otp text texts message
    messages login authentication read upload plus sign
    leading including incl
    pflichtfeld pflicht pflichtangabe erforderlich freiwillig fur im nur mit z b beispiel bsp
    eigene eigenes eigener personlich personliche nummer telefon mobil handy internationales internationale
    obligatoire obligatoires requis facultatif optionnel pour au avec par exemple
    personnel numero de portable propre
    obligatorio obligatoria requerido requerida opcional para en con formato internacional
    ejemplo ej propio movil celular telefono
    本人 ご本人 本人用 本人携帯 個人 個人用 必須 必須項目 入力必須 任意 任意項目 半角 半角数字 数字のみ
    ハイフンなし ハイフン無し ハイフン不要 ハイフンあり ハイフン有り ハイフン区切り 国番号付き 国番号つき
    国番号あり 国番号有り 国番号を含む 国番号含む 国番号から e164形式 164形式 国際形式 国際表記 形式 例 sms用
    sms受信用 sms送信用 sms送信先 sms認証用 sms受信可 mfa用 認証用 二段階認証用 多要素認証用 連絡先 番号
    sms受信可能 smsを受信できる番号 ハイフンなし半角数字 半角数字ハイフンなし 電話番号 携帯 携帯電話
    携帯番号"""
_HARMLESS: Final = frozenset(map(fold, _WORDS.split()))
_WITH_CODE: Final = re.compile(
    r"\b(?:with|including|include|incl|add|plus|mit|inkl|inklusive|avec|incluant|con|incluyendo)"
    r"(?: (?:the|l|el|la))*(?: (?:country|international|calling|dial|dialing|area|plus))*"
    r" (?:code|codes|prefix|vorwahl|landervorwahl|laendervorwahl|landesvorwahl|indicatif|prefijo|codigo)"
    r"(?: (?:du|de|del|pays|pais|international|internacional))*\b"
)
_WITHOUT_SIGNS: Final = re.compile(
    r"\b(?:without|no|with|ohne|mit|sans|avec|sin|con)"
    r"(?: (?:spaces?|hyphens?|dash(?:es)?|leerzeichen|bindestriche?|espaces?|tirets?|espacios?|guion(?:es)?"
    r"|or|and|und|oder|et|ou|ni|y|o))+\b"
)
_FORMAT: Final = re.compile(r"(?!(?:19|20)[0-9]{2}$)[0-9]+[0-9x]*|x{2,}")
"""The format of a number, such as `+81…` or `090-xxxx-xxxx`; or which of several it is, such as `2`."""


def changes_nothing(note: str) -> bool:
    """Whether a note is only about the format or the purpose, or asks for the user's own number."""
    words = " ".join(re.findall(r"[^\W_]+", fold(note)))
    rest = _WITHOUT_SIGNS.sub(" ", _WITH_CODE.sub(" ", words))
    return all(word in _HARMLESS or _FORMAT.fullmatch(word) for word in rest.split())
