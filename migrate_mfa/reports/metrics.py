"""How a command ended, in the text format of Prometheus, for its textfile collector and agents.

The labels are the command, the pool's id, outcomes, reasons and categories, and nothing about a user.
"""

import os
import re
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from migrate_mfa.domain.errors import ExitCode

Labels = dict[str, str]
_SUCCESS = "migrate_mfa_last_success_timestamp_seconds"
_SUCCESSES = {ExitCode.DONE, ExitCode.LIMIT}
"""A pass that stopped at a limit of the operator counts as a success too."""
_READABLE = 0o644


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """How a command ended; `summary` is that of its pass, empty if no pass was begun."""

    command: str
    pool_id: str
    exit_code: ExitCode
    at: float
    """In seconds since the epoch."""
    summary: Mapping[str, Any]


def write_metrics(path: Path, ending: Ending) -> None:
    """Replace the metrics file as a whole.

    Every user may read it: the collector usually runs as another user.

    Raises:
        OSError: the file cannot be written.
    """
    pool_id, last_success = _before(path, ending.command)
    text = metrics(replace(ending, pool_id=ending.pool_id or pool_id), last_success)
    descriptor, draft = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            os.fchmod(file.fileno(), _READABLE)
            file.write(text)
        Path(draft).replace(path)
    except BaseException:
        Path(draft).unlink(missing_ok=True)
        raise


def metrics(ending: Ending, last_success: float | None) -> str:
    """The text.

    Args:
        ending: how the command ended.
        last_success: when the same command had last succeeded before; None for never.
    """
    own = {"command": ending.command, "pool": ending.pool_id}
    success = ending.at if ending.exit_code in _SUCCESSES else last_success
    lines = []
    for name, what, samples in (*_of_command(ending), *_of_summary(ending.summary), _success(success)):
        if samples:
            lines += [f"# HELP {name} {what}", f"# TYPE {name} gauge"]
            lines += [f"{name}{{{_written(own | labels)}}} {value!r}" for labels, value in samples]
    return "\n".join(lines) + "\n"


Family = tuple[str, str, list[tuple[Labels, float]]]


def _of_command(ending: Ending) -> Iterator[Family]:
    yield "migrate_mfa_exit_code", "The exit code of the last command.", [({}, int(ending.exit_code))]
    yield "migrate_mfa_end_timestamp_seconds", "When the last command ended.", [({}, ending.at)]


def _success(at: float | None) -> Family:
    samples: list[tuple[Labels, float]] = [] if at is None else [({}, at)]
    return _SUCCESS, "When a command last ended with 0 or 10.", samples


def _of_summary(summary: Mapping[str, Any]) -> Iterator[Family]:
    if not summary:
        return
    if (seconds := summary["elapsed_s"]) is not None:
        yield "migrate_mfa_duration_seconds", "How long the last pass took.", [({}, seconds)]
    yield "migrate_mfa_rows", "Rows of the run directory.", list(_rows(summary))
    calls = summary["calls"].items()
    for kind in ("sent", "throttled", "retried"):
        counts: list[tuple[Labels, float]] = [({"category": name}, found[kind]) for name, found in calls]
        yield f"migrate_mfa_calls_{kind}", f"Calls {kind} by the last pass.", counts
    yield "migrate_mfa_users", "Users of the pool, by phone number.", _by("phone", summary.get("total"))
    yield "migrate_mfa_drift", "Users who are no longer protected.", _by("kind", summary.get("drift"))


def _by(label: str, counts: Mapping[str, float] | None) -> list[tuple[Labels, float]]:
    return [({label: name}, count) for name, count in (counts or {}).items()]


def _rows(summary: Mapping[str, Any]) -> Iterator[tuple[Labels, float]]:
    """Rows by outcome and reason; the reason is empty for rows without one, and for outcomes without rows."""
    for outcome, count in summary["counts"].items():
        reasons = summary["reasons"][outcome]
        for reason, number in reasons.items():
            yield {"outcome": outcome, "reason": reason}, number
        if not reasons or count > sum(reasons.values()):
            yield {"outcome": outcome, "reason": ""}, count - sum(reasons.values())


def _written(labels: Labels) -> str:
    return ",".join(f'{name}="{_escaped(value)}"' for name, value in labels.items())


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


def _before(path: Path, command: str) -> tuple[str, float | None]:
    """The pool, and when the same command last succeeded in it, from the existing file."""
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return "", None
    own = rf'^{_SUCCESS}\{{command="{command}",pool="([^"]*)"\}} (\d+(?:\.\d+)?)$'
    found = re.search(own, text, re.MULTILINE)
    return (found[1], float(found[2])) if found else ("", None)
