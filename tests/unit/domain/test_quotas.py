from math import floor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from migrate_mfa.domain.quotas import CATEGORY_OF, PACED, QUOTAS, Category, ceiling


@pytest.mark.parametrize(
    ("name", "rps", "adjustable", "code"),
    [
        ("UserRead", 120, True, "L-D6BD5178"),
        ("UserUpdate", 25, False, "L-6621E65D"),
        ("UserResourceUpdate", 25, False, "L-574C86AE"),
        ("UserList", 30, False, "L-259E3368"),
        ("UserPoolRead", 15, False, "L-CFFBE34A"),
        ("UserPoolResourceRead", 20, False, "L-A01C9633"),
    ],
)
def test_the_documented_quotas(name: str, rps: int, adjustable: bool, code: str) -> None:
    quota = QUOTAS[Category(name)]

    assert (quota.default_rps, quota.adjustable, quota.quota_code) == (rps, adjustable, code)


def test_every_category_has_a_quota() -> None:
    assert set(QUOTAS) == set(Category)


def test_the_two_writes_spend_two_different_quotas() -> None:
    assert CATEGORY_OF["AdminUpdateUserAttributes"] is Category.USER_UPDATE
    assert CATEGORY_OF["AdminSetUserMFAPreference"] is Category.USER_RESOURCE_UPDATE


def test_every_other_operation_counts_where_the_service_counts_it() -> None:
    assert CATEGORY_OF["AdminGetUser"] is Category.USER_READ
    assert CATEGORY_OF["AdminGetUserAuthFactors"] is Category.USER_READ
    assert CATEGORY_OF["ListUsers"] is Category.USER_LIST
    assert CATEGORY_OF["DescribeUserPool"] is Category.USER_POOL_READ
    assert CATEGORY_OF["GetUserPoolMfaConfig"] is Category.USER_POOL_RESOURCE_READ


def test_the_categories_of_calls_on_users_are_paced() -> None:
    assert set(PACED) == {
        Category(name) for name in ("UserRead", "UserUpdate", "UserResourceUpdate", "UserList")
    }


@pytest.mark.parametrize(
    ("limit", "share", "max_rps", "expected"),
    [
        (25, 0.5, None, 12.0),
        (25, 1.0, None, 25.0),
        (25, 0.04, None, 1.0),
        (25, 0.02, None, 0.5),
        (25, 0.016, None, 0.4),
        (120, 0.5, None, 60.0),
        (25, 0.5, 5, 5.0),
        (25, 0.5, 2.9, 2.0),
        (25, 0.5, 0.4, 0.4),
        (25, 0.5, 100, 12.0),
    ],
)
def test_the_ceiling_is_the_share_in_whole_calls_or_a_fraction_below_one(
    limit: float, share: float, max_rps: float | None, expected: float
) -> None:
    assert ceiling(limit, share, max_rps) == pytest.approx(expected)


@settings(derandomize=True, deadline=None, max_examples=300)
@given(
    st.floats(0.1, 500),
    st.floats(0.001, 1.0),
    st.one_of(st.none(), st.floats(0.01, 500)),
)
def test_the_ceiling_is_never_above_the_share_nor_above_what_was_allowed(
    limit: float, share: float, max_rps: float | None
) -> None:
    rate = ceiling(limit, share, max_rps)

    assert 0 < rate <= limit * share
    assert max_rps is None or rate <= max_rps
    assert rate < 1 or rate == floor(rate)
