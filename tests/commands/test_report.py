"""What a pass leaves in report/: the page, and a summary that shows what was run, by whom, with what."""

from __future__ import annotations

import json
import signal
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import pytest

from migrate_mfa.reports import page_facts
from tests.commands.support import (
    POOL_ID,
    assert_code,
    members_of,
    phone_of,
    report,
    roster_of,
    summary,
    wait_until,
    words,
    writes,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.commands.conftest import Site

NAMES = [f"member{place}" for place in range(12)]
SLOW = {"UserRead": 120, "UserUpdate": 4, "UserResourceUpdate": 4, "UserList": 30}
ATTESTED = ("--verification", "attested")


def kept(run_dir: Path) -> dict[str, dict[str, Any]]:
    """Every pass's own summary, by the name of its file."""
    return {
        path.name: json.loads(path.read_text(encoding="utf-8"))
        for path in (run_dir / "report").glob("summary-*.json")
    }


def test_a_run_can_be_shown_to_be_what_was_approved(raise_site: Callable[..., Site]) -> None:
    site = raise_site(members_of(NAMES))
    roster, run_dir = roster_of(site.folder, NAMES), site.folder / "run"

    assert_code(site.cli.run(roster, run_dir, *ATTESTED, "--max-failures", "5%"), 0)

    found = summary(run_dir)
    assert found["version"] == 1
    assert found["policy"] == {"verification": "attested", "phone_conflict": "fail", "despite": []}
    assert found["options"].items() >= {"quota_share": 1.0, "max_failures": 0.05, "max_sms": 0}.items()
    assert found["roster"] == {"name": "roster.csv", "sha256": sha256(roster.read_bytes()).hexdigest()}
    assert (found["account"], found["region"]) == ("123456789012", "ap-northeast-1")
    assert found["caller_arn"].startswith("arn:aws:iam::123456789012:")
    assert found["host"]
    assert all(found["versions"][name] for name in ("migrate_mfa", "python", "botocore"))
    assert found["rate"]["users_per_s"] > 0
    assert found["rate"]["calls_per_s"]["UserUpdate"] == pytest.approx(12 / found["elapsed_s"], rel=0.01)
    told = words(site.cli("status", "--run-dir", run_dir).out)
    assert "Options: phone_conflict fail; strict_e164 no; quota_share 1; max_failures 5%;" in told


def test_every_pass_writes_the_page_and_it_names_nobody(raise_site: Callable[..., Site]) -> None:
    site = raise_site(members_of(NAMES))
    roster, run_dir = roster_of(site.folder, NAMES), site.folder / "run"
    page = run_dir / "report" / "report.html"
    verdicts = []

    for command in (site.cli.plan, site.cli.run):
        assert_code(command(roster, run_dir, *ATTESTED), 0)
        verdicts.append(page.read_text(encoding="utf-8"))

    planned, done = verdicts
    assert "12 of 12 users would be changed" in planned
    assert "12 of 12 users have SMS MFA" in done
    assert page.stat().st_mode & 0o077 == 0
    for place, name in enumerate(NAMES):
        assert not {phone_of(place), f"{name}@example.com"} & set(done.split())
        assert phone_of(place) not in done
        assert f"{name}@example.com" not in done


def test_a_fault_in_the_page_hides_neither_the_result_nor_the_lists(
    raise_site: Callable[..., Site], monkeypatch: pytest.MonkeyPatch
) -> None:
    site = raise_site(members_of(NAMES))
    roster_of(site.folder, NAMES)
    run_dir = site.folder / "run"

    with monkeypatch.context() as broken:
        broken.setattr(page_facts, "page_of", lambda *_: 1 / 0)
        done = site.cli.run("roster.csv", run_dir, *ATTESTED)
        again = site.cli("report", "--run-dir", run_dir)
    mended = site.cli("report", "--run-dir", run_dir)

    assert_code(done, 0)
    assert "report.html could not be written (ZeroDivisionError)" in words(done.err)
    assert f"To write the page again: migrate-mfa report --run-dir {run_dir}" in words(done.err)
    assert summary(run_dir)["counts"]["verified"] == len(NAMES)
    assert len(report(run_dir, "verified")) == len(NAMES)
    assert "page_facts" not in done.err
    assert "ZeroDivisionError" in next(run_dir.glob("migrate-mfa-bug-*.txt")).read_text(encoding="utf-8")
    assert_code(again, 1)
    assert_code(mended, 0)
    assert (run_dir / "report" / "report.html").exists()


def test_report_writes_it_in_japanese_and_prints_it_for_a_ticket(
    raise_site: Callable[..., Site],
) -> None:
    site = raise_site(members_of(NAMES))
    run_dir = site.folder / "run"
    assert_code(site.cli.run(roster_of(site.folder, NAMES), run_dir, *ATTESTED), 0)

    done = site.cli("report", "--run-dir", run_dir, "--lang", "ja", "--format", "markdown")

    assert_code(done, 0)
    assert done.out.startswith("# MFA 移行レポート: members\n")
    assert "| 完了 | `enrolled` | 12 |" in done.out
    assert f"{POOL_ID.replace('_', chr(92) + '_')}。" in done.out  # a Japanese sentence ends as one
    assert "| 時間 | 1 秒未満 |" in done.out
    assert '<html lang="ja">' in (run_dir / "report" / "report.html").read_text(encoding="utf-8")
    wrong = site.cli("report", "--run-dir", run_dir, "--lang", "fr")
    assert_code(wrong, 2)


def test_an_audit_has_a_page_of_its_own_that_knows_the_audits_before(raise_site: Callable[..., Site]) -> None:
    site = raise_site(members_of(NAMES))
    audit = ("audit", "--user-pool-id", POOL_ID, "--run-dir", "audit", "--quiet")

    for _ in range(2):
        assert_code(site.cli(*audit), 0)

    page = (site.folder / "audit" / "report" / "report.html").read_text(encoding="utf-8")
    assert "0.0 % of 12 enabled local users have a verified phone number." in page
    assert "over 2 audits" in page
    assert "CONFIRMED" in page


def test_a_killed_pass_has_its_summary_by_the_next_command(
    raise_site: Callable[..., Site],
) -> None:
    site = raise_site(members_of(NAMES), quotas=SLOW, enforce_quotas=True)
    roster, run_dir = roster_of(site.folder, NAMES), site.folder / "run"
    child = site.cli.running(roster, run_dir, *ATTESTED)
    wait_until(lambda: writes(site.running) >= 3, "some writes")
    child.send_signal(signal.SIGKILL)
    child.communicate()
    assert kept(run_dir) == {}

    assert_code(site.cli.run(roster, run_dir, *ATTESTED), 0)

    found = kept(run_dir)
    assert set(found) == {"summary-1-run.json", "summary-2-run.json"}
    killed, resumed = found["summary-1-run.json"], found["summary-2-run.json"]
    assert (killed["state"], resumed["state"]) == ("interrupted", "finished")
    assert (killed["ended_at"], killed["rate"]) == (None, None)
    assert killed["counts"]["unprocessed"] > 0
    assert killed["caller_arn"] == resumed["caller_arn"]
    assert resumed["counts"]["verified"] == len(NAMES)


def test_a_summary_that_report_has_written_beside_a_run_is_put_right_after_a_kill(
    raise_site: Callable[..., Site],
) -> None:
    site = raise_site(members_of(NAMES), quotas=SLOW, enforce_quotas=True)
    roster, run_dir = roster_of(site.folder, NAMES), site.folder / "run"
    child = site.cli.running(roster, run_dir, *ATTESTED)
    wait_until(lambda: writes(site.running) >= 3, "some writes")
    child.send_signal(signal.SIGSTOP)  # at work for as long as it takes to look
    assert_code(site.cli("report", "--run-dir", run_dir), 0)
    assert kept(run_dir)["summary-1-run.json"]["state"] == "running"
    child.send_signal(signal.SIGKILL)
    child.communicate()

    assert_code(site.cli.run(roster, run_dir, *ATTESTED), 0)

    assert kept(run_dir)["summary-1-run.json"]["state"] == "interrupted"
