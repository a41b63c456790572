"""A sorted index over one searchable attribute: pages and prefixes without a full scan."""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


class SortedIndex:
    """Entries (key, seq) in ascending order; `seq` names the user in its pool."""

    def __init__(self, entries: Iterable[tuple[str, int]]) -> None:
        """Sort the `entries` once; `add` and `remove` keep the order."""
        self._entries = sorted(entries)

    def add(self, key: str, seq: int) -> None:
        """Take an entry in."""
        insort(self._entries, (key, seq))

    def remove(self, key: str, seq: int) -> None:
        """Take an entry out; it must be there."""
        at = bisect_left(self._entries, (key, seq))
        if self._entries[at] != (key, seq):
            raise KeyError(key)
        del self._entries[at]

    def walk(self, key: str, *, prefix: bool, after: tuple[str, int] | None) -> Iterator[tuple[str, int]]:
        """Yield the entries that equal `key` (or start with it), those past `after` only."""
        entries = self._entries
        at = bisect_left(entries, (key, -1)) if after is None else bisect_right(entries, after)
        while at < len(entries):
            found = entries[at][0]
            if found != key and not (prefix and found.startswith(key)):
                return
            yield entries[at]
            at += 1
