"""Uploads the journal to the bucket: in small segments, and now and then as a whole base that replaces them.

A segment is cut 100 ms after its first transaction, or at 64 transactions; the next one fills while it is
uploaded. The lease notes an uploaded segment while the next one is uploaded. A thread that waits (for an
intent, before the write) waits until the segment with this intent is noted: if it were lost before, nothing
would show the loss. A plan makes much data that nobody waits for: then a base follows instead of segments.
"""

import gzip
import json
import shutil
import sqlite3
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from migrate_mfa.domain.errors import MigrateMfaError, NotAllowed, RunDirectoryError
from migrate_mfa.journal.connection import Statement
from migrate_mfa.remote import segment
from migrate_mfa.remote.lease import DRAINS_S, Lease, Waiting
from migrate_mfa.remote.names import Contents, Place
from migrate_mfa.remote.objects import GoneError, Objects, StoreError
from migrate_mfa.remote.own_objects import put_base, put_segment
from migrate_mfa.remote.scratch import unwritable

if TYPE_CHECKING:
    from migrate_mfa.journal.database import Database

FILLS_S = 0.1
"""With 250 ms the users of a segment reach the limiter in bursts, and a fifth of its rate is lost."""
FILLS = 64
_BULK = 8_000_000
"""From this number of bytes that nobody waits for, a base is uploaded instead of segments."""
_BASE_S = 900.0
_SMALL = 1_000_000
"""Below this size of all segments no base is made, even if the last one was small."""
_SHARE = 4
"""A base is made when the segments since the last one reach 1/4 of its size."""
_STEADY_S = 0.3
"""The longest wait that keeps the stream of users even: a segment, its upload and its note."""
_FORGETS = 0.98
"""The factor by which the longest wait decays with each following wait."""
_RETRY_S = 0.5
_LOOK_S = 1.0
_LEVEL = 1
_PROGRESS = ("at", "stage", "done", "total", "outcomes", "seconds_left", "slowed_by")
"""The parts of a command's progress that its lease shows; they contain no data of users."""


class Shipper:
    """`Replica` of one journal below one prefix, during one lease."""

    def __init__(self, database: "Database", objects: Objects, lease: Lease, waiting: Waiting) -> None:
        """Upload a base at once: from then on the run directory belongs to this owner.

        Raises:
            RunDirectoryError: the lease ended before the base was uploaded.
        """
        self._database = database
        self._objects = objects
        self._lease = lease
        self._elapsed, self._sleep = waiting.elapsed, waiting.sleep
        mutex = threading.RLock()
        self._changed = threading.Condition(mutex)  # for the threads that upload
        self._arrived = threading.Condition(mutex)  # for the many threads that wait for an upload
        self._filling: list[bytes] = []
        self._filling_since = self._filling_bytes = 0.0
        self._full: deque[tuple[int, list[bytes]]] = deque()
        self._cut_last = self._there = self._noted_last = 0
        self._bulk = self._held = False
        self._wanted = self._ending = False
        self._since_base = self._base_bytes = self._waiters = 0
        self._base_made = self._steady_s = 0.0
        self._standing = ""
        self._failure: MigrateMfaError | None = None
        self._make_base()
        self._threads = [
            threading.Thread(target=self._guarded, args=(work,), name=name, daemon=True)
            for name, work in (
                ("segments", self._ship),
                ("notes", self._keep_notes),
                ("bases", self._keep_bases),
            )
        ]
        for thread in self._threads:
            thread.start()

    @property
    def records(self) -> bool:
        """See `Replica.records`."""
        return not self._bulk

    @property
    def progress(self) -> dict[str, object] | None:
        """The progress of the command, in counts; None before its first note. Does not block."""
        found = json.loads(self._standing) if self._standing else {}
        return {name: found.get(name) for name in _PROGRESS} if found else None

    def committed(self, statements: list[Statement], changes: int) -> None:
        """See `Replica.committed`."""
        line = segment.line_of(statements, changes)
        for _, parameters, _ in statements:
            if isinstance(parameters, tuple) and parameters[:1] == ("standing",):
                self._standing = str(parameters[1])
        with self._changed:
            if not self._filling:
                self._filling_since = self._elapsed()
            self._filling.append(line)
            self._filling_bytes += len(line)
            if self._filling_bytes > _BULK and not self._waiters:
                self._begin_bulk()
            self._changed.notify_all()

    def _begin_bulk(self) -> None:
        """Drop the recorded lines, which nobody waits for: the next base contains them."""
        self._bulk = self._held = True
        self._filling.clear()
        self._full.clear()

    def wait(self) -> None:
        """See `Replica.wait`. All threads wait about as long as the longest recent wait.

        A segment ends the wait of many threads at once. The limiter spaces them again, but the permits of the
        time without any thread are lost: 7 % of 25 calls a second.
        """
        began = self._elapsed()
        with self._changed:
            self._wanted = self._wanted or self._bulk
            target = self._cut_last + bool(self._filling or self._bulk)
            self._waiters += 1
            self._changed.notify_all()
            try:
                while self._noted_last < target:
                    self.require_ours()
                    self._arrived.wait(_LOOK_S)
            finally:
                self._waiters -= 1
            waited = self._elapsed() - began
            self._steady_s = min(_STEADY_S, max(waited, self._steady_s * _FORGETS))
            early = self._steady_s - waited
        if early > 0:
            self._sleep(early)

    def require_ours(self) -> None:
        """See `Replica.require_ours`."""
        self._lease.require()
        if self._failure is not None:
            raise self._failure

    def end(self) -> None:
        """See `Replica.end`."""
        with self._changed:
            self._ending = True
            self._changed.notify_all()
        for thread in self._threads:
            thread.join()
        self.require_ours()
        if self._since_base or self._bulk:
            self._make_base()

    def _guarded(self, work: Callable[[], None]) -> None:
        """Run the work of a thread; the threads that wait for it raise its error."""
        try:
            work()
        except MigrateMfaError as error:
            self._fail(error)
        except Exception as error:  # noqa: BLE001 - raised by the threads that wait
            problem = RunDirectoryError(
                f"The journal cannot be brought to the bucket ({type(error).__name__})."
            )
            problem.__cause__ = error
            self._fail(problem)

    def _fail(self, problem: MigrateMfaError) -> None:
        with self._changed:
            self._failure = problem
            self._changed.notify_all()
            self._arrived.notify_all()

    def _ship(self) -> None:
        while (cut := self._next()) is not None:
            number, lines = cut
            body = segment.packed(lines)
            name = Place(self._lease.generation, number).wal
            self._insist(partial(put_segment, self._objects, name, body))
            with self._changed:
                self._there = number
                self._since_base += len(body)
                self._wanted = self._wanted or self._since_base > max(_SMALL, self._base_bytes / _SHARE)
                self._changed.notify_all()

    def _next(self) -> tuple[int, list[bytes]] | None:
        """The next segment that is full or old enough; None at the end."""
        with self._changed:
            while True:
                if not self._held:
                    if not self._full and self._is_due():
                        self._cut()
                    if self._full:
                        return self._full.popleft()
                if self._ending and not (self._filling or self._full):
                    return None
                self._changed.wait(self._until_due())

    def _is_due(self) -> bool:
        old = self._elapsed() - self._filling_since >= FILLS_S
        return bool(self._filling) and (len(self._filling) >= FILLS or old or self._ending)

    def _until_due(self) -> float:
        if not self._filling or self._held:
            return _LOOK_S
        return max(0.0, FILLS_S - (self._elapsed() - self._filling_since))

    def _cut(self) -> None:
        if self._filling:
            self._cut_last += 1
            self._full.append((self._cut_last, self._filling))
            self._filling, self._filling_bytes = [], 0.0

    def _keep_notes(self) -> None:
        while True:
            with self._changed:
                there = self._there
                if there <= self._noted_last:
                    is_last = self._ending and not self._filling and self._noted_last == self._cut_last
                    if is_last or self._failure is not None:
                        return
                    self._changed.wait(_LOOK_S)
                    continue
            self._note(Place(self._lease.generation, there))
            self._tell_noted(there)

    def _tell_noted(self, segment: int) -> None:
        with self._changed:
            self._noted_last = max(self._noted_last, segment)
            self._changed.notify_all()
            self._arrived.notify_all()

    def _note(self, place: Place) -> None:
        """Note it in the lease: otherwise nothing would show the loss of the newest object."""
        self._insist(partial(self._lease.renew, place, self.progress))
        self._lease.require()

    def _insist(self, put: Callable[[], None]) -> None:
        """Retry until it succeeds or the lease ends.

        Credentials that are being renewed may be refused for a moment; after 30 s the refusal is raised.
        """
        since = self._elapsed()
        while True:
            self._lease.require()
            try:
                put()
            except (StoreError, GoneError):
                pass
            except NotAllowed:
                if self._elapsed() - since >= DRAINS_S:
                    raise
            else:
                return
            with self._changed:
                self._changed.wait(_RETRY_S)

    def _keep_bases(self) -> None:
        while True:
            with self._changed:
                if self._ending and not self._held:
                    return
                due = (self._since_base or self._bulk) and self._elapsed() - self._base_made >= _BASE_S
                if not (self._wanted or due or self._ending):
                    self._changed.wait(_LOOK_S)
                    continue
            self._make_base()

    def _make_base(self) -> None:
        """Upload the whole journal in one piece, and remove the objects that it replaces.

        Raises:
            RunDirectoryError: the lease ended, or there is no space for a copy of the journal.
        """
        try:
            self._bring_base()
        except OSError as error:
            raise unwritable("the journal", error.strerror or type(error).__name__) from error

    def _bring_base(self) -> None:
        scratch = self._database.path.with_name("base")
        packed = scratch.with_suffix(".gz")
        try:
            place = self._copy(scratch)
            with scratch.open("rb") as source, gzip.open(packed, "wb", _LEVEL) as target:
                shutil.copyfileobj(source, target)
            self._insist(partial(put_base, self._objects, place.base, packed))
            self._note(place)
            size = packed.stat().st_size
        finally:
            scratch.unlink(missing_ok=True)
            packed.unlink(missing_ok=True)
        with self._changed:
            self._there = max(self._there, place.segment)
            self._held = self._wanted = False
            self._since_base, self._base_bytes, self._base_made = 0, size, self._elapsed()
        self._tell_noted(place.segment)
        self._remove_superseded(place)

    def _copy(self, scratch: Path) -> Place:
        """Copy the journal as it is now, and begin to record again. Return its last segment."""
        scratch.unlink(missing_ok=True)
        with self._database.held() as connection:
            copy = sqlite3.connect(scratch)
            try:
                connection.backup(copy)
            finally:
                copy.close()
            with self._changed:
                self._cut()
                self._cut_last += self._bulk
                self._bulk = False
                return Place(self._lease.generation, self._cut_last)

    def _remove_superseded(self, base: Place) -> None:
        """Remove the objects that a base replaces; if that fails, the next base removes them."""
        with suppress(StoreError, GoneError, NotAllowed):
            superseded = Contents.of(self._objects.names()).superseded_by(base)
            self._lease.require()
            self._objects.delete_many(superseded)
