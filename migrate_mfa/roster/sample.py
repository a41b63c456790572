# ruff: noqa: RUF001 - columns are named in Japanese
"""The first rows of a roster: which cells are filled, and which columns look like phone numbers."""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable
from itertools import islice
from typing import Final

from phonenumbers import COUNTRY_CODE_TO_REGION_CODE

from migrate_mfa.domain.phone.country import Country, row_country
from migrate_mfa.domain.phone.normalise import Normalised, PhoneProblem, may_be_fixed, normalise
from migrate_mfa.domain.reasons import Reason
from migrate_mfa.domain.spreadsheet import trim, unguard
from migrate_mfa.roster.aliases import name_key

ROWS: Final = 1000
_MOST_CHARACTERS: Final = 1 << 22
_JUDGED: Final = 50
"""The most filled cells of a column that are checked, from all over the sample."""
_LONGEST: Final = 60
_WORDS: Final = """
    na none null nil nan unknown tbd missing unbekannt keine inconnu aucun desconocido ninguno なし 無し 無
    未登録 未設定 不明"""
_NOTHING: Final = frozenset(_WORDS.split())


class Sample:
    """The first 1,000 rows, by column; long cells are shortened."""

    def __init__(self, rows: Iterable[list[str]], width: int, country: str | None = None) -> None:
        """Read the rows.

        Args:
            rows: the cells of the rows, as written.
            width: the header's number of columns.
            country: the country of numbers without a country code (`--phone-country`).
        """
        self.rows = 0
        self._columns: list[dict[int, str]] = [{} for _ in range(width)]
        self.country = country
        characters = 0
        for cells in islice(rows, ROWS):
            self.rows += 1
            characters += sum(map(len, cells))
            for column, cell in zip(self._columns, cells, strict=False):
                if text := _content(cell):
                    column[self.rows] = text
            if characters > _MOST_CHARACTERS:
                break

    def filled(self, at: int) -> int:
        """How many rows have something in a column; placeholders such as `n/a` do not count."""
        return len(self._columns[at])

    def values(self, at: int) -> Counter[str]:
        """The values of a column, and how often each occurs."""
        return Counter(self._columns[at].values())

    def has_national_numbers(self, at: int) -> bool:
        """Whether a column has numbers without a country code."""
        return any(not says_country(cell) for cell in self._columns[at].values())

    def looks_like_numbers(self, at: int, name: str) -> bool:
        """Whether most values of a column could be phone numbers."""
        filled = list(self._columns[at].values())
        cells = [_plain(cell) for cell in filled[:: len(filled) // _JUDGED + 1]]
        enough = len(cells) // 2 + 1
        numbers = [cell for cell in cells if _FORM.fullmatch(cell) and not _ELSE.fullmatch(cell)]
        ruined = sum(bool(_ROUNDED.fullmatch(cell)) for cell in cells)
        if not cells or len(numbers) + ruined < enough:
            return False
        named = name_key(name)
        plain = [cell for cell in numbers if _is_international(cell)]
        if not _OF_OTHER_THINGS.search(named):
            if _OF_TELEPHONES.search(named):
                return True
            plain += [cell for cell in numbers if cell not in plain and _lost_plus(cell)]
        if len(plain) + ruined >= enough or _OF_OTHER_THINGS.search(named):
            return len(plain) + ruined >= enough
        others = [cell for cell in numbers if cell not in plain]
        regions = dict.fromkeys((self.country, *_WITH_ZERO, *_WITHOUT_ZERO))
        most = max(sum(_is_national(cell, each, self.country) for cell in others) for each in regions)
        return most + len(plain) + ruined >= enough

    def has_numbers(self, at: int) -> bool:
        """Whether any value of a column could be a phone number, not an extension or a word."""
        return any(map(_may_be_number, self._columns[at].values()))

    def has_some_mobiles(self, at: int) -> bool:
        """Whether there are mobile numbers among other texts: two, or one among a few cells.

        Only clear ones count: with a plus sign, anywhere in a cell; or in the chosen country's notation, with
        a leading zero and signs between digits.
        """
        filled = self._columns[at].values()
        found = sum(1 for _ in islice(filter(self._names_mobile, filled), _SOME))
        return found == _SOME or found * _FEW_CELLS > len(filled)

    def gaps(self, at: int, other: int) -> set[int]:
        """The rows without a value in one column, with a possible number in another."""
        column, cells = self._columns[at], self._columns[other]
        return {row for row, cell in cells.items() if row not in column and _may_be_number(cell)}

    def is_mobile(
        self, at: int, row: int, countries: Iterable[int], *, certainly: bool, marked: bool
    ) -> bool:
        """Whether a row's cell is a number that can receive SMS.

        Args:
            at: the column of the number.
            row: the row of the sample, from 1.
            countries: the columns that may name the number's country.
            certainly: a number that may also be a fixed line, as in the United States, does not count.
            marked: a number without a plus sign does not count either.
        """
        cell = self._columns[at][row]
        if marked and not _INSIDE.fullmatch(_plain(cell)):
            return False
        named = (row_country(self._columns[each].get(row, ""), "") for each in countries)
        regions: set[str | None] = {each.region for each in named if isinstance(each, Country)}
        read = (normalise(cell, country=each, strict=False) for each in regions or {self.country})
        return any(isinstance(each, Normalised) and not (certainly and may_be_fixed(each)) for each in read)

    def _names_mobile(self, cell: str) -> bool:
        text = _DASHES.sub("-", unicodedata.normalize("NFKC", cell))
        plain = _plain(cell)
        if self.country and _WRITTEN.fullmatch(plain) and not _ELSE.fullmatch(plain):
            return isinstance(normalise(plain, country=self.country, strict=False), Normalised)
        found = map(re.Match.group, _INSIDE.finditer(text))
        return any(isinstance(normalise(each, country=None, strict=False), Normalised) for each in found)


def says_country(number: str) -> bool:
    """Whether a number begins with a plus sign, so that its country is certain."""
    return _is_international(_plain(number))


def _content(cell: str) -> str:
    text = trim(cell)
    return "" if (folded := name_key(text[:_LONGEST])) in _NOTHING or not folded else text[:_LONGEST]


_SHORTEST: Final = 7
_SOME: Final = 2
_FEW_CELLS: Final = 21
"""Fewer than this: then one is more than a twentieth."""
_INSIDE: Final = re.compile(r"\+[0-9](?:[ ()./-]*[0-9]){7,14}(?![0-9])")
_WRITTEN: Final = re.compile(r"\(?0[0-9]{1,4}(?:[ ()./-]+[0-9]{2,}){1,4}")


def _may_be_number(cell: str) -> bool:
    plain = _plain(cell)
    return len(_digits(plain)) >= _SHORTEST or bool(_ROUNDED.fullmatch(plain))


_FORM: Final = re.compile(r"\(?\+{0,2} ?[(0-9](?:[ ()./+-]*[0-9]){7,16}")
_ELSE: Final = re.compile(
    r"(?:19|20)[0-9]{2}(?P<sign>[-/. ]?)(?:0?[1-9]|1[0-2])(?P=sign)(?:0?[1-9]|[12][0-9]|3[01])"
    r"(?: ?[0-9]{2,6})?"
    r"|[0-9]{1,2}[-/.][0-9]{1,2}[-/.](?:19|20)?[0-9]{2}"
    r"|[0-9]{1,3}(?:\.[0-9]{1,3}){3}"
    r"|[0-9]+\.[0-9]{1,6}"
)
"""Dates and times of a day, IP addresses, fractions."""
_ROUNDED: Final = re.compile(r"\+?[0-9](?:[.,][0-9]+)?E\+?1[0-4]", re.IGNORECASE)
_AFTER: Final = re.compile(
    r"(?: ?(?:x|ext\.?|#|内線) ?[0-9]{1,6}|\.0+)$|[,;&|\n].*| / .*", re.IGNORECASE | re.DOTALL
)
_DASHES: Final = re.compile("[‐-―−ー～~]")
_OF_OTHER_THINGS: Final = re.compile(
    r"id$|ids$|imei|iccid|uuid|iban|ssn|zip|postal|postcode|plz|date|time|birth|created|updated|modified|account"
    r"|order|invoice|customer|employee|member|serial|tax|sku|price|amount|count|code$|type$"
    r"|(?:会員|社員|顧客|職員|注文|口座|郵便|法人|管理|受付|契約|登録|伝票|学籍|個人)(?:番号|no|コード)|日時|日付|生年月日"
)
_OF_TELEPHONES: Final = re.compile(
    r"phone|(?<!ho)tel(?!egram|lus|ex)|tfno|tlf|mobil|movil|celular|cellul|^cell|handy|rufn|sms|gsm|whatsapp|portable"
    r"|電話|携帯|ケータイ|スマホ|連絡先"
)
_WITH_ZERO: Final = ("JP", "DE", "GB", "FR", "KR", "AU")
_WITHOUT_ZERO: Final = ("US", "ES", "IT", "CN", "IN", "BR", "MX")
"""Countries whose numbers are recognized by their beginning; one country for a whole column."""


def _plain(cell: str) -> str:
    """The text of a cell in ASCII, without the marks that programs put around numbers."""
    text = unicodedata.normalize("NFKC", unguard(cell))
    text = "".join(char for char in text if unicodedata.category(char) not in {"Cf", "Mn"})
    text = re.sub(r"^tel:", "", _DASHES.sub("-", text).strip(" \t'=\""), flags=re.IGNORECASE)
    return re.sub(r"\s+", " ", _AFTER.sub("", text)).strip(" '\"")


def _is_international(cell: str) -> bool:
    return cell.lstrip("(").startswith("+")


def _lost_plus(cell: str) -> bool:
    digits, first = _digits(cell), re.split("[^0-9]", cell, maxsplit=1)[0]
    if len(digits) < 11 or digits[0] == "0":  # noqa: PLR2004 - a country code and a national number
        return False
    if digits != cell and not (first and int(first) in COUNTRY_CODE_TO_REGION_CODE):
        return False
    return not isinstance(normalise(f"+{digits}", country=None, strict=False), PhoneProblem)


def _is_national(cell: str, region: str | None, chosen: str | None) -> bool:
    """Whether a text without a country code could be a number of a region.

    Bare digits without a leading zero are more often ids of customers or orders: they count only if they are
    mobile numbers of the chosen region, or numbers of the United States, whose plan has gaps.
    """
    digits = _digits(cell)
    if region is None or (region != chosen and (digits[0] == "0") is not (region in _WITH_ZERO)):
        return False
    if digits == cell and digits[0] != "0" and region not in {chosen, "US"}:
        return False
    read = normalise(digits, country=region, strict=False)
    if isinstance(read, PhoneProblem):
        return read.reason is Reason.NOT_SMS_CAPABLE and digits != cell and digits[0] == "0"
    return True


def _digits(cell: str) -> str:
    return re.sub("[^0-9]", "", cell)
