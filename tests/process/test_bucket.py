"""A run directory in a bucket: a run that loses its machine goes on from another one, and can be undone."""

from __future__ import annotations

import gzip
import json
import os
import re
import signal
from typing import TYPE_CHECKING, Final

import pytest

from tests.commands.support import (
    POOL_ID,
    assert_code,
    calls,
    end,
    phone_of,
    roster_of,
    sms,
    state_hash,
    writes,
)
from tests.docs.documents import commands, section, topic
from tests.process.buckets import (
    NAMES,
    RUN,
    SLOW,
    USERS,
    after_writes,
    ended,
    expire,
    lose_the_machine,
    on_machine,
    quick,
)
from tests.support.bucket import BUCKET

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.commands.conftest import Site
    from tests.support.bucket import Bucket

pytestmark = pytest.mark.promise(4)

BY_CODE: Final = ("--verification", "by-code", "--max-sms", str(USERS))
AUTO_VERIFIED: Final = {"AutoVerifiedAttributes": ["phone_number"]}
SLOWLY: Final = ("--max-rps", "UserUpdate=10")
QUICKLY: Final = ("--max-rps", "UserUpdate=1000")


@pytest.fixture
def site(bucket_site: Callable[..., Site]) -> Callable[..., Site]:
    return bucket_site


def killed_run(site: Site, bucket: Bucket, count: int, *options: str) -> None:
    """A run that has made so many writes when its machine is lost."""
    child = site.cli.running("roster.csv", RUN, *options, *SLOWLY)
    after_writes(site, child, count)
    end(child, signal.SIGKILL)
    lose_the_machine(site.folder)
    expire(bucket)


def test_a_run_in_a_bucket_ends_as_on_a_disk_and_can_be_rolled_back_from_elsewhere(
    site: Callable[..., Site], bucket: Bucket
) -> None:
    here = site()
    before = state_hash(here.running)

    assert_code(here.cli.run("roster.csv", RUN, "--verification", "attested"), 0)
    assert bucket.lease("customers") is None
    kept = bucket.names("customers/")
    assert [name for name in kept if "/wal-" in name] == []
    assert "customers/report/summary.json" in kept
    assert list((here.folder / "scratch").glob("migrate-mfa-copy-*")) == []

    assert here.cli("status", "--run-dir", RUN, "--json").json()["counts"]["verified"] == USERS
    undone = here.cli("rollback", "--run-dir", RUN, "--yes")
    assert_code(undone, 0)
    assert f"Report: {RUN}/report/report.html" in undone.err
    assert state_hash(here.running) == before


def test_the_commands_of_the_guide_go_as_shown(site: Callable[..., Site], bucket: Bucket) -> None:
    here = site()
    bucket.s3.create_bucket(Bucket="my-bucket")
    roster_of(here.folder, NAMES, "users.csv")
    here.cli.environment["MIGRATE_MFA_USER_POOL_ID"] = POOL_ID

    for command in commands(section(topic("state"), "In a bucket")):
        verb, *rest = command.line.replace("\\\n", " ").split()[1:]
        assert_code(here.cli(verb, *rest, *(["--yes"] if verb == "run" else [])), 0)


def test_a_run_whose_machine_is_lost_again_and_again_ends_right_and_writes_nothing_twice(
    site: Callable[..., Site], bucket: Bucket
) -> None:
    here = site(config=AUTO_VERIFIED, faults=SLOW)

    for count in (1, 25):
        killed_run(here, bucket, count, *BY_CODE)
    assert_code(here.cli.run("roster.csv", RUN, *BY_CODE, *QUICKLY), 0)

    assert sorted(sms(here.running).values()) == [1] * USERS
    assert calls(here.running)["AdminUpdateUserAttributes"] == USERS


def test_a_run_that_lost_its_machine_is_rolled_back_to_the_bit_from_a_fresh_one(
    site: Callable[..., Site], bucket: Bucket
) -> None:
    here = site(faults=SLOW)
    before = state_hash(here.running)

    killed_run(here, bucket, 30, "--verification", "attested")
    assert_code(here.cli("rollback", "--run-dir", RUN, "--yes"), 0)

    assert state_hash(here.running) == before


@pytest.mark.slow
def test_a_paused_owner_that_wakes_after_its_lease_was_taken_writes_nothing_more(
    site: Callable[..., Site],
) -> None:
    here = site(config=AUTO_VERIFIED, faults=SLOW)
    # What it has checked and not sent yet, it sends when it wakes: it stops well before its next write.
    first = quick(here, *BY_CODE, "--max-rps", "UserUpdate=2")
    after_writes(here, first, 4)
    os.kill(first.pid, signal.SIGSTOP)

    assert ended(quick(here, *BY_CODE, *QUICKLY, machine="two"))[0] == 0
    done = calls(here.running)
    os.kill(first.pid, signal.SIGCONT)
    code, said = ended(first)

    assert calls(here.running)["AdminUpdateUserAttributes"] == done["AdminUpdateUserAttributes"]
    assert sorted(sms(here.running).values()) == [1] * USERS
    assert code in {6, 143}
    assert "lease" in said


def test_of_two_that_start_at_once_one_works_and_the_other_names_it(site: Callable[..., Site]) -> None:
    here = site(config=AUTO_VERIFIED, faults=SLOW)

    both = [quick(here, *BY_CODE, "--max-rps", "UserUpdate=20", machine=name) for name in ("one", "two")]

    (worked, _), (refused, said) = sorted(map(ended, both))
    assert (worked, refused) == (0, 6)
    assert re.search(r"Another command works on this run directory: process \d+ \(run\) on ", said)
    assert sorted(sms(here.running).values()) == [1] * USERS


@pytest.mark.slow
def test_a_bucket_that_is_away_stops_the_run_before_anybody_else_may_begin_and_it_goes_on_later(
    site: Callable[..., Site], bucket: Bucket
) -> None:
    here = site(config=AUTO_VERIFIED, faults=SLOW)
    child = quick(here, *BY_CODE, *SLOWLY)
    after_writes(here, child, 10)

    bucket.door.away = True
    code, said = ended(child)
    made = calls(here.running)["AdminUpdateUserAttributes"]
    bucket.door.away = False

    assert code in {6, 143}, said
    assert "could not be renewed" in said
    assert ended(quick(here, *BY_CODE, *QUICKLY))[0] == 0
    assert made < USERS
    assert sorted(sms(here.running).values()) == [1] * USERS


@pytest.mark.slow
def test_a_slow_bucket_that_refuses_for_a_moment_and_loses_answers_costs_time_and_nothing_else(
    site: Callable[..., Site], bucket: Bucket
) -> None:
    here = site(config=AUTO_VERIFIED)
    bucket.door.delay_s, bucket.door.loses = 0.1, 4
    child = here.cli.running("roster.csv", RUN, *BY_CODE, "--max-rps", "UserUpdate=20")
    after_writes(here, child, 10)
    bucket.door.refuses = True
    bucket.door.closed.wait(2.0)
    bucket.door.refuses, bucket.door.loses = False, 2

    assert ended(child)[0] == 0
    assert calls(here.running)["AdminUpdateUserAttributes"] == USERS


def test_a_roster_may_be_in_a_bucket_too_and_keeps_its_name(
    site: Callable[..., Site], bucket: Bucket
) -> None:
    here = site()
    url = "s3://runs/rosters/customers.csv"
    missing = here.cli.plan(url, RUN, "--verification", "attested")
    assert_code(missing, 3)
    assert f"There is no roster {url}." in missing.err
    bucket.s3.upload_file(str(here.folder / "roster.csv"), BUCKET, "rosters/customers.csv")

    assert_code(here.cli.run(url, RUN, "--verification", "attested"), 0)

    found = json.loads(bucket.read("customers/report/summary.json"))
    assert found["roster"]["name"] == "customers.csv"
    assert list((here.folder / "scratch").glob("migrate-mfa-copy-*")) == []


@pytest.mark.slow
def test_a_lane_lock_in_a_bucket_is_seen_from_another_machine(
    site: Callable[..., Site], bucket: Bucket
) -> None:
    here = site(faults=SLOW)
    lock = ("--lane-lock", "s3://runs/lanes")
    child = quick(here, "--verification", "attested", *SLOWLY, *lock)
    after_writes(here, child, 3)

    assert bucket.names("lanes/"), bucket.names()
    other = "s3://runs/others"
    code, said = ended(on_machine(here, "two", "audit", "--user-pool-id", POOL_ID, *lock, run_dir=other))
    assert (code, "Another command works on this account in ap-northeast-1: " in said) == (6, True), said
    assert ended(child)[0] == 0

    code, said = ended(on_machine(here, "two", "audit", "--user-pool-id", POOL_ID, *lock, run_dir=other))
    assert code == 0, said
    assert bucket.names("lanes/") == []


def test_runs_lists_what_is_in_a_bucket_and_status_sees_a_run_that_works(
    site: Callable[..., Site], bucket: Bucket
) -> None:
    here = site(faults=SLOW)
    assert_code(here.cli("audit", "--user-pool-id", POOL_ID, "--run-dir", "s3://runs/b/audit", "--yes"), 0)
    slower = ("--verification", "attested", "--max-rps", "UserUpdate=2")
    child = here.cli.running("roster.csv", "s3://runs/b/users", *slower)
    after_writes(here, child, 5)
    here.running.control("faults", {"rules": [{"kind": "hang", "ops": ["AdminUpdateUserAttributes"]}]})

    assert "run: running, for " in here.cli("runs", "s3://runs/b").out
    found = here.cli("runs", "s3://runs/b", "--json").json()["runs"]
    assert [(each["run_dir"], each["state"]) for each in found] == [
        ("s3://runs/b/users", "running"),
        ("s3://runs/b/audit", "finished"),
    ]
    assert here.cli("status", "--run-dir", "s3://runs/b/users", "--json").json()["state"] == "running"
    child.kill()
    ended(child)


def test_a_missing_segment_is_named_and_never_guessed(site: Callable[..., Site], bucket: Bucket) -> None:
    here = site(faults=SLOW)
    killed_run(here, bucket, 25, "--verification", "attested")
    segments = bucket.names("customers/wal-")
    assert len(segments) > 2
    bucket.s3.delete_object(Bucket=BUCKET, Key=segments[1])

    refused = here.cli("rollback", "--run-dir", RUN, "--yes")

    assert_code(refused, 6)
    assert f"lacks s3://{BUCKET}/{segments[1]}" in refused.err


def test_a_run_whose_base_was_lost_is_no_new_run(site: Callable[..., Site], bucket: Bucket) -> None:
    here = site()
    wave = ("--verification", "attested", "--max-users", "3")
    assert_code(here.cli.run("roster.csv", RUN, *wave), 10)
    for name in bucket.names("customers/base-"):
        bucket.s3.delete_object(Bucket=BUCKET, Key=name)
    made = writes(here.running)

    refused = here.cli.run("roster.csv", RUN, "--verification", "attested")

    assert_code(refused, 6)
    assert f"lacks {RUN}/base-" in refused.err
    assert writes(here.running) == made


def test_a_purge_leaves_no_number_in_any_version_of_any_object(
    site: Callable[..., Site], bucket: Bucket, request: pytest.FixtureRequest
) -> None:
    bucket.s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    request.addfinalizer(bucket.empty)
    here = site()
    assert_code(here.cli.run("roster.csv", RUN, "--verification", "attested"), 0)
    assert_code(here.cli("purge", "--run-dir", RUN, "--yes"), 0)

    number = phone_of(0).encode()
    versions = bucket.s3.list_object_versions(Bucket=BUCKET, Prefix="customers/")["Versions"]
    assert "customers/report/summary.json" in {each["Key"] for each in versions}
    for each in versions:
        body = bucket.s3.get_object(Bucket=BUCKET, Key=each["Key"], VersionId=each["VersionId"])[
            "Body"
        ].read()
        assert number not in (gzip.decompress(body) if each["Key"].endswith(".gz") else body), each["Key"]


def test_unlock_refuses_an_owner_that_lives_and_frees_the_directory_of_a_dead_one(
    site: Callable[..., Site], bucket: Bucket
) -> None:
    here = site(faults=SLOW)
    child = quick(here, "--verification", "attested", "--max-rps", "UserUpdate=5")
    after_writes(here, child, 5)
    code, said = ended(on_machine(here, "two", "unlock"))
    assert (code, "Another command works on this run directory" in said) == (6, True)
    child.kill()
    ended(child)

    code, said = ended(on_machine(here, "two", "unlock"))

    assert code == 0, said
    assert re.search(rf"Taking {re.escape(RUN)} away from process \d+ \(run\) on ", said)
    assert bucket.lease("customers") is None
