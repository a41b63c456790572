"""Size and cost: rosters of ten thousand to a million rows, and the cost of a call beside bare threads."""

import json
import sqlite3
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from statistics import median

from tests.tools.bench.site import UNBOUND, Cost, contender, measure, our_run, pool, write_roster

SCALE_HEAD = ("rows = users", "rows/s read", "plan s", "plan CPU s", "MB", "resume s")
CPU_HEAD = ("", "CPU ms/call", "ratio", "calls/s, ratio")
_CALLS = 4  # read, write, write, read
_FEW, _MANY = 200, 1200
_PAIRS = 3


def scale_rows(sizes: Sequence[int]) -> Iterator[tuple[str, ...]]:
    """The lines of the table. `resume s` is from the command to its first user, when 99 % are done."""
    for size in sizes:
        with tempfile.TemporaryDirectory() as folder, pool(size, quotas=UNBOUND) as running:
            roster, run_dir = write_roster(Path(folder, "roster.csv"), size), Path(folder, "run")
            run = our_run(roster, run_dir, "--max-users", "1")
            plan = measure([part if part != "run" else "plan" for part in _without_yes(run)], running)
            events = _events(run_dir)
            ingest = events["roster_read"] - events["begin"]
            _finish(run_dir, size * 99 // 100)
            resumed = measure(run, running)
            first = _events(run_dir)["batch"] - resumed.started_at
        yield (
            f"{size:,}",
            f"{size / ingest:,.0f}",
            f"{plan.seconds:.0f}",
            f"{plan.cpu_s:.0f}",
            f"{max(plan.memory_mb, resumed.memory_mb):.0f}",
            f"{first:.1f}",
        )


def cpu_rows() -> Iterator[tuple[str, ...]]:
    """The lines of the table: what each further call takes, start-up left out, by runs of different size.

    Both run in turn, and each figure is the median of its runs.
    """
    pairs = [(_per_call("bare threads"), _per_call("migrate-mfa")) for _ in range(_PAIRS)]
    for number, name in enumerate(("bare boto3 thread pool", "migrate-mfa run: plan, limiter, journal, log")):
        yield (
            name,
            f"{median(pair[number].cpu_ms for pair in pairs):.2f}",
            f"{median(pair[number].cpu_ms / pair[0].cpu_ms for pair in pairs):.2f}",
            f"{median(pair[0].wall_ms / pair[number].wall_ms for pair in pairs):.2f}",
        )


@dataclass(frozen=True, slots=True)
class _Call:
    """What a further call takes, in milliseconds."""

    cpu_ms: float
    wall_ms: float


def _per_call(name: str) -> _Call:
    few, many = (_cost(name, users) for users in (_FEW, _MANY))
    calls = (_MANY - _FEW) * _CALLS
    return _Call(1000 * (many.cpu_s - few.cpu_s) / calls, 1000 * (many.seconds - few.seconds) / calls)


def _cost(name: str, users: int) -> Cost:
    with tempfile.TemporaryDirectory() as folder, pool(users, quotas=UNBOUND) as running:
        roster = write_roster(Path(folder, "roster.csv"), users)
        ours = name == "migrate-mfa"
        return measure(our_run(roster, Path(folder, "run")) if ours else contender(name, roster), running)


def _without_yes(command: Sequence[str]) -> list[str]:
    left_out = {"--yes", "--max-users", "1"}
    return [part for part in command if part not in left_out]


def _events(run_dir: Path) -> dict[str, float]:
    """The last moment of each event of the log."""
    moments = {}
    for line in (run_dir / "log.jsonl").read_text(encoding="utf-8").splitlines():
        event = json.loads(line)
        moments[event["event"]] = datetime.fromisoformat(event["timestamp"]).timestamp()
    return moments


def _finish(run_dir: Path, last_row: int) -> None:
    """What a run would have left behind that was killed after so many rows."""
    with closing(sqlite3.connect(run_dir / "journal.sqlite")) as db, db:
        db.execute("UPDATE rows SET outcome = 'verified', reason = 'enrolled' WHERE row <= ?", (last_row,))
        db.execute(
            "INSERT INTO writes (row, user_sub, pass, step, result, at)"
            " SELECT row, user_sub, 1, s.value, 'done', 0"
            """ FROM rows, json_each('["' || replace(steps, ' ', '","') || '"]') s WHERE row <= ?""",
            (last_row,),
        )
