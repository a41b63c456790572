"""Calls by the second in which they were sent, until somebody takes them down."""

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
        """Count calls of now."""
        if sent or throttled:
            counts = self._found[category, int(self._clock.now())]
            counts[0] += sent
            counts[1] += throttled

    def take(self) -> "dict[tuple[Category, int], tuple[int, int]]":
        """What came since it was last taken: (sent, throttled) by category and second since the epoch."""
        taken = {key: (sent, throttled) for key, (sent, throttled) in self._found.items()}
        self._found.clear()
        return taken
