"""The file for Prometheus, read by Prometheus' own parser."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from migrate_mfa.domain.errors import ExitCode
from migrate_mfa.reports.metrics import Ending, metrics, write_metrics

if TYPE_CHECKING:
    from pathlib import Path

SUMMARY: dict[str, Any] = {
    "elapsed_s": 12.5,
    "counts": {"verified": 3, "pending": 0, "failed": 1, "skipped": 0, "unprocessed": 2},
    "reasons": {
        "verified": {"enrolled": 2, "already_enrolled": 1},
        "pending": {},
        "failed": {"phone_differs": 1},
        "skipped": {},
        "unprocessed": {},
    },
    "calls": {"UserUpdate": {"sent": 4, "throttled": 1, "retried": 1}},
}


def an_ending(code: ExitCode = ExitCode.DONE, **more: Any) -> Ending:
    told: dict[str, Any] = {
        "command": "run",
        "pool_id": "us-east-1_Abc",
        "at": 1_800_000_000.5,
        "summary": SUMMARY,
    }
    return Ending(exit_code=code, **(told | more))


def read(text: str) -> dict[tuple[str, tuple[str, ...]], float]:
    """Every sample by its name and the values of its labels other than command and pool."""
    found = {}
    for family in text_string_to_metric_families(text):
        assert family.type == "gauge"
        assert family.documentation
        for sample in family.samples:
            own = dict(sample.labels)
            assert (own.pop("command"), own.pop("pool")) == ("run", "us-east-1_Abc")
            found[sample.name.removeprefix("migrate_mfa_"), tuple(own.values())] = sample.value
    return found


def test_a_parser_of_prometheus_reads_everything() -> None:
    assert read(metrics(an_ending(), None)) == {
        ("exit_code", ()): 0,
        ("end_timestamp_seconds", ()): 1_800_000_000.5,
        ("duration_seconds", ()): 12.5,
        ("rows", ("verified", "enrolled")): 2,
        ("rows", ("verified", "already_enrolled")): 1,
        ("rows", ("pending", "")): 0,
        ("rows", ("failed", "phone_differs")): 1,
        ("rows", ("skipped", "")): 0,
        ("rows", ("unprocessed", "")): 2,
        ("calls_sent", ("UserUpdate",)): 4,
        ("calls_throttled", ("UserUpdate",)): 1,
        ("calls_retried", ("UserUpdate",)): 1,
        ("last_success_timestamp_seconds", ()): 1_800_000_000.5,
    }


def test_an_audit_and_a_reconciliation_tell_what_they_found() -> None:
    summary = SUMMARY | {"total": {"verified": 7, "unverified": 2}, "drift": {"user_gone": 1}}

    found = read(metrics(an_ending(summary=summary), None))

    assert found["users", ("verified",)] == 7
    assert found["drift", ("user_gone",)] == 1


def test_a_command_that_began_no_pass_tells_its_exit_code_alone() -> None:
    found = read(metrics(an_ending(ExitCode.NOT_ALLOWED, summary={}), None))

    assert found == {("exit_code", ()): 5, ("end_timestamp_seconds", ()): 1_800_000_000.5}


@pytest.mark.parametrize("code", [code for code in ExitCode if code not in {0, 10}])
def test_a_failure_keeps_the_time_of_the_last_success(code: ExitCode, tmp_path: Path) -> None:
    file = tmp_path / "mfa.prom"
    write_metrics(file, an_ending(at=1_700_000_000.25))
    write_metrics(file, an_ending(code))

    found = read(file.read_text())

    assert found["exit_code", ()] == code
    assert found["last_success_timestamp_seconds", ()] == 1_700_000_000.25


def test_a_limit_that_the_operator_set_is_a_success() -> None:
    found = read(metrics(an_ending(ExitCode.LIMIT), 5.0))

    assert found["last_success_timestamp_seconds", ()] == 1_800_000_000.5


def test_the_success_of_another_command_is_not_taken_for_ones_own(tmp_path: Path) -> None:
    file = tmp_path / "mfa.prom"
    write_metrics(file, an_ending(command="audit"))
    write_metrics(file, an_ending(ExitCode.STOPPED))

    assert ("last_success_timestamp_seconds", ()) not in read(file.read_text())


def test_it_is_written_whole_and_everybody_may_read_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "mfa.prom"
    write_metrics(file, an_ending())
    first = file.read_bytes()
    monkeypatch.setattr("os.fchmod", lambda *_: (_ for _ in ()).throw(OSError(28, "full")))

    with pytest.raises(OSError, match="full"):
        write_metrics(file, an_ending(ExitCode.BUG))

    assert file.read_bytes() == first
    assert file.stat().st_mode & 0o777 == 0o644
    assert [each.name for each in tmp_path.iterdir()] == ["mfa.prom"]


def test_what_a_label_holds_is_escaped() -> None:
    text = metrics(an_ending(pool_id='a"b\\c\nd'), None)

    pools = {s.labels["pool"] for family in text_string_to_metric_families(text) for s in family.samples}
    assert pools == {'a"b\\c\nd'}


def test_a_command_that_came_to_no_pool_keeps_the_one_of_the_file(tmp_path: Path) -> None:
    file = tmp_path / "mfa.prom"
    write_metrics(file, an_ending(at=5.0))
    write_metrics(file, an_ending(ExitCode.RUN_DIRECTORY, pool_id="", summary={}))

    assert read(file.read_text())["last_success_timestamp_seconds", ()] == 5.0
