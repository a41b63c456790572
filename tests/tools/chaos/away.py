"""S3 is gone for minutes, at the real times of a lease: nothing is written twice, and nothing is lost.

    python -m tests.tools.chaos.away --minutes 3

Two scenes. "cut off": one machine loses S3, and another one that has it begins the same run at once. "gone":
S3 is away for so many minutes; later the same command resumes. Exits 1 if anything did not hold.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tests.commands.support import writes
from tests.support.bucket import BUCKET, Bucket, bucket_on_loopback
from tests.tools.bench.site import environment, our_run, pool, write_roster

if TYPE_CHECKING:
    from migrate_mfa.simulator import Running

USERS: Final = 900
RATE: Final = 5
_BEGUN: Final = 40
"""After how many writes S3 goes away."""
_WRITES_A_USER: Final = 2
_LONGEST_S: Final = 1200.0
_MACHINE: Final = """
import os, sys
from pathlib import Path
from migrate_mfa.journal import run_dir
run_dir._COMMON = Path(os.environ["TMPDIR"])
from migrate_mfa.main import main
sys.exit(main(sys.argv[1:]))
"""
"""The program as on a machine of its own: it cannot see the locks of another one."""


def start(running: Running, folder: Path, place: str, name: str, s3: str) -> subprocess.Popen[bytes]:
    """The run on one of several machines, not waited for."""
    scratch = folder / name
    scratch.mkdir(exist_ok=True)
    _, _, _, *arguments = our_run(folder / "roster.csv", place)
    return subprocess.Popen(
        [sys.executable, "-c", _MACHINE, *arguments],
        env=environment(running) | {"AWS_ENDPOINT_URL_S3": s3, "TMPDIR": str(scratch)},
        cwd=folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )


def ended(child: subprocess.Popen[bytes], began: float) -> str:
    """How it ended, when, and what it said last."""
    said = child.communicate(timeout=_LONGEST_S)[1].decode().strip().splitlines()
    return f"exit {child.returncode} after {time.monotonic() - began:.0f} s: {' / '.join(said[-4:])}"


def until_begun(running: Running, child: subprocess.Popen[bytes]) -> None:
    """Wait for the first writes."""
    while writes(running) < _BEGUN:
        if child.poll() is not None:
            raise SystemExit(f"It ended too early: {ended(child, time.monotonic())}")
        time.sleep(0.2)  # noqa: TID251 - real processes need real time


def scene(name: str, minutes: float, bucket: Bucket) -> list[str]:
    """Play one scene. Returns what did not hold."""
    quotas = dict.fromkeys(("UserUpdate", "UserResourceUpdate"), RATE) | dict.fromkeys(
        ("UserRead", "UserList"), 200
    )
    place, wrong = f"s3://{BUCKET}/{name.replace(' ', '-')}", []
    with tempfile.TemporaryDirectory() as made, pool(USERS, quotas=quotas) as running:
        folder = Path(made)
        write_roster(folder / "roster.csv", USERS)
        first = start(running, folder, place, "one", bucket.endpoint)
        until_begun(running, first)
        bucket.door.away, began = True, time.monotonic()
        second = start(running, folder, place, "two", bucket.behind) if name == "cut off" else None
        say(f"{name}: the first {ended(first, began)}")
        at_its_end = writes(running)
        if second is None:
            time.sleep(max(0.0, minutes * 60 - (time.monotonic() - began)))  # noqa: TID251 - minutes are the point
            if writes(running) != at_its_end:
                wrong.append("somebody wrote after the end")
            bucket.door.away, began = False, time.monotonic()
            second = start(running, folder, place, "two", bucket.endpoint)
        elif second.poll() is not None:
            wrong.append("the second did not wait for the first")
        say(f"{name}: {at_its_end} writes of the first; the second {ended(second, began)}")
        bucket.door.away = False
        if second.returncode:
            wrong.append("the second did not come through")
        if (made_in_all := writes(running)) != _WRITES_A_USER * USERS:
            wrong.append(f"{made_in_all} writes, not {_WRITES_A_USER * USERS}")
    return [f"{name}: {each}" for each in wrong]


def say(text: str) -> None:
    print(text, flush=True)  # noqa: T201 - its output


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=3.0, help="how long S3 is gone (default 3)")
    given = parser.parse_args()
    with bucket_on_loopback() as bucket:
        wrong = [each for name in ("cut off", "gone") for each in scene(name, given.minutes, bucket)]
    for each in wrong:
        say(each)
    say("All held." if not wrong else f"{len(wrong)} did not hold.")
    return 1 if wrong else 0


_HELP = argparse.RawDescriptionHelpFormatter

if __name__ == "__main__":
    sys.exit(main())
