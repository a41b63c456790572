"""check: the findings, for the command and for the start of a run. Takes no lock and writes nothing."""

from dataclasses import dataclass, replace
from pathlib import Path

from migrate_mfa.aws.session import Aws
from migrate_mfa.checks.findings import Finding, failures
from migrate_mfa.checks.findings_report import document
from migrate_mfa.checks.permissions import PERMISSIONS
from migrate_mfa.checks.pool import not_there
from migrate_mfa.checks.rules import examine
from migrate_mfa.checks.snapshot import CheckScope, PoolSnapshot
from migrate_mfa.checks.take_snapshot import SnapshotTaker
from migrate_mfa.clock import SystemClock
from migrate_mfa.domain.errors import ExitCode, InputUnusable, UsageError
from migrate_mfa.domain.failure import ApiError
from migrate_mfa.domain.forecast import Forecast, Rate, forecast
from migrate_mfa.domain.quotas import QUOTAS, Lane, ceiling
from migrate_mfa.journal.database import Journal
from migrate_mfa.journal.meta import RunMeta
from migrate_mfa.journal.plan_store import PlanStore
from migrate_mfa.journal.run_dir import shown
from migrate_mfa.journal.schema import COUNTS_COUNTRIES
from migrate_mfa.journal.write_store import WorkStore
from migrate_mfa.pacing.retry import IMPATIENT
from migrate_mfa.ports import ProgressUpdate
from migrate_mfa.session import Session, call_or_exit, problem_of, require_endpoint
from migrate_mfa.settings import Settings
from migrate_mfa.stop import SIGNAL_EXITS, Stop, StopCause, Stopped, on_signals
from migrate_mfa.workflows.plan import VERBS
from migrate_mfa.workflows.roster_run import NO_POOL

_NOT_A_POOL = frozenset({"ResourceNotFoundException", "OperationNotEnabledException"})


@dataclass(frozen=True, slots=True)
class Checked:
    """The findings, the same as JSON, the forecast of the plan if there is one, and the exit code."""

    findings: list[Finding]
    document: dict[str, object]
    exit_code: ExitCode
    forecast: Forecast | None = None


def check(settings: Settings, verb: str) -> Checked:
    """Check a pool and its surroundings.

    Raises:
        UsageError: there is no pool, or no such command.
        NotAllowed: the pool may not be described.
        OutOfReach: AWS does not answer.
    """
    if verb not in PERMISSIONS:
        raise UsageError(f"--verb {verb!r} is not known.", f"It takes one of: {', '.join(PERMISSIONS)}.")
    scope = CheckScope(
        verb=verb,
        verification=settings.policy.verification if settings.policy else None,
        quota_share=settings.pace.quota_share,
    )
    plan = _saved_plan(settings, settings.run_dir) if settings.run_dir is not None else None
    pool_id = plan.meta.user_pool_id if plan else settings.user_pool_id
    if pool_id is None:
        raise UsageError(*NO_POOL)
    if plan:
        scope = plan.scope(scope)
    stop = Stop()
    with on_signals(stop):
        try:
            return _check(settings, Aws(settings.target(pool_id)), scope, plan, stop)
        except Stopped:
            return Checked([], {}, SIGNAL_EXITS.get(stop.cause or StopCause.SIGINT, ExitCode.SIGINT))


def _check(settings: Settings, aws: Aws, scope: CheckScope, plan: "_SavedPlan | None", stop: Stop) -> Checked:
    clock = SystemClock()
    identity = call_or_exit(aws.identity, clock, stop, connects=IMPATIENT)
    if plan is not None:
        require_endpoint(plan.meta.endpoint, Lane(aws.endpoint, identity.account, aws.region))
    pool_id = name = aws.target.user_pool_id
    ahead = None
    try:
        snapshot = SnapshotTaker(aws, identity, clock, stop).take_snapshot(scope, thorough=True)
        if plan is not None:
            ahead = plan.forecast(settings, snapshot, clock.now())
            snapshot = replace(snapshot, scope=replace(scope, sms_cost=ahead.sms_cost))
        findings, name = examine(snapshot), snapshot.facts.name
    except ApiError as error:
        if error.code not in _NOT_A_POOL:
            raise problem_of(error) from error
        findings = [not_there(error.code)]
    stop.check()
    where = {"account": identity.account, "region": aws.region, "pool": pool_id, "pool_name": name}
    code = ExitCode.POOL_NOT_READY if failures(findings) else ExitCode.DONE
    plain = document(findings, where, scope) | ({"forecast": ahead.as_dict()} if ahead else {})
    return Checked(findings, plain, code, ahead)


@dataclass(frozen=True, slots=True)
class _SavedPlan:
    """The facts of a run directory, and the remaining work of its plan."""

    meta: RunMeta
    users: int
    steps: dict[str, int]
    by_country: dict[str, tuple[int, int]]

    def scope(self, scope: CheckScope) -> CheckScope:
        """The scope with the plan's policy and its expected numbers of users and SMS."""
        policy = self.meta.policy
        return replace(
            scope,
            verification=policy.verification,
            despite=policy.despite,
            users=self.users or None,
            codes=self.meta.sms_expected,
        )

    def forecast(self, settings: Settings, snapshot: PoolSnapshot, now: float) -> Forecast:
        """The forecast of the open rows, with the present pool and quotas."""
        enforced = {use.category: use.enforced for use in snapshot.quotas}
        limits = {category: enforced.get(category) or quota.default_rps for category, quota in QUOTAS.items()}
        return forecast(
            users=self.users,
            steps=self.steps,
            pool=snapshot.facts,
            rates={each: Rate(rps, ceiling(rps, settings.pace.quota_share)) for each, rps in limits.items()},
            now=now,
            by_country=self.by_country,
            prices=settings.prices,
        )


def _saved_plan(settings: Settings, directory: Path) -> _SavedPlan:
    """Read a plan.

    Raises:
        InputUnusable: the directory has no plan, or one for another pool, or an older version made it.
    """
    with Journal.look_at(directory) as journal:
        meta = RunMeta.read(journal).require_planned()
        meta.fits(user_pool_id=settings.user_pool_id, options=settings.stated())
        if journal.database.value("PRAGMA user_version") < COUNTS_COUNTRIES:
            raise InputUnusable(
                f"{shown(directory)} was made by an older version, which did not count messages by country.",
                "Plan it again, or continue with run. Both bring it up to date.",
            )
        plans = PlanStore(journal.database)
        return _SavedPlan(
            meta=meta,
            users=WorkStore(journal.database, 0).open_rows(VERBS),
            steps=plans.planned_steps(VERBS),
            by_country=plans.planned_countries(VERBS),
        )


def check_before(session: Session, scope: CheckScope) -> list[Finding]:
    """The findings for the start of a run: without app clients and the use of the quotas.

    Raises:
        MigrateMfaError: the pool can no longer be described.
        Stopped: a signal came.
    """
    aws, clock, stop = session.aws, session.clock, session.stop
    session.progress.show(ProgressUpdate(stage="checking the pool"))
    identity = call_or_exit(aws.identity, clock, stop)
    try:
        findings = examine(SnapshotTaker(aws, identity, clock, stop).take_snapshot(scope, thorough=False))
    except ApiError as error:
        raise problem_of(error) from error
    session.progress.close()
    return findings
