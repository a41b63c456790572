from typing import Any

import pytest

from migrate_mfa.checks.trust import EXTERNAL_ID, SOURCE_ACCOUNT, SOURCE_ARN, SOURCES, trust_of

SERVICE = "cognito-idp.amazonaws.com"
ARN = "arn:aws:cognito-idp:ap-northeast-1:123456789012:userpool/ap-northeast-1_Pool"
CONTEXT = {EXTERNAL_ID: "id", SOURCE_ACCOUNT: "123456789012", SOURCE_ARN: ARN}


def a_row(condition: Any = None, **members: Any) -> dict[str, Any]:
    row = {"Effect": "Allow", "Principal": {"Service": SERVICE}, "Action": "sts:AssumeRole"} | members
    return row | ({"Condition": condition} if condition is not None else {})


def conditions(*rows: dict[str, Any], **changes: str) -> dict[str, bool | None] | None:
    found = trust_of({"Statement": list(rows)}, CONTEXT | changes)
    return None if found is None else dict(found.conditions)


@pytest.mark.parametrize(
    "row",
    [
        a_row(),
        a_row(Principal={"Service": ["lambda.amazonaws.com", SERVICE]}),
        a_row(Action=["sts:TagSession", "sts:AssumeRole"]),
        a_row(Action="sts:*"),
        a_row(Action="STS:assumerole"),
    ],
)
def test_cognito_is_let_in(row: dict[str, Any]) -> None:
    assert conditions(row) == {}


@pytest.mark.parametrize(
    "row",
    [
        a_row(Principal={"Service": "lambda.amazonaws.com"}),
        a_row(Principal={"AWS": "arn:aws:iam::1:root"}),
        a_row(Principal={"Service": "cognito-idp.amazonaws.com.example.com"}),
        a_row(Action="sts:TagSession"),
        a_row(Effect="Deny"),
    ],
)
def test_cognito_is_not_let_in(row: dict[str, Any]) -> None:
    assert conditions(row) is None


@pytest.mark.parametrize(
    "row",
    [
        a_row(Principal="*"),
        {"Effect": "Allow", "NotPrincipal": {"AWS": "x"}, "Action": "sts:AssumeRole"},
        {"Effect": "Allow", "Principal": {"Service": SERVICE}, "NotAction": "sts:TagSession"},
    ],
)
def test_what_is_not_plain_is_neither_trust_nor_distrust(row: dict[str, Any]) -> None:
    assert conditions(row) == {"principal": None}
    assert conditions(a_row(), row | {"Effect": "Deny"}) == {}


def test_the_service_can_be_named_with_its_region() -> None:
    assert conditions(a_row(Principal={"Service": "cognito-idp.ap-east-1.amazonaws.com"})) == {}


def test_a_lone_statement_need_not_stand_in_a_list() -> None:
    assert trust_of({"Statement": a_row()}, CONTEXT) is not None


def test_a_denial_shuts_out_whoever_it_fits() -> None:
    other = {"StringEquals": {"aws:SourceAccount": "999999999999"}}

    assert conditions(a_row(), a_row(Effect="Deny")) is None
    assert conditions(a_row(), a_row(other, Effect="Deny")) == {}


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ({"StringEquals": {"sts:ExternalId": "id"}}, {EXTERNAL_ID: True}),
        ({"StringEquals": {"STS:externalid": ["x", "id"]}}, {EXTERNAL_ID: True}),
        ({"StringEquals": {"sts:ExternalId": "i*"}}, {EXTERNAL_ID: False}),
        ({"StringLike": {"sts:ExternalId": "i*"}}, {EXTERNAL_ID: True}),
        ({"StringEqualsIgnoreCase": {"sts:ExternalId": "ID"}}, {EXTERNAL_ID: True}),
        ({"StringEquals": {"aws:SourceAccount": "123456789012"}}, {SOURCE_ACCOUNT: True}),
        ({"ArnLike": {"aws:SourceArn": "arn:aws:cognito-idp:*:123456789012:userpool/*"}}, {SOURCE_ARN: True}),
        ({"ArnEquals": {"aws:SourceArn": "arn:aws:cognito-idp:*:*:userpool/*"}}, {SOURCE_ARN: True}),
        ({"ArnLike": {"aws:SourceArn": f"{ARN}X"}}, {SOURCE_ARN: False}),
        ({"StringNotEquals": {"sts:ExternalId": "id"}}, {EXTERNAL_ID: None}),
        ({"Bool": {"aws:SecureTransport": "true"}}, {"aws:securetransport": None}),
        (
            {"StringEquals": {"sts:ExternalId": "id"}, "StringLike": {"sts:ExternalId": "x*"}},
            {EXTERNAL_ID: False},
        ),
    ],
)
def test_conditions_are_judged_for_this_pool(condition: Any, expected: dict[str, bool | None]) -> None:
    assert conditions(a_row(condition)) == expected


def test_a_pool_without_an_external_id_does_not_fit_a_role_that_asks_for_one() -> None:
    without = {key: value for key, value in CONTEXT.items() if key != EXTERNAL_ID}
    asking = a_row({"StringEquals": {"sts:ExternalId": "id"}})
    lenient = a_row({"StringEqualsIfExists": {"sts:ExternalId": "id"}})

    found = [trust_of({"Statement": row}, without) for row in (asking, lenient)]

    assert [trust is not None and trust.excludes(EXTERNAL_ID) for trust in found] == [True, False]


def test_the_statement_that_fits_best_counts() -> None:
    wrong = a_row({"StringEquals": {"sts:ExternalId": "other"}})
    odd = a_row({"Bool": {"aws:SecureTransport": "true"}})
    right = a_row({"StringEquals": {"sts:ExternalId": "id"}})

    assert conditions(wrong, odd, right) == {EXTERNAL_ID: True}
    assert conditions(wrong, odd) == {"aws:securetransport": None}


def test_what_a_statement_names_and_excludes() -> None:
    trust = trust_of({"Statement": a_row({"StringEquals": {"aws:SourceAccount": "1"}})}, CONTEXT)

    assert trust is not None
    assert trust.named(*SOURCES)
    assert not trust.named(EXTERNAL_ID)
    assert trust.excludes(*SOURCES)
    assert not trust.excludes(EXTERNAL_ID)
