"""The role's documents, by IAM's grammar, and what counts as the role that we make."""

import re
from dataclasses import replace
from typing import Any

import pytest

from migrate_mfa.domain.errors import PoolNotReady
from migrate_mfa.pool_setup.role import POLICY_NAME, PUBLISH, FoundRole, adopt, role_for, role_name

POOL_ID = "ap-northeast-1_Test00001"
POOL_ARN = f"arn:aws:cognito-idp:ap-northeast-1:123456789012:userpool/{POOL_ID}"
ROLE = role_for(POOL_ARN, "an-id")
OURS = FoundRole(ROLE.trust, {POLICY_NAME: PUBLISH})


def grammar(document: Any, *, trust: bool) -> None:
    """IAM's rules for a policy document ("Grammar of the IAM JSON policy language")."""
    assert document.keys() == {"Version", "Statement"}
    assert document["Version"] == "2012-10-17"
    assert document["Statement"]
    for statement in document["Statement"]:
        assert statement.keys() - {"Sid", "Condition"} == {
            "Effect",
            "Action",
            "Principal" if trust else "Resource",
        }
        assert statement["Effect"] in {"Allow", "Deny"}
        assert re.fullmatch(r"[a-z0-9-]+:[A-Za-z*]+", statement["Action"])
        for operator, keys in statement.get("Condition", {}).items():
            assert operator in {"StringEquals", "ArnLike"}
            for key, value in keys.items():
                assert re.fullmatch(r"(aws|sts):[A-Za-z]+", key)
                assert value
                assert isinstance(value, str)


def test_both_documents_keep_to_the_grammar() -> None:
    grammar(ROLE.trust, trust=True)
    grammar(PUBLISH, trust=False)


def test_only_this_pool_s_cognito_may_assume_it_and_only_with_the_external_id() -> None:
    (statement,) = ROLE.trust["Statement"]

    assert statement["Principal"] == {"Service": "cognito-idp.amazonaws.com"}
    assert statement["Action"] == "sts:AssumeRole"
    assert statement["Condition"] == {
        "StringEquals": {"sts:ExternalId": "an-id", "aws:SourceAccount": "123456789012"},
        "ArnLike": {"aws:SourceArn": POOL_ARN},
    }


def test_it_may_publish_and_nothing_else() -> None:
    assert [(row["Effect"], row["Action"]) for row in PUBLISH["Statement"]] == [("Allow", "sns:Publish")]


def test_name_and_arn_come_from_the_pool_s_id_and_partition() -> None:
    other = role_for(POOL_ARN.replace("arn:aws:", "arn:aws-us-gov:"), "x")

    assert ROLE.arn == f"arn:aws:iam::123456789012:role/migrate-mfa-sms-{POOL_ID}"
    assert other.arn.startswith("arn:aws-us-gov:iam::123456789012:role/")


def test_a_pool_s_role_is_the_same_at_every_try_and_has_an_external_id_of_its_own() -> None:
    others = [POOL_ARN.replace("Test00001", "Other0001"), POOL_ARN.replace("123456789012", "210987654321")]
    ids = {role_for(arn).external_id for arn in (POOL_ARN, *others)}

    assert role_for(POOL_ARN).external_id == "7f868c42-c033-5faa-9447-bc837c2ea7f5"
    assert len(ids) == 3


@pytest.mark.parametrize("pool_id", ["us-east-1_a", f"us-east-1_{'a' * 45}"])
def test_every_pool_id_gives_a_name_that_iam_takes(pool_id: str) -> None:
    assert re.fullmatch(r"[\w+=,.@-]{1,64}", role_name(pool_id))


@pytest.mark.parametrize("inline", [{}, {POLICY_NAME: PUBLISH}])
def test_a_role_of_an_earlier_try_is_taken_with_its_external_id(inline: dict[str, Any]) -> None:
    assert adopt(FoundRole(role_for(POOL_ARN, "earlier").trust, inline), POOL_ARN).external_id == "earlier"


def weaker() -> dict[str, Any]:
    (statement,) = ROLE.trust["Statement"]
    kept = {"StringEquals": {"sts:ExternalId": "an-id"}}
    return {**ROLE.trust, "Statement": [{**statement, "Condition": kept}]}


@pytest.mark.parametrize(
    ("found", "named"),
    [
        (replace(OURS, trust=weaker()), "trust policy"),
        (replace(OURS, trust=role_for(POOL_ARN.replace("Test00001", "Other0001"), "an-id").trust), "trust"),
        (replace(OURS, trust={**ROLE.trust, "Statement": [*ROLE.trust["Statement"]] * 2}), "trust policy"),
        (replace(OURS, trust={"Version": "2012-10-17", "Statement": []}), "trust policy"),
        (replace(OURS, trust=role_for(POOL_ARN, "").trust), "trust policy"),
        (replace(OURS, inline={POLICY_NAME: {**PUBLISH, "Statement": []}}), "inline policies"),
        (replace(OURS, inline={POLICY_NAME: PUBLISH, "more": PUBLISH}), "inline policies"),
        (replace(OURS, attached=("arn:aws:iam::aws:policy/AdministratorAccess",)), "attached policies"),
    ],
)
def test_a_role_that_differs_in_anything_is_refused_and_says_in_what(found: FoundRole, named: str) -> None:
    with pytest.raises(PoolNotReady, match=f"is there already.*{named}"):
        adopt(found, POOL_ARN)
