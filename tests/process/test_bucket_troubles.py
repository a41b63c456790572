"""What is wrong with a place in a bucket, or with the copy of it here, is said by name and harms nothing."""

from __future__ import annotations

import json
import signal
from typing import TYPE_CHECKING, Final

import pytest

from tests.commands.support import POOL_ID, assert_code, end, state_hash, writes
from tests.process.buckets import (
    RUN,
    SLOW,
    after_writes,
    ended,
    expire,
    on_machine,
    quick,
)
from tests.process.disks import limit_files
from tests.support.bucket import BUCKET

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.commands.conftest import Site
    from tests.commands.support import Done
    from tests.support.bucket import Bucket

pytestmark = pytest.mark.promise(4)

ATTESTED: Final = ("--verification", "attested")
WAVE: Final = (*ATTESTED, "--max-users", "3")


@pytest.fixture
def site(bucket_site: Callable[..., Site]) -> Callable[..., Site]:
    return bucket_site


def put(bucket: Bucket, name: str, body: bytes = b"{}") -> None:
    bucket.s3.put_object(Bucket=BUCKET, Key=name, Body=body)


def remove(bucket: Bucket, *names: str) -> None:
    for name in names:
        bucket.s3.delete_object(Bucket=BUCKET, Key=name)


def noted(bucket: Bucket) -> tuple[int, int]:
    """The generation and the segment that the lease of the last command notes."""
    lease = bucket.lease("customers")
    assert lease is not None
    generation, segment = map(int, lease["last"].split("-"))
    return generation, segment


@pytest.mark.parametrize("how", ["expired", "taken away"])
def test_the_newest_segment_is_missed_after_a_kill_also_when_the_lease_is_over(
    site: Callable[..., Site], bucket: Bucket, how: str
) -> None:
    here = site(faults=SLOW)
    child = quick(here, *ATTESTED, "--max-rps", "UserUpdate=10")
    after_writes(here, child, 15)
    child.kill()
    ended(child)
    generation, segment = noted(bucket)
    newest = bucket.names(f"customers/wal-{generation:05}")
    known = f"customers/wal-{generation:05}-{segment:06}.jsonl.gz"
    remove(bucket, *newest[newest.index(known) :])
    expire(bucket)
    if how == "taken away":
        assert_code(here.cli("unlock", "--run-dir", RUN, "--yes"), 0)
        assert bucket.lease("customers") is None
    made = writes(here.running)

    refused = here.cli("rollback", "--run-dir", RUN, "--yes")

    assert_code(refused, 6)
    assert f"lacks s3://{BUCKET}/{known}" in refused.err
    assert writes(here.running) == made
    again = here.cli("rollback", "--run-dir", RUN, "--yes")
    assert_code(again, 6)


def test_no_user_is_written_before_the_lease_notes_the_segment_that_knows_the_user(
    site: Callable[..., Site], bucket: Bucket
) -> None:
    here = site(faults=SLOW)
    before = state_hash(here.running)
    child = quick(here, *ATTESTED)
    after_writes(here, child, 30)
    child.kill()
    ended(child)
    generation, segment = noted(bucket)
    known = f"customers/wal-{generation:05}-{segment:06}.jsonl.gz"
    remove(bucket, *(name for name in bucket.names("customers/wal-") if name > known))
    expire(bucket)

    assert_code(here.cli.run("roster.csv", RUN, *ATTESTED), 0)
    assert_code(here.cli("rollback", "--run-dir", RUN, "--yes"), 0)

    assert state_hash(here.running) == before


@pytest.mark.parametrize("command", ["status", "run"])
def test_a_run_without_its_lease_is_not_known_to_be_whole_until_somebody_says_so(
    site: Callable[..., Site], bucket: Bucket, command: str
) -> None:
    here = site()
    assert_code(here.cli.run("roster.csv", RUN, *WAVE), 10)
    left = bucket.names()
    remove(bucket, "customers/lock.json")
    left.remove("customers/lock.json")

    refused = (
        here.cli("status", "--run-dir", RUN)
        if command == "status"
        else here.cli.run("roster.csv", RUN, *ATTESTED)
    )

    assert_code(refused, 6)
    assert f"{RUN} lacks lock.json" in refused.err
    assert f"migrate-mfa unlock --run-dir {RUN}" in refused.err
    assert bucket.names() == left
    freed = here.cli("unlock", "--run-dir", RUN, "--yes")
    assert_code(freed, 0)
    assert "what a lost object held cannot be rolled back" in freed.err
    assert_code(here.cli.run("roster.csv", RUN, *ATTESTED), 0)


def test_unlock_removes_no_object_of_something_else_and_says_so_at_once(
    site: Callable[..., Site], bucket: Bucket
) -> None:
    put(bucket, "customers/lock.json", b'{"of": "another tool"}')

    refused = site().cli("unlock", "--run-dir", RUN, "--yes")

    assert_code(refused, 6)
    assert f"There is no run in {RUN}." in refused.err
    assert "Waiting" not in refused.err
    assert bucket.names() == ["customers/lock.json"]


@pytest.mark.parametrize("left", ["the lease", "the report"])
def test_a_run_whose_base_and_log_are_gone_is_no_new_run(
    site: Callable[..., Site], bucket: Bucket, left: str
) -> None:
    here = site()
    assert_code(here.cli.run("roster.csv", RUN, *WAVE), 10)
    keep = "/lock.json" if left == "the lease" else "/report/"
    remove(bucket, *(name for name in bucket.names("customers/") if keep not in name))
    made = writes(here.running)

    refused = here.cli.run("roster.csv", RUN, *ATTESTED)

    assert_code(refused, 6)
    assert f"lacks {RUN}/base-" in refused.err
    assert writes(here.running) == made


@pytest.mark.parametrize("foreign", ["notes.txt", "report/2026/sales.csv", "inner/lock.json"])
def test_a_run_begins_in_no_place_of_something_else(
    site: Callable[..., Site], bucket: Bucket, foreign: str
) -> None:
    here = site()
    put(bucket, f"customers/{foreign}")

    refused = here.cli.run("roster.csv", RUN, *ATTESTED)

    assert_code(refused, 6)
    assert f"{RUN} holds '{foreign}'" in refused.err
    assert bucket.names() == [f"customers/{foreign}"]


def test_a_run_begins_neither_inside_nor_around_another_one(
    site: Callable[..., Site], bucket: Bucket
) -> None:
    here = site()
    assert_code(here.cli.run("roster.csv", f"{RUN}/day/one", *WAVE), 10)
    there = bucket.names()

    around = here.cli.run("roster.csv", RUN, *ATTESTED)
    inside = here.cli.run("roster.csv", f"{RUN}/day/one/report", *ATTESTED)
    deeper = here.cli.run("roster.csv", f"{RUN}/day/one/a/b", *ATTESTED)

    for refused in (around, inside, deeper):
        assert_code(refused, 6)
    assert f"is inside another run directory, {RUN}/day/one." in deeper.err
    assert bucket.names() == there


def test_the_folder_that_the_console_of_s3_makes_is_no_foreign_object(
    site: Callable[..., Site], bucket: Bucket
) -> None:
    put(bucket, "customers/", b"")

    assert_code(site().cli.run("roster.csv", RUN, *WAVE), 10)


def test_a_purge_removes_nothing_that_is_not_its_own_and_says_so(
    site: Callable[..., Site], bucket: Bucket, request: pytest.FixtureRequest
) -> None:
    bucket.s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    request.addfinalizer(bucket.empty)
    here = site()
    assert_code(here.cli.run("roster.csv", RUN, *ATTESTED), 0)
    others = ["report/inner/report/verified.csv", "report/inner/base-00001-000000.sqlite.gz", "base-notes"]
    for name in (*others, *others):
        put(bucket, f"customers/{name}")

    done = here.cli("purge", "--run-dir", RUN, "--yes")

    assert_code(done, 0)
    assert all(name in done.err for name in others)
    versions = bucket.s3.list_object_versions(Bucket=BUCKET, Prefix="customers/")["Versions"]
    kept = [each["Key"].removeprefix("customers/") for each in versions]
    assert [kept.count(name) for name in others] == [2, 2, 2]
    assert "customers/report/verified.csv" not in bucket.names()


def test_a_lease_that_cannot_be_read_is_named_and_can_be_removed(
    site: Callable[..., Site], bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("migrate_mfa.remote.lease._DEAD_S", 0.5)
    here = site()
    assert_code(here.cli.run("roster.csv", RUN, *WAVE), 10)
    put(bucket, "customers/lock.json", b"rubbish")

    for refused in (here.cli("status", "--run-dir", RUN), here.cli.run("roster.csv", RUN, *ATTESTED)):
        assert_code(refused, 6)
        assert f"{RUN}/lock.json is not a lease" in refused.err
        assert f"migrate-mfa unlock --run-dir {RUN}" in refused.err

    assert_code(here.cli("unlock", "--run-dir", RUN, "--yes"), 0)
    done = here.cli.run("roster.csv", RUN, *ATTESTED)
    assert_code(done, 0)
    later = here.cli("status", "--run-dir", RUN)
    assert all(
        "unlock took the objects that were left for the whole run" in each.err for each in (done, later)
    )


def test_unlock_frees_no_run_that_lacks_an_object(site: Callable[..., Site], bucket: Bucket) -> None:
    here = site()
    assert_code(here.cli.run("roster.csv", RUN, *WAVE), 10)
    base = next(name for name in bucket.names("customers/") if "/base-" in name)
    remove(bucket, base)
    noted = here.cli("unlock", "--run-dir", RUN, "--yes")
    remove(bucket, "customers/lock.json")
    left = bucket.names()

    gone = here.cli("unlock", "--run-dir", RUN, "--yes")

    for refused in (noted, gone):
        assert_code(refused, 6)
        assert f"The run directory lacks {RUN}/base-" in refused.err
    assert bucket.names() == left
    listed = here.cli("runs", f"s3://{BUCKET}")
    assert RUN in listed.said
    assert "lacks" in listed.said


@pytest.mark.parametrize("command", ["status", "report", "rollback", "purge", "reconcile", "unlock"])
def test_a_place_without_a_run_is_called_that_and_stays_empty(
    site: Callable[..., Site], bucket: Bucket, command: str
) -> None:
    yes = () if command in {"status", "report"} else ("--yes",)

    done = site().cli(command, "--run-dir", RUN, *yes)

    assert_code(done, 6)
    assert f"There is no run in {RUN}." in done.err
    assert bucket.names() == []


@pytest.mark.parametrize(
    ("url", "wrong"),
    [
        ("s3://runs/a*", "its prefix has the character '*'"),
        ("s3://runs/../x", "its prefix has the part '..'"),
        ("s3://runs//x", "its prefix has //"),
        ("s3://runs/${aws:username}", "its prefix has the character '{'"),
        ("s3://Runs/x", "'Runs' is not the name of a bucket"),
        ("s3://runs", "it has no prefix after the bucket"),
        ("s3a://runs/x", "it does not begin with s3://"),
    ],
)
def test_what_is_wrong_with_a_place_is_said(site: Callable[..., Site], url: str, wrong: str) -> None:
    done = site().cli("status", "--run-dir", url)

    assert_code(done, 2)
    assert wrong in done.err


def test_the_runs_of_a_whole_bucket_are_listed_also_beside_a_damaged_one(
    site: Callable[..., Site], bucket: Bucket
) -> None:
    here = site()
    for place in ("a", "b/c"):
        assert_code(here.cli.run("roster.csv", f"s3://runs/{place}", *WAVE), 10)
    put(bucket, next(iter(bucket.names("a/base-"))), b"damaged")

    found = {each["run_dir"]: each for each in here.cli("runs", "s3://runs", "--json").json()["runs"]}

    assert found["s3://runs/b/c"]["command"] == "run"
    assert "is damaged" in found["s3://runs/a"]["trouble"]
    missing = here.cli("runs", "s3://other-bucket")
    assert_code(missing, 6)
    assert "--run-dir" not in missing.err


def test_reports_that_may_not_be_brought_hide_no_other_error(
    site: Callable[..., Site], bucket: Bucket
) -> None:
    here = site(config={"AutoVerifiedAttributes": ["phone_number"]})
    bucket.door.forbids = "/report/"

    done = here.cli.run("roster.csv", RUN, "--verification", "by-code", "--max-sms", "1")

    assert_code(done, 8)
    assert "The reports could not be copied" in done.err
    assert "--max-sms" in done.err.splitlines()[-2]


def started(here: Site, *arguments: str, size_kb: int) -> Done:
    """A command that can write no file beyond so many kilobytes."""
    child = here.cli.start(*arguments, "--run-dir", RUN, preexec_fn=limit_files(size_kb))
    return end(child, signal.SIGCONT)


def test_a_full_directory_for_temporary_files_is_named_and_is_no_bug(
    site: Callable[..., Site], bucket: Bucket
) -> None:
    here = site()
    usual = ("roster.csv", "--user-pool-id", POOL_ID, "--quiet", *ATTESTED)
    first = started(here, "run", *usual, "--yes", size_kb=40)
    assert_code(here.cli.run("roster.csv", RUN, *WAVE), 10)
    read = started(here, "status", size_kb=40)
    place = str(here.folder / "scratch")

    for done in (first, read):
        assert_code(done, 6)
        assert f"The working copy of {RUN} in {place} cannot be" in done.err
        assert "TMPDIR" in done.err
        assert "migrate-mfa-copy-" not in done.err


def test_a_directory_for_temporary_files_that_is_not_there_is_not_replaced_in_silence(
    site: Callable[..., Site], bucket: Bucket
) -> None:
    here = site()
    here.cli.environment["TMPDIR"] = "/nowhere"

    done = here.cli.child("status", "--run-dir", RUN)

    assert_code(done, 6)
    assert "TMPDIR names /nowhere" in done.err


def test_a_command_that_loses_its_lease_says_that_and_points_to_no_report(
    site: Callable[..., Site], bucket: Bucket
) -> None:
    here = site(faults=SLOW)
    line = ("run", "roster.csv", "--user-pool-id", POOL_ID, *ATTESTED, "--max-rps", "UserUpdate=5")
    child = on_machine(here, "one", *line)
    after_writes(here, child, 3)
    lease = json.loads(bucket.read("customers/lock.json"))
    put(bucket, "customers/lock.json", json.dumps(lease | {"owner": "another", "generation": 9}).encode())

    code, said = ended(child)

    assert code in {6, 143}, said
    assert "The lease was taken away" in said
    assert "SIGTERM" not in said
    assert f"This command could not bring its report to {RUN}/report/report.html" in said
    assert "Report: " not in said
    assert "customers/report/summary.json" not in bucket.names()


def test_a_purged_run_has_no_roster_to_name(site: Callable[..., Site]) -> None:
    here = site()
    assert_code(here.cli.run("roster.csv", RUN, *ATTESTED), 0)
    assert_code(here.cli("purge", "--run-dir", RUN, "--yes"), 0)

    told = here.cli("status", "--run-dir", RUN)

    assert_code(told, 0)
    assert "None" not in told.out
