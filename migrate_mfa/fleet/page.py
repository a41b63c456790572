"""The fleet's `report/report.html`: coverage by account and Region first, then the targets."""

from collections import Counter
from collections.abc import Mapping, Sequence

from migrate_mfa.fleet.document import Line, states
from migrate_mfa.fleet.unit import State
from migrate_mfa.reports.languages import Lang
from migrate_mfa.reports.page import as_document
from migrate_mfa.reports.page_texts import PageTexts

_GRAVE = frozenset({State.SET_ASIDE, State.UNREACHABLE})
_OPEN = frozenset({State.WAITING, State.RUNNING, State.INTERRUPTED, State.LIMITED})
_COLUMNS: Mapping[str, str] = {
    "verified": "outcomes.verified",
    "pending": "outcomes.pending",
    "failed": "outcomes.failed",
    "restored": "fleet.restored",
    "mfa_disabled": "fleet.mfa_disabled",
    "skipped": "outcomes.skipped",
    "unprocessed": "outcomes.unprocessed",
    "unverified": "audit.unverified",
    "no_phone": "audit.no_phone",
}
"""The counts of every verb in their order, with the texts of their columns."""
Place = tuple[str | None, str]


def as_html(lines: Sequence[Line], lang: Lang = Lang.EN) -> str:
    """The page as one HTML document.

    Args:
        lines: every target with its state.
        lang: the language of the page; commands and their errors are not translated.
    """
    words = PageTexts(lang)
    found = {each.standing.state for each in lines}
    tone = "bad" if found & _GRAVE else "wait" if found & _OPEN else "good"
    there = {name for each in lines for name, number in each.standing.counts.items() if number}
    accounts = _coverage(lines)
    again = next((each.fleet_command for each in _open_first(lines) if each.fleet_command), "")
    number = words("fleet.one" if len(lines) == 1 else "fleet.many", number=len(lines))
    return as_document(
        "fleet.html",
        words("fleet.title"),
        words,
        where=words("fleet.where", targets=number, places=len(accounts)),
        sentence=_sentence(lines, number, words),
        tone=tone,
        again=again,
        outcomes=[name for name in _COLUMNS if name in there],
        column=lambda name: words(_COLUMNS[name]),
        accounts=accounts,
        targets=lines,
        work=[
            each
            for each in lines
            if each.standing.state is not State.NO_RUN
            and (each.standing.error or (each.next_command and each.fleet_command != again))
        ],
    )


def _open_first(lines: Sequence[Line]) -> list[Line]:
    """The targets whose last command has not finished before the others."""
    return sorted(lines, key=lambda each: each.standing.state not in _OPEN | _GRAVE)


def _sentence(lines: Sequence[Line], targets: str, words: PageTexts) -> str:
    told = [
        words("fleet.of_state", number=number, state=words(f"fleet_state.{state}"))
        for state, number in states(lines).items()
    ]
    return words("fleet.sentence", targets=targets, told=words("fleet.comma").join(told))


def _coverage(lines: Sequence[Line]) -> list[tuple[Place, int, Counter[str]]]:
    """Each account and Region with the number of its targets and the sum of their counts."""
    number: Counter[Place] = Counter()
    counts: dict[Place, Counter[str]] = {}
    for each in lines:
        place = (each.account, each.region)
        number[place] += 1
        counts.setdefault(place, Counter()).update(each.standing.counts)
    return [(place, many, counts[place]) for place, many in number.items()]
