"""The content of the fleet's `report/summary.json`: every target, and the counts of all."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from migrate_mfa.domain.errors import ExitCode
from migrate_mfa.fleet.place import REPORT
from migrate_mfa.fleet.retry import exit_code_of
from migrate_mfa.fleet.standing import Standing, share_of
from migrate_mfa.fleet.unit import TROUBLED, State
from migrate_mfa.reports.page_texts import PageTexts

VERSION = 1
FAILURES = "failures"
"""The next step that shows which rows of a target failed, and why."""
REPAIR = "repair"
"""The next step that restores what other people changed after a run."""
UNFINISHED = frozenset({State.WAITING, State.RUNNING, State.LIMITED, State.INTERRUPTED}) | TROUBLED
"""The states of a target whose last command has not done its work."""
_BEFORE_RUN = frozenset({"check", "plan"})
_LISTS = {"drift": "drift.csv", "failed": "failed.csv", "not_met": "unverified.csv"}
"""The lists of users in the reports of a target, by the fields of `Found`."""


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
            "drift": dict(standing.found.drift),
            "failed_by_reason": dict(standing.found.failed),
            "fail_under_not_met": standing.found.not_met,
            "attention": dict(standing.found.attention),
            "recovered_to": standing.found.recovered_to or None,
            "lists": {name: self.list_of(name) for name in _LISTS if getattr(standing.found, name)},
            "command": standing.verb or None,
            "error": standing.error or None,
            "account": self.account,
            "region": self.region,
            "run_dir": self.run_dir,
            "next_command": self.next_command or None,
        }

    def list_of(self, found: str) -> str:
        """The list of the users that a field of `Found` counts."""
        return f"{self.run_dir}/{REPORT}/{_LISTS[found]}"

    def findings(self, words: PageTexts) -> list[str]:
        """What its last command found, each with the list of the users."""
        found = self.standing.found
        told = [
            words(
                text,
                number=sum(kinds.values()),
                kinds=in_numbers(kinds),
                list=self.list_of(name),
            )
            for text, name, kinds in (
                ("fleet.drift_of", "drift", found.drift),
                ("fleet.failed_of", "failed", found.failed),
            )
            if kinds
        ]
        if found.not_met is not None:
            share, wanted = words.percent(share_of(self.standing.counts), 1), words.percent(found.not_met, 1)
            told.append(words("fleet.not_met_of", share=share, wanted=wanted, list=self.list_of("not_met")))
        told += [words(f"fleet_attention.{name}", number=number) for name, number in found.attention.items()]
        return [*told, words("fleet.recovered", moment=found.recovered_to)] if found.recovered_to else told


def next_step(standing: Standing, begins: str) -> str:
    """What to do next with a target: a verb of the fleet, FAILURES or REPAIR; empty if nothing is left to do.

    Args:
        standing: its state.
        begins: the verb for a target without a command.
    """
    verb, counts = standing.verb, standing.counts
    if standing.state in UNFINISHED:
        return standing.first or verb or begins
    if standing.state is State.NO_RUN:
        return "run" if verb == "reconcile" else ""
    if verb in _BEFORE_RUN:
        # Once another command has left the account in a summary, a check needs nothing more.
        return "run" if verb == "plan" else "" if standing.account else "plan"
    if standing.exit_code == ExitCode.NOT_MET and verb == "reconcile":
        return REPAIR if standing.found.repairable else FAILURES
    more = "reconcile" if counts.get("pending") else ""
    return FAILURES if counts.get("failed") and verb != "audit" else more


def summary_of(lines: Sequence[Line]) -> dict[str, object]:
    """The whole document; `counts` adds up the rows of all targets."""
    return {
        "version": VERSION,
        "targets": {each.name: each.as_dict() for each in lines},
        "counts": dict(total(each.standing.counts for each in lines)),
        "drift": dict(total(each.standing.found.drift for each in lines)),
        "failed_by_reason": dict(total(each.standing.found.failed for each in lines)),
        "states": dict(states(lines)),
        "exit_code": exit_code_of((each.standing.state, each.standing.exit_code) for each in lines),
    }


def total(counts: Iterable[Mapping[str, int]]) -> Counter[str]:
    """The sum of the counts of all targets."""
    found: Counter[str] = Counter()
    for each in counts:
        found.update(each)
    return found


def in_numbers(counts: Mapping[str, int]) -> str:
    """Counts as a text, such as `verified 38, failed 2`."""
    return ", ".join(f"{name} {number:,}" for name, number in counts.items() if number)


def command_of_all(lines: Sequence[Line]) -> str:
    """The command for all targets that can continue in the same way; empty if there is none.

    Targets whose last command has not finished decide before the others.
    """
    first = sorted(lines, key=lambda each: each.standing.state not in UNFINISHED)
    return next((each.fleet_command for each in first if each.fleet_command), "")


def others(lines: Sequence[Line], command: str) -> list[Line]:
    """The targets that need another command than this one of all."""
    return [each for each in lines if each.next_command and each.fleet_command != (command or None)]


def states(lines: Sequence[Line]) -> Mapping[State, int]:
    """The number of targets in each state."""
    return Counter(each.standing.state for each in lines)


def in_words(number: Mapping[State, int]) -> str:
    """The number of targets in each state as a text, such as `3 finished, 1 waiting`."""
    return ", ".join(f"{many:,} {state.words}" for state, many in number.items())
