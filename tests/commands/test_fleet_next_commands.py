"""The next command of a target of a fleet can be pasted: it reaches that target, and no other one."""

from __future__ import annotations

import re
import shlex
from html import unescape
from typing import TYPE_CHECKING, Any

import pytest

from migrate_mfa.fleet.fleet_options import EngineName, Placing, carried
from migrate_mfa.journal.database import Journal
from migrate_mfa.journal.meta import RunMeta
from migrate_mfa.journal.report_store import ReportStore
from migrate_mfa.reports.audit_facts import pool_coverage
from tests.commands.support import SENDS_CODES, assert_code
from tests.support.bucket import bucket_on_loopback
from tests.support.fleet_site import FleetSite, fleet_site
from tests.support.sts import ROLE_ARN, serving

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.commands.support import Done

FLEET = ("fleet", "fleet.toml", "--run-dir", "our runs")
PROFILE = """
[profile ops]
aws_access_key_id = testing
aws_secret_access_key = testing
"""


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Callable[..., FleetSite]]:
    """Makes two accounts and their fleet file."""
    with fleet_site(tmp_path, ("tokyo", "osaka"), 3, config=SENDS_CODES) as made:

        def write(**defaults: Any) -> FleetSite:
            made.write(**defaults)
            return made

        yield write


def next_of(site: FleetSite, target: str, *where: str) -> str:
    """The next command of a target, from `fleet status`."""
    told = site.cli("fleet", "status", *(where or FLEET[1:]), "--json")
    assert_code(told, 0)
    command: str = told.json()["targets"][target]["next_command"]
    return command


def paste(site: FleetSite, command: str, *more: str) -> Done:
    """Run a command as it was printed."""
    program, *words = shlex.split(command)
    assert program == "migrate-mfa"
    return site.cli(*words, *more)


def page_command(site: FleetSite) -> str:
    """The command at the top of the page."""
    page = (site.folder / "our runs" / "report" / "report.html").read_text(encoding="utf-8")
    [command] = re.findall(r"<h2>[^<]*</h2>\s*<pre><code>(.*?)</code>", page)
    return unescape(command)


def commands(site: FleetSite) -> dict[str, str]:
    """The last command of each target."""
    return {name: each["command"] for name, each in site.summary("our runs")["targets"].items()}


def test_from_the_plan_to_the_reconcile_of_one_target_and_of_all(make: Callable[..., FleetSite]) -> None:
    site = make(verification="by-code", max_sms=3)
    assert_code(site.cli(*FLEET, "--verb", "plan", "--tries", "2", "--retry-pause", "1s"), 0)
    assert site.summary("our runs")["targets"]["tokyo"]["next_command"].endswith(
        "--verb run --run-dir 'our runs' --only tokyo --tries 2 --retry-pause 1s"
    )

    assert_code(paste(site, next_of(site, "tokyo"), "--yes"), 0)
    assert commands(site) == {"tokyo": "run", "osaka": "plan"}
    assert (site.written_in("tokyo"), site.written_in("osaka")) == (3, 0)

    assert_code(paste(site, next_of(site, "osaka"), "--yes"), 0)
    assert next_of(site, "tokyo").startswith("migrate-mfa fleet fleet.toml --verb reconcile ")
    assert_code(paste(site, next_of(site, "tokyo"), "--yes"), 0)
    assert commands(site) == {"tokyo": "reconcile", "osaka": "run"}

    assert_code(paste(site, page_command(site), "--yes"), 0)
    assert commands(site) == {"tokyo": "reconcile", "osaka": "reconcile"}


def test_the_page_names_the_command_for_targets_that_have_not_finished_first(
    make: Callable[..., FleetSite],
) -> None:
    site = make(verification="by-code", max_sms=3)
    site.options["osaka"] = {"max_users": 1}
    site.write(verification="by-code", max_sms=3)

    assert_code(site.cli(*FLEET, "--verb", "run", "--yes"), 10)

    assert page_command(site) == "migrate-mfa fleet fleet.toml --verb run --run-dir 'our runs'"


def test_the_audit_of_each_target_has_a_directory_of_its_own_where_its_page_finds_it(
    make: Callable[..., FleetSite],
) -> None:
    site = make()
    assert_code(site.cli(*FLEET, "--verb", "run", "--yes"), 0)

    for target in ("tokyo", "osaka"):
        where = ("--run-dir", f"our runs/{target}")
        [command] = re.findall(r"^ *(migrate-mfa audit .*)$", site.cli("status", *where).err, re.MULTILINE)
        assert_code(paste(site, command), 0)
        with Journal.look_at(site.folder / "our runs" / target) as journal:
            found = pool_coverage(RunMeta.read(journal), ReportStore(journal.database).passes())
        assert found.after is not None


def test_failed_rows_are_listed_by_the_report_of_their_target(make: Callable[..., FleetSite]) -> None:
    site = make()
    site.accounts["osaka"].control("users", {"delete": ["user001"]})
    assert_code(site.cli(*FLEET, "--verb", "run", "--yes"), 7)

    told = paste(site, next_of(site, "osaka"))

    assert_code(told, 0)
    assert "user_not_found" in told.out


def test_a_repair_reaches_its_target_with_the_role_of_this_target(make: Callable[..., FleetSite]) -> None:
    site = make()
    site.options["osaka"] = {"role_arn": ROLE_ARN, "role_external_id": "x-1"}
    site.write()
    with serving() as sts:
        site.cli.environment["AWS_ENDPOINT_URL_STS"] = sts.endpoint
        assert_code(site.cli(*FLEET, "--verb", "run", "--yes"), 0)
        off: dict[str, Any] = {"Username": "user001", "UserMFASettingList": [], "PreferredMfaSetting": None}
        site.accounts["osaka"].control("users", {"upsert": [off]})
        assert_code(site.cli(*FLEET, "--verb", "reconcile", "--yes"), 9)
        command, before = next_of(site, "osaka"), len(sts.assumed)

        assert "--yes" not in command, "whoever pastes it is asked"
        assert_code(paste(site, command, "--yes"), 0)

        assert {each["ExternalId"] for each in sts.assumed[before:]} == {"x-1"}
    assert site.all_right()


def test_a_bucket_that_only_a_profile_reaches_is_reached_by_the_next_command(
    make: Callable[..., FleetSite],
) -> None:
    site = make(profile="ops")
    config = site.folder / "config"
    config.write_text(PROFILE)
    where = ("fleet.toml", "--run-dir", "s3://runs/fleet", "--profile", "ops", "--region", "eu-west-1")
    with bucket_on_loopback() as bucket:
        site.cli.environment |= {"AWS_ENDPOINT_URL_S3": bucket.endpoint, "AWS_CONFIG_FILE": str(config)}
        site.cli.environment |= {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}
        begin = site.cli("fleet", "status", *where, "--only", "osaka").said.partition("To begin: ")[2]
        assert_code(paste(site, begin.strip()), 0)
        site.accounts["osaka"].control("users", {"delete": ["user001"]})
        assert_code(paste(site, next_of(site, "osaka", *where), "--yes"), 7)
        told = paste(site, next_of(site, "osaka", *where))

    assert_code(told, 0)
    assert "user_not_found" in told.out
    assert not site.written_in("tokyo")


def test_the_engine_and_how_often_it_tries_are_kept_but_not_which_lane_a_task_has() -> None:
    given = {"engine": EngineName.DASK, "scheduler": "tls://a:1", "insecure_engine": True, "tries": 2}
    placing = Placing.of({**given, "index_from_env": True}, frozenset({*given, "index_from_env"}))

    words = shlex.join(carried(placing))

    assert words == "--engine dask --scheduler tls://a:1 --insecure-engine --tries 2"
