"""Job files: each of those in jobs/ does what it is there for, and what a job file may say is checked."""

from __future__ import annotations

import re
import subprocess
import tomllib
from typing import TYPE_CHECKING, Any

import pytest

from migrate_mfa.domain.errors import ExitCode
from tests.commands.support import (
    ROOT,
    WRITES,
    Cli,
    a_member,
    assert_code,
    calls,
    endings,
    report,
    state_hash,
    summary,
    write_roster,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.commands.conftest import Site

JOBS = sorted((ROOT / "jobs").glob("*.toml"))
ITS_POOL = "ap-northeast-1_AbCdEfGhI"
ITS_RUN = f"migrate-mfa-runs/{ITS_POOL}/users-0a1b2c3d"
NAMES = ("ann", "bob", "cyd")


def the_job(site: Site, name: str) -> Path:
    """A job of jobs/, for the site's pool and run directory; everything else is as it is shipped."""
    text = (ROOT / "jobs" / f"{name}.toml").read_text(encoding="utf-8")
    path = site.folder / f"{name}.toml"
    path.write_text(text.replace(ITS_RUN, "run").replace(ITS_POOL, site.cli.pool_id), encoding="utf-8")
    return path


def a_job(folder: Path, text: str) -> Path:
    path = folder / "job.toml"
    path.write_text(text, encoding="utf-8")
    return path


def a_site(raise_site: Callable[..., Site]) -> Site:
    """A pool of three, and their numbers in users.csv, as jobs/migrate.toml has it."""
    site = raise_site([a_member(name) for name in NAMES])
    rows = [(f"{name}@example.com", f"090-1234-567{number}") for number, name in enumerate(NAMES)]
    write_roster(site.folder / "users.csv", rows)
    return site


def a_run(raise_site: Callable[..., Site]) -> Site:
    """The same, after a run."""
    site = a_site(raise_site)
    options = ("--verification", "by-code", "--phone-country", "JP")
    assert_code(site.cli.run("users.csv", "run", *options), 0)
    return site


def test_the_migration_job_stores_the_numbers(raise_site: Callable[..., Site]) -> None:
    site = a_site(raise_site)
    job = the_job(site, "migrate")

    first = site.cli("run", "--job", job, "--yes")
    before = state_hash(site.running)
    again = site.cli("run", "--job", job, "--yes")

    assert_code(first, 0)
    assert_code(again, 0)
    [run_dir] = (site.folder / "migrate-mfa-runs" / site.cli.pool_id).iterdir()
    assert run_dir.name.startswith("users-")
    assert set(endings(run_dir).values()) == {("pending", "awaiting_code")}
    assert state_hash(site.running) == before


def test_the_nightly_job_promotes_who_has_proved_the_number_and_then_does_nothing(
    raise_site: Callable[..., Site],
) -> None:
    site = a_run(raise_site)
    job = the_job(site, "reconcile-nightly")
    proved = {"Username": "bob", "Attributes": {"phone_number_verified": "true"}}
    site.running.control("users", {"upsert": [proved]})

    first = site.cli("reconcile", "--job", job, "--yes")
    found = endings(site.folder / "run")
    site.running.control("ledger/reset", {})
    second = site.cli("reconcile", "--job", job, "--yes")

    assert_code(first, 0)
    assert_code(second, 0)
    assert found[2] == ("verified", "promoted")
    assert not calls(site.running).keys() & (WRITES | {"AdminGetUser"})


def test_the_weekly_job_audits_the_pool_and_fails_under_its_share(raise_site: Callable[..., Site]) -> None:
    site = a_run(raise_site)
    site.running.control("ledger/reset", {})

    done = site.cli("audit", "--job", the_job(site, "audit-weekly"))

    assert_code(done, 9)
    audited = site.folder / "migrate-mfa-runs" / site.cli.pool_id / "audit"
    assert len(report(audited, "unverified")) == len(NAMES)
    assert summary(audited)["total"] == {"verified": 0, "unverified": 3, "no_phone": 0}
    assert not calls(site.running).keys() & (WRITES | {"AdminGetUser"})


def test_the_rollback_job_gives_everybody_back(raise_site: Callable[..., Site]) -> None:
    site = a_site(raise_site)
    before = state_hash(site.running)
    options = ("--verification", "attested", "--phone-country", "JP")
    assert_code(site.cli.run("users.csv", "run", *options), 0)

    done = site.cli("rollback", "--job", the_job(site, "rollback"), "--yes")

    assert_code(done, 0)
    assert set(endings(site.folder / "run").values()) == {("skipped", "restored")}
    assert state_hash(site.running) == before


def test_every_job_that_is_shipped_is_executed_here() -> None:
    assert {path.stem for path in JOBS} == {"audit-weekly", "migrate", "reconcile-nightly", "rollback"}


def test_the_guide_names_every_job_and_every_exit_code() -> None:
    guide = (ROOT / "jobs" / "README.md").read_text(encoding="utf-8")

    assert all(f"[`{path.name}`]({path.name})" in guide for path in JOBS)
    assert re.findall(r"^\| (\d+) \|", guide, re.MULTILINE) == [str(code.value) for code in ExitCode]


def test_the_script_for_cron_speaks_only_where_somebody_has_to_look(tmp_path: Path) -> None:
    guide = (ROOT / "jobs" / "README.md").read_text(encoding="utf-8")
    script = guide.split("```sh\n")[1].split("```")[0]
    (tmp_path / "scheduled").write_text(script, encoding="utf-8")
    (tmp_path / "venv" / "bin").mkdir(parents=True)
    tool = tmp_path / "venv" / "bin" / "migrate-mfa"
    tool.write_text('#!/bin/sh\necho "$@"\nexit "$CODE"\n', encoding="utf-8")
    tool.chmod(0o700)
    command = ["sh", "scheduled", "reconcile", "job.toml", "--yes"]

    ran = {
        code: subprocess.run(
            command, cwd=tmp_path, env={"CODE": str(code)}, capture_output=True, text=True, check=False
        )
        for code in (0, 9, 10)
    }

    assert {code: done.returncode for code, done in ran.items()} == {0: 0, 9: 9, 10: 10}
    assert ran[0].stdout == ran[10].stdout == ""
    assert "exit code 9\n\nreconcile --job job.toml --yes" in ran[9].stdout


@pytest.mark.parametrize("path", JOBS, ids=lambda path: path.stem)
def test_a_shipped_job_takes_only_what_it_must_from_the_operator(path: Path, unused_cli: Cli) -> None:
    job: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))

    shown = unused_cli(job["command"], "--job", path, "--show-config")

    assert_code(shown, 0)
    lines = dict(line.split(" = ", 1) for line in shown.out.splitlines() if " = " in line)
    assert "yes" not in job
    assert {name for name, value in lines.items() if value.endswith("# job file")} == job.keys() - {"command"}


# What a job file may say


def test_a_flag_wins_over_a_variable_a_variable_over_the_job_and_the_job_over_the_default(
    unused_cli: Cli,
) -> None:
    values = 'user_pool_id = "ap-northeast-1_FromJob"\nphone_country = "US"\nquota_share = 0.25\n'
    job = a_job(unused_cli.cwd, f'command = "plan"\n{values}')
    unused_cli.environment |= {"MIGRATE_MFA_PHONE_COUNTRY": "FR", "MIGRATE_MFA_QUOTA_SHARE": "0.5"}

    done = unused_cli("plan", "--job", job, "--show-config", "--quota-share", "0.75")

    assert_code(done, 0)
    shown = done.out.splitlines()
    assert "quota_share = 0.75  # flag" in shown
    assert "phone_country = FR  # variable" in shown
    assert "user_pool_id = ap-northeast-1_FromJob  # job file" in shown
    assert "max_sms = 0  # default" in shown
    assert "verification = (unset)  # default" in shown


def test_a_job_says_lists_switches_and_limits_as_toml_does(unused_cli: Cli) -> None:
    job = a_job(
        unused_cli.cwd,
        'command = "rollback"\nrun_dir = "run"\nroster = "some.csv"\nuser = ["ann", "bob"]\n'
        'outcome = ["verified", "pending"]\nmax_rps = ["UserUpdate=5"]\nquiet = true\nmax_users = 5\n',
    )

    done = unused_cli("rollback", "--job", job, "--show-config")

    assert_code(done, 0)
    shown = done.out.splitlines()
    assert "user = [ann, bob]  # job file" in shown
    assert "outcome = [verified, pending]  # job file" in shown
    assert "max_rps = [UserUpdate=5]  # job file" in shown
    assert "roster = some.csv  # job file" in shown
    assert "quiet = true  # job file" in shown


WRONG = {
    "a typo": ("quota_sahre = 0.5", ["'quota_sahre'", "nearest is 'quota_share'"]),
    "an option of another command": ('fail_under = "95%"', ["'fail_under' is no option of run"]),
    "hyphens": ("quota-share = 0.5", ["nearest is 'quota_share'"]),
    "a job in a job": ('job = "other.toml"', ["'job' is no option"]),
    "a table": ("[run]\nquota_share = 0.5", ["'run' is no option"]),
    "no TOML": ("quota_share = fast", ["not TOML"]),
    "no number": ('quota_share = "fast"', ["quota_share = fast"]),
    "out of range": ("quota_share = 7", ["quota_share = 7"]),
    "no choice": ('verification = "bycode"', ["verification = bycode"]),
    "no switch": ('quiet = "perhaps"', ["quiet = perhaps", "true or false"]),
    "a switch for a number": ("max_users = true", ["max_users = true"]),
    "a list for one value": ("max_users = [1, 2]", ["max_users = [1, 2]", "one value"]),
    "one value for a list": ('despite = "has_totp"', ["despite = has_totp", "a list"]),
    "no duration": ('stop_after = "soon"', ["--stop-after", "soon"]),
    "no percentage": ('max_failures = "few"', ["--max-failures", "few"]),
    "nothing to lift": ('verification = "attested"\ndespite = ["phone_taken"]', ["--despite phone_taken"]),
}


@pytest.fixture
def unused_cli(tmp_path: Path) -> Cli:
    """The tool where no AWS is: what it refuses, it refuses before it asks."""
    return Cli(tmp_path, "http://127.0.0.1:9")


@pytest.mark.parametrize(("text", "told"), WRONG.values(), ids=WRONG)
def test_a_job_that_cannot_be_meant_is_refused_by_its_name(
    unused_cli: Cli, text: str, told: list[str]
) -> None:
    job = a_job(unused_cli.cwd, f'command = "run"\n{text}\n')

    done = unused_cli("run", "users.csv", "--job", job, "--yes")

    assert_code(done, 3)
    assert "job.toml" in done.err
    assert all(part in done.err for part in told), done.err


@pytest.mark.parametrize(
    ("text", "told"), [('command = "audit"', "'audit', not for 'run'"), ("", "does not name its command")]
)
def test_a_job_for_another_command_is_refused(unused_cli: Cli, text: str, told: str) -> None:
    done = unused_cli("run", "users.csv", "--job", a_job(unused_cli.cwd, text), "--yes")

    assert_code(done, 3)
    assert told in done.err


def test_a_job_that_is_not_there_is_said(unused_cli: Cli) -> None:
    done = unused_cli("run", "--job", "nowhere.toml", "--yes")

    assert_code(done, 3)
    assert "nowhere.toml" in done.err


def test_a_job_cannot_be_made_to_agree_by_a_variable(raise_site: Callable[..., Site]) -> None:
    site = a_run(raise_site)
    site.cli.environment |= {"MIGRATE_MFA_YES": "1"}

    done = site.cli("rollback", "--job", the_job(site, "rollback"))

    assert_code(done, 2)
