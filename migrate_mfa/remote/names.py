"""What the objects of a run directory are called: `base-GEN-N.sqlite.gz` and `wal-GEN-N.jsonl.gz`.

A base holds everything up to segment N of its generation; the segments after it are numbered without a gap.
"""

import re
from collections.abc import Iterable
from typing import NamedTuple

_BASE = re.compile(r"base-(\d+)-(\d+)\.sqlite\.gz")
_SEGMENT = re.compile(r"wal-(\d+)-(\d+)\.jsonl\.gz")
_LOG = re.compile(r"log-\d+\.jsonl")
ANY_BASE = "base-*.sqlite.gz"
"""How messages name a base that should be there, whichever it was."""


class Place(NamedTuple):
    """A generation (one owner of the lease) and a segment of it; later ones compare greater."""

    generation: int
    segment: int

    @property
    def base(self) -> str:
        """The name of the base that ends here."""
        return f"base-{self.generation:05}-{self.segment:06}.sqlite.gz"

    @property
    def wal(self) -> str:
        """The name of this segment."""
        return f"wal-{self.generation:05}-{self.segment:06}.jsonl.gz"


def log_of(generation: int) -> str:
    """The name of the log of one owner's command."""
    return f"log-{generation:05}.jsonl"


def left_by_a_command(name: str) -> bool:
    """Whether an object was written by a command that had a base before it: only a loss removes that."""
    return bool(_SEGMENT.fullmatch(name) or _LOG.fullmatch(name))


class Contents(NamedTuple):
    """The bases and segments of a run directory, in order."""

    bases: tuple[Place, ...]
    segments: tuple[Place, ...]

    @classmethod
    def of(cls, names: Iterable[str]) -> "Contents":
        """Those among some names."""
        listed = list(names)
        return cls(_places(_BASE, listed), _places(_SEGMENT, listed))

    @property
    def generation(self) -> int:
        """The highest generation that has left anything."""
        return max((place.generation for place in (*self.bases, *self.segments)), default=0)

    def superseded_by(self, base: Place) -> list[str]:
        """What nobody needs any more once this base is there."""
        return [place.base for place in self.bases if place < base] + [
            place.wal for place in self.segments if place <= base
        ]


def _places(pattern: re.Pattern[str], names: Iterable[str]) -> tuple[Place, ...]:
    found = (pattern.fullmatch(name) for name in names)
    return tuple(sorted(Place(int(match[1]), int(match[2])) for match in found if match))
