"""The pace of the last pass: a resumed run keeps it unless another pace is given."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path

from migrate_mfa.cli.option_groups import Pace
from migrate_mfa.cli.option_values import Named
from migrate_mfa.domain.errors import RunDirectoryError
from migrate_mfa.domain.quotas import Category
from migrate_mfa.journal.database import NAME, Journal
from migrate_mfa.journal.meta import KeptPace, RunMeta


def pace_of(pace: Pace) -> KeptPace:
    """The options that set the pace, in the form of the journal."""
    return KeptPace(pace.quota_share, {category.value: rate for category, rate in pace.limits.items()})


def note_pace(journal: Journal, command: str, pace: Pace) -> None:
    """Record the pace of a pass when it begins, so that a killed pass has one too."""
    paces = {**RunMeta.read(journal).paces, command: pace_of(pace)}
    journal.set_meta({"pace": {name: asdict(each) for name, each in paces.items()}})


def at_the_last_pace(pace: Pace, directory: Path, command: str, say: Callable[[str], None]) -> Pace:
    """Use the pace of this command's last pass for options that are not given, and say so.

    The pace of another command is not used: a plan only reads, and a reconcile runs at another hour. If a
    run's pace differs from its plan's, say so.
    """
    paces = _meta(directory).paces
    last = paces.get(command)
    if last is None:
        for change in _changes(pace, paces.get("plan") if command == "run" else None):
            say(f"The plan was made with {change}.")
        return pace
    if "quota_share" not in pace.given and last.quota_share != pace.quota_share:
        pace = replace(pace, quota_share=last.quota_share)
        say(f"--quota-share {pace.quota_share:g} is kept from the last {command}. Name another to change it.")
    if "max_rps" not in pace.given and last.max_rps:
        limits = tuple(Named(Category(name), rate) for name, rate in last.max_rps.items())
        pace = replace(pace, max_rps=limits)
        say(f"{_limits(last)} is kept from the last {command}; name --max-rps to change it.")
    return pace


def _meta(directory: Path) -> RunMeta:
    """The journal's meta data. Errors in it are reported later, when it is opened for work."""
    if (directory / NAME).is_file():
        with suppress(RunDirectoryError), Journal.look_at(directory) as journal:
            return RunMeta.read(journal)
    return RunMeta(directory=directory)


def _changes(pace: Pace, planned: KeptPace | None) -> list[str]:
    if planned is None:
        return []
    now, found = pace_of(pace), []
    if planned.quota_share != now.quota_share:
        found.append(f"--quota-share {planned.quota_share:g} (now {now.quota_share:g})")
    if planned.max_rps != now.max_rps:
        found.append(f"{_limits(planned)} (now {_limits(now)})")
    return found


def _limits(pace: KeptPace) -> str:
    each = [f"--max-rps {name}={rate:g}" for name, rate in pace.max_rps.items()]
    return " ".join(each) or "no --max-rps"
