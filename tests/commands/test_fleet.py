"""A fleet of two accounts through the program: validate, run, status, report, rollback."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.commands.support import Cli, assert_code
from tests.support.fleet_site import FleetSite, fleet_site

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

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
    assert "2 targets, 0 with trouble." in seen.out

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


def test_a_pool_that_is_not_there_is_told_and_ends_no_other_target(site: FleetSite) -> None:
    site.pools["osaka"] = "ap-northeast-1_NotThere1"
    site.write()

    seen = site.cli("fleet", "validate", "fleet.toml")
    assert_code(seen, 8)
    assert "tokyo: pool " in seen.out
    assert "osaka: DescribeUserPool: the user pool does not exist" in seen.out
    assert "2 targets, 1 with trouble." in seen.out

    done = site.cli("fleet", *FLEET, "--verb", "run", "--yes")
    assert_code(done, 8)
    states = {name: each["state"] for name, each in site.summary()["targets"].items()}
    assert states == {"tokyo": "finished", "osaka": "set_aside"}


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
