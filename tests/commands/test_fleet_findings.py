"""A fleet says what its targets found: drift, coverage, failed rows, findings of a check, another command."""

from __future__ import annotations

import signal
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from tests.commands.support import SENDS_CODES, assert_code, end, wait_until
from tests.support.fleet_site import FleetSite, fleet_site
from tests.support.terminal import Terminal

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator
    from pathlib import Path

    from tests.commands.support import Done

FLEET = ("fleet", "fleet.toml", "--run-dir", "runs")
DRIFT = "drift 2 (mfa_off 2), listed in runs/osaka/report/drift.csv"


@pytest.fixture
def site(tmp_path: Path) -> Iterator[FleetSite]:
    with fleet_site(tmp_path, ("tokyo", "osaka"), 4) as made:
        made.write()
        yield made


def do(site: FleetSite, verb: str, code: int = 0, *more: str) -> Done:
    done = site.cli(
        *FLEET, "--verb", verb, *(() if verb in {"check", "plan", "audit"} else ("--yes",)), *more
    )
    assert_code(done, code)
    return done


def switch_off(site: FleetSite, target: str, *names: str) -> None:
    off: list[dict[str, Any]] = [
        {"Username": name, "UserMFASettingList": [], "PreferredMfaSetting": None} for name in names
    ]
    site.accounts[target].control("users", {"upsert": off})


def at_the_question(site: FleetSite, question: str, answer: str) -> tuple[str, int]:
    """What the fleet shows before its question, and how it ends after an answer."""
    with closing(Terminal(*FLEET, "--verb", "run", cwd=site.folder, env=site.cli.env())) as terminal:
        terminal.expect(question)
        shown = terminal.shown
        terminal.press(f"{answer}\n")
        return shown, terminal.end()


def page(site: FleetSite) -> str:
    return (site.folder / "runs/report/report.html").read_text(encoding="utf-8")


def test_drift_is_told_with_its_target_its_number_and_its_list(site: FleetSite) -> None:
    do(site, "run")
    switch_off(site, "osaka", "user001", "user002")

    done = do(site, "reconcile", 9)

    assert f"osaka: reconcile; finished; exit 9; verified 4; {DRIFT}\n" in done.out
    assert "tokyo: reconcile; finished; exit 0; verified 4\n" in done.out
    assert done.out.endswith("drift: mfa_off 2, in 1 target\n")
    assert (site.folder / "runs/osaka/report/drift.csv").read_text().count("mfa_off") == 2
    [repair] = [each for each in done.err.splitlines() if "--repair" in each]
    assert repair.startswith("  osaka: migrate-mfa reconcile ")

    told: dict[str, Any] = site.summary()
    assert told["drift"] == {"mfa_off": 2}
    assert told["targets"]["osaka"]["drift"] == {"mfa_off": 2}
    assert told["targets"]["osaka"]["lists"] == {"drift": "runs/osaka/report/drift.csv"}
    assert told["targets"]["tokyo"]["drift"] == {}
    assert f"<p>{DRIFT}</p>" in page(site)
    assert '<th scope="col" class="n">Drift</th>' in page(site)
    assert "100.0 %" in page(site), "drift is no row of its own"
    assert "v-wait" in page(site)

    assert_code(site.cli("fleet", "report", *FLEET[1:], "--lang", "ja"), 0)
    assert "ずれ 2 人 (mfa_off 2)。一覧: runs/osaka/report/drift.csv" in page(site)


def test_drift_that_a_command_by_hand_has_found_is_told_too(site: FleetSite) -> None:
    do(site, "run")
    switch_off(site, "osaka", "user001", "user002")
    endpoint = ("--endpoint-url", site.accounts["osaka"].endpoint)
    assert_code(site.cli("reconcile", "--run-dir", "runs/osaka", "--yes", *endpoint), 9)

    status = site.cli("fleet", "status", *FLEET[1:])

    assert f"osaka: reconcile; finished; exit 9; verified 4; {DRIFT}\n" in status.out
    assert "  osaka: migrate-mfa reconcile " in status.err


def test_a_coverage_that_is_too_low_is_told_with_both_shares(site: FleetSite) -> None:
    site.options["osaka"] = {"fail_under": "50%"}
    site.options["tokyo"] = {"fail_under": "0%"}
    site.write()

    done = do(site, "audit", 9)

    unverified = "runs/osaka/report/unverified.csv"
    told = f"verified share 0.0 %, below --fail-under 50.0 %; the others are listed in {unverified}"
    assert f"osaka: audit; finished; exit 9; no_phone 4; {told}\n" in done.out
    assert "tokyo: audit; finished; exit 0; no_phone 4\n" in done.out
    assert done.out.endswith("--fail-under not met: in 1 target\n")
    assert (site.folder / unverified).exists()
    assert site.summary()["targets"]["osaka"]["fail_under_not_met"] == 0.5
    assert f"<p>{told}</p>" in page(site)


def test_failed_rows_are_told_with_their_reasons_and_their_list(site: FleetSite) -> None:
    site.accounts["osaka"].control("users", {"delete": ["user001"]})

    done = do(site, "run", 7)

    told = "failed 1 (user_not_found 1), listed in runs/osaka/report/failed.csv"
    assert f"osaka: run; finished; exit 7; verified 3, failed 1; {told}\n" in done.out
    assert done.out.endswith("failed: user_not_found 1, in 1 target\n")
    assert site.summary()["failed_by_reason"] == {"user_not_found": 1}
    assert f"<p>{told}</p>" in page(site)


def test_a_check_that_finds_a_pool_not_ready_names_the_findings(site: FleetSite) -> None:
    site.pools["osaka"] = "ap-northeast-1_NotThere1"
    site.write()

    done = do(site, "check", 8)

    told = "Failures: pool_writable. See runs/logs/osaka.log."
    assert f"osaka: check; not ready; exit 4; {told}\n" in done.out
    assert f"osaka: not ready, exit code 4. {told}" in done.err
    assert "1 finished, 1 not ready" in done.out
    assert site.summary()["states"] == {"finished": 1, "not_ready": 1}
    assert "2 targets: 1 finished, 1 not ready." in page(site)
    assert "pool_writable" in (site.folder / "runs/logs/osaka.log").read_text()


def test_a_reconcile_of_a_plan_that_was_never_run_is_told_as_that(site: FleetSite) -> None:
    do(site, "plan")
    do(site, "run", 0, "--only", "tokyo")

    done = do(site, "reconcile")

    why = "Nothing was run here, so there is nothing to reconcile."
    assert f"osaka: reconcile; without a run; unprocessed 4; {why}\n" in done.out
    assert "tokyo: reconcile; finished; exit 0; verified 4\n" in done.out
    assert done.err.endswith("Next: migrate-mfa fleet fleet.toml --verb run --run-dir runs\n")
    assert_code(site.cli(*FLEET, "--verb", "reconcile", "--yes", "--only", "osaka"), 6)


@contextmanager
def beside_another_command(folder: Path) -> Iterator[tuple[FleetSite, subprocess.Popen[bytes]]]:
    """A fleet of one target, on whose plan another command works slowly."""
    slow = {"latency": [{"fixed_ms": 700, "ops": ["AdminSetUserMFAPreference"]}]}
    with fleet_site(folder, ("osaka",), 8, faults=slow) as site:
        site.write()
        do(site, "plan")
        endpoint = ("--endpoint-url", site.accounts["osaka"].endpoint)
        rival = site.cli.start(
            "run", "--run-dir", "runs/osaka", "--yes", "--max-rps", "UserUpdate=1", *endpoint
        )
        wait_until(lambda: site.written_in("osaka") >= 1, "a write of the other command")
        yield site, rival


def test_another_command_on_a_target_is_told_at_once_and_its_pace_is_not_the_fleets(tmp_path: Path) -> None:
    with beside_another_command(tmp_path) as (site, rival):
        line = (*FLEET, "--verb", "run", "--yes", "--retry-pause", "1h")
        with closing(Terminal(*line, cwd=site.folder, env=site.cli.env())) as terminal:
            terminal.expect(f"osaka waits. Another command works on runs/osaka. It is process {rival.pid}")
            do(site, "check")
            assert rival.poll() is None, "a check does not wait: it uses no run directory"
            for writes in (5, 7):
                wait_until(lambda: site.written_in("osaka") >= writes, f"{writes} writes")  # noqa: B023
                terminal.expect("1 waiting")
            shown = terminal.shown
            terminal.expect("osaka: run; finished; exit 0; verified 8")
            code = terminal.end()
        rival.communicate(timeout=60)

    assert (rival.returncode, code) == (0, 0)
    assert "running" not in shown
    assert "users/s" not in shown


def test_a_fleet_that_is_stopped_while_it_waits_for_another_command_says_why(tmp_path: Path) -> None:
    with beside_another_command(tmp_path) as (site, rival):
        fleet = site.cli.start(*FLEET, "--verb", "run", "--yes")
        told = site.folder / "runs" / "results" / "osaka.json"
        wait_until(lambda: "Another command" in told.read_text(), "the reason")

        done = end(fleet, signal.SIGTERM)
        end(rival, signal.SIGTERM)

    assert done.code == 143
    assert "osaka: run; interrupted; Another command works on runs/osaka. It is process" in done.out


def test_the_question_has_the_users_the_sms_and_the_cost_of_the_plans(tmp_path: Path) -> None:
    with fleet_site(tmp_path, ("tokyo", "osaka", "kyoto"), 3, config=SENDS_CODES) as site:
        site.options["tokyo"] = {"sms_price": ["JP=0.07"], "mau_price": "0.05"}
        site.options["osaka"] = {"max_users": 1}
        site.write(verification="by-code", max_sms=3)
        do(site, "plan", 0, "--only", "tokyo", "--only", "osaka")
        question = "Type the number of targets (3) to go on: "
        shown, code = at_the_question(site, question, "3")
        again, _ = at_the_question(site, question, "no")

    assert code == 10
    most = "0.36"  # three codes of 0.07, and three users of 0.05
    assert f"tokyo (3 users, up to 3 SMS, up to {most}, by-code)" in shown
    assert "osaka (3 users, up to 3 SMS, by-code)" in shown
    assert "kyoto (no plan yet, by-code)" in shown
    cost = f"cost now: up to {most} by your prices, without 1 target"
    assert f"Together: 6 users; SMS now: up to 6; {cost}." in shown
    assert "These are all users that are left; --max-users ends some targets earlier." in shown
    assert "Not counted: 1 target without a plan, which would be made now." in shown
    assert "osaka (2 users left, up to 2 SMS, by-code)" in again
    assert "Together: 2 users; SMS now: up to 2." in again
