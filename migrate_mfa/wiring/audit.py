"""audit: the whole pool, without a roster and without a write."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

from migrate_mfa.adapters.journal import Journal
from migrate_mfa.adapters.logs import configure
from migrate_mfa.adapters.plan_store import PlanStore
from migrate_mfa.adapters.run_directory import default_audit_dir, require_same
from migrate_mfa.domain.errors import ExitCode, UsageError
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
from migrate_mfa.engine.stop import SIGNAL_EXITS, StopCause
from migrate_mfa.ports import Progress
from migrate_mfa.reports.audit import coverage_dicts, coverage_table, verified_share, write_users
from migrate_mfa.settings import Settings
from migrate_mfa.wiring.lane import Connection, connect
from migrate_mfa.wiring.passes import Pass, open_pass

Agree = Callable[[Connection, int], None]
"""Asks the operator whether so many users may become billed; raises when not."""


@dataclass(frozen=True, slots=True)
class AuditResult:
    """The summary, where the report is, and what interrupted the audit, if anything did."""

    summary: dict[str, Any]
    directory: Path
    exit_code: ExitCode


def audit(settings: Settings, progress: Progress, agree: Agree) -> AuditResult:
    """Scan the pool, write `unverified.csv` and the summary."""
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
        try:
            _look(one, agree)
        finally:
            one.plans.reset()
    cause = connection.stop.cause
    return AuditResult(one.summary, one.report, _exit_code(cause, one.summary, settings.fail_under))


def _state(one: Pass) -> str:
    return "finished" if one.complete else "stopped"


def _exit_code(cause: StopCause | None, summary: dict[str, Any], fail_under: float | None) -> ExitCode:
    if cause in SIGNAL_EXITS:
        return SIGNAL_EXITS[cause]
    if fail_under is not None and verified_share(summary["total"]) < fail_under * 100:
        return ExitCode.NOT_MET
    return ExitCode.DONE


def _bind(journal: Journal, connection: Connection) -> None:
    known = journal.meta()
    facts = {"account": connection.lane.account, "user_pool_id": connection.pool.id, "kind": "audit"}
    require_same(known, facts)
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
    connection, store, found = one.connection, one.plans, Audit()
    deep = connection.settings.deep
    seen = _scan(connection, found)
    seen = _remember(store, seen) if deep else seen
    lacking = (
        (user, coverage_of(user).value)
        for user in seen
        if counts(user) and coverage_of(user) is not Coverage.VERIFIED
    )
    try:
        write_users(one.report / "unverified.csv", lacking)
        if deep:
            _go_deep(one, store, found, agree)
        one.complete = True
    finally:
        _sum_up(one, found)


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
    agree(connection, total)
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
        "coverage": coverage,
        "total": total,
        "users": found.users,
        "estimated_users": one.connection.pool.estimated_users,
    }
    if found.mfa:
        one.extra["mfa"] = {kind.value: found.mfa[kind] for kind in MfaKind}
