"""What differs between two MFA configurations, and which SMS path a pool has."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from migrate_mfa.pool_setup.plan import Change, PoolMfa, differences
from tests.support.builders import a_pool

JSON = st.recursive(
    st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.dictionaries(st.text("abc", min_size=1, max_size=3), inner, max_size=3),
    max_leaves=8,
)
MEMBERS = st.dictionaries(st.text("abc", min_size=1, max_size=3), JSON, max_size=4)


@given(MEMBERS)
def test_nothing_differs_from_itself(members: dict[str, Any]) -> None:
    assert differences(members, members) == ()


@given(MEMBERS, MEMBERS)
def test_what_differs_is_found_from_both_sides(one: dict[str, Any], other: dict[str, Any]) -> None:
    there = {(change.where, change.before, change.after) for change in differences(one, other)}

    assert there == {(change.where, change.after, change.before) for change in differences(other, one)}
    assert bool(there) == (one != other)


def test_a_change_is_named_by_its_whole_path() -> None:
    before = {"MfaConfiguration": "OFF", "A": {"B": {"C": "x"}, "D": True}}
    after = {"MfaConfiguration": "OPTIONAL", "A": {"B": {"C": "y"}, "D": True}, "E": {}}

    assert differences(before, after) == (
        Change("MfaConfiguration", "OFF", "OPTIONAL"),
        Change("A.B.C", "x", "y"),
        Change("E", None, "{}"),
    )
    assert str(Change("A.B", None, "y")) == "A.B: (none) → y"


def test_a_token_block_that_is_not_enabled_is_one_that_is_not_there() -> None:
    off: dict[str, Any] = {"SoftwareTokenMfaConfiguration": {"Enabled": False}}
    on: dict[str, Any] = {"SoftwareTokenMfaConfiguration": {"Enabled": True}}

    assert differences(off, {}) == ()
    assert differences(on, off) == (Change("SoftwareTokenMfaConfiguration.Enabled", "true", None),)


@pytest.mark.parametrize(
    ("sms", "found"),
    [
        ({}, {}),
        ({"SmsConfiguration": {}}, {}),
        ({"SmsConfiguration": {"SnsRegion": "us-east-1"}}, {}),
        ({"SmsConfiguration": {"SnsCallerArn": "a"}}, {"SnsCallerArn": "a"}),
        ({"SmsConfiguration": {"EumsSms": {"CallerArn": "a"}}}, {"EumsSms": {"CallerArn": "a"}}),
    ],
)
def test_a_path_is_one_that_can_send(sms: dict[str, Any], found: dict[str, Any]) -> None:
    assert PoolMfa(a_pool(), "arn", {}, sms).path == found
