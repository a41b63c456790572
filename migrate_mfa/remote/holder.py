"""What stands in a lease: who works on a run directory in a bucket, and what is known to be there."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace

from migrate_mfa.remote.names import LOCK, NOTHING, Place
from migrate_mfa.remote.objects import Stored


class UnreadableError(Exception):
    """The object in the place of a lease is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """What stands in a lease; moments by the store's clock, in seconds since the epoch."""

    owner: str
    """A token of one process: it tells its own lease from every other. Empty where nobody holds it."""
    host: str
    pid: int
    command: str
    generation: int
    renewed_at: float
    expires_at: float
    last: Place = NOTHING
    """The last segment that is known to be in the bucket, of this owner or of one before."""
    assumed: bool = False
    """Whether `unlock` has once taken the objects that were there for the whole run."""
    progress: Mapping[str, object] | None = None
    """Where its command stands, for whoever looks from elsewhere; None before it has noted anything."""

    @classmethod
    def read(cls, stored: Stored) -> "Holder":
        """Read a lease.

        Raises:
            UnreadableError: it is none.
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
        """That nobody holds it, and which segment was there as the last."""
        return cls(
            owner="", host="", pid=0, command="", generation=last.generation,
            renewed_at=now, expires_at=now, last=last, assumed=True,
        )  # fmt: skip

    def body(self) -> bytes:
        """As it stands in the bucket."""
        return json.dumps(asdict(self) | {"last": self.last.text}).encode()

    @property
    def free(self) -> bool:
        """Whether nobody holds it any more, and it is only a note."""
        return not self.owner

    def freed(self) -> "Holder":
        """What is left of it where nobody holds it any more."""
        return replace(self, owner="", expires_at=self.renewed_at, progress=None)

    def age(self, now: float) -> str:
        """Who holds it and since when it has not been renewed, in words; `now` by the store's clock."""
        since = max(0, round(now - self.renewed_at))
        return f"{self.who}, renewed {since} s ago"

    @property
    def who(self) -> str:
        """Which process it is, in words."""
        return f"process {self.pid} ({self.command}) on {self.host}"


def readable(stored: Stored) -> Holder | None:
    """What stands in a lease, or None where that cannot be read."""
    try:
        return Holder.read(stored)
    except UnreadableError:
        return None
