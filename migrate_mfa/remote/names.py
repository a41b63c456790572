"""The names of a run directory's objects: `base-GEN-N.sqlite.gz` and `wal-GEN-N.jsonl.gz`.

A base has everything up to segment N of its generation; the segments after it are numbered without a gap.
"""

import re
from collections.abc import Iterable
from typing import NamedTuple

_BASE = re.compile(r"base-(\d+)-(\d+)\.sqlite\.gz")
BASES = "base-"
"""The prefix of the name of every base."""
_SEGMENT = re.compile(r"wal-(\d+)-(\d+)\.jsonl\.gz")
_LOG = re.compile(r"log-\d+\.jsonl")
_REPORT = re.compile(r"report/[^/]+")
_LIST = re.compile(r"report/[^/]+\.csv")
LOCK = "lock.json"
"""The name of the lease."""
ANY_BASE = "base-*.sqlite.gz"
"""The name in messages of any base that should exist."""


class Place(NamedTuple):
    """A generation (one owner of the lease) and a segment of it; later ones compare greater."""

    generation: int
    segment: int

    @classmethod
    def parse(cls, text: str) -> "Place":
        """The inverse of `text`; raises ValueError for any other text."""
        generation, segment = text.split("-")
        return cls(int(generation), int(segment))

    @property
    def text(self) -> str:
        """The text for a lease."""
        return f"{self.generation}-{self.segment}"

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
    """Whether an object was written after a base: if there is no base, it was lost."""
    return any(each.fullmatch(name) for each in (_SEGMENT, _LOG, _REPORT))


def of_a_run(name: str) -> bool:
    """Whether an object is part of a journal, or the log of a command."""
    return any(each.fullmatch(name) for each in (_BASE, _SEGMENT, _LOG))


def is_ours(name: str) -> bool:
    """Whether this tool uses such a name for an object of a run directory.

    The empty name is the folder itself, which the S3 console makes.
    """
    return name in {"", LOCK} or left_by_a_command(name) or bool(_BASE.fullmatch(name))


def is_list(name: str) -> bool:
    """Whether an object is a list of users in a report."""
    return bool(_LIST.fullmatch(name))


def has_users(name: str) -> bool:
    """Whether an object holds personal data."""
    return is_list(name) or any(each.fullmatch(name) for each in (_BASE, _SEGMENT))


NOTHING = Place(0, 0)
"""Before the first segment of the first generation."""


class Contents(NamedTuple):
    """The bases and segments of a run directory, in order."""

    bases: tuple[Place, ...]
    segments: tuple[Place, ...]

    @classmethod
    def of(cls, names: Iterable[str]) -> "Contents":
        """Those among the given names."""
        listed = list(names)
        return cls(_places(_BASE, listed), _places(_SEGMENT, listed))

    @property
    def generation(self) -> int:
        """The highest generation with an object."""
        return max((place.generation for place in (*self.bases, *self.segments)), default=0)

    @property
    def last(self) -> Place:
        """The newest base, or the last segment that follows it."""
        return max((*self.after(self.bases[-1]), self.bases[-1])) if self.bases else NOTHING

    def after(self, base: Place) -> list[Place]:
        """The segments that follow a base."""
        return [each for each in self.segments if each.generation == base.generation and each > base]

    def superseded_by(self, base: Place) -> list[str]:
        """The objects that are no longer needed once this base exists."""
        return [place.base for place in self.bases if place < base] + [
            place.wal for place in self.segments if place <= base
        ]


def _places(pattern: re.Pattern[str], names: Iterable[str]) -> tuple[Place, ...]:
    found = (pattern.fullmatch(name) for name in names)
    return tuple(sorted(Place(int(match[1]), int(match[2])) for match in found if match))
