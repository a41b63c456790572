"""A fleet on Dask with run directories in a bucket loses one of its machines."""

from __future__ import annotations

import json
import os
import shutil
import signal
from typing import TYPE_CHECKING

import pytest

from tests.commands.support import assert_code, wait_until
from tests.process.test_fleet import SHARE, TARGETS, USERS, children_of, lives, require_good_end, site
from tests.process.test_fleet_dask import cluster_of, commands_of, on
from tests.support.bucket import BUCKET

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Sequence
    from pathlib import Path

    from tests.process.test_fleet_dask import Cluster
    from tests.support.bucket import Bucket
    from tests.support.fleet_site import FleetSite

__all__ = ["site"]
pytestmark = [pytest.mark.promise(4), pytest.mark.slow]

PREFIX = "fleets/sms"
RUNS = f"s3://{BUCKET}/{PREFIX}"


def test_a_machine_that_is_lost_leaves_its_targets_to_another_one(site: FleetSite, bucket: Bucket) -> None:
    site.cli.environment["AWS_ENDPOINT_URL_S3"] = bucket.endpoint
    site.write(quota_share=SHARE, roster=f"s3://{BUCKET}/roster.csv")
    bucket.s3.upload_file(str(site.folder / "roster.csv"), BUCKET, "roster.csv")
    (site.folder / "roster.csv").unlink()
    with cluster_of(site, 0) as cluster:
        machines = [add_machine(site, cluster, number) for number in range(2)]
        first = site.cli.start(*on(cluster, RUNS))
        wait_until(lambda: all(commands_of(cluster)), "commands on both machines")
        wait_until(lambda: min(map(site.written_in, TARGETS)) >= 5, "some writes in each account")

        lost = lose(cluster.workers[0])
        shutil.rmtree(machines[0])
        targets = expire(bucket, lost)
        assert len(targets) == len(lost)
        assert all(site.written_in(each) < USERS for each in targets)

        first.communicate(timeout=120)
    assert first.returncode == 0
    assert all(site.written_in(each) >= USERS for each in targets)
    told = site.cli.child("fleet", "report", "fleet.toml", "--run-dir", RUNS, "--json")
    assert_code(told, 0)
    folder = site.folder / "runs" / "report"
    folder.mkdir(parents=True)
    (folder / "summary.json").write_text(json.dumps(told.json()))
    require_good_end(site)


def add_machine(site: FleetSite, cluster: Cluster, number: int) -> Path:
    """A worker that shares no folder with the others."""
    folder = site.folder / f"machine{number}"
    folder.mkdir()
    cluster.add(machine=folder)
    return folder


def lose(worker: subprocess.Popen[bytes]) -> list[int]:
    """Kill everything on a worker's machine at once, so that nothing drains; returns its commands."""
    worker.send_signal(signal.SIGSTOP)
    commands = children_of(worker.pid)
    assert commands
    for each in commands:
        os.kill(each, signal.SIGKILL)
    worker.kill()
    wait_until(lambda: not any(map(lives, commands)), "the end of the commands")
    return commands


def expire(bucket: Bucket, commands: Sequence[int]) -> list[str]:
    """Expire the leases of dead commands, as after 90 s; returns their targets."""
    held = []
    for name in bucket.names(PREFIX):
        if not name.endswith("/lock.json"):
            continue
        lease = json.loads(bucket.read(name))
        if lease["owner"] and lease["pid"] in commands:
            past = json.dumps(lease | {"expires_at": 0.0, "renewed_at": 0.0})
            bucket.s3.put_object(Bucket=BUCKET, Key=name, Body=past.encode())
            held += [target for target in TARGETS if name == f"{PREFIX}/{target}/lock.json"]
    return held
