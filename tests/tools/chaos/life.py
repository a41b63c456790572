"""One process of the real command line, watched from outside: through the ledger and the journal."""

from __future__ import annotations

import json
import shutil
import sqlite3
import subprocess
import time
from collections import Counter
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from tests.commands.support import WRITES
from tests.tools.chaos.cast import PREFER, UPDATE

if TYPE_CHECKING:
    import signal
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from migrate_mfa.simulator import Running
    from tests.commands.support import Cli
    from tests.tools.chaos.place import Disk

PATIENCE_S: Final = 90.0
_POLL_S: Final = 0.008
_THROTTLED: Final = frozenset({"TooManyRequestsException"})
_OPERATION_OF: Final = {"V": UPDATE, "P": UPDATE, "S": PREFER, "F": PREFER}
"""By the first letter of a step in the journal."""

Spot = tuple[str, str]
"""A user's sub and a writing operation."""


class Call(NamedTuple):
    """A line of the simulator's ledger."""

    seq: int
    op: str
    sub: str | None
    code: str
    executed: bool


class Ledger:
    """The simulator's ledger, read on."""

    def __init__(self, running: Running) -> None:
        self._running = running
        self.calls: list[Call] = []

    def read(self) -> list[Call]:
        """Take in what is new. Returns all there is."""
        since = self.calls[-1].seq if self.calls else 0
        for line in self._running.control(f"ledger?since={since}")["calls"]:
            call = Call(line["seq"], line["op"], line["user"], line["code"], line["executed"])
            self.calls.append(call)
        return self.calls

    def settle(self) -> None:
        """Read until nothing more comes: a dead process's last request may still be under way."""
        while True:
            known = len(self.read())
            pause()
            pause()
            if len(self.read()) == known:
                return

    def executed(self) -> Counter[Spot]:
        """How often each write was carried out."""
        return Counter((c.sub, c.op) for c in self.calls if c.executed and c.op in WRITES and c.sub)

    def unanswered(self) -> Counter[Spot]:
        """How often each write was carried out and answered with something else, or not at all."""
        return Counter(
            (c.sub, c.op) for c in self.calls if c.executed and c.code and c.op in WRITES and c.sub
        )


@dataclass(frozen=True, slots=True)
class Intent:
    """A write in the journal."""

    spot: Spot
    in_pass: int
    result: str


class Leftover:
    """A copy of the journal that a dead process left behind, opened as the next process would open it."""

    def __init__(self, run_dir: Path, scratch: Path) -> None:
        shutil.rmtree(scratch, ignore_errors=True)
        scratch.mkdir(parents=True)
        for path in run_dir.glob("journal.sqlite*"):
            if not path.name.endswith("-shm"):
                shutil.copy(path, scratch / path.name)
        self._path = scratch / "journal.sqlite"
        self.exists = self._path.exists()

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        """All rows of a query; none without a journal."""
        if not self.exists:
            return []
        with closing(sqlite3.connect(self._path)) as connection:
            return connection.execute(sql).fetchall()

    def integrity(self) -> str:
        """What SQLite says of the file."""
        return ", ".join(str(line) for (line,) in self.query("PRAGMA integrity_check")) or "ok"

    def writes(self) -> list[Intent]:
        """Every write that was intended."""
        found = self.query("SELECT user_sub, step, pass, result FROM writes ORDER BY id")
        return [Intent((sub, _OPERATION_OF[step[0]]), number, result) for sub, step, number, result in found]

    def last_pass(self) -> int:
        """The number of the last invocation, 0 before the first."""
        found = self.query("SELECT COALESCE(MAX(id), 0) FROM passes")
        return int(found[0][0]) if found else 0

    def before_images(self) -> dict[str, dict[str, Any]]:
        """Number (`p`) and whether it is verified (`pv`) before the first write, by sub; see `codec`."""
        found = self.query("SELECT user_sub, state FROM before_images")
        return {sub: json.loads(state) for sub, state in found}

    def rows(self) -> dict[int, tuple[str, str]]:
        """Outcome and reason by row."""
        found = self.query("SELECT row, outcome, COALESCE(reason, '') FROM rows")
        return {row: (outcome, reason) for row, outcome, reason in found}

    def open_subs(self) -> list[str]:
        """Users whose rows wait to be written, in the order in which they will be claimed."""
        sql = "SELECT user_sub FROM rows WHERE outcome = 'unprocessed' AND steps NOTNULL ORDER BY row"
        return [sub for (sub,) in self.query(sql)]

    def phase(self) -> str:
        """How far the run has come by its own account."""
        found = self.query("SELECT value FROM meta WHERE key = 'phase'")
        return str(json.loads(found[0][0])) if found else ""


class Life:
    """One invocation, from its start to its end."""

    def __init__(
        self, cli: Cli, command: Sequence[object], ledger: Ledger, place: Disk, scratch: Path
    ) -> None:
        self._stderr = (scratch / "stderr.txt").open("w+b")
        self.ledger = ledger
        self.first_seq = len(ledger.read())
        self._place = place
        self.born = time.monotonic()
        self.first_write_at: float | None = None
        self.child = cli.start(*command, stdout=subprocess.DEVNULL, stderr=self._stderr)

    @property
    def run_dir(self) -> Path:
        """Where the journal is while it works."""
        return self._place.live()

    @property
    def calls(self) -> list[Call]:
        """The calls of this life."""
        return self.ledger.calls[self.first_seq :]

    @property
    def alive(self) -> bool:
        return self.child.poll() is None

    @property
    def age(self) -> float:
        return time.monotonic() - self.born

    def wait(
        self, moment: Callable[[], bool], patience_s: float = PATIENCE_S, poll_s: float = _POLL_S
    ) -> bool:
        """Wait for a moment; False when the process ended before, or patience did."""
        until = time.monotonic() + patience_s
        while self.alive and time.monotonic() < until:
            if moment():
                return True
            pause(poll_s)
        return False

    def writes(self) -> int:
        """Writes of this life that were carried out so far."""
        self.ledger.read()
        done = sum(call.executed and call.op in WRITES for call in self.calls)
        if done and self.first_write_at is None:
            self.first_write_at = self.age
        return done

    def reached(self, sub: str, operation: str, *, executed: bool) -> bool:
        """Whether a call about a user has come in, and was carried out or not."""
        self.ledger.read()
        return any(c.sub == sub and c.op == operation and c.executed == executed for c in self.calls)

    def unsent(self) -> int:
        """Intents of this life in the journal that have no call yet."""
        arrived = Counter((c.sub or "", c.op) for c in self.calls if c.op in WRITES)
        return (self._intended() - arrived).total()

    def _intended(self) -> Counter[Spot]:
        path = self.run_dir / "journal.sqlite"
        try:
            with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as peek:
                ((current,),) = peek.execute("SELECT MAX(id) FROM passes WHERE ended_at IS NULL").fetchall()
                found = peek.execute(
                    "SELECT user_sub, step FROM writes WHERE pass = ?", (current,)
                ).fetchall()
        except sqlite3.Error:
            return Counter()  # not there yet, or being made
        return Counter((sub, _OPERATION_OF[step[0]]) for sub, step in found)

    def send(self, number: signal.Signals) -> None:
        self.child.send_signal(number)

    def end(self, patience_s: float = PATIENCE_S) -> int:
        """Wait for the end; a process that does not end is killed, and that shows in its code."""
        try:
            self.child.wait(patience_s)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()
        self.ledger.settle()
        self.writes()
        self._stderr.seek(0)
        self.said = self._stderr.read().decode(errors="replace")
        self._stderr.close()
        self._place.came_to_an_end(killed=self.child.returncode < 0)
        return self.child.returncode

    def in_flight(self, left: Leftover, passes_before: int) -> dict[Spot, bool]:
        """Writes of this life without a result in the journal, and whether each was carried out."""
        mine = [intent for intent in left.writes() if intent.in_pass > passes_before]
        intended = Counter(intent.spot for intent in mine)
        return {
            intent.spot: self._carried_out(intent.spot, intended[intent.spot])
            for intent in mine
            if intent.result == "intent"
        }

    def _carried_out(self, spot: Spot, intended: int) -> bool:
        arrived = [c for c in self.calls if (c.sub, c.op) == spot and c.code not in _THROTTLED]
        return len(arrived) == intended and arrived[-1].executed


def pause(seconds: float = _POLL_S) -> None:
    time.sleep(seconds)  # noqa: TID251 - real processes need real time


def stamp(path: Path) -> tuple[int, int] | None:
    """Which file a path names now, so that a new one in its place is noticed."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return (found.st_ino, found.st_mtime_ns)
