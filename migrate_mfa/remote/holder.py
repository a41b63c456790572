"""The content of a lease: who works on a run directory in a bucket, and its last known segment."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace

from migrate_mfa.remote.names import LOCK, NOTHING, Place
from migrate_mfa.remote.objects import Stored


class UnreadableError(Exception):
    """The object with the name of the lease is not a lease."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """The content of a lease; times are by the store's clock, in seconds since 1970."""

    owner: str
    """The token of one process, by which it recognizes its own lease. Empty if nobody holds it."""
    host: str
    pid: int
    command: str
    generation: int
    renewed_at: float
    expires_at: float
    last: Place = NOTHING
    """The last segment known to be in the bucket, of this owner or an earlier one."""
    assumed: bool = False
    """Whether `unlock` has once accepted the existing objects as the whole run."""
    progress: Mapping[str, object] | None = None
    """The command's progress, for other processes; None before the first note."""

    @classmethod
    def read(cls, stored: Stored) -> "Holder":
        """Read a lease.

        Raises:
            UnreadableError: it is not a lease.
        """
        try:
            found = json.loads(stored.body)
            return cls(
                owner=str(found["owner"]),
                host=str(found["host"]),
                pid=int(found["pid"]),
                command=str(found["command"]),
                generation=int(found["generation"]),
                renewed_at=float(found["renewed_at"]),
                expires_at=float(found["expires_at"]),
                last=Place.parse(str(found["last"])),
                assumed=bool(found.get("assumed")),
                progress=found.get("progress"),
            )
        except (ValueError, TypeError, KeyError) as error:
            raise UnreadableError(LOCK) from error

    @classmethod
    def note(cls, last: Place, now: float) -> "Holder":
        """A lease without a holder, which notes the last segment."""
        return cls(
            owner="", host="", pid=0, command="", generation=last.generation,
            renewed_at=now, expires_at=now, last=last, assumed=True,
        )  # fmt: skip

    def body(self) -> bytes:
        """The text for the bucket."""
        return json.dumps(asdict(self) | {"last": self.last.text}).encode()

    @property
    def free(self) -> bool:
        """Whether nobody holds it, so that it is only a note."""
        return not self.owner

    def holds(self, now: float) -> bool:
        """Whether its owner may still work; `now` is by the store's clock.

        The store gives whole seconds, so a lease that was freed in this second can seem to end later.
        """
        return not self.free and now < self.expires_at

    def freed(self) -> "Holder":
        """The lease without its holder."""
        return replace(self, owner="", expires_at=self.renewed_at, progress=None)

    def age(self, now: float) -> str:
        """Its holder and the time since its last renewal, in words; `now` is by the store's clock."""
        since = max(0, round(now - self.renewed_at))
        return f"{self.who}, renewed {since} s ago"

    @property
    def who(self) -> str:
        """Its process, in words."""
        return f"process {self.pid} ({self.command}) on {self.host}"


def readable(stored: Stored) -> Holder | None:
    """The content of a lease, or None if it cannot be read."""
    try:
        return Holder.read(stored)
    except UnreadableError:
        return None
