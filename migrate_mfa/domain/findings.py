"""What a check found: a level, a code that never changes, what was seen, why it matters, what to do."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """How much a finding weighs, the heaviest first."""

    FAILURE = "failure"
    """Writing to users would have no effect, or would lock them out."""
    WARNING = "warning"
    """Somebody should look before users are written to."""
    UNCHECKED = "unchecked"
    """Could not be checked: nothing is known, which is never the same as good."""
    INFO = "info"
    OK = "ok"


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding. `remedy` says what to do; it is empty where there is nothing to do."""

    code: str
    level: Level
    saw: str
    why: str = ""
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Unknown:
    """Something that could not be looked at: the call, and the code that it failed with."""

    operation: str
    code: str

    def finding(self, code: str, why: str, remedy: str) -> Finding:
        """The finding for it: could not be checked."""
        saw = f"Could not be checked: {self.operation} answered {self.code}."
        return Finding(code, Level.UNCHECKED, saw, why, remedy)


def by_weight(findings: Iterable[Finding]) -> list[Finding]:
    """The heaviest first; findings of one level stay in their order."""
    order = list(Level)
    return sorted(findings, key=lambda each: order.index(each.level))


def failures(findings: Iterable[Finding]) -> list[Finding]:
    """The findings that speak against writing anything."""
    return [each for each in findings if each.level is Level.FAILURE]


def level_counts(findings: Iterable[Finding]) -> dict[str, int]:
    """How many there are of each level."""
    found = Counter(each.level for each in findings)
    return {level.value: found[level] for level in Level}
