from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from migrate_mfa.domain.quotas import Category
from migrate_mfa.domain.reasons import Outcome, Reason
from migrate_mfa.workflows import standing


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
    standing.standing(the_end_of(command, verified=verified), Path(), in_json=False)

    assert ("Sessions that exist stay valid" in capsys.readouterr().out) is told


def test_options_are_told_as_they_are_written(capsys: pytest.CaptureFixture[str]) -> None:
    passed = {"stop_after": 28_800.0, "max_failures": 0.5, "max_rps": {"UserUpdate": 5.0}, "max_users": None}

    standing.options({"policy": {"verification": "attested", "despite": ["has_totp"]}, "options": passed})

    told = "despite has_totp; stop_after 8h; max_failures 50%; max_rps UserUpdate=5"
    assert " ".join(capsys.readouterr().out.split()) == f"Options: {told}."


@pytest.mark.parametrize(
    ("began", "ended", "told"),
    [
        ("2026-11-27T21:55:10+00:00", "2026-11-27T21:55:40+00:00", "2026-11-27 21:55 UTC"),
        ("2026-11-27T21:55:10+00:00", "2026-11-27T22:40:00+00:00", "2026-11-27 21:55 to 22:40 UTC"),
        (
            "2026-11-27T21:55:10+00:00",
            "2026-11-28T02:05:00+00:00",
            "2026-11-27 21:55 to 2026-11-28 02:05 UTC",
        ),
        ("2026-11-27T21:55:10+00:00", None, "since 2026-11-27 21:55 UTC"),
    ],
)
def test_a_run_says_when_it_was_with_each_date_once(
    capsys: pytest.CaptureFixture[str], began: str, ended: str | None, told: str
) -> None:
    found = the_end_of("run", verified=1) | {"pool": "eu-west-1_A", "started_at": began, "ended_at": ended}

    standing.standing(found, Path(), in_json=False)

    assert f"Pool eu-west-1_A; {told}.\n" in capsys.readouterr().out


def test_a_status_fits_the_screen_with_every_reason_there_is(capsys: pytest.CaptureFixture[str]) -> None:
    found = the_end_of("run", verified=1) | {"options": {}}
    for reason in Reason:
        found["reasons"][reason.facts.outcome][reason.value] = 9_999
    found["calls"] = {category.value: {"sent": 1, "throttled": 0, "retried": 0} for category in Category}

    standing.status(found, Path())

    lines = capsys.readouterr().out.splitlines()
    assert all(reason.value in "\n".join(lines) for reason in Reason)
    assert len(lines) <= 24
    assert max(map(len, lines)) <= 80


@pytest.mark.parametrize("command", ["rollback", "disable"])
def test_a_status_points_only_to_lists_that_are_there(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    reason = {"rollback": "restored", "disable": "mfa_disabled"}[command]
    found = the_end_of(command, verified=0)
    found["counts"]["skipped"], found["reasons"]["skipped"] = 3, {reason: 3}
    (tmp_path / "report").mkdir()

    standing.status(found, tmp_path)
    assert "report/skipped.csv" not in capsys.readouterr().out
    (tmp_path / "report" / "skipped.csv").touch()
    standing.status(found, tmp_path)
    assert "See report/skipped.csv." in capsys.readouterr().out
