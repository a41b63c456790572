"""audit: read the whole pool, without a roster and without a write."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from uuid import uuid4

from migrate_mfa.domain.errors import ExitCode, UsageError
from migrate_mfa.domain.model import MfaMode
from migrate_mfa.engine.audit import DISABLED, FEDERATED, Audit, MfaKind, look_deeper, scan
from migrate_mfa.engine.scan import STARTS, BrokenListError
from migrate_mfa.invocation import Invocation, open_invocation
from migrate_mfa.journal.audit_store import AuditStore
from migrate_mfa.journal.database import Journal
from migrate_mfa.journal.log import configure
from migrate_mfa.journal.meta import RunMeta
from migrate_mfa.journal.run_dir import default_audit_dir
from migrate_mfa.ports import Progress
from migrate_mfa.reports.audit import coverage_dicts, coverage_table
from migrate_mfa.reports.command_results import AuditResult
from migrate_mfa.reports.summary import verified_share
from migrate_mfa.session import Session, connect, require_endpoint
from migrate_mfa.settings import Settings
from migrate_mfa.workflows.consent import Agree, agree_to_read


@contextmanager
def open_audit(settings: Settings, progress: Progress) -> Iterator["PoolAudit"]:
    """Open everything for one audit of a pool."""
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
        """The counts so far."""
        result = self.invocation.result
        return result if isinstance(result, AuditResult) else AuditResult()

    def look(self, agree: Agree) -> None:
        """Scan the pool, and record the users of its lists. If it ends early, they are those seen so far."""
        store = AuditStore(self.invocation.journal.database)
        try:
            _look(self.invocation, store, agree)
        finally:
            store.forget_unlisted()

    @property
    def share(self) -> float:
        """The percentage with a verified phone, once it has ended; 0 if no user was counted.

        An empty pool must not pass `--fail-under`: it is usually the wrong pool.
        """
        total = self.found.total or {}
        return verified_share(total) if any(total.values()) else 0.0

    def exit_code(self) -> ExitCode:
        """The exit code; known once it has ended."""
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


def _look(invocation: Invocation, store: AuditStore, agree: Agree) -> None:
    """Read the pool; the summary has the counts, even after a failure."""
    session, found = invocation.session, Audit()
    whole = False
    try:
        _scan(session, store, found)
        whole = True
        if session.settings.deep:
            agree_to_read(invocation, store.count_to_read(), agree)
            look_deeper(session.user_pool, store, found, progress=session.progress, stop=session.stop)
        invocation.complete = True
    finally:
        _sum_up(invocation, found, whole=whole)


def _scan(session: Session, store: AuditStore, found: Audit) -> None:
    """Read the list of users to its end. A list that breaks off is read again from the start.

    Raises:
        OutOfReach: it broke off `STARTS` times.
    """
    for start in range(1, STARTS + 1):
        try:
            scan(
                session.user_pool,
                store,
                found,
                deep=session.settings.deep,
                estimated=session.pool.estimated_users,
                progress=session.progress,
                stop=session.stop,
            )
        except BrokenListError as broken:
            if start == STARTS:
                raise broken.out_of_reach() from broken
            session.progress.say(f"The list of users broke off ({broken}). Reading it again from the start.")
        else:
            return


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
