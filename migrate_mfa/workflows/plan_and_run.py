"""plan, run and disable: a roster against a pool."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import structlog

from migrate_mfa.checks.preflight import (
    require_optional_mfa,
    require_password_recovery,
    require_policy,
    require_prices,
    require_sms_mfa,
)
from migrate_mfa.checks.snapshot import CheckScope
from migrate_mfa.cli.kept_pace import at_the_last_pace
from migrate_mfa.domain.decide import decide, decide_disable, decide_work
from migrate_mfa.domain.errors import ExitCode, InputUnusable, UsageError
from migrate_mfa.domain.forecast import Forecast
from migrate_mfa.domain.model import Decision, Policy, PoolFacts, UserState, VerificationPolicy
from migrate_mfa.domain.reasons import NEEDS_READING, Outcome, Reason
from migrate_mfa.domain.resolve import Naming
from migrate_mfa.domain.rows import PlannedBy, PlannedRow
from migrate_mfa.engine.limits import too_many
from migrate_mfa.engine.plan import Planner, count_lifted
from migrate_mfa.invocation import Invocation, open_invocation
from migrate_mfa.journal.database import Journal
from migrate_mfa.journal.log import configure
from migrate_mfa.journal.meta import planned_directory, require_same
from migrate_mfa.journal.plan_store import PlanStore
from migrate_mfa.journal.report_store import ReportStore
from migrate_mfa.journal.run_dir import default_run_dir
from migrate_mfa.journal.values import pool_to_json
from migrate_mfa.ports import Progress
from migrate_mfa.reports.overview import Overview
from migrate_mfa.roster.file import Roster, has_changed, open_roster
from migrate_mfa.session import connect, require_endpoint
from migrate_mfa.settings import Settings, policy_of
from migrate_mfa.workflows.sms_allowance import require_sms_allowance, sms_expected

NO_POOL = ("--user-pool-id is missing.", "It looks like ap-northeast-1_AbCdEfGhI.")
log = structlog.get_logger()
VERBS = (PlannedBy.RUN, PlannedBy.RECONCILE, PlannedBy.REPAIR)
"""What `run` carries out: its own plan, and what an interrupted reconcile left."""


class PlanAndRun:
    """One pass of `plan`, `run` or `disable`."""

    def __init__(self, invocation: Invocation, policy: Policy, roster: Roster | None) -> None:
        self.invocation = invocation
        self.session = invocation.session
        self._policy = policy
        self._roster = roster
        self._disables = invocation.command == "disable"
        self._verbs = (PlannedBy.DISABLE,) if self._disables else VERBS

    def prepare(self) -> None:
        """Have a plan: make one, go on with the one there is, or give the failed rows another chance.

        Raises:
            InputUnusable: a rollback of this run is unfinished, which must not be worked against.
        """
        if self.invocation.work.open_rows((PlannedBy.ROLLBACK,)):
            raise InputUnusable(
                f"A rollback of this run is unfinished in {self.invocation.journal.directory}.",
                f"Finish it first: migrate-mfa rollback --run-dir {self.invocation.journal.directory}",
            )
        if self.invocation.journal.meta().get("phase") != "planned":
            self.make_plan()
        elif self.invocation.plans.count_undecided() or self._is_over():
            self._decide_failed_again()

    def _is_over(self) -> bool:
        return not self.invocation.work.open_rows() and self.invocation.work.finished_before(
            self.invocation.command
        )

    def make_plan(self) -> None:
        """Decide every row of the roster, from nothing."""
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
            self.invocation.extra["forecast"] = forecast
            self.invocation.extra["shared_numbers"] = asdict(self.invocation.plans.shared_numbers())

    def _decide_failed_again(self) -> None:
        """After a finished run: rows that failed may have been mended in the pool since."""
        reopened = self.invocation.plans.reopen_failed()
        if reopened:
            planner = self._planner()
            planner.read_pool(reopened)
            planner.decide_all()
            self.session.progress.close()

    def forecast(self) -> Forecast:
        """What is left to do."""
        return self.invocation.forecast(self._verbs)

    def scope(self) -> CheckScope:
        """What is left to do, as `check` needs to know it."""
        ahead, settings = self.forecast(), self.session.settings
        return CheckScope(
            verb=self.invocation.command,
            verification=self._policy.verification,
            users=min(ahead.users, settings.limits.max_users or ahead.users),
            codes=ahead.sms,
            quota_share=settings.pace.quota_share,
            despite=self._policy.despite,
        )

    def overview(self) -> Overview:
        """The plan in numbers; what only the roster decides was counted when it was read."""
        store, meta = ReportStore(self.invocation.journal.database), self.invocation.journal.meta()
        return Overview(
            meta=meta,
            counts=store.counts(),
            planned=store.planned(),
            guesses=meta["guesses"],
            details=meta["frequent_details"],
            forecast=self.forecast(),
            shared=self.invocation.plans.shared_numbers(),
            rolled_back=self.invocation.work.rolled_back(),
        )

    def require_ready(self) -> None:
        """Refuse what must not be applied: a roster of which too much is unusable, too many SMS.

        A roster that was taken once is not judged again; one that was refused is, until it is taken.

        Raises:
            InputUnusable: too large a share of the rows failed when they were planned.
            SmsLimitExceeded: Cognito would send more than `--max-sms`.
            CostLimitExceeded: the work may cost more than `--max-cost`.
        """
        if not self.invocation.journal.meta().get("usable"):
            self._require_usable()
            self.invocation.journal.set_meta({"usable": True})
        self._require_trusts(self.session.pool)
        require_sms_allowance(self.invocation, self._verbs)
        self.invocation.require_affordable(self._verbs)

    def _require_trusts(self, pool: PoolFacts) -> None:
        """Refuse rows whose own word lowers their trust to what would do harm in the pool as it is now."""
        if not self._disables:
            trusts = {self._policy.for_row(each) for each in self.invocation.journal.meta()["vouchings"]}
            require_policy(pool, sorted(trusts))

    def _require_usable(self) -> None:
        counts = self.invocation.work.counts()
        failed, rows = counts.get(Outcome.FAILED, 0), sum(counts.values())
        if too_many(failed, rows, self.session.settings.limits.max_failures):
            raise InputUnusable(
                f"{failed:,} of {rows:,} rows cannot be used, more than --max-failures allows.",
                f"Correct them, see {self.invocation.report / 'failed.csv'}, or raise --max-failures.",
            )

    def dangers(self) -> list[str]:
        """What the operator takes on by a yes: a sentence each."""
        policy, told = self._policy, list[str]()
        if (shared := self.invocation.plans.shared_numbers()).numbers:
            told.append(f"of these, {shared}")
        lifted = count_lifted(self.invocation.plans, pool=self.session.pool, policy=policy)
        for reason in sorted(policy.despite):
            known = reason not in NEEDS_READING
            told.append(f"of these {lifted[reason]:,} despite {reason}" if known else _not_known(reason))
        if self._lets_mfa_meet_unproved_numbers():
            told.append("at-sign-in: a wrong number locks its user out, and only you can help then")
        return told

    def _lets_mfa_meet_unproved_numbers(self) -> bool:
        return not self._disables and self._policy.verification is VerificationPolicy.AT_SIGN_IN

    def apply(self) -> None:
        """Do the open rows."""
        self.invocation.apply(self._decide, self._verbs, self._refuse)

    def _refuse(self, pool: PoolFacts) -> None:
        """Refuse settings with which this command would not have begun."""
        require_pool(pool, self.invocation.command, self._policy)
        if not self._disables:
            self._require_trusts(pool)
            require_password_recovery(pool, self._policy.despite)

    def exit_code(self) -> ExitCode:
        """How this pass ended, for a script; known once it has ended."""
        failed = self.invocation.summary["counts"][Outcome.FAILED.value]
        return self.invocation.exit_code(ExitCode.SOME_FAILED if failed else ExitCode.DONE)

    def _decide(self, work: PlannedRow, state: UserState) -> Decision:
        return decide_work(work, state, pool=self.session.pool, policy=self._policy)

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
        meta = self.invocation.journal.meta()
        return Naming(
            phone_sign_in=self.session.pool.phone_sign_in,
            phone_country=meta.get("phone_country"),
            strict_e164=bool(meta.get("strict_e164")),
            columns=self._roster.used if self._roster else meta.get("roster_columns", {}),
        )


def _not_known(reason: Reason) -> str:
    return f"despite {reason}: how many is not known before each user is read"


@contextmanager
def open_plan_and_run(settings: Settings, command: str, progress: Progress) -> Iterator[PlanAndRun]:
    """Open everything for one pass of `plan`, `run` or `disable`."""
    with ExitStack() as stack:
        stack.enter_context(configure(None))
        roster = None
        if settings.roster is not None:
            roster = stack.enter_context(open_roster(settings.roster, settings.roster_options))
        directory = _run_dir(settings, roster, command)
        kind = "disable" if command == "disable" else "run"
        saved = planned_directory(directory, kind) if roster is None else {}
        pool_id = settings.user_pool_id or saved.get("user_pool_id")
        if pool_id is None:
            raise UsageError(*NO_POOL)
        policy = _policy(settings, saved)
        if saved and has_changed(saved.get("roster"), saved.get("roster_sha256")):
            progress.say(f"{saved['roster']} has changed since the plan: what was planned is done, not that.")
        settings = replace(settings, pace=at_the_last_pace(settings.pace, directory, command, progress.say))
        require_prices(settings.cost.max_cost, () if settings.prices.mau is not None else ("--mau-price",))
        session = stack.enter_context(connect(settings, pool_id, progress))
        require_pool(session.pool, command, policy)

        def bind(journal: Journal) -> None:
            facts = {"account": session.lane.account, "user_pool_id": pool_id}
            require_endpoint(journal.meta(), session.lane)
            _bind(journal, settings, roster, command, facts)
            lane = {"region": session.lane.region, "endpoint": session.lane.endpoint}
            journal.set_meta(lane | {"pool_name": session.pool.name})

        invocation = stack.enter_context(open_invocation(session, directory, command, bind))
        yield PlanAndRun(invocation, policy, roster)


def require_pool(pool: PoolFacts, command: str, policy: Policy) -> None:
    """Refuse a pool in which the command would have no effect, or an unwanted one.

    Raises:
        PoolNotReady: says what is in the way.
    """
    require_sms_mfa(pool)
    if command == "disable":
        require_optional_mfa(pool)
    else:
        require_policy(pool, [policy.verification])


def _run_dir(settings: Settings, roster: Roster | None, command: str) -> Path:
    if settings.run_dir is not None:
        return settings.run_dir
    if roster is None or settings.roster is None:
        hint = "Give a ROSTER and --user-pool-id, or the --run-dir of a plan."
        raise UsageError("There is nothing to work on.", hint)
    if settings.user_pool_id is None:
        raise UsageError(*NO_POOL)
    usual = default_run_dir(settings.user_pool_id, settings.roster, roster.sha256)
    return usual.with_name(f"{usual.name}-disable") if command == "disable" else usual


def _policy(settings: Settings, saved: Mapping[str, Any]) -> Policy:
    if saved:
        require_same(saved, settings.stated())
        return policy_of(saved)
    return settings.need_policy()


def _bind(
    journal: Journal, settings: Settings, roster: Roster | None, command: str, facts: dict[str, Any]
) -> None:
    """Tie the directory to the account and pool, to the roster, and to the options that decide."""
    known = journal.meta()
    if known.get("phase") == "purged":
        raise InputUnusable(
            f"{journal.directory} was purged: what this roster's run did is not known there any more.",
            "Give another --run-dir for a new run; users who are done are seen as such.",
        )
    kind = "disable" if command == "disable" else "run"
    facts |= {"kind": kind}
    if roster is not None:
        facts |= {"roster_sha256": roster.sha256}
    require_same(known, facts, roster=settings.roster)
    if command == "plan" and PlanStore(journal.database).has_writes():
        raise InputUnusable(
            f"{journal.directory} has writes already; a new plan would forget them.",
            "Use `run` to go on, or give another --run-dir.",
        )
    if roster is not None:
        options = settings.decisive()
        if command != "plan" and known.get("phase") == "planned":
            require_same(known, options)
        facts |= options | {"columns": list(roster.columns), "roster": settings.roster}
    journal.set_meta(facts | {"run_id": known.get("run_id", uuid4().hex)})
