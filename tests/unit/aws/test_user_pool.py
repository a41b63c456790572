from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from migrate_mfa.aws.user_pool import CognitoUserPool, filter_text, pool_facts
from migrate_mfa.domain.failure import ApiError, Effect
from migrate_mfa.ports import Filter

LONG = "認証コードは {####} です。" * 5  # 85 characters, codes put in
SHORT = "Code {####}"


@pytest.mark.parametrize(
    ("pool", "mfa", "parts"),
    [
        ({}, {}, (1, 1)),
        ({"SmsVerificationMessage": LONG}, {}, (2, 1)),
        ({"SmsVerificationMessage": LONG, "VerificationMessageTemplate": {"SmsMessage": SHORT}}, {}, (1, 1)),
        ({"VerificationMessageTemplate": {"SmsMessage": LONG}}, {}, (2, 1)),
        ({"SmsAuthenticationMessage": LONG}, {}, (1, 2)),
        ({"SmsAuthenticationMessage": LONG}, {"SmsAuthenticationMessage": SHORT}, (1, 1)),
        ({}, {"SmsAuthenticationMessage": LONG}, (1, 2)),
    ],
)
def test_the_parts_of_a_message_are_those_of_the_pools_own_text(
    pool: dict[str, Any], mfa: dict[str, Any], parts: tuple[int, int]
) -> None:
    facts = pool_facts({"Id": "p_1", **pool}, {"SmsMfaConfiguration": mfa})

    assert (facts.code_sms_parts, facts.sign_in_sms_parts) == parts


def test_a_pools_name_is_one_line_that_a_terminal_shows_as_it_is() -> None:
    name = "mem\x1b]0;x\x07bers\n\tAbout to write\x9b2J \x7f"

    shown = pool_facts({"Id": "p_1", "Name": name}, {}).name

    assert shown == r"mem\u001b]0;x\u0007bers\n\tAbout to write\u009b2J \u007f"


# Answers that are none


class Answering:
    """A client of boto3 that gives one answer to everything."""

    def __init__(self, answer: dict[str, Any]) -> None:
        self._answer = answer
        self.meta = SimpleNamespace(events=SimpleNamespace(register=lambda *_: None))

    def __getattr__(self, name: str) -> Callable[..., dict[str, Any]]:
        return lambda **_: self._answer


def directory(answer: dict[str, Any]) -> CognitoUserPool:
    aws: Any = SimpleNamespace(
        target=SimpleNamespace(user_pool_id="xx-y_1"), client=lambda _: Answering(answer)
    )
    return CognitoUserPool(aws)


SUB = {"Name": "sub", "Value": "s-1"}
GOOD = {"Username": "ann", "UserStatus": "CONFIRMED", "Enabled": True}
BAD_ATTRIBUTES: list[Any] = [
    None,
    "sub",
    {},
    [],
    [{"Name": "email", "Value": "ann@example.com"}],
    [{"Name": "sub"}],
    [{"Name": "sub", "Value": None}],
    [{"Value": "s-1"}],
    [SUB, {"Name": "email", "Value": 5}],
    [SUB, "email"],
]


def code_of(read: Callable[[], object]) -> str:
    with pytest.raises(ApiError) as failed:
        read()
    assert failed.value.effect is Effect.UNKNOWN
    return failed.value.code


@pytest.mark.parametrize("attributes", BAD_ATTRIBUTES)
def test_a_user_without_what_every_user_has_is_a_garbled_answer_and_not_missing(attributes: Any) -> None:
    one = directory({**GOOD, "UserAttributes": attributes})
    many = directory({"Users": [{**GOOD, "Attributes": attributes}]})

    assert code_of(lambda: one.user("ann")) == "GarbledAnswer"
    assert code_of(lambda: many.page(None, None)) == "GarbledAnswer"


@pytest.mark.parametrize(
    "answer",
    [
        {"UserAttributes": [SUB]},
        GOOD,
        {**GOOD, "Username": None, "UserAttributes": [SUB]},
        {**GOOD, "Username": 5, "UserAttributes": [SUB]},
        {**GOOD, "UserAttributes": [SUB], "UserMFASettingList": 5},
        {**GOOD, "UserAttributes": [SUB], "MFAOptions": ["SMS"]},
    ],
)
def test_a_read_that_lacks_a_member_or_has_another_kind_of_it_is_a_garbled_answer(answer: Any) -> None:
    assert code_of(lambda: directory(answer).user("ann")) == "GarbledAnswer"


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"Users": None},
        {"Users": {}},
        {"Users": "ann"},
        {"Users": ["ann"]},
        {"Users": [GOOD]},
        {"Users": [{"Attributes": [SUB]}]},
        {"Users": [], "PaginationToken": ""},
        {"Users": [], "PaginationToken": 5},
    ],
)
def test_a_page_that_is_none_is_a_garbled_answer_and_not_the_end_of_a_list(answer: Any) -> None:
    assert code_of(lambda: directory(answer).page(None, None)) == "GarbledAnswer"


def test_a_whole_answer_is_read() -> None:
    user = {**GOOD, "Attributes": [SUB, {"Name": "custom:team"}]}

    page = directory({"Users": [user], "PaginationToken": "more"}).page(None, None)

    assert [(each.username, each.sub) for each in page.users] == [("ann", "s-1")]
    assert page.token == "more"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("a" * 243, f'email = "{"a" * 243}"'),
        ("a" * 300, f'email ^= "{"a" * 245}"'),
        ('"' * 130, 'email ^= "' + '\\"' * 122 + '"'),
        ("a" * 16_000, f'email ^= "{"a" * 245}"'),
    ],
)
def test_a_value_that_is_too_long_is_searched_for_by_its_beginning(value: str, text: str) -> None:
    assert filter_text(Filter("email", value)) == text
    assert len(filter_text(Filter("email", value))) <= 256
