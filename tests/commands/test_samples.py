"""The rosters that come with the tool end as written beside them, by hand."""

from __future__ import annotations

import csv
import json
import re
from typing import TYPE_CHECKING

import pytest

from tests.commands.support import SAMPLES, Cli, assert_code, endings
from tests.support.hosted import hosted

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

POOL_ID = "ap-northeast-1_DemoPool1"


def expected(name: str) -> dict[int, tuple[str, str]]:
    with (SAMPLES / f"{name}.expected.csv").open(encoding="utf-8", newline="") as file:
        return {int(line["row"]): (line["outcome"], line["reason"]) for line in csv.DictReader(file)}


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    document = json.loads((SAMPLES / "pool.json").read_text(encoding="utf-8"))
    with hosted(document) as running:
        yield running.endpoint


@pytest.mark.parametrize(
    ("name", "policy", "code"),
    [("clean", "attested", 0), ("messy-excel-jp", "by-code", 7), ("every-reason", "attested", 7)],
)
def test_a_sample_roster_ends_as_expected(
    endpoint: str, tmp_path: Path, name: str, policy: str, code: int
) -> None:
    cli = Cli(tmp_path, endpoint, POOL_ID)
    options = ["--verification", policy, "--phone-country", "JP", "--max-failures", "100%"]

    done = cli.run(SAMPLES / f"{name}.csv", tmp_path / "run", *options)

    assert_code(done, code)
    assert endings(tmp_path / "run") == expected(name)


def test_the_demo_shows_the_whole_job(tmp_path: Path) -> None:
    """It checks the rows itself, and fails where one did not end as written beside the sample."""
    done = Cli(tmp_path)("demo", "--users", "10", "--run-dir", tmp_path / "demo")

    assert_code(done, 0)
    assert "All 61 rows of the samples ended as samples/*.expected.csv says" in done.out
    assert re.search(r"^messy-excel-jp.csv +15 +1 +8 +5 +1$", done.out, re.MULTILINE)
    tried = done.out.partition("Try next:\n")[2].splitlines()[:3]
    assert [line.split()[1] for line in tried] == ["report", "guide", "simulate"]
    for line in tried:
        _, verb, *words = line.split()
        assert_code(Cli(tmp_path)(verb, *(("--help",) if verb == "simulate" else words)), 0)
    assert (tmp_path / "demo" / "audit" / "report" / "unverified.csv").is_file()
    assert set(endings(tmp_path / "demo" / "extra").values()) == {("verified", "enrolled")}


def test_the_demo_refuses_a_bucket_before_it_begins(tmp_path: Path) -> None:
    done = Cli(tmp_path)("demo", "--run-dir", "s3://runs/demo")

    assert (done.code, done.out) == (2, "")
    assert "--run-dir takes a folder on this machine here, not 's3://runs/demo'" in done.err
