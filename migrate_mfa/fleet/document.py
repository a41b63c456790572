"""The content of the fleet's `report/summary.json`: every target, and the counts of all."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from migrate_mfa.domain.errors import ExitCode
from migrate_mfa.fleet.retry import exit_code_of
from migrate_mfa.fleet.standing import Standing
from migrate_mfa.fleet.unit import State

VERSION = 1
FAILURES = "failures"
"""The next step that shows which rows of a target failed, and why."""
REPAIR = "repair"
"""The next step that restores what other people changed after a run."""
_RESUMED = frozenset({State.WAITING, State.RUNNING, State.LIMITED, State.INTERRUPTED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One target as the reports of a fleet show it."""

    name: str
    account: str | None
    region: str
    standing: Standing
    run_dir: str
    next_command: str
    """Can be pasted, and concerns only this target; empty if nothing is left to do."""
    fleet_command: str
    """The same for all targets of the fleet; empty if there is no such command."""

    def as_dict(self) -> dict[str, object]:
        """As `summary.json` has it."""
        standing = self.standing
        return {
            "state": standing.state.value,
            "exit_code": standing.exit_code,
            "counts": dict(standing.counts),
            "command": standing.verb or None,
            "error": standing.error or None,
            "account": self.account,
            "region": self.region,
            "run_dir": self.run_dir,
            "next_command": self.next_command or None,
        }


def next_step(standing: Standing, begins: str) -> str:
    """What to do next with a target: a verb of the fleet, FAILURES or REPAIR; empty if nothing is left to do.

    Args:
        standing: its state.
        begins: the verb for a target without a command.
    """
    verb, counts = standing.verb, standing.counts
    if standing.state in _RESUMED or standing.state in {State.SET_ASIDE, State.UNREACHABLE}:
        return verb or begins
    if verb == "plan":
        return FAILURES if counts.get("failed") else "run"
    if standing.exit_code == ExitCode.NOT_MET and verb == "reconcile":
        return REPAIR
    if counts.get("failed") and verb != "audit":
        return FAILURES
    return "reconcile" if counts.get("pending") else ""


def summary_of(lines: Sequence[Line]) -> dict[str, object]:
    """The whole document; `counts` adds up the rows of all targets."""
    return {
        "version": VERSION,
        "targets": {each.name: each.as_dict() for each in lines},
        "counts": dict(total(lines)),
        "states": dict(states(lines)),
        "exit_code": exit_code_of((each.standing.state, each.standing.exit_code) for each in lines),
    }


def total(lines: Sequence[Line]) -> Counter[str]:
    """The rows of all targets, by outcome."""
    found: Counter[str] = Counter()
    for each in lines:
        found.update(each.standing.counts)
    return found


def states(lines: Sequence[Line]) -> Mapping[State, int]:
    """The number of targets in each state."""
    return Counter(each.standing.state for each in lines)


def in_words(number: Mapping[State, int]) -> str:
    """The number of targets in each state as a text, such as `3 finished, 1 waiting`."""
    return ", ".join(f"{many:,} {state.words}" for state, many in number.items())
