"""Open the run directory of `plan`, `run` and `disable`, with a roster and a pool."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from uuid import uuid4

from migrate_mfa.checks.preflight import (
    require_optional_mfa,
    require_policy,
    require_prices,
    require_sms_mfa,
)
from migrate_mfa.cli.kept_pace import at_the_last_pace
from migrate_mfa.domain.errors import AlreadyRun, InputUnusable, UsageError
from migrate_mfa.domain.model import Policy, PoolFacts
from migrate_mfa.invocation import Invocation, open_invocation
from migrate_mfa.journal.database import Journal
from migrate_mfa.journal.log import configure
from migrate_mfa.journal.meta import RunMeta, planned_directory
from migrate_mfa.journal.plan_store import PlanStore
from migrate_mfa.journal.run_dir import default_run_dir, shown
from migrate_mfa.ports import Progress
from migrate_mfa.roster.file import Roster, has_changed, open_roster
from migrate_mfa.session import Session, connect, require_endpoint
from migrate_mfa.settings import Settings

NO_POOL = ("--user-pool-id is missing.", "It looks like ap-northeast-1_AbCdEfGhI.")


@dataclass(frozen=True, slots=True)
class RosterRun:
    """A command, its policy, and the roster if one was given."""

    invocation: Invocation
    policy: Policy
    roster: Roster | None


@contextmanager
def open_roster_run(settings: Settings, command: str, progress: Progress) -> Iterator[RosterRun]:
    """Open everything for one pass of `plan`, `run` or `disable`.

    Raises:
        UsageError: there is no roster, no pool or no policy.
        InputUnusable: the run directory belongs to another run, or its plan has other options.
        PoolNotReady: the command would have no effect in the pool, or a harmful one.
    """
    with ExitStack() as stack:
        stack.enter_context(configure(None))
        roster = None
        if settings.roster is not None:
            roster = stack.enter_context(open_roster(settings.roster, settings.roster_options))
        directory = _run_dir(settings, roster, command)
        kind = "disable" if command == "disable" else "run"
        saved = planned_directory(directory, kind) if roster is None else None
        pool_id = settings.user_pool_id or (saved.user_pool_id if saved else None)
        if pool_id is None:
            raise UsageError(*NO_POOL)
        policy = _policy(settings, saved)
        if saved and has_changed(saved.roster, saved.roster_sha256):
            progress.say(
                f"{saved.roster} has changed since it was planned. This run applies the saved plan, not the "
                "new file."
            )
        settings = replace(settings, pace=at_the_last_pace(settings.pace, directory, command, progress.say))
        require_prices(settings.cost.max_cost, () if settings.prices.mau is not None else ("--mau-price",))
        session = stack.enter_context(connect(settings, pool_id, progress))
        require_pool(session.pool, command, policy)

        def bind(journal: Journal) -> None:
            _bind(journal, settings, roster, command, session)

        invocation = stack.enter_context(open_invocation(session, directory, command, bind))
        yield RosterRun(invocation, policy, roster)


def require_pool(pool: PoolFacts, command: str, policy: Policy) -> None:
    """Refuse a pool in which the command would have no effect, or a harmful one.

    Raises:
        PoolNotReady: names the setting.
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
        hint = "Name a ROSTER and --user-pool-id, or the --run-dir of a plan."
        raise UsageError("There is nothing to work on.", hint)
    if settings.user_pool_id is None:
        raise UsageError(*NO_POOL)
    usual = default_run_dir(settings.user_pool_id, settings.roster, roster.sha256)
    return usual.with_name(f"{usual.name}-disable") if command == "disable" else usual


def _policy(settings: Settings, saved: RunMeta | None) -> Policy:
    if saved:
        saved.fits(options=settings.stated())
        return saved.policy
    return settings.need_policy()


def _bind(
    journal: Journal, settings: Settings, roster: Roster | None, command: str, session: Session
) -> None:
    """Bind the directory to the account, the pool, the roster, and the options that decide the plan."""
    known, lane = RunMeta.read(journal), session.lane
    require_endpoint(known.endpoint, lane)
    if known.phase == "purged":
        raise InputUnusable(
            f"{shown(journal.directory)} was purged. It no longer knows what the run of this roster did.",
            "Use another --run-dir for a new run. Users who are enrolled already are recognised.",
        )
    kind = "disable" if command == "disable" else "run"
    given = None if roster is None else (settings.roster, roster.sha256)
    known.fits(kind=kind, account=lane.account, user_pool_id=session.pool.id, roster=given)
    if command == "plan" and PlanStore(journal.database).has_writes():
        raise AlreadyRun(
            f"{shown(journal.directory)} has writes already, and a new plan would lose them.",
            "Use `run` to continue, or another --run-dir.",
        )
    read: dict[str, object] = {}
    if roster is not None:
        options = settings.decisive()
        if command != "plan" and known.phase == "planned":
            known.fits(options=options)
        read = {"roster_sha256": roster.sha256, "columns": list(roster.columns), "roster": settings.roster}
        read |= options
    journal.set_meta(
        {
            "kind": kind,
            "account": lane.account,
            "user_pool_id": session.pool.id,
            "run_id": known.run_id or uuid4().hex,
            "region": lane.region,
            "endpoint": lane.endpoint,
            "pool_name": session.pool.name,
            **read,
        }
    )
