"""A fleet of two accounts through the program: validate, run, status, report, rollback."""

from __future__ import annotations

import json
import os
import re
import shutil
from contextlib import nullcontext
from typing import TYPE_CHECKING

import pytest

from migrate_mfa.domain.errors import OutOfReach, RunDirectoryError
from migrate_mfa.domain.quotas import Lane
from migrate_mfa.fleet.place import LocalPlace
from migrate_mfa.fleet.validate import CONNECTS
from migrate_mfa.journal.run_dir import lock_lane
from migrate_mfa.pacing.retry import ATTEMPTS
from tests.commands.support import Cli, assert_code, state, wait_until
from tests.support.fleet_site import FleetSite, fleet_site

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from migrate_mfa.aws.session import AwsTarget

ACCOUNT = "123456789012"
FLEET = ("fleet.toml", "--run-dir", "runs")


@pytest.fixture
def site(tmp_path: Path) -> Iterator[FleetSite]:
    with fleet_site(tmp_path, ("tokyo", "osaka"), 4) as made:
        made.write()
        yield made


def test_the_whole_way_and_the_page(site: FleetSite) -> None:
    seen = site.cli("fleet", "validate", "fleet.toml")
    assert_code(seen, 0)
    assert "tokyo: pool " in seen.out
    assert "MFA OPTIONAL" in seen.out
    assert "2 targets in 2 lanes (--index-from-env: 0 to 1), 0 with trouble." in seen.out

    done = site.cli("fleet", *FLEET, "--verb", "run", "--yes")
    assert_code(done, 0)
    assert site.all_right()
    page = site.folder / "runs/report/report.html"
    assert "2 targets: 2 finished." in page.read_text(encoding="utf-8")
    page.unlink()

    assert_code(site.cli("fleet", "report", *FLEET, "--lang", "ja"), 0)
    assert "ターゲット 2 件: 完了 2 件。" in page.read_text(encoding="utf-8")
    assert_code(site.cli("fleet", "report", *FLEET), 0)
    assert "2 targets: 2 finished." in page.read_text(encoding="utf-8")
    assert_code(site.cli("fleet", *FLEET, "--verb", "rollback", "--yes"), 0)
    assert not site.all_right()


def test_a_wave_of_some_targets_leaves_the_others_in_the_report(site: FleetSite) -> None:
    assert_code(site.cli("fleet", *FLEET, "--verb", "run", "--yes"), 0)

    done = site.cli("fleet", *FLEET, "--verb", "reconcile", "--yes", "--only", "osaka")
    assert_code(done, 0)
    assert "tokyo" not in done.out

    told = {name: (each["command"], each["state"]) for name, each in site.summary()["targets"].items()}
    assert told == {"tokyo": ("run", "finished"), "osaka": ("reconcile", "finished")}
    assert site.summary()["counts"]["verified"] == 2 * 4


@pytest.mark.parametrize(
    ("first", "verb"),
    [
        ("run", "audit"),
        ("run", "disable"),
        ("audit", "plan"),
        ("audit", "run"),
        ("disable", "reconcile"),
    ],
)
def test_a_verb_for_another_kind_of_run_directory_is_refused_before_it_begins(
    site: FleetSite, first: str, verb: str
) -> None:
    assert_code(site.cli("fleet", *FLEET, "--verb", first, "--yes"), 0)
    before = site.cli("fleet", "status", *FLEET).out

    refused = site.cli("fleet", *FLEET, "--verb", verb, "--yes")

    assert_code(refused, 3)
    told = f"runs/tokyo belongs to `{first}`, not to `{verb}`, and so do those of 1 other target."
    assert told in refused.err
    own = f"Give this {verb} a --run-dir of its own, such as runs-{verb}."
    of_run = "Give the --run-dir of the run."
    assert f"{of_run if verb == 'reconcile' else own} Nothing was begun." in refused.err
    assert site.cli("fleet", "status", *FLEET).out == before


def test_what_disable_did_is_rolled_back_in_its_directory(site: FleetSite) -> None:
    assert_code(site.cli("fleet", *FLEET, "--verb", "run", "--yes"), 0)
    off = ("fleet.toml", "--run-dir", "off")
    assert_code(site.cli("fleet", *off, "--verb", "disable", "--yes"), 0)
    assert_code(site.cli("fleet", *off, "--verb", "rollback", "--yes"), 0)

    assert_code(site.cli("fleet", *off, "--verb", "rollback", "--yes"), 0)
    assert site.all_right()


def test_an_unfinished_rollback_comes_before_everything_else(site: FleetSite) -> None:
    assert_code(site.cli("fleet", *FLEET, "--verb", "run", "--yes"), 0)
    site.options = {name: {"max_users": 1} for name in site.accounts}
    site.write()
    assert_code(site.cli("fleet", *FLEET, "--verb", "rollback", "--yes"), 10)
    site.options = {}
    site.write()

    for verb in ("run", "reconcile"):
        refused = site.cli("fleet", *FLEET, "--verb", verb, "--yes")
        assert_code(refused, 8)
        assert "A rollback of this run is unfinished" in refused.out
        assert "migrate-mfa fleet fleet.toml --verb rollback --run-dir runs" in refused.said
    assert_code(site.cli("fleet", *FLEET, "--verb", "rollback", "--yes"), 0)


def test_a_rollback_passes_by_targets_that_were_only_planned(site: FleetSite) -> None:
    assert_code(site.cli("fleet", *FLEET, "--verb", "plan"), 0)
    assert_code(site.cli("fleet", *FLEET, "--verb", "run", "--yes", "--only", "tokyo"), 0)

    undone = site.cli("fleet", *FLEET, "--verb", "rollback", "--yes")

    assert_code(undone, 0)
    assert "osaka: rollback; without a run; " in undone.out
    assert_code(site.cli("fleet", *FLEET, "--verb", "run", "--yes", "--only", "osaka"), 0)
    assert site.written_in("osaka") == len(site.users)


def test_the_directory_of_one_target_is_not_taken_for_that_of_a_fleet(site: FleetSite) -> None:
    assert_code(site.cli("fleet", *FLEET, "--verb", "run", "--yes"), 0)
    summary = (site.folder / "runs/tokyo/report/summary.json").read_bytes()
    for line in (("--verb", "audit", "fleet.toml"), ("status", "fleet.toml"), ("report", "fleet.toml")):
        refused = site.cli("fleet", *line, "--run-dir", "runs/tokyo")
        assert_code(refused, 6)
        assert "runs/tokyo is the run directory of one command, not of a fleet." in refused.err
    assert (site.folder / "runs/tokyo/report/summary.json").read_bytes() == summary


def test_a_check_and_a_refused_plan_leave_the_state_of_the_run(site: FleetSite) -> None:
    assert_code(site.cli("fleet", *FLEET, "--verb", "run", "--yes"), 0)
    before = site.cli("fleet", "status", *FLEET).out

    assert_code(site.cli("fleet", *FLEET, "--verb", "check"), 0)
    assert site.cli("fleet", "status", *FLEET).out == before
    assert_code(site.cli("fleet", *FLEET, "--verb", "plan"), 8)
    after = site.cli("fleet", "status", *FLEET).out
    assert "tokyo: plan; set aside; exit 3; verified 4; " in after
    next_one = site.cli("fleet", "status", *FLEET, "--json").json()["targets"]["tokyo"]["next_command"]
    assert "--verb run" in next_one, "which has nothing left to do, and not the plan again for ever"
    assert "rows: verified 8" in after


def test_a_pool_that_is_not_there_is_told_and_ends_no_other_target(site: FleetSite) -> None:
    site.pools["osaka"] = "ap-northeast-1_NotThere1"
    site.options["osaka"] = {"roster": "none.csv"}
    site.write()

    seen = site.cli("fleet", "validate", "fleet.toml")
    assert_code(seen, 8)
    assert "tokyo: pool " in seen.out
    assert "osaka: DescribeUserPool: the user pool does not exist" in seen.out
    assert f"osaka: The roster {site.folder}/none.csv is not there." in seen.out
    assert "2 targets in 2 lanes (--index-from-env: 0 to 1), 1 with trouble." in seen.out

    done = site.cli("fleet", *FLEET, "--verb", "run", "--yes")
    assert_code(done, 8)
    states = {name: each["state"] for name, each in site.summary()["targets"].items()}
    assert states == {"tokyo": "finished", "osaka": "set_aside"}


def states(site: FleetSite) -> dict[str, str]:
    return {name: each["state"] for name, each in site.summary()["targets"].items()}


def test_a_run_directory_that_cannot_be_used_is_set_aside_at_once_with_its_reason(site: FleetSite) -> None:
    osaka = site.folder / "runs" / "osaka"
    osaka.mkdir(parents=True, mode=0o700)
    (osaka / "notes.txt").touch()

    done = site.cli("fleet", *FLEET, "--verb", "run", "--yes", "--retry-pause", "1h")

    assert_code(done, 8)
    reason = "runs/osaka is not empty and has no journal.sqlite: it is not a run directory."
    assert f"osaka: set aside, exit code 6. {reason}" in done.said
    assert f"osaka: run; set aside; exit 6; {reason}" in done.out
    assert site.summary()["targets"]["osaka"]["error"] == reason
    assert states(site)["tokyo"] == "finished"


def test_a_lane_that_somebody_else_has_is_waited_for_and_it_is_said_why(site: FleetSite) -> None:
    lock = lock_lane(Lane(site.accounts["osaka"].endpoint, ACCOUNT, "ap-northeast-1"))
    line = ("fleet", *FLEET, "--verb", "run", "--yes", "--only", "osaka", "--retry-pause", "1s")
    first = site.cli.start(*line)
    told = site.folder / "runs" / "results" / "osaka.json"
    wait_until(lambda: told.exists() and '"exit_code": 6' in told.read_text(), "a first try")
    status = site.cli("fleet", "status", *FLEET, "--only", "osaka")
    wait_until(lambda: '"tries": 2' in told.read_text(), "a second try")
    os.close(lock)

    _, said = first.communicate(timeout=60)

    assert first.returncode == 0, said
    why = "Another migrate-mfa works in this account in ap-northeast-1: both would share one quota."
    assert said.decode().count(f"osaka is tried again. {why}") == 1
    assert f"osaka: run; waiting; exit 6; {why}" in status.out


def test_a_rollback_passes_by_targets_without_a_run(site: FleetSite) -> None:
    assert_code(site.cli("fleet", *FLEET, "--verb", "run", "--yes", "--only", "tokyo"), 0)

    done = site.cli("fleet", *FLEET, "--verb", "rollback", "--yes", "--retry-pause", "1h")

    assert_code(done, 0)
    assert "osaka: rollback; without a run; Nothing was run here, so there is nothing to roll" in done.out
    assert states(site) == {"tokyo": "finished", "osaka": "no_run"}
    assert site.summary()["targets"]["osaka"]["exit_code"] is None
    assert "1 finished, 1 without a run" in done.out
    assert site.summary()["exit_code"] == 0


def test_a_run_that_was_lost_is_not_taken_for_one_that_never_began(site: FleetSite) -> None:
    assert_code(site.cli("fleet", *FLEET, "--verb", "run", "--yes"), 0)
    for each in (site.folder / "runs" / "osaka").glob("journal.sqlite*"):
        each.unlink()

    assert_code(site.cli("fleet", *FLEET, "--verb", "rollback", "--yes", "--retry-pause", "1h"), 8)
    assert states(site) == {"tokyo": "finished", "osaka": "set_aside"}


def test_a_rollback_in_a_directory_that_no_target_has_a_run_in_is_an_error(site: FleetSite) -> None:
    done = site.cli("fleet", "fleet.toml", "--run-dir", "typo", "--verb", "rollback", "--yes")

    assert_code(done, 6)
    assert "No target has a run in typo. Correct --run-dir, or begin with --verb run." in done.said


def test_what_was_rolled_back_is_counted_as_that(site: FleetSite) -> None:
    assert_code(site.cli("fleet", *FLEET, "--verb", "run", "--yes"), 0)

    done = site.cli("fleet", *FLEET, "--verb", "rollback", "--yes")

    assert "rows: restored 8" in done.out
    assert "skipped" not in done.out
    assert site.summary()["counts"]["restored"] == 8


def test_what_was_disabled_is_counted_as_that(site: FleetSite) -> None:
    assert_code(site.cli("fleet", *FLEET, "--verb", "run", "--yes"), 0)

    done = site.cli("fleet", "fleet.toml", "--run-dir", "off", "--verb", "disable", "--yes")

    assert "rows: mfa_disabled 8" in done.out


def test_a_broken_file_is_told_before_consent_is_asked_for(tmp_path: Path) -> None:
    (tmp_path / "fleet.toml").write_text("[[target]]\n")

    done = Cli(tmp_path)("fleet", *FLEET, "--verb", "run")

    assert_code(done, 3)
    assert "'name' is missing" in done.said


def test_without_a_terminal_a_sound_file_needs_yes(site: FleetSite) -> None:
    done = site.cli("fleet", *FLEET, "--verb", "run")

    assert_code(done, 2)
    assert "--yes" in done.said


def test_rosters_are_beside_the_fleet_file_wherever_it_is_used_from(site: FleetSite) -> None:
    there = site.folder / "conf"
    there.mkdir()
    for name in ("fleet.toml", "roster.csv"):
        shutil.move(site.folder / name, there / name)

    seen = site.cli("fleet", "validate", "conf/fleet.toml")
    assert_code(seen, 0)
    done = site.cli("fleet", "conf/fleet.toml", "--run-dir", "runs", "--verb", "run", "--yes")
    assert_code(done, 0)
    assert site.all_right()


@pytest.mark.promise(6)
def test_a_rollback_gives_back_the_first_state_of_users_whom_two_targets_have_written_to(
    site: FleetSite,
) -> None:
    site.accounts["osaka"], site.pools["osaka"] = site.accounts["tokyo"], site.pools["tokyo"]
    second = (site.folder / "roster.csv").read_text().replace("+8190", "+8180")
    (site.folder / "second.csv").write_text(second)
    site.options["osaka"] = {"roster": "second.csv", "phone_conflict": "replace"}
    site.write()

    def users() -> dict[str, object]:
        found = state(site.accounts["tokyo"], site.pools["tokyo"])
        return {name: (user["Attributes"], user["UserMFASettingList"]) for name, user in found.items()}

    before = users()
    seen = site.cli("fleet", "validate", "fleet.toml")
    assert_code(seen, 0)
    assert "tokyo, osaka: of one pool. A user must be in one of their rosters only" in seen.out
    assert_code(site.cli("fleet", *FLEET, "--verb", "run", "--yes"), 0)
    after = users()
    assert after != before
    assert_code(site.cli("fleet", *FLEET, "--verb", "rollback", "--yes", "--only", "tokyo"), 0)
    told = json.loads((site.folder / "runs" / "tokyo" / "report" / "summary.json").read_text())
    assert told["reasons"]["skipped"] == {"changed_by_others": 4}
    assert users() == after

    assert_code(site.cli("fleet", *FLEET, "--verb", "rollback", "--yes"), 0)

    assert users() == before


@pytest.mark.parametrize(
    ("index", "text"),
    [
        ("2", "There is no lane 2: the fleet has 2 lanes, and the first is 0."),
        ("-1", "JOB_COMPLETION_INDEX is '-1', which is no index."),
        ("one", "JOB_COMPLETION_INDEX is 'one', which is no index."),
        ("", "JOB_COMPLETION_INDEX is '', which is no index."),
    ],
)
def test_an_index_of_no_lane_is_an_error(site: FleetSite, index: str, text: str) -> None:
    site.cli.environment["JOB_COMPLETION_INDEX"] = index

    done = site.cli("fleet", *FLEET, "--verb", "run", "--yes", "--index-from-env")

    assert_code(done, 2)
    assert text in done.said
    assert not site.written()


def test_two_indexes_that_differ_are_refused(site: FleetSite) -> None:
    site.cli.environment |= {"JOB_COMPLETION_INDEX": "0", "AWS_BATCH_JOB_ARRAY_INDEX": "1"}
    line = ("fleet", *FLEET, "--verb", "plan", "--index-from-env")

    done = site.cli(*line)

    assert_code(done, 2)
    assert "JOB_COMPLETION_INDEX is 0, but AWS_BATCH_JOB_ARRAY_INDEX is 1." in done.said
    site.cli.environment["AWS_BATCH_JOB_ARRAY_INDEX"] = "0"
    assert_code(site.cli(*line), 0)


def test_lanes_that_cannot_be_counted_are_not_taken_by_an_index(site: FleetSite) -> None:
    site.options["osaka"] = {"profile": "none"}
    site.write()
    site.cli.environment["JOB_COMPLETION_INDEX"] = "0"

    done = site.cli("fleet", *FLEET, "--verb", "run", "--yes", "--index-from-env")

    assert_code(done, 8)
    assert "The account of osaka is not known" in done.said
    assert not site.written()


def test_a_person_waits_briefly_for_accounts_and_a_task_of_a_job_patiently(
    site: FleetSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.options["osaka"] = {"account": "999988887777"}
    site.write()
    site.cli.environment["JOB_COMPLETION_INDEX"] = "0"
    allowed: list[int] = []
    waited_for: list[str] = []

    def telling_if_slow(text: str) -> AbstractContextManager[None]:
        waited_for.append(text)
        return nullcontext()

    def ask(target: AwsTarget, *, connects: int) -> str:
        assert waited_for, "a person would hear nothing"
        allowed.append(connects)
        if target.endpoint_url == site.accounts["tokyo"].endpoint:
            raise OutOfReach("AWS does not answer.")
        return ACCOUNT

    monkeypatch.setattr("migrate_mfa.session.account_of", ask)
    monkeypatch.setattr("migrate_mfa.fleet.command.telling_if_slow", telling_if_slow)
    line = ("fleet", *FLEET, "--verb", "plan")

    done = site.cli(*line)

    assert_code(done, 3)
    assert "osaka: account ends in 7777, that of its credentials in 9012." in done.said
    assert allowed == [CONNECTS] * 2
    allowed.clear()
    assert_code(site.cli(*line, "--index-from-env"), 3)
    assert allowed == [ATTEMPTS] * 2
    waited_for.clear()
    assert_code(site.cli("fleet", "validate", "fleet.toml"), 8)
    assert waited_for == ["Looking at 2 targets …"]


def test_a_task_for_a_target_without_a_run_has_nothing_to_roll_back(site: FleetSite) -> None:
    site.cli.environment["JOB_COMPLETION_INDEX"] = "0"

    assert_code(site.cli("fleet", *FLEET, "--verb", "rollback", "--yes", "--index-from-env"), 0)


def test_a_run_directory_that_cannot_be_written_ends_the_fleet_before_it_begins(site: FleetSite) -> None:
    (site.folder / "runs").write_text("a file")

    done = site.cli("fleet", *FLEET, "--verb", "run", "--yes")

    assert_code(done, 6)
    assert "The run directory runs of the fleet cannot be written" in done.said
    assert "worker" not in done.said
    assert not site.written()
    seen = site.cli("fleet", "validate", *FLEET)
    assert_code(seen, 8)
    assert "--run-dir: The run directory runs of the fleet cannot be written" in seen.out
    assert ", 0 with trouble; --run-dir cannot be used." in seen.out


def test_reports_that_could_not_be_written_in_the_end_end_the_fleet_before_it_begins(
    site: FleetSite,
) -> None:
    (site.folder / "runs").mkdir()
    (site.folder / "runs" / "report").write_text("a file")

    assert_code(site.cli("fleet", *FLEET, "--verb", "run", "--yes"), 6)
    assert not site.written()


def test_how_the_targets_have_ended_is_printed_although_the_reports_cannot_be_written(
    site: FleetSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = LocalPlace.write

    def full(place: LocalPlace, name: str, body: bytes) -> None:
        if name.endswith("summary.json"):
            raise RunDirectoryError("The run directory runs of the fleet cannot be written (disk full).")
        write(place, name, body)

    monkeypatch.setattr(LocalPlace, "write", full)

    done = site.cli("fleet", *FLEET, "--verb", "run", "--yes")

    assert_code(done, 6)
    assert "tokyo: run; finished; exit 0; verified 4" in done.out
    assert "2 finished" in done.out
    assert "disk full" in done.err
    told = site.cli("fleet", "report", *FLEET)
    assert_code(told, 6)
    assert "2 finished" in told.out


@pytest.mark.parametrize("action", ["status", "report"])
def test_a_run_directory_that_is_not_there_is_told(site: FleetSite, action: str) -> None:
    done = site.cli("fleet", action, "fleet.toml", "--run-dir", "typo")

    assert_code(done, 6)
    assert "There is no run directory typo." in done.said
    assert not (site.folder / "typo").exists()


@pytest.mark.parametrize("action", ["status", "report"])
def test_a_run_directory_in_which_nothing_has_begun_is_called_that_with_how_to_begin(
    site: FleetSite, action: str
) -> None:
    begin = "Nothing has begun in runs. To begin: migrate-mfa fleet fleet.toml --verb plan --run-dir runs"
    (site.folder / "runs").mkdir()

    done = site.cli("fleet", action, *FLEET)

    assert_code(done, 0)
    assert "2 waiting" in done.out
    assert begin in done.said
    assert_code(site.cli("fleet", *FLEET, "--verb", "plan", "--only", "osaka"), 0)
    assert begin not in site.cli("fleet", action, *FLEET).said


@pytest.mark.parametrize(
    ("words", "text"),
    [
        ((), "No fleet file is given."),
        (("status",), "No fleet file"),
        (("a.toml", "b.toml"), "not 'a.toml b.toml'"),
    ],
)
def test_a_command_line_without_one_file_is_refused(
    tmp_path: Path, words: tuple[str, ...], text: str
) -> None:
    done = Cli(tmp_path)("fleet", *words, "--verb", "check")

    assert_code(done, 2)
    assert text in done.said


FLAG = re.compile(r"^  (?:-\w, )?(--[a-z-]+)", re.MULTILINE)
AWS = {"--profile", "--endpoint-url", "--region"}
OF_INIT = {"--from-organizations", "--role-name", "--role-external-id", "--output"}
OF_ALL = AWS | {"--verb", "--only", "--run-dir", "--help"}


def test_the_help_has_the_options_of_a_verb_and_those_of_init_apart(tmp_path: Path) -> None:
    text = Cli(tmp_path)("fleet", "--help").out
    sections = dict(re.findall(r"^(\w[\w ]*):\n((?:  .*\n)+)", text, re.MULTILINE))
    flags = {title: set(FLAG.findall(told)) for title, told in sections.items()}

    assert flags["Options"] == {"--verb", "--only", "--run-dir"}
    assert "--engine" in flags["To do a verb over a fleet"]
    assert flags["For fleet init"] == {
        "--from-organizations",
        "--role-name",
        "--role-external-id",
        "--output",
    }


@pytest.mark.parametrize(
    ("action", "taken"),
    [
        ("validate", OF_ALL),
        ("status", OF_ALL | {"--json"}),
        ("report", OF_ALL | {"--json", "--lang"}),
        ("init", AWS | OF_INIT | {"--help"}),
    ],
)
def test_each_action_has_a_help_of_its_own_options(tmp_path: Path, action: str, taken: set[str]) -> None:
    assert set(FLAG.findall(Cli(tmp_path)("fleet", action, "--help").out)) == taken
