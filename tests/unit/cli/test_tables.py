from pathlib import Path
from typing import Any

import pytest

from migrate_mfa.cli import tables
from migrate_mfa.roster.columns import Kind


def an_audit(*, users: int, estimated: int, state: str = "finished") -> dict[str, Any]:
    total = {"verified": users, "unverified": 0, "no_phone": 0}
    return {
        "pool": "ap-northeast-1_AbCdEfGhI",
        "state": state,
        "coverage": {"CONFIRMED": total},
        "total": total,
        "users": users,
        "estimated_users": estimated,
    }


@pytest.mark.parametrize(
    ("users", "estimated", "state", "told"),
    [
        (1_200, 1_250, "finished", True),
        (1_250, 1_200, "finished", True),
        (1_200, 1_200, "finished", False),
        (600, 1_200, "interrupted", False),
    ],
)
def test_an_audit_says_when_its_count_is_not_what_cognito_estimates(
    capsys: pytest.CaptureFixture[str], users: int, estimated: int, state: str, told: bool
) -> None:
    tables.audit(an_audit(users=users, estimated=estimated, state=state), Path("report"))

    out = capsys.readouterr().out
    assert (f"{users:,} users were read, but Cognito estimates {estimated:,}." in out) is told
    assert max(map(len, out.splitlines())) <= 80


def test_an_audit_that_saw_nobody_tells_no_share(capsys: pytest.CaptureFixture[str]) -> None:
    tables.audit(an_audit(users=0, estimated=1_200, state="stopped"), Path("report"))

    out = capsys.readouterr().out
    assert "No enabled local user was counted." in out
    assert "%" not in out


def test_a_plan_has_words_for_every_kind_of_column() -> None:
    assert set(tables._COLUMNS) == {kind.value for kind in Kind}
