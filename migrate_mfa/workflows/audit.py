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
from migrate_mfa.invocation import Agree, Pass, agree_to_read, open_pass
from migrate_mfa.journal.database import Journal
from migrate_mfa.journal.log import configure
from migrate_mfa.journal.meta import require_same
from migrate_mfa.journal.plan_store import PlanStore
from migrate_mfa.journal.run_dir import default_audit_dir
from migrate_mfa.ports import Progress
from migrate_mfa.reports.audit import coverage_dicts, coverage_table, write_users
from migrate_mfa.reports.summary import verified_share
from migrate_mfa.session import Connection, connect, require_endpoint
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
        connection = stack.enter_context(connect(settings, pool_id, progress))
        _require_depth(connection)
        one = stack.enter_context(
            open_pass(connection, directory, "audit", lambda journal: _bind(journal, connection), _state)
        )
        yield PoolAudit(one)


@dataclass(frozen=True, slots=True)
class PoolAudit:
    """One pass of `audit`."""

    one: Pass

    def look(self, agree: Agree) -> None:
        """Scan the pool, and write `unverified.csv`: of those seen, where something ends it early."""
        try:
            _look(self.one, agree)
        finally:
            self.one.plans.reset()

    @property
    def share(self) -> float:
        """The percentage with a verified phone, once it has ended; 0 where nobody was counted.

        A gate that nobody passes through must not open: an empty pool is mostly the wrong one.
        """
        total = self.one.summary["total"]
        return verified_share(total) if any(total.values()) else 0.0

    def exit_code(self) -> ExitCode:
        """How it ended, for a script; known once it has ended."""
        fail_under = self.one.connection.settings.fail_under
        if fail_under is not None and self.share < fail_under * 100:
            return self.one.exit_code(ExitCode.NOT_MET)
        return self.one.exit_code(ExitCode.DONE)


def _state(one: Pass) -> str:
    return "finished" if one.complete else "stopped"


def _bind(journal: Journal, connection: Connection) -> None:
    known = journal.meta()
    facts = {"account": connection.lane.account, "user_pool_id": connection.pool.id, "kind": "audit"}
    require_endpoint(known, connection.lane)
    require_same(known, facts)
    facts |= {"endpoint": connection.lane.endpoint}
    run_id = known.get("run_id", uuid4().hex)
    journal.set_meta(facts | {"run_id": run_id, "pool_name": connection.pool.name})


def _require_depth(connection: Connection) -> None:
    if connection.settings.deep and connection.pool.mfa is MfaMode.ON:
        raise UsageError(
            "--deep tells nothing in this pool: MFA is required, and Cognito need not list it per user.",
            "Leave --deep out; a verified phone is what counts here.",
        )


def _look(one: Pass, agree: Agree) -> None:
    """Read the pool; what was found so far is in the summary whatever happens."""
    connection, found = one.connection, Audit()
    ended: Exception | None = None
    try:
        for start in range(STARTS):
            if start:
                connection.progress.say(f"The list of users broke off ({ended}); it is read anew.")
            found = Audit()
            ended = _list(one, found)
            if not isinstance(ended, BrokenListError):
                break
        if ended is not None:
            raise ended.out_of_reach() if isinstance(ended, BrokenListError) else ended
        one.extra["list_complete"] = True
        if connection.settings.deep:
            _go_deep(one, one.plans, found, agree)
        one.complete = True
    finally:
        _sum_up(one, found)


def _list(one: Pass, found: Audit) -> Exception | None:
    """Scan the pool once, and write `unverified.csv` of whom it has shown. Returns what ended it early."""
    seen, ended = _scan(one.connection, found), _End()
    if one.connection.settings.deep:
        one.plans.reset()
        seen = _remember(one.plans, seen)
    lacking = (
        (user, coverage_of(user).value)
        for user in ended.kept_from(seen)
        if counts(user) and coverage_of(user) is not Coverage.VERIFIED
    )
    write_users(one.report / "unverified.csv", lacking)
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


def _scan(connection: Connection, found: Audit) -> Iterator[UserState]:
    estimated = connection.pool.estimated_users
    progress, stop = connection.progress, connection.stop
    return scan(connection.directory, found, progress=progress, stop=stop, estimated=estimated)


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


def _go_deep(one: Pass, store: PlanStore, found: Audit, agree: Agree) -> None:
    connection, total = one.connection, store.count_users()
    agree_to_read(one, total, agree)
    without = look_deeper(
        connection.directory,
        store.users,
        found,
        total=total,
        progress=connection.progress,
        stop=connection.stop,
    )
    write_users(one.report / "verified_without_mfa.csv", ((user, "no_mfa") for user in without))


_ASIDE = (DISABLED, FEDERATED)


def _sum_up(one: Pass, found: Audit) -> None:
    coverage, total = coverage_dicts(coverage_table(found.coverage), _ASIDE)
    one.reads_only = found.mfa.total()
    one.extra |= {
        "list_complete": one.extra.get("list_complete", False),
        "coverage": coverage,
        "total": total,
        "users": found.users,
        "estimated_users": one.connection.pool.estimated_users,
    }
    if found.mfa:
        one.extra["mfa"] = {kind.value: found.mfa[kind] for kind in MfaKind}
