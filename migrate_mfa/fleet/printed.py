"""The output of a fleet on the terminal: the lanes before it begins, and the states of its targets."""

import json
from collections.abc import Sequence

from migrate_mfa.cli.streams import write
from migrate_mfa.domain.formatting import counted, duration
from migrate_mfa.fleet.document import Line, in_words, states, summary_of, total
from migrate_mfa.fleet.unit import Unit

_MOST_SHOWN = 40


def show(lines: Sequence[Line], *, in_json: bool) -> None:
    """Print the states of the targets."""
    if in_json:
        write(json.dumps(summary_of(lines), ensure_ascii=False, indent=2))
        return
    for each in lines:
        write(shown(each))
    write("")
    write(in_words(states(lines)))
    if counts := total(lines):
        rows = ", ".join(f"{name} {number:,}" for name, number in counts.items() if number)
        unknown = sum(not each.standing.counts for each in lines)
        write(f"rows: {rows}" + (f", and those of {counted(unknown, 'other target')}" if unknown else ""))


def shown(line: Line) -> str:
    """The state of one target, on a line."""
    standing = line.standing
    code = "" if standing.exit_code is None else f"exit {standing.exit_code}"
    counts = ", ".join(f"{name} {number:,}" for name, number in standing.counts.items() if number)
    progress = standing.progress
    if progress is not None and progress.done is not None:
        of = f" of {progress.total:,}" if progress.total is not None else ""
        counts = f"{progress.done:,}{of} done"
    renewed = progress.renewed_s if progress is not None else None
    age = "" if renewed is None else f"lease renewed {duration(renewed)} ago"
    facts = [standing.verb, standing.state.words, code, counts, age, standing.error]
    return f"{line.name}: " + "; ".join(each for each in facts if each)


def table(verb: str, units: Sequence[Unit], run_dir: str) -> str:
    """The lanes and their targets, before the question."""
    targets = sum(len(each.jobs) for each in units)
    rows = [f"  {each.lane}: {', '.join(job.name for job in each.jobs)}" for each in units[:_MOST_SHOWN]]
    if len(units) > _MOST_SHOWN:
        rows.append(f"  and {len(units) - _MOST_SHOWN:,} more lanes")
    head = f"{verb} of {counted(targets, 'target')} in {counted(len(units), 'lane')}, into {run_dir}"
    return "\n".join([head, *rows])
