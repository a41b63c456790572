# ruff: noqa: RUF001 - full-width signs are what is tested
import re

import phonenumbers
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from migrate_mfa.domain.phone.country import Country, row_country

everything = settings(derandomize=True, deadline=None, max_examples=300)
JAPAN = Country("JP", 81)


def named(cell: str) -> tuple[str, int]:
    found = row_country(cell, "")
    assert isinstance(found, Country), found
    return found.region, found.code


@pytest.mark.parametrize(
    "cell",
    [
        *(
            "JP",
            "jp",
            " JPN ",
            "Japan",
            "JAPAN",
            "ＪＰ",
            "日本",
            "日本国",
            "Japon",
            "Japón",
            "Giappone",
            "Nippon",
        ),
        *("+81", "81", "0081", "+ 81", "(+81)", "081", "81.0", "８１", "'+81", '="81"', '="JP"', "＋８１"),
        *("Japan (+81)", "JP +81", "Japan +81", "+81 (Japan)", "(+81) Japan", "81 - Japan", "Japan+81"),
        *("日本 (JP)", "JP: Japan", "JP | Japan", "🇯🇵", "🇯🇵 Japan +81", "J\u200bP", "\u3000JP\u3000"),
        *("Japan 🇯🇵 +81", "Japan🇯🇵", "+81 🇯🇵 Japan"),
    ],
)
def test_a_cell_names_a_country(cell: str) -> None:
    assert row_country(cell, "") == JAPAN
    assert row_country("", cell) == JAPAN


@pytest.mark.parametrize(
    ("cell", "region"),
    [
        *(
            (name, "US")
            for name in ("USA", "U.S.", "U.S.A.", "United States", "The United States of America")
        ),
        *(
            (name, "US")
            for name in ("アメリカ", "米国", "アメリカ合衆国", "Vereinigte Staaten", "États-Unis", "1")
        ),
        *(
            (name, "GB")
            for name in ("UK", "U.K.", "Great Britain", "England", "イギリス", "英国", "Royaume-Uni", "826")
        ),
        *(
            (name, "KR")
            for name in ("South Korea", "Korea (Republic of)", "Korea, Republic of", "한국", "韓国")
        ),
        *((name, "VN") for name in ("Viet Nam", "Vietnam", "Việt Nam", "ベトナム")),
        *((name, "TR") for name in ("Türkiye", "TÜRKİYE", "Turkey", "Turkiye", "Türkei")),
        *((name, "CZ") for name in ("Czechia", "Czech Republic", "Česko", "Tschechien")),
        *(
            (name, "DE")
            for name in ("Deutschland", "Germany / Deutschland", "ドイツ", "Alemania", "DEU", "49")
        ),
        *((name, "CI") for name in ("Côte d'Ivoire", "Cote d’Ivoire", "Ivory Coast")),
        *((name, "KN") for name in ("St. Kitts & Nevis", "Saint Kitts and Nevis")),
        *((name, "CN") for name in ("中国", "China", "PRC", "China mainland")),
        *((name, "HK") for name in ("Hong Kong", "Hong Kong SAR China", "香港")),
        *((name, "NL") for name in ("The Netherlands", "Holland", "Nederland")),
        *((name, "BS") for name in ("+1-242", "1242", "+1 (242)", "1 242", "Bahamas")),
        *((name, "RU") for name in ("Россия", "Russian Federation", "7")),
        *(("1-809, 1-829", "DO"), ("+1787", "PR"), ("+1-212", "US"), ("Kosovo", "XK"), ("NA", "NA")),
        *(("+44-1481", "GB"), ("Guernsey", "GG"), ("Republic of Korea", "KR"), ("Republic of Angola", "AO")),
        *((f"Great Britain {word} Northern Ireland", "GB") for word in ("and", "&")),
        *(("392", "JP"), ("276", "DE"), ("840", "US"), ("250", "RW"), ("56", "CL"), ("056", "CL")),
        *(("ไทย", "TH"), ("भारत", "IN"), ("Ελλάδα", "GR"), ("مصر", "EG"), ("Österreich", "AT")),
    ],
)
def test_countries_have_many_names(cell: str, region: str) -> None:
    assert named(cell) == (region, phonenumbers.country_code_for_region(region))


@pytest.mark.parametrize(
    "cell",
    [
        *(
            "Atlantis",
            "N/A",
            "n/a",
            "-",
            "null",
            "none",
            "unknown",
            "EU",
            "GER",
            "0",
            "00",
            "999",
            "870",
            "010",
        ),
        *(
            "Georgia (US)",
            "Japan (+82)",
            "JP, US",
            "+81 US",
            "+1-999",
            "Antarctica",
            "jp-JP",
            "x" * 500,
            "( )",
        ),
    ],
)
def test_what_names_no_country_is_said(cell: str) -> None:
    found = row_country(cell, "")

    assert isinstance(found, str)
    assert "the row's country cannot be read" in found


@pytest.mark.parametrize(
    "cell", ["+819012345678", "taro@example.com", "090-1234-5678", "x" * 500, "a\nb\x1b[0m"]
)
def test_a_cell_is_shown_safely(cell: str) -> None:
    found = row_country("", cell)

    assert isinstance(found, str)
    assert "calling code" in found
    assert found.isprintable()
    assert len(found) < 100
    assert not re.search(r"\d{4}|@|1234", found)


def test_blank_cells_say_nothing() -> None:
    assert row_country("", " \u3000\u3164") is None


@pytest.mark.parametrize(("country", "code"), [("US", "+1"), ("CA", "1"), ("GG", "44"), ("", "+1-242")])
def test_a_country_and_a_code_that_agree_are_one(country: str, code: str) -> None:
    found = row_country(country, code)

    assert isinstance(found, Country)
    assert found.region == (country or "BS")


def test_a_country_and_a_code_that_differ_are_both_named() -> None:
    assert row_country("Japan", "+49") == "the row's country is JP (+81), but its calling code is DE (+49)"


def test_an_iso_number_is_no_calling_code() -> None:
    assert "the row's calling code cannot be read" in str(row_country("", "392"))
    assert row_country("392", "+81") == JAPAN


@pytest.mark.parametrize(
    ("cell", "both", "dial_code", "region"),
    [
        ("56", "CL (+56), or by ISO number BE (+32)", "+32", "BE"),
        ("250", "RW (+250), or by ISO number FR (+33)", "33", "FR"),
    ],
)
def test_a_number_that_means_two_countries_names_both(
    cell: str, both: str, dial_code: str, region: str
) -> None:
    found = row_country(cell, dial_code)

    assert str(row_country(cell, "")) == both
    assert isinstance(found, Country)
    assert found.region == region
    assert both in str(row_country(cell, "+81"))
    assert "ISO" not in str(row_country(f"+{cell}", ""))


def test_every_country_with_numbers_is_known_by_its_code() -> None:
    for region in phonenumbers.SUPPORTED_REGIONS:
        assert named(region) == (region, phonenumbers.country_code_for_region(region))


@everything
@given(st.text(max_size=20) | st.text("JPUS+0181-() .,/", max_size=12))
@example("\ud800")
@example("²")
def test_any_text_has_an_answer(cell: str) -> None:
    found = row_country(cell, "")

    assert found is None or isinstance(found, Country | str)
    assert not isinstance(found, str) or found.isprintable()
