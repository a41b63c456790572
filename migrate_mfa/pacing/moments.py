"""Calls by the second in which they were sent, until they are taken."""

from collections import defaultdict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from migrate_mfa.domain.quotas import Category
    from migrate_mfa.ports import Clock


class CallMoments:
    """Counts calls sent and throttled by category and second; its owner holds a lock around each method."""

    def __init__(self, clock: "Clock") -> None:
        self._clock = clock
        self._found: defaultdict[tuple[Category, int], list[int]] = defaultdict(lambda: [0, 0])

    def add(self, category: "Category", sent: int, throttled: int) -> None:
        """Count calls in the present second."""
        if sent or throttled:
            counts = self._found[category, int(self._clock.now())]
            counts[0] += sent
            counts[1] += throttled

    def take(self) -> "dict[tuple[Category, int], tuple[int, int]]":
        """Take the counts since the last time: (sent, throttled) by category and second since 1970."""
        taken = {key: (sent, throttled) for key, (sent, throttled) in self._found.items()}
        self._found.clear()
        return taken
