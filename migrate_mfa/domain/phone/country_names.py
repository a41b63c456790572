"""Which country a code or a name means: ISO codes, and names as people and forms write them.

The names are those of the Unicode CLDR, which the Babel library carries, in English, in some languages of
exports and in the official languages of each country. Babel is read only when a roster needs it.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Final

from migrate_mfa.domain.characters import without_accents

_LANGUAGES: Final = ("ja", "de", "fr", "es", "it", "pt", "nl", "zh", "zh_Hant", "ko")

_ALSO: Final = {
    "AE": "uae, emirates",
    "BA": "bosnia",
    "BN": "brunei darussalam",
    "BO": "bolivia plurinational state of, plurinational state of bolivia",
    "BQ": "bonaire sint eustatius and saba, caribbean netherlands",
    "CC": "cocos islands, keeling islands",
    "CD": (
        "drc, dr congo, congo drc, congo the democratic republic of the, democratic republic of the congo"
        ", democratic republic of congo"
    ),
    "CG": "republic of the congo, congo republic, congo brazzaville",
    "CI": "ivory coast, cote d ivoire",
    "CN": "中華人民共和国, 中华人民共和国, prc, peoples republic of china, mainland china, china mainland",
    "CV": "cape verde, republic of cabo verde",
    "CZ": "czech republic, czechia",
    "DE": "federal republic of germany, brd, bundesrepublik deutschland",
    "FK": "falkland islands malvinas, malvinas",
    "FM": "micronesia federated states of, federated states of micronesia",
    "FR": "french republic",
    "GB": (
        "uk, great britain, britain, england, scotland, wales, northern ireland"
        ", united kingdom of great britain and northern ireland, great britain and northern ireland"
        ", grossbritannien, grande bretagne, gran bretana"
    ),
    "GM": "the gambia, gambia the",
    "HK": "hong kong, hongkong, 香港",
    "IR": "iran islamic republic of, islamic republic of iran",
    "JP": "nippon, nihon, 日本国",
    "KP": "north korea, korea democratic peoples republic of, dprk, democratic peoples republic of korea",
    "KR": "south korea, korea republic of, republic of korea, korea, rok, korea south, 한국, 大韓民国",
    "LA": "lao peoples democratic republic, lao pdr",
    "LY": "libyan arab jamahiriya",
    "MD": "moldova republic of, republic of moldova",
    "MF": "saint martin french part",
    "MK": "macedonia, fyrom, republic of north macedonia, macedonia the former yugoslav republic of",
    "MM": "burma, myanmar",
    "MO": "macau, macao, 澳門, 澳门, マカオ",
    "NL": "holland, the netherlands",
    "PS": "palestine, palestine state of, palestinian territory occupied, state of palestine",
    "RU": "russian federation, ロシア連邦",
    "SA": "ksa, kingdom of saudi arabia",
    "SH": "saint helena ascension and tristan da cunha",
    "SX": "sint maarten dutch part, saint maarten",
    "SY": "syrian arab republic",
    "SZ": "swaziland",
    "TL": "east timor",
    "TH": "ประเทศไทย",
    "TR": "turkey, turkiye, republic of turkiye",
    "TW": "taiwan, 臺灣, taiwan province of china, taiwan republic of china, republic of china",
    "TZ": "tanzania united republic of, united republic of tanzania",
    "US": (
        "america, united states of america, the united states, us of a, アメリカ, 米国, 美国, 美國"
        ", estados unidos de america, etats unis d amerique, vereinigte staaten von amerika"
        ", eeuu, ee uu, stati uniti d america"
    ),
    "VA": "holy see, holy see vatican city state, vatican",
    "VE": "venezuela bolivarian republic of, bolivarian republic of venezuela",
    "VG": "virgin islands british",
    "VI": "virgin islands us, virgin islands u s",
    "VN": "viet nam, socialist republic of vietnam",
}
"""What forms and people call countries beside the names that CLDR has."""
_DOTTED: Final = re.compile(r"(?:[A-Za-z]\. ?){1,3}[A-Za-z]?")
_DOTTED_CODES: Final = {
    "us": "US",
    "usa": "US",
    "uk": "GB",
    "uae": "AE",
    "prc": "CN",
    "drc": "CD",
    "ksa": "SA",
}
_CODE: Final = re.compile(r"[A-Za-z]{2,3}")


def region_named(text: str, *, anywhere: bool = True) -> str | None:
    """The ISO code (two capital letters) of the country that a text names, or None.

    Names in the smaller languages of the world are looked up only `anywhere`: that takes seconds.
    """
    if _CODE.fullmatch(text) and (region := _codes().get(text.upper())):
        return region
    if _DOTTED.fullmatch(text):
        return _DOTTED_CODES.get(re.sub(r"[. ]", "", text).casefold())
    key = _key(text)
    if len(key) < _SHORTEST:
        return None
    short = _key(_STYLE.sub("", text))
    if region := _english().get(key) or _english().get(short):
        return region
    return _foreign().get(key) or (_native().get(key) if anywhere else None)


_STYLE: Final = re.compile(
    r"^(?:the )?(?:(?:arab|islamic|federal|democratic|socialist|people'?s|independent|grand) ){0,3}"
    r"(?:republic|kingdom|state|principality|commonwealth|sultanate|union|duchy) of ",
    re.IGNORECASE,
)
_NUMERIC: Final = 3


def region_numbered(text: str) -> str | None:
    """The ISO code of the country that has this ISO number of three digits, perhaps without its zeros."""
    if not (text.isascii() and text.isdecimal() and len(text) <= _NUMERIC):
        return None
    from babel.core import get_global  # noqa: PLC0415 - likewise

    now = get_global("territory_aliases").get(text.zfill(_NUMERIC), ())
    return now[0] if len(now) == 1 and now[0] in _regions() else None


_SHORTEST: Final = 2
_ASCII_NAME: Final = 4
"""Shorter texts in ASCII are codes or nothing: N/A is not Namibia."""


def _key(name: str) -> str:
    """A name without what people write differently: case, accents, punctuation, `St.`, `&`, `the`."""
    plain = without_accents(name.casefold())
    words = re.sub(r"[^\w]+|_", " ", plain.replace("&", " and ").replace("'", "").replace("’", "")).split()  # noqa: RUF001 - as typed
    if words and words[0] == "the":
        words = words[1:]
    key = "".join("saint" if word == "st" else word for word in words)
    return "" if key.isascii() and len(key) < _ASCII_NAME else unicodedata.normalize("NFC", key)


@lru_cache(maxsize=1)
def _codes() -> dict[str, str]:
    """ISO codes of two and three letters, with UK, as they are exchanged today."""
    from babel.core import get_global  # noqa: PLC0415 - only rosters with a country column pay for it

    old = get_global("territory_aliases")
    known = {region: region for region in _regions()}
    alpha3 = {
        str(code): now[0]
        for code, now in old.items()
        if str(code).isalpha() and len(now) == 1 and now[0] in known
    }
    return alpha3 | {"XKX": "XK", "UAE": "AE", "PRC": "CN", "DRC": "CD", "KSA": "SA"} | known


@lru_cache(maxsize=1)
def _regions() -> frozenset[str]:
    from babel.core import Locale  # noqa: PLC0415 - likewise

    codes = map(str, Locale("en").territories)
    return frozenset(code for code in codes if code.isalpha() and code not in _NO_COUNTRIES)


_NO_COUNTRIES: Final = frozenset(("EU", "EZ", "UN", "XA", "XB", "ZZ", "QO"))


@lru_cache(maxsize=1)
def _english() -> dict[str, str]:
    also = ((name, region) for region, names in _ALSO.items() for name in names.split(","))
    return _unambiguous(_names_in("en")) | {_key(name): region for name, region in also}


@lru_cache(maxsize=1)
def _foreign() -> dict[str, str]:
    return _unambiguous(pair for language in _LANGUAGES for pair in _names_in(language))


@lru_cache(maxsize=1)
def _native() -> dict[str, str]:
    """The names of countries in their own official languages; a last resort that takes seconds."""
    from babel.core import get_global  # noqa: PLC0415 - likewise

    official: dict[str, set[str]] = {}
    for region, languages in get_global("territory_languages").items():
        for language, facts in languages.items():
            if facts.get("official_status"):
                official.setdefault(language, set()).add(region)
    return _unambiguous(
        (name, region)
        for language, regions in official.items()
        for name, region in _names_in(language)
        if region in regions
    )


def _names_in(language: str) -> Iterator[tuple[str, str]]:
    from babel.core import Locale, UnknownLocaleError  # noqa: PLC0415 - likewise

    try:
        territories = Locale.parse(language).territories
    except (UnknownLocaleError, ValueError):
        return
    regions = _regions()
    for region, name in territories.items():
        if region in regions:
            yield name, region


def _unambiguous(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Countries by their names' keys, without the names that several countries have."""
    found: dict[str, set[str]] = {}
    for name, region in pairs:
        found.setdefault(_key(name), set()).add(region)
    return {key: min(regions) for key, regions in found.items() if key and len(regions) == 1}
