"""The fixed cost of a short run: where its time goes when no quota is in the way."""

import json
import tempfile
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from statistics import median

from tests.tools.bench.site import UNBOUND, Cost, measure, our_run, pool, write_roster

HEAD = ("", "s")
_RUNS = 3
_PARTS = (
    "start: program, session, checks",
    "plan: roster and look-ups",
    "users: read, written, read back",
    "end: reports and their page",
)


def rows(users: int) -> Iterator[tuple[str, ...]]:
    """The lines of the table: seconds from one event of the log to the next, medians of three runs."""
    runs = [_run(users) for _ in range(_RUNS)]
    for number, part in enumerate(_PARTS):
        yield (part, f"{median(spans[number] for spans, _ in runs):.2f}")
    yield ("all of it", f"{median(cost.seconds for _, cost in runs):.2f}")
    yield ("CPU of all of it", f"{median(cost.cpu_s for _, cost in runs):.2f}")


def _run(users: int) -> tuple[list[float], Cost]:
    with tempfile.TemporaryDirectory() as folder, pool(users, quotas=UNBOUND) as running:
        run_dir = Path(folder, "run")
        cost = measure(our_run(write_roster(Path(folder, "roster.csv"), users), run_dir), running)
        moments = _first_moments(run_dir)
    ends = [moments["begin"], moments["batch"], moments["end"], cost.started_at + cost.seconds]
    begins = [cost.started_at, *ends[:-1]]
    return [end - begin for begin, end in zip(begins, ends, strict=True)], cost


def _first_moments(run_dir: Path) -> dict[str, float]:
    """The first moment of each event of the log, in seconds since the epoch."""
    moments: dict[str, float] = {}
    for line in (run_dir / "log.jsonl").read_text(encoding="utf-8").splitlines():
        event = json.loads(line)
        moments.setdefault(event["event"], datetime.fromisoformat(event["timestamp"]).timestamp())
    return moments
