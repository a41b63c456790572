"""The findings of a check, for scripts and for people."""

from collections.abc import Iterable, Iterator, Mapping
from textwrap import wrap

from migrate_mfa.checks.findings import Finding, Level, level_counts
from migrate_mfa.checks.snapshot import CheckScope
from migrate_mfa.domain.privacy import scrub

_VERSION = 1
_WIDTH = 80
_INDENT = " " * 4
_WORDS = {Level.UNCHECKED: "not checked"}
_COLUMN = max(len(_WORDS.get(level, level)) for level in Level) + 2


def document(findings: list[Finding], where: Mapping[str, str], scope: CheckScope) -> dict[str, object]:
    """The findings as JSON. `ready` is true if there is no failure."""
    counts = level_counts(findings)
    return {
        "version": _VERSION,
        **where,
        "verb": scope.verb,
        "verification": scope.verification.value if scope.verification else None,
        "users": scope.users,
        "ready": not counts[Level.FAILURE.value],
        "counts": counts,
        "findings": [_plain(each) for each in findings],
    }


def _plain(finding: Finding) -> dict[str, str]:
    """The finding with the keys that scripts read, its texts scrubbed: they can contain names from AWS."""
    return {
        "code": finding.code,
        "level": finding.level.value,
        "saw": scrub(finding.observed),
        "why": scrub(finding.impact),
        "remedy": scrub(" ".join(finding.remedy.split())),
    }


def lines(findings: Iterable[Finding]) -> Iterator[str]:
    """The findings as text of at most 80 columns; each one that is ok takes one line."""
    for finding in findings:
        head = f"{_WORDS.get(finding.level, finding.level.value):<{_COLUMN}}{finding.code}"
        if finding.level is Level.OK:
            yield from _wrapped(f"{head}: {scrub(finding.observed)}")
            continue
        yield head
        yield from _paragraph(finding.observed)
        yield from _paragraph(finding.impact)
        yield from _paragraph(finding.remedy, "-> ")


def short(findings: Iterable[Finding]) -> Iterator[str]:
    """The failures and warnings, without impact and remedy: for the start of a run."""
    unchecked = []
    for finding in findings:
        if finding.level in {Level.FAILURE, Level.WARNING}:
            yield from _wrapped(f"{finding.level}: {scrub(finding.observed)} ({finding.code})")
        elif finding.level is Level.UNCHECKED:
            unchecked.append(finding.code)
    if unchecked:
        yield from _wrapped(f"Could not be checked (see check): {', '.join(unchecked)}")


def verdict(findings: Iterable[Finding]) -> str:
    """The last line: whether the pool is ready, and how many findings there are."""
    counts = level_counts(findings)
    failed, warned = counts[Level.FAILURE.value], counts[Level.WARNING.value]
    ready = "Not ready" if failed else "Ready, as far as could be checked" if counts["unchecked"] else "Ready"
    return f"{ready}. Failures: {failed}, warnings: {warned}, not checked: {counts['unchecked']}."


def _paragraph(text: str, first: str = "") -> list[str]:
    """A text in lines; a command at its end has a line of its own, and stays in one piece."""
    indent = _INDENT + " " * len(first)
    prose, *command = scrub(text).split("\n")
    lines = wrap(
        prose,
        _WIDTH,
        initial_indent=_INDENT + first,
        subsequent_indent=indent,
        break_on_hyphens=False,
    )
    return [*lines, *(indent + each for each in command)]


def _wrapped(text: str) -> list[str]:
    return wrap(text, _WIDTH, subsequent_indent=_INDENT, break_on_hyphens=False)
