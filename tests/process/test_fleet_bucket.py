"""The tasks of an indexed job, with fleet file, rosters and run directories in a bucket."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import pytest

from tests.commands.support import Cli, assert_code
from tests.process.test_fleet import QUOTAS, SHARE, TARGETS, UPDATES_S, require_good_end
from tests.support.bucket import BUCKET
from tests.support.fleet_site import FleetSite, fleet_site

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.bucket import Bucket

USERS = UPDATES_S * 3 // 2
"""Each lane has one command here; without its limiter, this command would exceed the quota."""
ONE = """
[[target]]
name = "tokyo"
user_pool_id = "ap-northeast-1_AbCdEfGhI"
role_arn = "arn:aws:iam::111122223333:role/mfa"
roster = "users.csv"
"""
RUNS = f"s3://{BUCKET}/fleets/sms"


@pytest.fixture
def site(tmp_path: Path) -> Iterator[FleetSite]:
    with fleet_site(tmp_path, TARGETS, USERS, quotas=QUOTAS, enforce_quotas=True, process=True) as made:
        made.write(quota_share=SHARE)
        yield made


def test_each_task_of_an_indexed_job_does_one_lane_and_a_report_puts_them_together(
    site: FleetSite, bucket: Bucket
) -> None:
    site.cli.environment["AWS_ENDPOINT_URL_S3"] = bucket.endpoint
    path = site.write(quota_share=SHARE, roster=f"s3://{BUCKET}/roster.csv")
    for name in ("fleet.toml", "roster.csv"):
        bucket.s3.put_object(Bucket=BUCKET, Key=name, Body=(site.folder / name).read_bytes())
        (site.folder / name).unlink()
    assert not path.exists()
    line = (
        "fleet",
        f"s3://{BUCKET}/fleet.toml",
        "--verb",
        "run",
        "--run-dir",
        RUNS,
        "--yes",
        "--index-from-env",
    )

    for index, variable in enumerate(("JOB_COMPLETION_INDEX", "AWS_BATCH_JOB_ARRAY_INDEX") * 2):
        site.cli.environment[variable] = str(index)
        done = site.cli.child(*line)
        del site.cli.environment[variable]
        beyond = index == len(TARGETS)
        assert_code(done, 2 if beyond else 0)
        assert (f"There is no lane {len(TARGETS)}" in done.said) == beyond
    assert_code(site.cli.child(*line), 2)

    told = site.cli.child("fleet", "report", line[1], "--run-dir", RUNS, "--json")
    assert_code(told, 0)
    folder = site.folder / "runs" / "report"
    folder.mkdir(parents=True)
    (folder / "summary.json").write_text(json.dumps(told.json()))
    require_good_end(site)
    shutil.rmtree(site.folder / "runs")


def test_a_task_ends_with_the_exit_code_of_its_command(site: FleetSite, bucket: Bucket) -> None:
    site.cli.environment["AWS_ENDPOINT_URL_S3"] = bucket.endpoint
    site.write(roster="none.csv")
    site.cli.environment["JOB_COMPLETION_INDEX"] = "1"

    done = site.cli.child(
        "fleet", "fleet.toml", "--verb", "run", "--run-dir", RUNS, "--yes", "--index-from-env"
    )

    assert_code(done, 3)
    assert "none.csv" in done.out


def test_a_bucket_that_cannot_be_written_is_told_before_any_target_begins(
    site: FleetSite, bucket: Bucket
) -> None:
    site.cli.environment["AWS_ENDPOINT_URL_S3"] = bucket.endpoint
    bucket.door.forbids = "fleets/sms/report/"

    seen = site.cli.child("fleet", "validate", "fleet.toml", "--run-dir", RUNS)
    done = site.cli.child("fleet", "fleet.toml", "--verb", "run", "--run-dir", RUNS, "--yes")

    assert_code(seen, 8)
    assert "--run-dir: " in seen.out
    assert "tokyo: pool " in seen.out
    assert_code(done, 5)
    assert "AccessDenied" in seen.out
    assert ", 0 with trouble; --run-dir cannot be used." in seen.out
    assert "AccessDenied" in done.said
    line = f"migrate-mfa iam-policy run --run-dir {RUNS}"
    assert line in seen.out
    assert f"  {line}" in done.err.splitlines()
    pasted = site.cli.child(*line.split()[1:])
    assert_code(pasted, 0)
    assert [each["Sid"] for each in pasted.json()["Statement"]] == [
        "RequiredOnTheBucket",
        "RequiredOnTheRunDirectory",
    ]
    assert "add --user-pool-id" in pasted.err
    assert not site.written()
    bucket.door.forbids = ""
    assert_code(site.cli.child("fleet", "validate", "fleet.toml", "--run-dir", RUNS), 0)


def test_rosters_in_a_bucket_are_looked_for(site: FleetSite, bucket: Bucket) -> None:
    site.cli.environment["AWS_ENDPOINT_URL_S3"] = bucket.endpoint
    there, gone = (f"s3://{BUCKET}/rosters/{name}.csv" for name in ("there", "gone"))
    bucket.s3.put_object(Bucket=BUCKET, Key="rosters/there.csv", Body=b"")
    site.options = {"tokyo": {"roster": there}, "osaka": {"roster": gone}}
    site.write()
    osaka = site.pools["osaka"] = "ap-northeast-1_NotThere1"
    assert osaka in site.write().read_text()

    seen = site.cli.child("fleet", "validate", "fleet.toml")

    assert_code(seen, 8)
    told = [line for line in seen.out.splitlines() if line.startswith("osaka: ")]
    assert [line.split()[1] for line in told] == ["DescribeUserPool:", "There"]
    assert told[1] == f"osaka: There is no roster {gone}. Correct the name, or copy it there."
    assert "tokyo: pool " in seen.out
    bucket.door.away = True
    seen = site.cli.child("fleet", "validate", "fleet.toml", "--only", "tokyo")
    assert_code(seen, 8)
    assert f"tokyo: {there} does not answer" in seen.out


def test_a_fleet_file_that_is_not_in_the_bucket_is_named(site: FleetSite, bucket: Bucket) -> None:
    site.cli.environment["AWS_ENDPOINT_URL_S3"] = bucket.endpoint

    done = site.cli.child("fleet", f"s3://{BUCKET}/none.toml", "--verb", "check")

    assert_code(done, 3)
    assert f"There is no fleet file s3://{BUCKET}/none.toml." in done.said


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (("--engine", "dask"), "--scheduler is missing."),
        (("--scheduler", "tls://a:1"), "--scheduler is for --engine dask."),
        (("--engine", "dask", "--scheduler", "tcp://198.51.100.7:8786"), "has no TLS"),
        (("--engine", "dask", "--scheduler", "198.51.100.7:8786"), "is not the address of a Dask scheduler"),
        (("--engine", "dask", "--scheduler", "tls://a:1", "--workers", "2"), "--workers is for"),
        (
            ("--engine", "dask", "--scheduler", "tls://a:1", "--index-from-env"),
            "--index-from-env does one lane",
        ),
    ],
)
def test_options_of_engines_that_do_not_go_together_are_refused(
    tmp_path: Path, options: tuple[str, ...], text: str
) -> None:
    (tmp_path / "fleet.toml").write_text(ONE)
    cli = Cli(tmp_path)
    cli.environment["JOB_COMPLETION_INDEX"] = "0"

    done = cli("fleet", "fleet.toml", "--verb", "run", "--run-dir", "runs", "--yes", *options)

    assert_code(done, 2)
    assert text in done.said
