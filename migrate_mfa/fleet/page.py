"""The fleet's `report/report.html`: coverage by account and Region first, then the targets."""

from collections import Counter
from collections.abc import Sequence

from migrate_mfa.domain.formatting import counted
from migrate_mfa.fleet.document import Line, in_words, states
from migrate_mfa.fleet.unit import State
from migrate_mfa.reports.page import as_document

_GRAVE = frozenset({State.SET_ASIDE, State.UNREACHABLE})
_OPEN = frozenset({State.WAITING, State.RUNNING, State.INTERRUPTED, State.LIMITED})
Place = tuple[str | None, str]


def as_html(lines: Sequence[Line], again: str) -> str:
    """The page as one HTML document.

    Args:
        lines: every target as it stands.
        again: the command that does the fleet again, for targets with something left to do.
    """
    found = [each.standing.state for each in lines]
    grave = any(each in _GRAVE for each in found)
    return as_document(
        "fleet.html",
        "A fleet of user pools",
        where=_where(lines),
        sentence=_sentence(lines),
        grave=grave,
        again=again if grave or any(each in _OPEN for each in found) else "",
        outcomes=sorted({name for each in lines for name, number in each.standing.counts.items() if number}),
        accounts=_coverage(lines),
        targets=lines,
    )


def _where(lines: Sequence[Line]) -> str:
    accounts, regions = {each.account for each in lines}, {each.region for each in lines}
    places = f"{counted(len(accounts), 'account')} and {counted(len(regions), 'Region')}"
    return f"{counted(len(lines), 'target')} in {places}"


def _sentence(lines: Sequence[Line]) -> str:
    return f"{counted(len(lines), 'target')}: {in_words(states(lines))}."


def _coverage(lines: Sequence[Line]) -> list[tuple[Place, int, Counter[str]]]:
    """Each account and Region with the number of its targets and the sum of their counts."""
    number: Counter[Place] = Counter()
    counts: dict[Place, Counter[str]] = {}
    for each in lines:
        place = (each.account, each.region)
        number[place] += 1
        counts.setdefault(place, Counter()).update(each.standing.counts)
    return [(place, many, counts[place]) for place, many in number.items()]
