from __future__ import annotations

import json
import sqlite3
from typing import TYPE_CHECKING

import pytest

from tests.commands.support import POOL_ID, assert_code, members_of, roster_of
from tests.support.bucket import BUCKET, bucket_on_loopback
from tests.support.terminal import typing

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.commands.conftest import Site

NAMES = ("ann", "bob")


@pytest.fixture
def site(raise_site: Callable[..., Site]) -> Site:
    made = raise_site(members_of(NAMES))
    roster_of(made.folder, NAMES)
    return made


def test_the_runs_here_are_listed_with_what_they_belong_to_and_how_they_stand(site: Site) -> None:
    assert (
        site.cli.run("roster.csv", "migrate-mfa-runs/members/first", "--verification", "attested").code == 0
    )

    told = site.cli("runs", "migrate-mfa-runs")
    listed = site.cli("runs", "migrate-mfa-runs", "--json")

    assert told.code == listed.code == 0
    assert told.out.splitlines()[0] == "migrate-mfa-runs/members/first"
    said = " ".join(told.out.split())
    assert "run: finished," in said
    assert "pool members" in said
    assert "roster roster.csv; attested; verified 2" in said
    [entry] = json.loads(listed.out)["runs"]
    assert entry["state"] == "finished"
    assert entry["counts"]["verified"] == 2


def test_no_runs_are_said_to_be_none(site: Site) -> None:
    done = site.cli("runs", "elsewhere")

    assert (done.code, done.out.strip()) == (0, "There is no run directory in elsewhere.")


@pytest.mark.damages_journal
def test_a_damaged_run_directory_is_listed_as_that_and_hides_no_other(site: Site) -> None:
    for name in ("first", "second"):
        assert_code(site.cli.plan("roster.csv", f"all/{name}", "--verification", "attested"), 0)
    with sqlite3.connect(site.folder / "all" / "first" / "journal.sqlite") as journal:
        journal.execute("UPDATE meta SET value = '{'")
    journal.close()

    done = site.cli("runs", "all")

    assert_code(done, 0)
    assert "all/first\n      Its journal is damaged (JSONDecodeError).\n" in done.out
    assert "all/second\n      plan: planned" in done.out


def test_a_damaged_run_directory_in_a_bucket_is_listed_as_that_and_hides_no_other(site: Site) -> None:
    with bucket_on_loopback() as bucket:
        site.cli.environment["AWS_ENDPOINT_URL_S3"] = bucket.endpoint
        for name in ("first", "second"):
            assert_code(site.cli.plan("roster.csv", f"s3://runs/all/{name}", "--verification", "attested"), 0)
        [base] = [name for name in bucket.names("all/first/") if "/base-" in name]
        bucket.s3.put_object(Bucket=BUCKET, Key=base, Body=b"no base")

        done = site.cli("runs", "s3://runs/all")

    assert_code(done, 0)
    first, second = done.out.index("s3://runs/all/first\n"), done.out.index("s3://runs/all/second\n")
    assert "plan: planned" in done.out[second:first]
    assert "base" in done.out[first:]
    assert "plan: planned" not in done.out[first:]


def test_a_run_that_was_declined_or_purged_is_not_called_stopped(site: Site) -> None:
    options = ("--user-pool-id", POOL_ID, "--verification", "attested", "--run-dir")
    for name in ("declined", "purged"):
        assert_code(site.cli("plan", "roster.csv", *options, f"all/{name}"), 0)
    with typing("no\n") as terminal:
        assert_code(site.cli("run", "--run-dir", "all/declined", stdin=terminal), 130)
    assert_code(site.cli("run", "--run-dir", "all/purged", "--yes"), 0)
    assert_code(site.cli("purge", "--run-dir", "all/purged", "--yes"), 0)

    told, listed = site.cli("runs", "all"), site.cli("runs", "all", "--json")

    assert "run: declined, nothing was changed, " in " ".join(told.out.split())
    assert "run: purged, " in told.out
    states = {entry["run_dir"]: entry["state"] for entry in json.loads(listed.out)["runs"]}
    assert states == {"all/declined": "stopped", "all/purged": "finished"}  # scripts rely on these
    assert all("standing" not in entry for entry in json.loads(listed.out)["runs"])
