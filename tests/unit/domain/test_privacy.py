import re
from time import process_time

import phonenumbers
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from migrate_mfa.domain.model import Phone
from migrate_mfa.domain.privacy import mask_caller, mask_phone, scrub
from tests.support.builders import OTHER_PHONE, PHONE, a_candidate, a_policy, a_user, a_work

everything = settings(derandomize=True, deadline=None, max_examples=300)


def test_a_masked_number_keeps_its_first_three_and_last_two_characters() -> None:
    assert mask_phone(PHONE) == "+81********78"


@everything
@given(st.from_regex(r"\+[1-9][0-9]{4,14}", fullmatch=True))
def test_a_mask_hides_the_middle_of_every_number(e164: str) -> None:
    masked = mask_phone(e164)

    assert len(masked) == len(e164)
    assert set(masked[3:-2]) <= {"*"}
    assert masked != e164


@pytest.mark.parametrize("short", ["", "+", "+8", "+8190"])
def test_a_text_too_short_to_mask_in_part_is_masked_whole(short: str) -> None:
    assert mask_phone(short) == "*" * len(short)


def test_no_value_of_the_model_prints_a_number_a_name_or_an_address() -> None:
    user = a_user("annabel", phone=PHONE)
    candidate = a_candidate("annabel", email="annabel@example.com", sub="sub-x")
    printed = " ".join(map(repr, [Phone(PHONE), user, candidate, a_policy(), a_work(candidate)]))
    printed += f"{Phone(PHONE)}"

    assert PHONE not in printed
    assert PHONE[4:-2] not in printed
    assert "annabel@" not in printed


@pytest.mark.parametrize(
    "text",
    [
        f"Invalid phone number {PHONE}.",
        "Invalid phone number 090-1234-5678",
        "Invalid phone number (090) 1234 5678",
        "Invalid phone number 090 - 1234 - 5678",
        "User ann.o'hara@example.co.jp exists",
        "<ann@example.com>",
        f"{PHONE} and {OTHER_PHONE} and ann@example.com",
    ],
)
def test_scrubbing_leaves_no_number_and_no_address(text: str) -> None:
    clean = scrub(text)

    assert "@" not in clean
    assert not re.search(r"\d{5}", clean)
    assert "1234" not in clean


def test_scrubbing_leaves_ordinary_words_and_short_numbers_alone() -> None:
    text = "Rate exceeded: 25 calls in 1000 ms (code 400)."

    assert scrub(text) == text


@everything
@given(st.text(max_size=40), st.text(max_size=40))
def test_no_number_survives_wherever_it_stands(before: str, after: str) -> None:
    clean = scrub(f"{before} {PHONE} {after}")

    assert PHONE not in clean
    assert PHONE[1:] not in clean


@everything
@given(st.from_regex(r"[a-z]{1,10}@[a-z]{1,10}\.(com|jp)", fullmatch=True), st.text(max_size=20))
def test_no_address_survives_wherever_it_stands(address: str, after: str) -> None:
    assert address not in scrub(f"User {address} {after}")


def test_a_number_in_each_countrys_own_writing_is_scrubbed() -> None:
    for country in ("JP", "US", "GB", "DE", "FR"):
        number = phonenumbers.example_number_for_type(country, phonenumbers.PhoneNumberType.MOBILE)
        assert number is not None
        for form in (
            phonenumbers.PhoneNumberFormat.E164,
            phonenumbers.PhoneNumberFormat.INTERNATIONAL,
            phonenumbers.PhoneNumberFormat.NATIONAL,
        ):
            text = phonenumbers.format_number(number, form)
            assert scrub(f"Bad: {text}") in {"Bad: [number]", "Bad: ([number]"}, text


@pytest.mark.parametrize(
    "text", [part * 100_000 for part in ("x", "1 2a", "a@", "@", "x.")], ids=["x", "1 2a", "a@", "@", "x."]
)
def test_a_long_text_takes_no_longer_than_its_length(text: str) -> None:
    begun = process_time()

    clean = scrub(f"{text} {PHONE} ann@example.com")

    assert process_time() - begun < 5.0, "the square of its length takes minutes"
    assert "@" not in clean
    assert PHONE not in clean


@pytest.mark.parametrize(
    ("arn", "shown"),
    [
        (
            "arn:aws:sts::123456789012:assumed-role/AWSReservedSSO_Admin_0a1b/hanako.yamada@example.com",
            "arn:aws:sts::123456789012:assumed-role/AWSReservedSSO_Admin_0a1b/h…@example.com",
        ),
        ("arn:aws:iam::123456789012:user/batch", "arn:aws:iam::123456789012:user/batch"),
        ("", ""),
    ],
)
def test_a_caller_is_known_by_the_role_and_no_address_is_told(arn: str, shown: str) -> None:
    assert mask_caller(arn) == shown
