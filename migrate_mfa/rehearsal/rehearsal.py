"""The rehearsal of a plan: a similar simulated pool, and the expected time of the run."""

import shlex
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from textwrap import wrap
from typing import Any

from migrate_mfa.cli.option_groups import Pace
from migrate_mfa.cli.prompt import tell
from migrate_mfa.clock import SystemClock
from migrate_mfa.domain.errors import InputUnusable, RunDirectoryError
from migrate_mfa.domain.forecast import Forecast, Rate, forecast
from migrate_mfa.domain.formatting import counted, duration
from migrate_mfa.domain.model import PhoneConflict, PoolFacts
from migrate_mfa.domain.quotas import PACED, QUOTAS, Category, ceiling
from migrate_mfa.domain.reasons import Outcome
from migrate_mfa.engine.limits import Limits, too_many
from migrate_mfa.journal.database import Journal
from migrate_mfa.journal.meta import KeptPace, RunMeta, planned_directory
from migrate_mfa.journal.plan_store import PlanStore
from migrate_mfa.journal.report_store import ReportStore
from migrate_mfa.journal.values import pool_from_json
from migrate_mfa.rehearsal.pool_and_roster import PoolAndRoster, write_pool_and_roster
from migrate_mfa.simulator.server.service import Service
from migrate_mfa.simulator.server.serving import Serving, announce, serve

SHARE = Pace().quota_share
MACHINE_RPS = 400
"""Calls per second that the tool and the simulator reach together on two cores (a measurement)."""
_WIDTH = 80


def rehearse(directory: Path, serving: Serving) -> int:
    """Serve a pool like that of a plan until the simulator is stopped.

    Args:
        directory: the run directory of the plan.
        serving: the server's options; the pool file is made here.

    Returns:
        The simulator's exit code.

    Raises:
        InputUnusable: the run directory has no plan of a run.
        RunDirectoryError: nothing can be written there.
    """
    rehearsal = _prepare(directory)
    code = serve(replace(serving, pool_file=rehearsal.made.pool_file), rehearsal.begin)
    rehearsal.end()
    return code


def _prepare(directory: Path) -> "_Rehearsal":
    meta = planned_directory(directory)
    if meta.kind != "run" or meta.pool_facts is None:
        raise InputUnusable(f"{directory} holds no plan of a run.", "--like takes the directory of `plan`.")
    facts = pool_from_json(meta.pool_facts)
    with Journal.look_at(directory) as journal:
        try:
            made = write_pool_and_roster(journal, facts)
        except OSError as error:
            raise RunDirectoryError(
                f"{directory} cannot be written to ({error.strerror}).",
                "The rehearsal's roster goes there; give a copy of the directory.",
            ) from error
        limits = {category: quota.default_rps for category, quota in QUOTAS.items()}
        limits |= {Category(name): rate for name, rate in meta.enforced_limits.items()}
        share = _pace(meta).quota_share
        rates = {category: Rate(limit, ceiling(limit, share)) for category, limit in limits.items()}
        options = options_of(meta, ReportStore(journal.database).counts(), made.rows)
        return _Rehearsal(made, options, rates, _forecast(journal, facts, rates), share)


def _pace(meta: RunMeta) -> KeptPace:
    """The pace of the last run, or of the plan."""
    return meta.paces.get("run") or meta.paces.get("plan") or KeptPace(SHARE, {})


def options_of(meta: RunMeta, counts: Sequence[tuple[str, str, int]], rows: int) -> list[str]:
    """The options with which `run` decides like the plan and has the same limits."""
    policy = meta.policy
    options = ["--verification", policy.verification.value]
    if policy.phone_conflict is not PhoneConflict.FAIL:
        options += ["--phone-conflict", policy.phone_conflict.value]
    options += [part for reason in sorted(policy.despite) for part in ("--despite", reason.value)]
    failed = sum(number for outcome, _, number in counts if outcome == Outcome.FAILED)
    if too_many(failed, rows, Limits().max_failures):
        options += ["--max-failures", f"{min(100, 100 * failed // rows + 1)}%"]
    if meta.sms_expected:
        options += ["--max-sms", str(meta.sms_expected)]
    pace = _pace(meta)
    if pace.quota_share != SHARE:
        options += ["--quota-share", f"{pace.quota_share:g}"]
    for category, rate in pace.max_rps.items():
        options += ["--max-rps", f"{category}={rate:g}"]
    return options


def _forecast(journal: Journal, facts: PoolFacts, rates: Mapping[Category, Rate]) -> Forecast | None:
    """The forecast against AWS; None once the run has begun: the journal then has only the rest."""
    plans = PlanStore(journal.database)
    if plans.has_writes():
        return None
    users = sum(ReportStore(journal.database).planned().values())
    return forecast(
        users=users, steps=plans.planned_steps(), pool=facts, rates=rates, now=SystemClock().now()
    )


@dataclass(slots=True)
class _Rehearsal:
    """The messages when the pool is ready, and at the end."""

    made: PoolAndRoster
    options: list[str]
    rates: Mapping[Category, Rate]
    forecast: Forecast | None
    share: float = SHARE
    calls: Counter[tuple[str, str, str]] = field(default_factory=Counter)

    def begin(self, service: Service, ready: Mapping[str, Any]) -> None:
        """Print the ready line with roster and command (JSON only for scripts), and what to expect."""
        self.calls = service.ledger.counts
        made, speed = self.made, service.world.time.speed
        command = ["migrate-mfa", "run", str(made.roster), "--user-pool-id", made.pool_id]
        command += ["--endpoint-url", ready["endpoint"], *self.options, "--yes"]
        if not sys.stdout.isatty():
            announce(service, {**ready, "roster": str(made.roster), "command": shlex.join(command)})
        _tell(
            f"A rehearsal: {counted(made.rows, 'row')}, {counted(made.users, 'user')} of the "
            f"roster and {counted(made.other_users, 'other')}, none of them real. Quotas are enforced."
        )
        if self.forecast is not None and self.forecast.users:
            _tell(expectation(self.forecast, speed, self.share))
        tell("In a second terminal, in this directory, with any credentials:\n")
        tell(_wrapped(command))

    def end(self) -> None:
        """Print how many calls there were, and how long they would take against AWS."""
        sent = Counter[str]()
        throttled = Counter[str]()
        for (category, _, code), number in self.calls.items():
            sent[category] += number
            throttled[category] += number if code == "TooManyRequestsException" else 0
        tell("\nThe rehearsal's calls:")
        for category in PACED:
            tell(f"  {category:<20}{sent[category]:>12,}  {throttled[category]:,} throttled")
        seconds = {category: sent[category] / self.rates[category].ceiling for category in PACED}
        reading = seconds.pop(Category.USER_LIST)
        alone = duration(reading + max(seconds.values()))
        _tell(f"Against AWS, they take about {alone} at --quota-share {self.share:g} without other traffic.")


def expectation(ahead: Forecast, speed: float, share: float = SHARE) -> str:
    """How long the writes take against AWS and here, and whether machine or quota is the limit."""
    text = f"Against AWS the run takes about {duration(ahead.seconds)} at --quota-share {share:g}."
    calls = sum(ahead.calls.values())
    most = MACHINE_RPS / (calls / ahead.seconds)
    if speed <= most:
        return f"{text} Here, {speed:g} times faster, it takes {duration(ahead.seconds / speed)}."
    text += (
        f" Here the machine is the limit, not the quotas: with some {MACHINE_RPS} calls a second it takes "
        f"about {duration(calls / MACHINE_RPS)}."
    )
    return f"{text} With --speed {int(most)} the quotas are the limit." if most >= 1 else text


def _tell(text: str) -> None:
    tell("\n".join(wrap(text, _WIDTH, break_long_words=False, break_on_hyphens=False)))


def _wrapped(command: Sequence[str]) -> str:
    """A shell command: one line for program and verb, one for the argument, one for each option."""
    program, verb, argument, *rest = map(shlex.quote, command)
    options = f" {' '.join(rest)}".split(" --")[1:]
    return " \\\n    ".join([f"  {program} {verb}", argument, *(f"--{option}" for option in options)])
