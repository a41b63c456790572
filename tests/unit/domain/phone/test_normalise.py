# ruff: noqa: RUF001 - full-width signs are what is tested
import re
from unittest.mock import ANY

import phonenumbers
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from phonenumbers import PhoneNumberFormat, PhoneNumberType

from migrate_mfa.domain.model import Phone
from migrate_mfa.domain.phone.country import Country, row_country
from migrate_mfa.domain.phone.normalise import (
    NO_COUNTRY,
    Normalised,
    PhoneProblem,
    country_of,
    known_country,
    normalise,
    normalise_in_row,
)
from migrate_mfa.domain.reasons import Reason

MOBILE = "+819012345678"
COUNTRIES = [None, "JP", "US", "IT", "AR", "XX"]
everything = settings(derandomize=True, deadline=None, max_examples=400)
numberish = st.text("0123456789０９+＋-ー－ ().,/;='\"eExtl:#", max_size=24)
countries = st.sampled_from(COUNTRIES)


def read(text: str, country: str | None = "JP") -> tuple[str, tuple[str, ...]] | PhoneProblem:
    result = normalise(text, country=country, strict=False)
    return (result.phone.e164, result.guesses) if isinstance(result, Normalised) else result


def must_read(text: str, country: str | None) -> tuple[str, tuple[str, ...]]:
    found = read(text, country)
    assert not isinstance(found, PhoneProblem), found
    return found


def refused(text: str, country: str | None = "JP", *, strict: bool = False) -> PhoneProblem:
    result = normalise(text, country=country, strict=strict)
    assert isinstance(result, PhoneProblem), result
    return result


@pytest.mark.parametrize(
    ("text", "guesses"),
    [
        (MOBILE, ()),
        (f"\u3000{MOBILE}\ufeff ", ()),
        ("+81 90-1234-5678", ("formatting",)),
        ("(+81) 90.1234.5678", ("formatting",)),
        (f"\u202a{MOBILE[:6]}\u200b{MOBILE[6:]}\u202c", ("formatting",)),
        ("+81‑90‐1234–5678", ("formatting",)),
        ("＋８１９０１２３４５６７８", ("full_width",)),
        ("+٨١٩٠١٢٣٤٥٦٧٨", ("full_width",)),
        ("+81(0)90-1234-5678", ("formatting", "trunk_prefix")),
        ("+81 090 1234 5678", ("formatting", "trunk_prefix")),
        ("+8109012345678", ("trunk_prefix",)),
        ("tel:+81-90-1234-5678", ("tel_uri", "formatting")),
        ("TEL:090-1234-5678;phone-context=+81", ("tel_uri", "formatting", "trunk_prefix")),
        (f'="{MOBILE}"', ("excel_formula",)),
        (f"'{MOBILE}", ("apostrophe",)),
        (f"' {MOBILE}", ("apostrophe",)),
        (f"{MOBILE}.0", ("excel_float",)),
    ],
)
def test_a_number_with_a_country_code_needs_no_country(text: str, guesses: tuple[str, ...]) -> None:
    assert read(text, None) == (MOBILE, guesses)
    assert read(text, "US") == (MOBILE, guesses)


@pytest.mark.parametrize(
    ("text", "guesses"),
    [
        ("09012345678", ("assumed_country",)),
        ("090-1234-5678", ("formatting", "assumed_country")),
        ("(090) 1234 5678", ("formatting", "assumed_country")),
        ("０９０－１２３４－５６７８", ("full_width", "formatting", "assumed_country")),
        ("０９０ー１２３４ー５６７８", ("full_width", "formatting", "assumed_country")),
        ("9012345678", ("assumed_country", "lost_zero")),
        ("9012345678.0", ("excel_float", "assumed_country", "lost_zero")),
        ("819012345678", ("lost_plus",)),
        ("819012345678.0", ("excel_float", "lost_plus")),
        ("819012345678.00", ("excel_float", "lost_plus")),
        ("8109012345678", ("lost_plus", "trunk_prefix")),
        ("010-81-90-1234-5678", ("formatting", "international_prefix")),
        ("010-81-090-1234-5678", ("formatting", "international_prefix", "trunk_prefix")),
        ('="09012345678"', ("excel_formula", "assumed_country")),
        ('＝"０９０１２３４５６７８"', ("full_width", "excel_formula", "assumed_country")),
        ("'09012345678", ("apostrophe", "assumed_country")),
        ("tel:09012345678", ("tel_uri", "assumed_country")),
    ],
)
def test_a_number_without_a_country_code_is_read_for_the_country_given(
    text: str, guesses: tuple[str, ...]
) -> None:
    assert read(text, "JP") == (MOBILE, guesses)
    assert "--phone-country" in refused(text, None).detail


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("", "empty"),
        ("\u3000", "empty"),
        ("8.19E+11", "scientific"),
        ("8.19012345678E+11", "scientific"),
        ("8,19e+11", "scientific"),
        ("８．１９Ｅ＋１１", "scientific"),
        ("81901234567.8", "fraction"),
        ("819012345678.01", "fraction"),
        ("819012345678,0", "fraction"),
        ("090-1234-5678/080-1234-5678", "more than one"),
        ("090-1234-5678, 080-1234-5678", "more than one"),
        (f"{MOBILE}{MOBILE}", "more than one"),
        ("090-1234-5678 080-1234-5678", "too long"),
        ("090-1234-5678 ext 5", "extension"),
        ("090-1234-5678x5", "extension"),
        ("090-1234-5678#5", "extension"),
        ("tel:+819012345678;ext=5", "extension"),
        ("０９０１２３４５６７８内線５", "extension"),
        ("+99912345678", "country code"),
        ("+09012345678", "country code"),
        ("+010-81-90-1234-5678", "country code"),
        ("+819012345", "too short"),
        ("+8190123456789", "numbering plan"),
        ("+3762222222", "wrong number of digits"),
        ("+4912", "area code"),
        ("+81901234567890123456", "too long"),
        ("09012345678" * 20, "too long"),
        (f"{MOBILE}{chr(0xA0) * 200}x", "too long"),
        ("+4918001234567890", "too long"),
        ("0081901234567", "numbering plan"),
        ("+2025550123", "country"),
        ("5", "not a phone number"),
        ("-", "not written"),
        ("N/A", "not written"),
        ("-9012345678", "not written"),
        ("090-1234-5678-", "not written"),
        ("0120-FLOWER", "not written"),
        ("0901234567⑧", "not written"),
        ("Home 090-1234-5678", "letters"),
        ("Tel2 90-1234-5678", "letters"),
        ("TEL 2 90-1234-5678", "letters"),
        ("0901234567⑧", "circled digit eight"),
        ("*31#090-1234-5678", "extension"),
        ("090*1234*5678", "asterisk"),
        ('"09012345678"', "quotation mark"),
        ("090\x071234", "control character"),
        ("N/A", "placeholder"),
        ("null", "only an empty cell"),
        ("#N/A", "error value"),
        ("#REF!", "error value"),
        ("taro@example.com", "an @"),
        ("sip:+819012345678@example.com", "an @"),
        ("---", "placeholder"),
        ("0171 2345678/9", "more than one"),
        ("0171 234567/68", "more than one"),
        ("0151 23456/781", "more than one"),
        ("0151/2345678 / 0171/2345678", "more than one"),
        ("0151 2345678; 0171 2345678", "more than one"),
        ("+4915123456781/+4915123456782", "more than one"),
        ("+4915123456781 or +4915123456782", "more than one"),
        ("09012345678/09087654321", "more than one"),
        ("8190+12345678", "plus sign in the middle"),
        ("09012345678 (mother)", "not written"),
    ],
)
def test_what_is_not_one_number_is_invalid_and_the_cause_is_named(text: str, cause: str) -> None:
    problem = refused(text)

    assert problem.reason is Reason.INVALID_PHONE
    assert cause in problem.detail


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("03-1234-5678", "fixed line"),
        ("0120-123-456", "toll-free"),
        ("0990-504-234", "premium-rate"),
        ("050-1234-5678", "VoIP"),
        ("020-4123-4567", "pager"),
        ("0570-012-345", "company"),
        ("+442079460958", "fixed line"),
        ("+43810123456", "shared-cost"),
        ("+35570021234", "personal"),
        ("+41860123456789", "mailbox"),
    ],
)
def test_a_line_that_takes_no_sms_is_named(text: str, line: str) -> None:
    problem = refused(text)

    assert problem.reason is Reason.NOT_SMS_CAPABLE
    assert line in problem.detail


@pytest.mark.parametrize(
    ("text", "guesses"),
    [
        ("+ 81 90 1234 5678", ("formatting",)),
        ("++819012345678", ("formatting",)),
        ("＋＋819012345678", ("full_width", "formatting")),
        ("➕819012345678", ("formatting",)),
        ("00+81 90 1234 5678", ("formatting",)),
        ("0081 90 1234 5678", ("formatting", "international_prefix")),
        ("00819012345678", ("international_prefix",)),
        ("+0081 90 1234 5678", ("formatting", "international_prefix")),
        ("00 81 (0)90 1234 5678", ("formatting", "international_prefix", "trunk_prefix")),
        ("+81\ufe0d-90-1234-5678", ("formatting",)),
        ("+81\u31649012345678", ("formatting",)),
        ("+81\u2800 90\u115f12345678", ("formatting",)),
        ("+81\u00ad9012\U000e0031345678", ("formatting",)),
        ("+81 90 1️⃣2️⃣3️⃣4️⃣ 5678", ("formatting",)),
        ("+८१९०१२३४५६७८", ("full_width",)),
        ("+81·90·1234·5678", ("formatting",)),
        ("+81•90‧1234・5678", ("formatting",)),
        ("+81_90_1234_5678", ("formatting",)),
        ("+81/90/1234/5678", ("formatting",)),
        ("+81\\90\\1234\\5678", ("formatting",)),
        ("+81 [0] 90 1234 5678", ("formatting", "trunk_prefix")),
        ("+81.9012345678", ("formatting",)),
        ("+81 90─1234─5678", ("formatting",)),
        ("+81\t90 1234 5678", ("formatting",)),
        ("+81-90-1234-5678;", ("formatting",)),
        ("+81819012345678", ("doubled_code",)),
        ("+81+819012345678", ("doubled_code",)),
        ("p:+819012345678", ("label",)),
        ("whatsapp:+819012345678", ("label",)),
        ("Mobile: +81 90-1234-5678", ("label", "formatting")),
        ("携帯：+81 90-1234-5678", ("full_width", "label", "formatting")),
        ("携帯+819012345678", ("label",)),
        ("+81 90-1234-5678 (携帯)", ("label", "formatting")),
        ("+81 90-1234-5678 mobile", ("label", "formatting")),
        ("TEL +81 90-1234-5678", ("label", "formatting")),
        ("=+819012345678", ("excel_formula",)),
        ("’+819012345678", ("apostrophe",)),
        ("“+819012345678”", ("quotes",)),
    ],
)
def test_marks_that_people_and_programs_leave_are_guesses(text: str, guesses: tuple[str, ...]) -> None:
    found, names = must_read(text, None)

    assert found == MOBILE
    assert set(names) == set(guesses)
    assert "--strict-e164" in refused(text, None, strict=True).detail


@pytest.mark.parametrize(
    ("text", "country", "e164", "guess"),
    [
        ("0151/23456781", "DE", "+4915123456781", "formatting"),
        ("0151 / 234 567 81", "DE", "+4915123456781", "formatting"),
        ("0151.23456781", "DE", "+4915123456781", "formatting"),
        ("0151\\23456781", "DE", "+4915123456781", "formatting"),
        ("0151-23456781", "DE", "+4915123456781", "formatting"),
        ("4915123456781", "DE", "+4915123456781", "lost_plus"),
        ("49 151 23456781", "DE", "+4915123456781", "lost_plus"),
        ("49 (0) 151 23456781", "DE", "+4915123456781", "lost_plus"),
        ("4949 151 23456781", "DE", "+4915123456781", "doubled_code"),
        ("4915123456781", "JP", "+4915123456781", "lost_plus"),
        ("821012345678", "JP", "+821012345678", "lost_plus"),
        ("33612345678", "GB", "+33612345678", "lost_plus"),
        ("+49 49 151 23456781", "DE", "+4915123456781", "doubled_code"),
        ("06/12/34/56/78", "FR", "+33612345678", "formatting"),
        ("0475/12.34.56", "BE", "+32475123456", "formatting"),
        ("+39 (0) 333 1234567", "IT", "+393331234567", "trunk_prefix"),
        ("0081 90 1234 5678", "US", MOBILE, "international_prefix"),
        ("0081 90 1234 5678", "DE", MOBILE, "international_prefix"),
        ("0081 90 1234 5678", "JP", MOBILE, "international_prefix"),
        ("+52 1 55 1234 5678", "MX", "+525512345678", "old_mobile_prefix"),
        ("5215512345678", "MX", "+525512345678", "old_mobile_prefix"),
        ("+5215512345678", "JP", "+525512345678", "old_mobile_prefix"),
        ("044 55 1234 5678", "MX", "+525512345678", "old_mobile_prefix"),
        ("011 15 5555-1234", "AR", "+5491155551234", "assumed_country"),
        ("51 91234-5678", "BR", "+5551912345678", "assumed_country"),
        ("9812345678", "IN", "+919812345678", "assumed_country"),
        ("13012345678", "CN", "+8613012345678", "assumed_country"),
        ("携帯 090-1234-5678", "JP", MOBILE, "label"),
        ("p:09012345678", "JP", MOBILE, "label"),
        ("Handy: 0151/23456781", "DE", "+4915123456781", "label"),
        ("819,012,345,678", "JP", MOBILE, "formatting"),
    ],
)
def test_national_writing_is_read_as_a_guess(text: str, country: str, e164: str, guess: str) -> None:
    found, guesses = must_read(text, country)

    assert found == e164
    assert guess in guesses


@pytest.mark.parametrize(
    ("text", "country", "both"),
    [
        ("15123456785", "DE", ("DE (+49)", "US (+1)")),
        ("33612345678", "DE", ("a fixed line", "FR (+33)")),
        ("0081 90 1234 5678", "HK", ("US (+1)", "JP (+81)")),
        ("819012345678", "ID", ("ID (+62)", "JP (+81)")),
    ],
)
def test_a_number_with_two_readings_is_refused_and_both_are_said(
    text: str, country: str, both: tuple[str, str]
) -> None:
    problem = refused(text, country)

    assert problem.reason is Reason.INVALID_PHONE
    assert problem.detail.startswith("two readings")
    assert all(each in problem.detail for each in both)


def test_without_a_country_a_lost_plus_is_told_not_read() -> None:
    detail = refused("4915123456781", None).detail

    assert "--phone-country" in detail
    assert "with a plus sign it is one of DE (+49)" in detail


def test_an_argentine_number_without_its_nine_is_told_so() -> None:
    assert "without the 9" in refused("+54 11 5555-1234", "AR").detail


# The row's own country

GERMANY, JAPAN, AMERICA = Country("DE", 49), Country("JP", 81), Country("US", 1)


@pytest.mark.parametrize(
    ("text", "row", "e164", "guesses"),
    [
        ("808-555-0102", AMERICA, "+18085550102", ("formatting", "row_country")),
        ("0151 23456781", GERMANY, "+4915123456781", ("formatting", "row_country")),
        ("4915123456781", GERMANY, "+4915123456781", ("lost_plus",)),
        ("+4915123456781", GERMANY, "+4915123456781", ()),
        ("+14165550123", AMERICA, "+14165550123", ()),
        ("0081 90 1234 5678", JAPAN, MOBILE, ("formatting", "international_prefix")),
        ("151 23456781", GERMANY, "+4915123456781", ("formatting", "row_country", "lost_zero")),
        ("15123456781", GERMANY, "+4915123456781", ("row_country", "lost_zero")),
        ("357-1234", Country("BS", 1), "+12423571234", ("formatting", "row_country")),
    ],
)
def test_the_country_of_the_row_wins(text: str, row: Country, e164: str, guesses: tuple[str, ...]) -> None:
    found = normalise(text, country="JP", strict=False, row=row)

    assert found == Normalised(Phone(e164), guesses)


@pytest.mark.parametrize(
    ("text", "both"),
    [
        ("+4915123456781", ("JP (+81)", "DE (+49)")),
        ("+14165550123", ("JP (+81)", "CA (+1)")),
        ("4915123456781", ("JP (+81)", "DE (+49)", "plus sign")),
        ("010-49-151-23456781", ("JP (+81)", "DE (+49)")),
        ("808-555-0102 99", ("JP (+81)", "numbering plan")),
    ],
)
def test_a_number_that_contradicts_its_row_is_refused_and_both_are_named(
    text: str, both: tuple[str, ...]
) -> None:
    problem = normalise(text, country="DE", strict=False, row=JAPAN)

    assert isinstance(problem, PhoneProblem)
    assert problem.reason is Reason.INVALID_PHONE
    assert all(each in problem.detail for each in both)


def test_only_the_row_itself_makes_a_number_without_its_zero_certain() -> None:
    assert "two readings" in refused("15123456781", "DE").detail


def test_a_country_that_may_be_an_iso_number_is_not_guessed_with() -> None:
    def told(text: str, cell: str) -> str:
        found = normalise_in_row(text, row_country(cell, ""), country=None, strict=False)
        return found.phone.e164 if isinstance(found, Normalised) else found.detail

    assert told("0783 123 456", "+250") == "+250783123456"
    assert told("0783 123 456", "FR") == "+33783123456"
    assert "write that country as RW or FR, or the number as +…" in told("0783 123 456", "250")
    assert "ISO number FR (+33)" in told("0783 123 456", "250")
    assert told("+250 783 123 456", "250") == "+250783123456"
    assert "ISO number BE (+32)" in told("0470 12 34 56", "56")
    assert told("090-1234-5678", "392") == MOBILE


@pytest.mark.parametrize(
    ("text", "e164"),
    [
        ("03-1234-5678", "+81312345678"),
        ("+81 3-1234-5678", "+81312345678"),
        ("+49 (0)30 123456", "+4930123456"),
        ("0049 30 123456", "+4930123456"),
        ("0120-123-456", "+81120123456"),
    ],
)
def test_a_line_without_sms_is_known_by_its_number_and_not_shown(text: str, e164: str) -> None:
    problem = refused(text)

    assert problem.reason is Reason.NOT_SMS_CAPABLE
    assert problem.phone == Phone(e164)
    assert e164[-4:] not in repr(problem)


@pytest.mark.parametrize(
    ("text", "number"), [(MOBILE, "one of JP (+81)"), ("090-1234-5678", "no country code")]
)
def test_an_unreadable_country_is_told_with_what_the_number_says(text: str, number: str) -> None:
    row = row_country("Atlantis", "")

    problem = normalise_in_row(text, row, country="JP", strict=False)

    assert isinstance(problem, PhoneProblem)
    assert problem.reason is Reason.INVALID_PHONE
    assert "“Atlantis”" in problem.detail
    assert number in problem.detail


def test_strict_only_checks_the_country_of_the_row() -> None:
    def strictly(text: str, row: Country) -> Normalised | PhoneProblem:
        return normalise_in_row(text, row, country=None, strict=True)

    assert strictly(MOBILE, JAPAN) == Normalised(Phone(MOBILE), ())
    assert isinstance(strictly(MOBILE, GERMANY), PhoneProblem)
    national = strictly("090-1234-5678", JAPAN)
    assert isinstance(national, PhoneProblem)
    assert "row_country" in national.detail


@everything
@given(numberish, st.sampled_from([JAPAN, AMERICA, GERMANY, Country("IT", 39), Country("KZ", 7)]), countries)
def test_a_number_is_never_of_another_calling_code_than_its_row(
    text: str, row: Country, country: str | None
) -> None:
    found = normalise(text, country=country, strict=False, row=row)

    if isinstance(found, Normalised):
        assert found.phone.e164.startswith(f"+{row.code}")
    else:
        assert not re.search(r"\d{4}", found.detail)


def test_numbers_that_may_be_mobile_or_fixed_are_taken() -> None:
    assert read("+12025550123") == ("+12025550123", ())
    assert read("(202) 555-0123", "US") == ("+12025550123", ("formatting", "assumed_country"))


def test_the_zero_of_a_country_that_writes_none_is_not_missed() -> None:
    assert read("3123456789", "IT") == ("+393123456789", ("assumed_country",))


@pytest.mark.parametrize("kind", sorted({*PhoneNumberType.values()} - {PhoneNumberType.UNKNOWN}))
def test_every_example_of_every_numbering_plan_reads_as_itself_or_is_refused(kind: int) -> None:
    for region in phonenumbers.SUPPORTED_REGIONS:
        if number := phonenumbers.example_number_for_type(region, kind):
            e164 = phonenumbers.format_number(number, PhoneNumberFormat.E164)
            national = phonenumbers.format_number(number, PhoneNumberFormat.NATIONAL)
            if phonenumbers.number_type(number) in {
                PhoneNumberType.MOBILE,
                PhoneNumberType.FIXED_LINE_OR_MOBILE,
            }:
                assert read(e164, None) == (e164, ())
                assert read(national, region) == (e164, ANY)
            else:
                assert refused(e164, None).reason in {Reason.NOT_SMS_CAPABLE, Reason.INVALID_PHONE}


def settle(text: str, country: str | None) -> None:
    """Every text has an answer, and a number reads as itself, strictly and without a country."""
    result = normalise(text, country=country, strict=False)
    if isinstance(result, Normalised):
        assert re.fullmatch(r"\+[1-9][0-9]{5,14}", result.phone.e164)
        assert normalise(result.phone.e164, country=None, strict=True) == Normalised(result.phone, ())
    else:
        assert result.reason in {Reason.INVALID_PHONE, Reason.NOT_SMS_CAPABLE}
        assert not re.search(r"\d{4}", result.detail)


@everything
@given(st.text(), countries)
@example("\ud800", "JP")
@example("\0", "JP")
def test_any_text_has_an_answer(text: str, country: str | None) -> None:
    settle(text, country)


@everything
@given(numberish, countries)
@example("tel:" + "0" * 300, None)
def test_anything_like_a_number_has_an_answer_that_stays(text: str, country: str | None) -> None:
    settle(text, country)


@everything
@given(
    st.sampled_from(["", "+81", "81", "+81(0)", "010-81-", "0"]),
    st.sampled_from(["70", "80", "90"]),
    st.integers(10_000_000, 99_999_999),
    st.sampled_from(["", " ", "-", "ー", "\u200b"]),
)
def test_mobile_numbers_are_found_however_they_are_written(
    before: str, prefix: str, rest: int, gap: str
) -> None:
    digits = str(rest)
    text = f"{before}{prefix}{gap}{digits[:4]}{gap}{digits[4:]}"

    assert read(text) == (f"+81{prefix}{digits}", ANY)


@everything
@given(
    numberish | st.sampled_from(["090-1234-5678", "819012345678", "+81(0)9012345678", MOBILE, f" {MOBILE}"])
)
def test_strict_takes_what_needs_no_guess_and_nothing_else(text: str) -> None:
    lenient, strict = (normalise(text, country="JP", strict=strict) for strict in (False, True))

    if isinstance(lenient, Normalised) and lenient.guesses:
        assert isinstance(strict, PhoneProblem)
        assert strict.reason is Reason.INVALID_PHONE
        assert all(name in strict.detail for name in lenient.guesses)
    else:
        assert strict == lenient


@pytest.mark.parametrize(
    "text", ["090-1234-5678", "03-1234-5678", "8.19E+11", f"{MOBILE}/{MOBILE}", "0081901234567"]
)
def test_no_answer_shows_the_number(text: str) -> None:
    shown = repr(normalise(text, country="JP", strict=False))

    assert not re.search(r"[0-9]{4}", shown)


def test_countries_are_known_by_two_capitals() -> None:
    assert known_country("JP")
    assert not any(map(known_country, ("jp", "XX", "001", "", "Japan", "81")))


# The country of a number


@pytest.mark.parametrize(
    ("e164", "country"),
    [
        ("+819012345678", "JP"),
        ("+12015550123", "US"),
        ("+14165550123", "CA"),
        ("+18765550123", "JM"),
        ("+447400123456", "GB"),
        ("+447781123456", "GG"),
        ("+77012345678", "KZ"),
        ("+79161234567", "RU"),
        ("+85261234567", "HK"),
        ("+870301234567", NO_COUNTRY),
        ("+19995550123", NO_COUNTRY),
        ("+999123456789", NO_COUNTRY),
        ("+1", NO_COUNTRY),
        ("+", NO_COUNTRY),
        ("", NO_COUNTRY),
        ("090-1234-5678", NO_COUNTRY),
    ],
)
def test_the_country_is_that_of_the_number_not_of_its_calling_code(e164: str, country: str) -> None:
    assert country_of(e164) == country


def test_the_country_is_the_one_of_the_library() -> None:
    for region in phonenumbers.SUPPORTED_REGIONS - {"TA"}:  # which has no numbers
        number = phonenumbers.example_number_for_type(region, PhoneNumberType.MOBILE)
        assert number is not None, region

        e164 = phonenumbers.format_number(number, PhoneNumberFormat.E164)

        assert country_of(e164) == phonenumbers.region_code_for_number(number), region
