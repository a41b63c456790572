"""audit: the whole pool, without a roster and without a write."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from uuid import uuid4

from migrate_mfa.domain.errors import ExitCode, MigrateMfaError, UsageError
from migrate_mfa.domain.model import MfaMode, UserState
from migrate_mfa.engine.audit import (
    DISABLED,
    FEDERATED,
    Audit,
    Coverage,
    MfaKind,
    counts,
    coverage_of,
    look_deeper,
    scan,
)
from migrate_mfa.engine.plan import BATCH
from migrate_mfa.engine.scan import STARTS, BrokenListError
from migrate_mfa.invocation import Agree, Invocation, agree_to_read, open_invocation
from migrate_mfa.journal.database import Journal
from migrate_mfa.journal.log import configure
from migrate_mfa.journal.meta import RunMeta
from migrate_mfa.journal.plan_store import PlanStore
from migrate_mfa.journal.run_dir import default_audit_dir
from migrate_mfa.ports import Progress
from migrate_mfa.reports.audit import coverage_dicts, coverage_table, write_users
from migrate_mfa.reports.results import AuditResult
from migrate_mfa.reports.summary import verified_share
from migrate_mfa.session import Session, connect, require_endpoint
from migrate_mfa.settings import Settings
from migrate_mfa.stop import Stopped


@contextmanager
def open_audit(settings: Settings, progress: Progress) -> Iterator["PoolAudit"]:
    """Open everything for one look at a whole pool."""
    pool_id = settings.user_pool_id
    if pool_id is None:
        raise UsageError("--user-pool-id is missing.", "It looks like ap-northeast-1_AbCdEfGhI.")
    directory = settings.run_dir or default_audit_dir(pool_id)
    with ExitStack() as stack:
        stack.enter_context(configure(None))
        session = stack.enter_context(connect(settings, pool_id, progress))
        _require_depth(session)
        invocation = stack.enter_context(
            open_invocation(session, directory, "audit", lambda journal: _bind(journal, session), _state)
        )
        yield PoolAudit(invocation)


@dataclass(frozen=True, slots=True)
class PoolAudit:
    """One pass of `audit`."""

    invocation: Invocation

    @property
    def found(self) -> AuditResult:
        """What it has found so far."""
        result = self.invocation.result
        return result if isinstance(result, AuditResult) else AuditResult()

    def look(self, agree: Agree) -> None:
        """Scan the pool, and write `unverified.csv`: of those seen, where something ends it early."""
        try:
            _look(self.invocation, agree)
        finally:
            self.invocation.plans.reset()

    @property
    def share(self) -> float:
        """The percentage with a verified phone, once it has ended; 0 where nobody was counted.

        A gate that nobody passes through must not open: an empty pool is mostly the wrong one.
        """
        total = self.found.total or {}
        return verified_share(total) if any(total.values()) else 0.0

    def exit_code(self) -> ExitCode:
        """How it ended, for a script; known once it has ended."""
        fail_under = self.invocation.session.settings.fail_under
        if fail_under is not None and self.share < fail_under * 100:
            return self.invocation.exit_code(ExitCode.NOT_MET)
        return self.invocation.exit_code(ExitCode.DONE)


def _state(invocation: Invocation) -> str:
    return "finished" if invocation.complete else "stopped"


def _bind(journal: Journal, session: Session) -> None:
    known, lane, pool = RunMeta.read(journal), session.lane, session.pool
    require_endpoint(known.endpoint, lane)
    known.fits(kind="audit", account=lane.account, user_pool_id=pool.id)
    journal.set_meta(
        {
            "kind": "audit",
            "account": lane.account,
            "user_pool_id": pool.id,
            "endpoint": lane.endpoint,
            "run_id": known.run_id or uuid4().hex,
            "pool_name": pool.name,
        }
    )


def _require_depth(session: Session) -> None:
    if session.settings.deep and session.pool.mfa is MfaMode.ON:
        raise UsageError(
            "--deep has no use in this pool: MFA is required, and Cognito may not list it for each user.",
            "Leave --deep out. In this pool a verified phone is what counts.",
        )


def _look(invocation: Invocation, agree: Agree) -> None:
    """Read the pool; the summary has what was found, even after a failure."""
    session, found = invocation.session, Audit()
    ended: Exception | None = None
    whole = False
    try:
        for start in range(STARTS):
            if start:
                session.progress.say(
                    f"The list of users broke off ({ended}). Reading it again from the start."
                )
            found = Audit()
            ended = _list(invocation, found)
            if not isinstance(ended, BrokenListError):
                break
        if ended is not None:
            raise ended.out_of_reach() if isinstance(ended, BrokenListError) else ended
        whole = True
        if session.settings.deep:
            _go_deep(invocation, invocation.plans, found, agree)
        invocation.complete = True
    finally:
        _sum_up(invocation, found, whole=whole)


def _list(invocation: Invocation, found: Audit) -> Exception | None:
    """Scan the pool once, and write `unverified.csv` of whom it has shown. Returns what ended it early."""
    seen, ended = _scan(invocation.session, found), _End()
    if invocation.session.settings.deep:
        invocation.plans.reset()
        seen = _remember(invocation.plans, seen)
    lacking = (
        (user, coverage_of(user).value)
        for user in ended.kept_from(seen)
        if counts(user) and coverage_of(user) is not Coverage.VERIFIED
    )
    write_users(invocation.report / "unverified.csv", lacking)
    return ended.error


class _End:
    """What ended a scan early, held back until whom it has seen is in the report."""

    def __init__(self) -> None:
        self.error: Exception | None = None

    def kept_from(self, users: Iterator[UserState]) -> Iterator[UserState]:
        try:
            yield from users
        except (BrokenListError, MigrateMfaError, Stopped) as error:
            self.error = error


def _scan(session: Session, found: Audit) -> Iterator[UserState]:
    estimated = session.pool.estimated_users
    progress, stop = session.progress, session.stop
    return scan(session.user_pool, found, progress=progress, stop=stop, estimated=estimated)


def _remember(store: PlanStore, users: Iterator[UserState]) -> Iterator[UserState]:
    """Keep whom the deep look will read; forgotten when the audit ends."""
    batch: list[UserState] = []
    for user in users:
        if counts(user) and coverage_of(user) is Coverage.VERIFIED:
            batch.append(user)
        if len(batch) == BATCH:
            store.add_users(batch)
            batch.clear()
        yield user
    store.add_users(batch)
    store.index_users()


def _go_deep(invocation: Invocation, store: PlanStore, found: Audit, agree: Agree) -> None:
    session, total = invocation.session, store.count_users()
    agree_to_read(invocation, total, agree)
    without = look_deeper(
        session.user_pool,
        store.users,
        found,
        total=total,
        progress=session.progress,
        stop=session.stop,
    )
    write_users(invocation.report / "verified_without_mfa.csv", ((user, "no_mfa") for user in without))


_ASIDE = (DISABLED, FEDERATED)


def _sum_up(invocation: Invocation, found: Audit, *, whole: bool) -> None:
    coverage, total = coverage_dicts(coverage_table(found.coverage), _ASIDE)
    invocation.reads_only = found.mfa.total()
    invocation.result = AuditResult(
        list_complete=whole,
        coverage=coverage,
        total=total,
        users=found.users,
        estimated_users=invocation.session.pool.estimated_users,
        mfa={kind.value: found.mfa[kind] for kind in MfaKind} if found.mfa else None,
    )
