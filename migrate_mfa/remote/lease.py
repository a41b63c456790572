"""A lease: which command works on a run directory in a bucket, and until when.

It lasts 90 s by the store's clock and is renewed every 10 s. Each renewal replaces exactly the object that
was written before. Its generation grows with every owner. An owner that cannot renew it drains after 30 s and
ends after 75 s, so it has ended before another one may begin.

The lease also notes the last segment in the bucket, before any write to a user whose intent is in that
segment. The next command that restores the journal can thus tell if objects are lost. This is why the lease
of a run directory stays, marked as free, when its owner ends or when it is taken away.
"""

import os
import platform
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from uuid import uuid4

from migrate_mfa.domain.errors import Busy, MigrateMfaError
from migrate_mfa.remote.holder import Holder, readable
from migrate_mfa.remote.names import LOCK, NOTHING, Place
from migrate_mfa.remote.objects import ConditionFailedError, GoneError, Objects, Stored, StoreError

RUN_DIRECTORY = "this run directory"
LASTS_S = 90.0
RENEWED_S = 10.0
DRAINS_S = 30.0
"""After this time without a renewal the command ends as at SIGTERM."""
ENDS_S = 75.0
"""After this time it ends at once."""
_DEAD_S = 25.0
"""An owner that does not renew for this long while it is watched has missed two renewals."""
_LOOK_S = 2.0
RETRY_S = 1.0
_LONGEST_CALL_S = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """Time and messages for a command that waits; `elapsed` also counts while the machine sleeps."""

    elapsed: Callable[[], float]
    sleep: Callable[[float], None]
    say: Callable[[str], None]
    what: str = RUN_DIRECTORY
    """The name of the leased thing in messages."""


class Lease:
    """A lease that this process holds."""

    def __init__(self, objects: Objects, holder: Holder, tag: str, at: float, waiting: Waiting) -> None:
        """`at`: when the request that acquired it was sent, by the clock of `waiting`."""
        self._objects = objects
        self._holder = holder
        self._tag = tag
        self._elapsed = waiting.elapsed
        self._what = waiting.what
        self._renewed = at
        self._store_ahead = holder.renewed_at - at
        self._lost = ""
        self._mutex = threading.Lock()

    @property
    def generation(self) -> int:
        """The number of this owner, counted from 1."""
        return self._holder.generation

    @property
    def age(self) -> float:
        """Seconds since the last renewal."""
        return self._elapsed() - self._renewed

    @property
    def lost(self) -> bool:
        """Whether it was taken away."""
        return bool(self._lost)

    def require(self) -> None:
        """Check that this process may still write.

        Raises:
            Busy: the lease was taken away, or has not been renewed for too long.
        """
        if self._lost:
            raise Busy(self._lost, "The same command resumes when nobody else works there.")
        if self.age >= ENDS_S:
            raise Busy(
                f"The lease of {self._what} was not renewed for {ENDS_S:.0f} s, so this command ends.",
                "Look at the network and the bucket; then the same command resumes.",
            )

    @property
    def last(self) -> Place:
        """The last segment that it notes as stored in the bucket."""
        return self._holder.last

    @property
    def assumed(self) -> bool:
        """See `Holder.assumed`."""
        return self._holder.assumed

    def renew(self, last: Place = NOTHING, progress: Mapping[str, object] | None = None) -> None:
        """Renew it, and note the last segment in the bucket and the progress of the command.

        Raises:
            StoreError: it is not known whether it was renewed.
        """
        with self._mutex:
            if self._lost:
                return
            asked = self._elapsed()
            now = asked + self._store_ahead
            holder = replace(
                self._holder,
                renewed_at=now,
                expires_at=now + LASTS_S,
                last=max(last, self.last),
                progress=progress,
            )
            longest = max(RETRY_S, min(_LONGEST_CALL_S, ENDS_S - self.age))
            try:
                put = self._objects.put(LOCK, holder.body(), replaces=self._tag, seconds=longest)
            except GoneError:
                self._lost = f"The lease of {self._what} was removed, so this command ends."
            except ConditionFailedError:
                self._look_who_has_it()
            else:
                self._holder, self._tag, self._renewed = holder, put.tag, asked
                self._store_ahead = put.at - self._elapsed()

    def _look_who_has_it(self) -> None:
        """Find out why the lease is another object: the answer to our renewal was lost, or the lease is lost.

        Raises:
            StoreError: it is ours, and the next renewal can succeed.
        """
        found = self._objects.get(LOCK)
        holder = readable(found) if found else None
        if found and holder and holder.owner == self._holder.owner:
            # The time of that renewal is not known, so the age counts from the one before: the next is due.
            self._tag = found.tag
            raise StoreError("the answer to a renewal was lost")
        by = f" by {holder.who}" if holder and not holder.free else ""
        how = "removed" if holder and holder.free else f"taken over{by}"
        self._lost = f"The lease of {self._what} was {how}, so this command ends."

    def release(self) -> None:
        """Release it; if that fails, it expires by itself. It stays, free, if it notes a segment."""
        with self._mutex:
            if self._lost:
                return
            with suppress(ConditionFailedError, GoneError, StoreError, MigrateMfaError):
                if self.last == NOTHING:
                    self._objects.delete(LOCK, tag=self._tag)
                else:
                    self._objects.put(LOCK, self._holder.freed().body(), replaces=self._tag)


def acquire(
    objects: Objects, command: str, least_generation: Callable[[], int], waiting: Waiting, *, keep_by: Objects
) -> Lease:
    """Take the lease. If its owner is dead, wait until it expires.

    Args:
        objects: the prefix of the run directory.
        command: the command that asks.
        least_generation: the highest generation of the objects there.
        waiting: time and messages.
        keep_by: the access with which it is renewed afterwards, one attempt per call.

    Raises:
        Busy: another command holds and renews it.
        UnreadableError: the object is not a lease.
        StoreError: the bucket does not answer.
    """
    me = uuid4().hex
    look = _Look(waiting)
    while True:
        asked = waiting.elapsed()
        stored = objects.get(LOCK)
        holder = Holder.read(stored) if stored else None
        if stored and holder and holder.owner != me and holder.holds(stored.at):
            look.wait(holder, stored)
            continue
        now = stored.at if stored else objects.now()
        mine = Holder(
            owner=me,
            host=platform.node(),
            pid=os.getpid(),
            command=command,
            generation=max(least_generation(), holder.generation if holder else 0) + 1,
            renewed_at=now,
            expires_at=now + LASTS_S,
            last=holder.last if holder else NOTHING,
            assumed=holder is not None and holder.assumed,
        )
        try:
            put = objects.put(LOCK, mine.body(), new=stored is None, replaces=stored.tag if stored else None)
        except (ConditionFailedError, GoneError):
            continue  # another command was faster, or the answer to our own write was lost
        return Lease(keep_by, replace(mine, renewed_at=put.at), put.tag, asked, waiting)


class _Look:
    """Watches another owner's lease until it has expired."""

    def __init__(self, waiting: Waiting) -> None:
        self._waiting = waiting
        self._first: Stored | None = None
        self._since = 0.0
        self._told = False

    @property
    def is_dead(self) -> bool:
        """Whether it was watched for so long that its owner has missed two renewals."""
        return self._first is not None and self._waiting.elapsed() - self._since >= _DEAD_S

    def wait(self, holder: Holder | None, stored: Stored) -> None:
        """Let some time pass; `holder` is None if the lease cannot be read.

        Raises:
            Busy: the lease was renewed in the meantime.
        """
        what, left = self._waiting.what, holder.expires_at - stored.at if holder else 0.0
        if self._first is None:
            self._first, self._since = stored, self._waiting.elapsed()
            self._waiting.say(
                f"A lease on {what} is held by {holder.age(stored.at)}. Waiting to see whether "
                f"that command still runs. If not, the lease ends in {left:.0f} s."
                if holder
                else f"The lease on {what} cannot be read. Waiting to see whether a command still renews it."
            )
        if stored.tag != self._first.tag:
            raise busy(what, holder, stored)
        if holder and not self._told and self.is_dead:
            self._told = True
            self._waiting.say(f"Its lease is not renewed any more. This command begins in {left:.0f} s.")
        self._waiting.sleep(_LOOK_S)


def look_at_dead(objects: Objects, waiting: Waiting) -> tuple[Holder | None, Stored] | None:
    """The lease of an owner that no longer renews it; None if nobody holds it.

    The owner is None if the lease cannot be read.

    Raises:
        Busy: it is renewed.
        StoreError: the bucket does not answer.
    """
    look = _Look(waiting)
    while (stored := objects.get(LOCK)) is not None:
        holder = readable(stored)
        if holder is not None and holder.free:
            return None
        if look.is_dead if holder is None else stored.at - holder.renewed_at >= _DEAD_S:
            return holder, stored
        look.wait(holder, stored)
    return None


def take_away(objects: Objects, stored: Stored | None, there: Place = NOTHING) -> None:
    """Free a lease that was watched. It stays as a note of the last segment, if there is one.

    Args:
        objects: the prefix of the run directory.
        stored: the lease; None if it is gone.
        there: the last segment, if the lease does not note it.

    Raises:
        Busy: it was renewed in the meantime.
        StoreError: it is not known whether it was removed.
    """
    holder = readable(stored) if stored else None
    left = holder.freed() if holder else Holder.note(there, stored.at if stored else objects.now())
    try:
        if left.last > NOTHING:
            objects.put(LOCK, left.body(), new=stored is None, replaces=stored.tag if stored else None)
        elif stored:
            objects.delete(LOCK, tag=stored.tag)
    except GoneError:
        return
    except ConditionFailedError:
        now = objects.get(LOCK)
        by_now = readable(now) if now else None
        if now is None or (by_now is not None and by_now.free):
            return  # the answer to our own write was lost
        raise busy(RUN_DIRECTORY, by_now, now) from None


def busy(what: str, holder: Holder | None, stored: Stored) -> Busy:
    """The error for a run directory or a lane that another command uses."""
    who = holder.age(stored.at) if holder else "its lease cannot be read, but was just written"
    return Busy(
        f"Another command works on {what}: {who}.",
        "Wait until it ends, or stop it: it can be resumed. If its machine is gone, its lease ends within "
        f"{LASTS_S:.0f} s.",
    )
