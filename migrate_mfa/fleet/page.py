"""The fleet's `report/report.html`: coverage by account and Region first, then the targets."""

from collections import Counter
from collections.abc import Mapping, Sequence

from migrate_mfa.domain.errors import ExitCode
from migrate_mfa.fleet.document import UNFINISHED, Line, command_of_all, others, states
from migrate_mfa.fleet.unit import TROUBLED, State
from migrate_mfa.reports.languages import Lang
from migrate_mfa.reports.page import as_document
from migrate_mfa.reports.page_texts import PageTexts

_DRIFT = "drift"
_COLUMNS: Mapping[str, str] = {
    "verified": "outcomes.verified",
    "pending": "outcomes.pending",
    "failed": "outcomes.failed",
    "restored": "fleet.restored",
    "mfa_disabled": "fleet.mfa_disabled",
    _DRIFT: "fleet.drift",
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
    looks = any(each.standing.exit_code == ExitCode.NOT_MET for each in lines)
    tone = "bad" if found & TROUBLED else "wait" if looks or found & UNFINISHED else "good"
    there = {name for each in lines for name, number in _counts(each).items() if number}
    accounts = _coverage(lines)
    again = command_of_all(lines)
    differ = others(lines, again)
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
        targets=[(each, _counts(each)) for each in lines],
        work=[
            (each, findings)
            for each in lines
            if (findings := each.findings(words))
            or each in differ
            or (each.standing.error and each.standing.state is not State.NO_RUN)
        ],
    )


def _counts(line: Line) -> Counter[str]:
    """The counts of a target, with its users who are no longer protected."""
    return Counter({**line.standing.counts, _DRIFT: sum(line.standing.found.drift.values())})


def _sentence(lines: Sequence[Line], targets: str, words: PageTexts) -> str:
    told = [
        words("fleet.of_state", number=number, state=words(f"fleet_state.{state}"))
        for state, number in states(lines).items()
    ]
    return words("fleet.sentence", targets=targets, told=words("fleet.comma").join(told))


def _coverage(lines: Sequence[Line]) -> list[tuple[Place, int, Counter[str], int]]:
    """Each account and Region with the number of its targets, the sum of their counts, and its rows."""
    number: Counter[Place] = Counter()
    counts: dict[Place, Counter[str]] = {}
    for each in lines:
        place = (each.account, each.region)
        number[place] += 1
        counts.setdefault(place, Counter()).update(_counts(each))
    return [
        (place, many, counts[place], counts[place].total() - counts[place][_DRIFT])
        for place, many in number.items()
    ]
