"""What a run directory in a bucket costs: the same run beside a local directory, and the size of plans."""

import gzip
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median

from tests.support.bucket import BUCKET, Bucket, bucket_on_loopback
from tests.tools.bench.site import Cost, measure, our_run, pool, write_roster

RUN_HEAD = ("", "users/s", "wall, ratio", "CPU, ratio", "MB, ratio", "PUTs a user")
PLAN_HEAD = ("rows = users", "plan s", "s, ratio", "MB", "base MB", "journal MB", "upload s", "CPU, ratio")
S3_MS = 60
"""How long S3 takes for a request."""
_PAIRS = 3
_SECONDS = 20


def run_rows(rates: Sequence[int] = (25, 250)) -> Iterator[tuple[str, ...]]:
    """A run at so many users a second in a bucket, beside one on a disk; medians of the pairs' ratios."""
    with bucket_on_loopback() as bucket:
        bucket.door.delay_s = S3_MS / 1000
        for rate in rates:
            users = rate * _SECONDS
            pairs = [(_run(None, rate, users), _run(bucket, rate, users)) for _ in range(_PAIRS)]
            puts = bucket.door.puts / (_PAIRS * users)
            bucket.door.puts = 0
            yield (
                f"{rate} users/s",
                f"{users / median(there.seconds for _, there in pairs):.1f}",
                f"{median(there.seconds / here.seconds for here, there in pairs):.2f}",
                f"{median(there.cpu_s / here.cpu_s for here, there in pairs):.2f}",
                f"{median(there.memory_mb / here.memory_mb for here, there in pairs):.2f}",
                f"{puts:.2f}",
            )


def plan_rows(sizes: Sequence[int]) -> Iterator[tuple[str, ...]]:
    """Plans in a bucket, beside plans on a disk; S3 is as fast as loopback here."""
    with bucket_on_loopback() as bucket:
        for size in sizes:
            here = _plan(None, size)
            bucket.door.longest_put_s = 0.0
            there = _plan(bucket, size)
            base = max((name for name in bucket.names() if "/base-" in name), default="")
            body = bucket.read(base)
            bucket.empty()
            yield (
                f"{size:,}",
                f"{there.seconds:.0f}",
                f"{there.seconds / here.seconds:.2f}",
                f"{there.memory_mb:.0f}",
                f"{len(body) / 1e6:.1f}",
                f"{len(gzip.decompress(body)) / 1e6:.1f}",
                f"{bucket.door.longest_put_s:.1f}",
                f"{there.cpu_s / here.cpu_s:.2f}",
            )


def _run(bucket: Bucket | None, rate: int, users: int) -> Cost:
    quotas = dict.fromkeys(("UserUpdate", "UserResourceUpdate"), rate) | dict.fromkeys(
        ("UserRead", "UserList"), 20000
    )
    with tempfile.TemporaryDirectory() as folder, pool(users, quotas=quotas) as running:
        roster = write_roster(Path(folder, "roster.csv"), users)
        return measure(our_run(roster, _place(bucket, folder)), running, _elsewhere(bucket))


def _plan(bucket: Bucket | None, size: int) -> Cost:
    with tempfile.TemporaryDirectory() as folder, pool(size) as running:
        roster = write_roster(Path(folder, "roster.csv"), size)
        command = [each for each in our_run(roster, _place(bucket, folder)) if each != "--yes"]
        command[command.index("run")] = "plan"
        return measure(command, running, _elsewhere(bucket))


def _place(bucket: Bucket | None, folder: str) -> str:
    return f"s3://{BUCKET}{folder}" if bucket else f"{folder}/run"


def _elsewhere(bucket: Bucket | None) -> dict[str, str]:
    return {"AWS_ENDPOINT_URL_S3": bucket.endpoint} if bucket else {}
