import pytest

from migrate_mfa.checks.principals import ROLE, USER, Principal, principal_of


@pytest.mark.parametrize(
    ("arn", "expected"),
    [
        ("arn:aws:iam::1:user/ann", Principal(USER, "arn:aws:iam::1:user/ann")),
        ("arn:aws:iam::1:user/ops/ann", Principal(USER, "arn:aws:iam::1:user/ops/ann")),
        ("arn:aws:sts::1:assumed-role/Ops/ann@x", Principal(ROLE, "arn:aws:iam::1:role/Ops")),
        ("arn:aws-cn:sts::1:assumed-role/Ops/i-1", Principal(ROLE, "arn:aws-cn:iam::1:role/Ops")),
        ("arn:aws:iam::1:root", None),
        ("arn:aws:sts::1:federated-user/ann", None),
        ("nonsense", None),
    ],
)
def test_whose_policies_count(arn: str, expected: Principal | None) -> None:
    assert principal_of(arn) == expected


def test_a_roles_name_is_the_last_part() -> None:
    assert Principal(ROLE, "arn:aws:iam::1:role/Ops").role_name == "Ops"
