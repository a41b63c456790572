"""The pace of the last pass: a run that is resumed goes on at it, unless another one is given."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from migrate_mfa.cli.option_groups import Pace
from migrate_mfa.cli.option_values import Named
from migrate_mfa.domain.errors import RunDirectoryError
from migrate_mfa.domain.quotas import Category
from migrate_mfa.journal.database import NAME, Journal


def pace_of(pace: Pace) -> dict[str, Any]:
    """The options that set the pace, as the journal keeps them."""
    limits = {category.value: rate for category, rate in pace.limits.items()}
    return {"quota_share": pace.quota_share, "max_rps": limits}


def note_pace(journal: Journal, command: str, pace: Pace) -> None:
    """Write down the pace of a pass as it begins, so that one that is killed counts too."""
    journal.set_meta({"pace": {**journal.meta().get("pace", {}), command: pace_of(pace)}})


def last_pace(meta: Mapping[str, Any], command: str) -> Mapping[str, Any]:
    """The pace of the last pass of one command; empty where there was none."""
    found: Mapping[str, Any] = meta.get("pace", {}).get(command, {})
    return found


def at_the_last_pace(pace: Pace, directory: Path, command: str, say: Callable[[str], None]) -> Pace:
    """Take the pace of this command's last pass for what is not given, and say so.

    Another command's pace is not taken over: a plan only reads, and a reconcile comes at another hour. Where
    a run is not at the pace that its plan was made with, that is said.
    """
    meta = _meta(directory)
    if not (last := last_pace(meta, command)):
        planned = last_pace(meta, "plan") if command == "run" else {}
        for change in _changes(pace, planned):
            say(f"The plan was made with {change}.")
        return pace
    if "quota_share" not in pace.given and last["quota_share"] != pace.quota_share:
        pace = replace(pace, quota_share=last["quota_share"])
        say(f"--quota-share {pace.quota_share:g} is kept from the last {command}; give it to change it.")
    if "max_rps" not in pace.given and last["max_rps"]:
        limits = tuple(Named(Category(name), rate) for name, rate in last["max_rps"].items())
        pace = replace(pace, max_rps=limits)
        say(f"{_limits(last)} is kept from the last {command}; give --max-rps to change it.")
    return pace


def _meta(directory: Path) -> dict[str, Any]:
    """What the directory knows; whatever is wrong with it is told when it is opened for work."""
    if (directory / NAME).is_file():
        with suppress(RunDirectoryError), Journal.look_at(directory) as journal:
            return journal.meta()
    return {}


def _changes(pace: Pace, planned: Mapping[str, Any]) -> list[str]:
    if not planned:
        return []
    now, found = pace_of(pace), []
    if planned["quota_share"] != now["quota_share"]:
        found.append(f"--quota-share {planned['quota_share']:g} (now {now['quota_share']:g})")
    if planned["max_rps"] != now["max_rps"]:
        found.append(f"{_limits(planned)} (now {_limits(now)})")
    return found


def _limits(pace: Mapping[str, Any]) -> str:
    each = [f"--max-rps {name}={rate:g}" for name, rate in pace["max_rps"].items()]
    return " ".join(each) or "no --max-rps"
