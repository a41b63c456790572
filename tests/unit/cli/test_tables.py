from pathlib import Path
from typing import Any

import pytest

from migrate_mfa.cli import tables
from migrate_mfa.domain.reasons import Outcome
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


def the_end_of(command: str, *, verified: int) -> dict[str, Any]:
    counts = {outcome.value: 0 for outcome in Outcome} | {"verified": verified}
    return {
        "command": command,
        "state": "finished",
        "counts": counts,
        "reasons": {outcome.value: {} for outcome in Outcome},
        "calls": {},
    }


@pytest.mark.parametrize(
    ("command", "verified", "told"),
    [("run", 3, True), ("run", 0, False), ("rollback", 3, False), ("reconcile", 3, False)],
)
def test_only_a_run_that_has_enrolled_somebody_speaks_of_sessions(
    capsys: pytest.CaptureFixture[str], command: str, verified: int, told: bool
) -> None:
    tables.standing(the_end_of(command, verified=verified), Path(), in_json=False)

    assert ("Sessions that exist stay valid" in capsys.readouterr().out) is told


def test_a_plan_has_words_for_every_kind_of_column() -> None:
    assert set(tables._COLUMNS) == {kind.value for kind in Kind}


def test_options_are_told_as_they_are_written(capsys: pytest.CaptureFixture[str]) -> None:
    passed = {"stop_after": 28_800.0, "max_failures": 0.5, "max_rps": {"UserUpdate": 5.0}, "max_users": None}

    tables.options({"policy": {"verification": "attested", "despite": ["has_totp"]}, "options": passed})

    told = "despite has_totp; stop_after 8h; max_failures 50%; max_rps UserUpdate=5"
    assert " ".join(capsys.readouterr().out.split()) == f"Options: {told}."
