"""plan: decide what would happen to every row of a roster."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict

import structlog

from migrate_mfa.checks.preflight import (
    require_policy,
)
from migrate_mfa.domain.decide import decide, decide_disable
from migrate_mfa.domain.errors import InputUnusable, UsageError
from migrate_mfa.domain.forecast import Forecast
from migrate_mfa.domain.model import Policy, PoolFacts
from migrate_mfa.domain.reasons import Outcome
from migrate_mfa.domain.resolve import Naming
from migrate_mfa.domain.rows import PlannedBy
from migrate_mfa.engine.limits import too_many
from migrate_mfa.engine.plan import Planner
from migrate_mfa.invocation import Invocation
from migrate_mfa.journal.report_store import ReportStore
from migrate_mfa.journal.run_dir import shown
from migrate_mfa.journal.values import pool_to_json
from migrate_mfa.ports import Progress
from migrate_mfa.reports.command_results import PlanResult
from migrate_mfa.reports.overview import Overview
from migrate_mfa.roster.file import Roster
from migrate_mfa.settings import Settings
from migrate_mfa.workflows.roster_run import open_roster_run
from migrate_mfa.workflows.sms_allowance import require_sms_allowance, sms_expected

log = structlog.get_logger()
VERBS = (PlannedBy.RUN, PlannedBy.RECONCILE, PlannedBy.REPAIR)
"""The rows that `run` does: those of its own plan, and those that an interrupted reconcile left."""


@contextmanager
def open_planning(settings: Settings, progress: Progress) -> Iterator["Planning"]:
    """Open everything for one pass of `plan`; raises like `open_roster_run`."""
    with open_roster_run(settings, "plan", progress) as run:
        yield Planning(run.invocation, run.policy, run.roster)


class Planning:
    """A plan being made, and its forecast."""

    def __init__(self, invocation: Invocation, policy: Policy, roster: Roster | None) -> None:
        self.invocation = invocation
        self.session = invocation.session
        self._policy = policy
        self._roster = roster
        self._disables = invocation.command == "disable"
        self._verbs = (PlannedBy.DISABLE,) if self._disables else VERBS

    def make_plan(self) -> None:
        """Decide every row of the roster, without using an earlier plan."""
        plans, roster, journal = self.invocation.plans, self._roster, self.invocation.journal
        if roster is None:
            raise UsageError("There is no roster to plan.", "Give a ROSTER.")
        journal.set_meta({"phase": "planning", "usable": False})
        plans.reset()
        planner = self._planner()
        rows = planner.ingest(roster)
        claims_made = sorted(plans.claims_made(), key=str)
        journal.set_meta(
            {
                "vouchings": claims_made,
                "roster_columns": dict(roster.used),
                "roster_column_labels": dict(roster.labels),
                "roster_column_notes": list(roster.notes),
            }
        )
        log.info("columns", columns=[f"{kind}: {label}" for kind, label in roster.labels.items()])
        self._require_trusts(self.session.pool)
        reading = planner.read_pool(rows)
        planner.decide_all()
        report = ReportStore(journal.database)
        journal.set_meta(
            {
                "phase": "planned",
                "planned_at": self.session.clock.now(),
                "guesses": report.guesses(),
                "frequent_details": report.frequent_details(),
                "reading": reading.why,
                "roster_lines": roster.lines,
                "roster_records": roster.record_count,
                "roster_multi_line_records": roster.multi_line_records,
                "roster_encoding": roster.encoding,
                "roster_encoding_guessed": roster.guessed_encoding,
                "pool_facts": pool_to_json(self.session.pool),
                "enforced_limits": dict(self.session.limits),
                "sms_expected": sms_expected(self.invocation, self._verbs),
            }
        )
        self.session.progress.close()
        forecast = self.forecast().as_dict()
        journal.set_meta({"forecast": forecast})
        if self.invocation.command == "plan":
            self.invocation.result = PlanResult(
                forecast=forecast,
                shared_numbers=asdict(self.invocation.plans.shared_numbers()),
            )

    def _decide_failed_again(self) -> None:
        """After a finished run, decide failed rows again: the pool may have been corrected since."""
        reopened = self.invocation.plans.reopen_failed()
        if reopened:
            planner = self._planner()
            planner.read_pool(reopened)
            planner.decide_all()
            self.session.progress.close()

    def forecast(self) -> Forecast:
        """The remaining work."""
        return self.invocation.forecast(self._verbs)

    def overview(self) -> Overview:
        """The plan in numbers; guesses and similar facts were counted when the roster was read."""
        store, meta = ReportStore(self.invocation.journal.database), self.invocation.meta()
        return Overview(
            meta=meta,
            counts=store.counts(),
            planned=store.planned(),
            guesses=meta.guesses,
            details=meta.frequent_details,
            forecast=self.forecast(),
            shared=self.invocation.plans.shared_numbers(),
            rolled_back=self.invocation.work.rolled_back(),
        )

    def require_ready(self) -> None:
        """Refuse a plan that must not be applied: too many unusable rows, too many SMS, too high a cost.

        A roster that was accepted once is not checked again; a refused one is checked until it is accepted.

        Raises:
            InputUnusable: too large a share of the rows failed when they were planned.
            SmsLimitExceeded: Cognito would send more SMS than `--max-sms`.
            CostLimitExceeded: the work may cost more than `--max-cost`.
        """
        if not self.invocation.meta().usable:
            self._require_usable()
            self.invocation.journal.set_meta({"usable": True})
        self._require_trusts(self.session.pool)
        require_sms_allowance(self.invocation, self._verbs)
        self.invocation.require_affordable(self._verbs)

    def _require_trusts(self, pool: PoolFacts) -> None:
        """Refuse rows whose `phone_number_verified` means a policy that would do harm in the present pool."""
        if not self._disables:
            made = self.invocation.meta().claims_made
            claims = self.invocation.plans.claims_made() if made is None else made
            trusts = {self._policy.for_row(each) for each in claims}
            require_policy(pool, sorted(trusts))

    def _require_usable(self) -> None:
        counts = self.invocation.work.counts()
        failed, rows = counts.get(Outcome.FAILED, 0), sum(counts.values())
        if too_many(failed, rows, self.session.settings.limits.max_failures):
            raise InputUnusable(
                f"{failed:,} of {rows:,} rows cannot be used, more than --max-failures allows.",
                "The table above says what to do for each reason. The rows are in this file:\n"
                f"  {shown(self.invocation.report / 'failed.csv')}\n"
                "To plan the others all the same, raise --max-failures.",
            )

    def _planner(self) -> Planner:
        session = self.session
        return Planner(
            self.invocation.plans,
            session.user_pool,
            pool=session.pool,
            policy=self._policy,
            clock=session.clock,
            progress=session.progress,
            stop=session.stop,
            decide=decide_disable if self._disables else decide,
            verb=PlannedBy.DISABLE if self._disables else PlannedBy.RUN,
            naming=self._naming(),
            may_find_nobody=session.settings.limits.max_failures >= 1,
        )

    def _naming(self) -> Naming:
        meta = self.invocation.meta()
        country = meta.options.get("phone_country")
        return Naming(
            phone_sign_in=self.session.pool.phone_sign_in,
            phone_country=None if country is None else str(country),
            strict_e164=bool(meta.options.get("strict_e164")),
            columns=self._roster.used if self._roster else meta.roster_read.columns,
        )
