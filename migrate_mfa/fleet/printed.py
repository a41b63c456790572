"""The output of a fleet on the terminal: the lanes before it begins, and the states of its targets."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from itertools import pairwise

from migrate_mfa.cli.forecast import high
from migrate_mfa.cli.streams import write
from migrate_mfa.domain.forecast import Foretold
from migrate_mfa.domain.formatting import counted, duration
from migrate_mfa.domain.reasons import Outcome
from migrate_mfa.fleet.document import (
    Line,
    command_of_all,
    in_numbers,
    in_words,
    others,
    states,
    summary_of,
    total,
)
from migrate_mfa.fleet.standing import counts_of
from migrate_mfa.fleet.unit import Job, State, Unit
from migrate_mfa.reports.command_results import PlanResult
from migrate_mfa.reports.languages import Lang
from migrate_mfa.reports.page_texts import PageTexts

_MOST_SHOWN = 40
_MOST_NEXT = 8
_APPLIES = frozenset({"run", "disable"})
"""The verbs that apply a plan."""
_UNPLANNED = "no plan yet"
Summary = Mapping[str, object]
_english = cache(lambda: PageTexts(Lang.EN))


def show(lines: Sequence[Line], *, in_json: bool) -> None:
    """Print the states of the targets."""
    if in_json:
        write(json.dumps(summary_of(lines), ensure_ascii=False, indent=2))
        return
    for each in lines:
        write(shown(each))
    write("")
    write(in_words(states(lines)))
    if counts := total(each.standing.counts for each in lines):
        unknown = sum(not each.standing.counts for each in lines)
        more = f", and those of {counted(unknown, 'other target')}" if unknown else ""
        write(f"rows: {in_numbers(counts)}{more}")
    found = [each.standing.found for each in lines]
    kinds = {"drift": [each.drift for each in found], "failed": [each.failed for each in found]}
    for name, counts_of_each in kinds.items():
        if numbers := in_numbers(total(counts_of_each)):
            write(f"{name}: {numbers}, in {counted(sum(map(bool, counts_of_each)), 'target')}")
    if unmet := sum(each.not_met is not None for each in found):
        write(f"--fail-under not met: in {counted(unmet, 'target')}")


def next_commands(lines: Sequence[Line], more: str) -> list[str]:
    """The command that follows for all targets, and those of targets that need another one.

    Args:
        lines: the targets.
        more: names the page with the commands that are not shown.
    """
    ended = [each for each in lines if each.standing.state is not State.RUNNING]
    command = command_of_all(ended)
    differ = others(ended, command)
    told = [f"Next: {command}"] if command else ["Next:"] if differ else []
    told += [f"  {each.name}: {each.next_command}" for each in differ[:_MOST_NEXT]]
    if len(differ) > _MOST_NEXT:
        told.append(f"  and those of {counted(len(differ) - _MOST_NEXT, 'other target')}, in {more}")
    return told


def shown(line: Line) -> str:
    """The state of one target, on a line."""
    standing = line.standing
    code = "" if standing.exit_code is None else f"exit {standing.exit_code}"
    counts = in_numbers(standing.counts)
    progress = standing.progress
    if progress is not None and progress.done is not None:
        of = f" of {progress.total:,}" if progress.total is not None else ""
        counts = f"{progress.done:,}{of} done"
    renewed = progress.renewed_s if progress is not None else None
    age = "" if renewed is None else f"lease renewed {duration(renewed)} ago"
    findings = line.findings(_english())
    facts = [standing.verb, standing.state.words, code, counts, age, *findings, standing.error]
    return f"{line.name}: " + "; ".join(each for each in facts if each)


def table(verb: str, units: Sequence[Unit], run_dir: str, summaries: Mapping[str, Summary]) -> str:
    """The lanes and their targets with what is known of their users, before the question.

    Args:
        verb: the verb to do.
        units: the lanes.
        run_dir: of the fleet.
        summaries: those of the targets, by name; empty for a target in which nothing has begun.
    """
    ahead = {name: _ahead(verb, each) for name, each in summaries.items()}
    rows = [
        f"  {each.lane}: {', '.join(f'{job.name} ({_told(job, ahead[job.name])})' for job in each.jobs)}"
        for each in units[:_MOST_SHOWN]
    ]
    if len(units) > _MOST_SHOWN:
        rows.append(f"  and {len(units) - _MOST_SHOWN:,} more lanes")
    head = f"{verb} of {counted(len(ahead), 'target')} in {counted(len(units), 'lane')}, into {run_dir}"
    waves = any("--max-users" in job.words for each in units for job in each.jobs)
    return "\n".join([head, *rows, *_in_sum(list(ahead.values()), waves=waves)])


def _told(job: Job, ahead: "_Ahead") -> str:
    """The work in a target, its policy, and the reasons that it lifts."""
    words = job.words
    given = [value for flag, value in pairwise(words) if flag == "--verification"]
    lifted = [value for flag, value in pairwise(words) if flag == "--despite"]
    return ", ".join([ahead.known, *given, *(f"despite {each}" for each in lifted)])


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ahead:
    """The work in one target, as far as the last report of its run directory shows it."""

    known: str
    """In words."""
    users: int | None = None
    """How many users its plan leaves to do; None without a plan, and for a verb that applies none."""
    sms: int = 0
    """How many SMS Cognito sends for them now, at most."""
    cost: Decimal | None = None
    """The most that they cost now, in the currency of the operator's prices; None if it is not known."""


def _ahead(verb: str, summary: Summary) -> _Ahead:
    if not summary:
        return _Ahead(known=_UNPLANNED if verb in _APPLIES else "nothing has begun")
    counts = counts_of(summary)
    if verb not in _APPLIES:
        return _Ahead(known=in_numbers(counts))
    left, sms, cost = counts.get(Outcome.UNPROCESSED, 0), int(str(summary.get("sms_expected") or 0)), None
    if planned := PlanResult.of(summary).forecast:
        forecast = Foretold.of(planned)
        left, sms, cost = forecast.users, forecast.sms, forecast.cost and Decimal(str(forecast.cost[1]))
    facts = [counted(left, "user") + ("" if planned else " left"), f"up to {min(left, sms):,} SMS"]
    facts += [] if cost is None else [f"up to {high(cost)}"]
    return _Ahead(known=", ".join(facts), users=left, sms=min(left, sms), cost=cost)


def _in_sum(ahead: Sequence[_Ahead], *, waves: bool) -> Iterator[str]:
    """The work in all targets."""
    plans = [each for each in ahead if each.users is not None]
    if plans:
        costs = [each.cost for each in plans if each.cost is not None]
        lacking = f", without {counted(len(plans) - len(costs), 'target')}" if len(plans) > len(costs) else ""
        cost = f"; cost now: up to {high(sum(costs, Decimal()))} by your prices{lacking}" if costs else ""
        users = counted(sum(each.users or 0 for each in plans), "user")
        yield f"Together: {users}; SMS now: up to {sum(each.sms for each in plans):,}{cost}."
        if waves:
            yield "These are all users that are left; --max-users ends some targets earlier."
    if unplanned := sum(each.known == _UNPLANNED for each in ahead):
        yield f"Not counted: {counted(unplanned, 'target')} without a plan, which would be made now."
