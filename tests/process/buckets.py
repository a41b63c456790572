"""Runs on several machines whose run directories are in a bucket."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING, Final

from tests.commands.support import POOL_ID, wait_until, writes
from tests.support import warm_process
from tests.support.bucket import BUCKET

if TYPE_CHECKING:
    from pathlib import Path

    from tests.commands.conftest import Site
    from tests.support.bucket import Bucket

USERS: Final = 60
NAMES: Final = tuple(f"user{number:02d}" for number in range(USERS))
SLOW: Final = {"latency": [{"fixed_ms": 60}]}
RUN: Final = "s3://runs/customers"
QUICK_LEASE: Final = """
import sys
import tempfile
from pathlib import Path
from migrate_mfa.engine import apply_row
from migrate_mfa.journal import run_dir
from migrate_mfa.remote import lease
run_dir._COMMON = Path(tempfile.gettempdir())
lease.LASTS_S, lease.RENEWED_S, lease.DRAINS_S, lease.ENDS_S = 9.0, 0.4, 3.0, 7.5
lease._DEAD_S, lease._LOOK_S, lease.RETRY_S, lease._LONGEST_CALL_S = 2.5, 0.1, 0.1, 1.0
apply_row.READ_BACK_WAITS_S, apply_row.AGAIN_AFTER_S = (0.05, 0.1, 0.2), 1.0
from migrate_mfa.main import main
sys.exit(main(sys.argv[1:]))
"""
"""The program with the times of a lease divided by ten, in their proportions; it is renewed more often.

So are the waits for late reads and writes: here none is late, and a write that is repeated too soon counts.
"""


def quick(site: Site, *options: str, machine: str = "one") -> subprocess.Popen[bytes]:
    """A run with a short lease on one of several machines, not waited for."""
    given = ("run", "roster.csv", "--user-pool-id", POOL_ID, "--quota-share", "1.0", "--quiet")
    return on_machine(site, machine, *given, *options)


def on_machine(site: Site, machine: str, *arguments: str, run_dir: str = RUN) -> subprocess.Popen[bytes]:
    """A command with a short lease; what is in the temporary folder of another machine, it cannot see."""
    folder = site.folder / f"machine-{machine}"
    folder.mkdir(exist_ok=True)
    return warm_process.start(
        [sys.executable, "-c", QUICK_LEASE, *arguments, "--run-dir", run_dir, "--yes"],
        cwd=site.folder,
        env=site.cli.env() | {"TMPDIR": str(folder)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def ended(child: subprocess.Popen[bytes]) -> tuple[int, str]:
    """The exit code of a command, and what it said."""
    said = child.communicate(timeout=60)[1].decode()
    return child.returncode, said


def after_writes(site: Site, child: subprocess.Popen[bytes], count: int) -> None:
    """Wait until Cognito has seen so many writes."""
    wait_until(lambda: writes(site.running) >= count or child.poll() is not None, f"{count} writes")
    assert child.poll() is None, f"the run ended too early: {child.communicate()}"


def lose_the_machine(folder: Path) -> None:
    """All that a killed command has left on its disk is gone."""
    left = list((folder / "scratch").glob("migrate-mfa-copy-*"))
    assert left
    for each in left:
        shutil.rmtree(each)


def expire(bucket: Bucket) -> None:
    """Let the time of a lease pass, as far as the bucket is concerned."""
    lease = bucket.lease("customers")
    assert lease is not None
    lease["expires_at"] = lease["renewed_at"] = 0.0
    bucket.s3.put_object(Bucket=BUCKET, Key="customers/lock.json", Body=json.dumps(lease).encode())
